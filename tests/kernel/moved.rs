//! A base chain that has to change its place is never missing.

use dockwall::ruleset::{Base, Hook, Table, chains, diff, stages};

use crate::support::Netns;
use crate::support::monitor::Monitor;
use crate::support::policies::{plain, table};

/// The table with its base chain elsewhere.
fn placed(hook: Hook, priority: i32, comment: Option<&str>) -> Table {
    let mut table = table(&plain(), 1);
    let chain = table.chains.iter_mut().find(|chain| chain.name == chains::FORWARD).unwrap();
    let base = chain.base.take().unwrap();
    chain.base = Some(Base { hook, priority, ..base });
    chain.comment = comment.map(str::to_owned);
    table
}

#[test]
fn a_base_chain_that_moves_stays_hooked_at_every_step() {
    let want = table(&plain(), 1);
    for earlier in [
        placed(Hook::FORWARD, -10, None),
        placed(Hook::FORWARD, 10, Some("moved")),
        placed(Hook::FORWARD, -20, Some("only its comment")),
        placed(Hook::INPUT, -20, None),
    ] {
        let netns = Netns::new();
        netns.replace(&earlier);
        let monitor = Monitor::start(&netns);
        let sent = netns.replace(&want);
        let changes = monitor.finish();
        assert_eq!(sent.batches, 3, "{changes:#?}");
        never_unhooked(&changes);
        assert_eq!(diff(netns.read().table.as_ref(), &want), vec![]);
        assert_eq!(netns.replace(&want).batches, 0);
    }
}

/// Follows the base chains through the changes.
#[track_caller]
fn never_unhooked(changes: &[String]) {
    let mut hooked = vec![chains::FORWARD.to_owned()];
    for change in changes {
        let words: Vec<&str> = change.split(' ').collect();
        match words.as_slice() {
            ["add" | "create", "chain", "inet", "dockwall", name, "{", "type", ..] => hooked.push((*name).to_owned()),
            ["delete", "chain", "inet", "dockwall", name] => {
                if let Some(index) = hooked.iter().position(|other| other == name) {
                    hooked.remove(index);
                }
            }
            _ => {}
        }
        assert!(!hooked.is_empty(), "unhooked by `{change}` in {changes:#?}");
    }
    assert_eq!(hooked, [chains::FORWARD]);
}

#[test]
fn a_move_that_was_broken_off_between_two_batches_goes_on() {
    let want = table(&plain(), 1);
    let first = stages(Some(&placed(Hook::FORWARD, -10, None)), want.clone()).remove(0);
    let netns = Netns::new();
    netns.replace(&placed(Hook::FORWARD, -10, None));
    let live = netns.read();
    netns.kernel().commit(&diff(live.table.as_ref(), &first), live.generation).unwrap();
    netns.replace(&want);
    assert_eq!(diff(netns.read().table.as_ref(), &want), vec![]);
}
