//! Batches and sets far beyond what fits one message, one page or one receive buffer.

use std::net::Ipv4Addr;

use dockwall::interval::Interval;
use dockwall::netlink::{Commit, Error};
use dockwall::policy::{Networks, Policy};
use dockwall::ruleset::{Change, Rule, Table, chains, diff, sets};
use jiff::Timestamp;

use crate::support::Netns;
use crate::support::policies::{plain, table};

/// So many networks of 32 addresses, none of which touches the next.
fn many(count: u32) -> Networks {
    let network = |index: u32| Interval::new(Ipv4Addr::from(index * 64), Ipv4Addr::from(index * 64 + 31)).unwrap();
    Networks { ipv4: (1..=count).map(network).collect(), ipv6: Vec::new() }
}

fn denying(count: u32) -> Table {
    table(&Policy { denied: many(count), ..plain() }, 1)
}

#[test]
fn i2_seventy_thousand_networks_are_all_in_the_kernel() {
    let netns = Netns::new();
    let want = denying(70_000);
    let sent = netns.replace(&want);
    assert_eq!(sent.batches, 1);
    let read = netns.table();
    assert_eq!(read.set("deny4").unwrap().elements.len(), 70_000);
    assert_eq!(read.digest(), want.digest());
    // One more is one element, not all of them again.
    let sent = netns.replace(&denying(70_001));
    assert!(sent.bytes < 2000, "{sent:?}");
    assert_eq!(netns.table().set("deny4").unwrap().elements.len(), 70_001);
}

#[test]
fn a_frame_is_completed_by_what_was_applied_and_by_nothing_else() {
    let (netns, now) = (Netns::new(), Timestamp::now());
    assert!(!netns.kernel().read_frame().unwrap().is_there());
    let want = denying(70_000);
    netns.replace(&want);
    let frame = || netns.kernel().read_frame().unwrap();
    let completed = frame().with_elements_of(&want, now).unwrap();
    let read = netns.read();
    assert_eq!(completed.generation, read.generation);
    assert_eq!(completed.table.unwrap().digest(), read.table.unwrap().digest());
    // Rules are read with their handles, so that they can be replaced.
    assert_eq!(diff(frame().with_elements_of(&want, now).unwrap().table.as_ref(), &want), []);
    assert!(frame().with_elements_of(&denying(70_001), now).is_none());
    netns.nft("insert rule inet dockwall DOCKER-USER accept");
    assert!(frame().with_elements_of(&want, now).is_none());
}

#[test]
fn i3_more_than_a_megabyte_is_one_transaction_and_its_last_message_can_undo_it() {
    let netns = Netns::new();
    netns.replace(&table(&plain(), 1));
    let (before, live) = (netns.list(), netns.read());
    let mut changes = diff(live.table.as_ref(), &denying(30_000));
    changes.push(Change::DeleteChain("nowhere".to_owned()));
    let error = netns.kernel().commit(&changes, live.generation).unwrap_err();
    assert!(error.to_string().contains("chain nowhere: it is not there"), "{error}");
    assert_eq!(netns.list(), before);

    changes.pop();
    match netns.kernel().commit(&changes, live.generation).unwrap() {
        Commit::Taken { bytes } => assert!(bytes > 1 << 20, "{bytes}"),
        other => panic!("{other:?}"),
    }
    assert_eq!(netns.read().generation, live.generation + 1);
    assert_eq!(netns.table().digest(), denying(30_000).digest());
}

/// Three thousand rules beside ten thousand elements.
fn wide() -> Table {
    let mut table = denying(10_000);
    let chain = table.chains.iter_mut().find(|chain| chain.name == chains::DROP).unwrap();
    chain.rules.extend((0..3000).map(|_| Rule::new().protocol_in(sets::PORT_PROTOCOLS).count()));
    table
}

#[test]
fn i1_three_thousand_rules_and_ten_thousand_elements_are_no_overrun() {
    let netns = Netns::new();
    let sent = netns.replace(&wide());
    assert_eq!(sent.batches, 1);
    assert_eq!(netns.table().digest(), wide().digest());
}

#[test]
fn i1_three_thousand_refusals_are_all_heard() {
    let netns = Netns::new();
    netns.replace(&table(&plain(), 1));
    let before = netns.list();
    let generation = netns.read().generation;
    let error = netns.kernel().commit(&refused_rules(3000), generation).unwrap_err();
    assert!(error.to_string().contains("and 2997 more"), "{error}");
    assert_eq!(netns.list(), before);
}

fn refused_rules(count: usize) -> Vec<Change> {
    let rule = |index| Change::AddRule {
        chain: chains::DROP.to_owned(),
        rule: Rule::new().jump("nowhere"),
        number: index,
        before: None,
    };
    (1..=count).map(rule).collect()
}

#[test]
fn i1_an_overrun_is_neither_taken_for_success_nor_for_another_failure() {
    let netns = Netns::new();
    netns.replace(&table(&plain(), 1));
    let before = netns.list();
    for count in [1, 2, 3, 10, 300, 800] {
        let mut kernel = netns.kernel();
        let generation = netns.read().generation;
        match kernel.commit_with_overrun(&refused_rules(count), generation) {
            Ok(Commit::Unknown) | Err(Error::Refused(_)) => {}
            other => panic!("{other:?} for {count} refused rules"),
        }
        assert_eq!(netns.list(), before);
        // The same connection goes on, and finds out from the kernel.
        assert_eq!(kernel.replace(|_| Ok::<_, Error>(table(&plain(), 1))).unwrap().batches, 0);
    }
}

#[test]
fn i1_what_is_taken_says_so_without_room_for_an_answer() {
    let netns = Netns::new();
    let mut kernel = netns.kernel();
    let live = netns.read();
    let want = denying(1000);
    let taken = kernel.commit_with_overrun(&diff(None, &want), live.generation).unwrap();
    assert!(matches!(taken, Commit::Taken { .. }), "{taken:?}");
    assert_eq!(kernel.read().unwrap().table.unwrap().digest(), want.digest());
}
