//! Who owns the table, and how it comes by an owner.

use dockwall::netlink::{Commit, Error};
use dockwall::ruleset::{Change, TABLE_OWNER, TABLE_PERSIST, Table};

use crate::is_at_least;
use crate::support::policies::{plain, table};
use crate::support::{Netns, listing};

const OWNED: u32 = TABLE_OWNER | TABLE_PERSIST;

/// Whether this kernel knows the second flag, which came with Linux 6.9; one that does not refuses it, and there is
/// no table then.
fn persists() -> bool {
    let netns = Netns::new();
    let made = netns.try_replace(&Table { flags: TABLE_PERSIST, ..table(&plain(), 1) });
    assert_eq!(made.is_ok(), is_at_least(6, 9), "{made:?}");
    assert_eq!(netns.nft("list tables").is_empty(), made.is_err());
    made.is_ok()
}

#[test]
fn handed_over_it_keeps_rules_order_elements_mark_and_counters() {
    if !persists() {
        return;
    }
    let netns = Netns::new();
    netns.replace(&table(&plain(), 1));
    let listed = netns.list();
    // As if packets had come: outside of meters, whose counters are those of their elements.
    let line = |line: &str| match line.contains("update @") {
        true => line.to_owned(),
        false => line.replace("counter packets 0 bytes 0", "counter packets 7 bytes 420"),
    };
    let counted: Vec<String> = listed.lines().map(line).collect();
    netns.load(&format!("delete table inet dockwall\n{}", counted.join("\n")));
    let before = netns.list();
    assert!(before.matches("packets 7 bytes 420").count() > 3, "{before}");

    let mut kernel = netns.kernel();
    for flags in [OWNED, 0, TABLE_PERSIST, OWNED, 0] {
        kernel.hand_over(flags).unwrap();
        assert_eq!(netns.table().flags, flags);
        assert_eq!(netns.nft("list tables"), "table inet dockwall\n", "the second one is gone");
        let now = netns.list();
        assert_eq!(listing::blocks(&now), listing::blocks(&before));
        let counts = |listing: &str| listing.matches("packets 7 bytes 420").count();
        assert_eq!(counts(&now), counts(&before), "{now}");
    }
    assert_eq!(netns.list(), before);
}

#[test]
fn an_owner_goes_with_its_last_descriptor_and_the_next_one_takes_the_table_as_it_is() {
    if !persists() {
        return;
    }
    let netns = Netns::new();
    netns.replace(&Table { flags: TABLE_PERSIST, ..table(&plain(), 1) });
    let before = listing::blocks(&netns.list());
    let mut first = netns.kernel();
    first.own().unwrap();
    first.own().unwrap();
    assert!(first.owns(&netns.table()).unwrap());
    assert!(matches!(netns.kernel().own(), Err(Error::Owned(_))));
    let duplicate = first.duplicate().unwrap();
    drop(first);
    assert_eq!(netns.table().flags, OWNED);
    drop(duplicate);
    assert_eq!(netns.table().flags, TABLE_PERSIST);
    let mut next = netns.kernel();
    next.own().unwrap();
    assert!(next.owns(&netns.table()).unwrap());
    assert_eq!(listing::blocks(&netns.list()), before);
}

#[test]
fn to_who_does_not_own_it_every_change_is_refused_with_the_owner() {
    if !persists() {
        return;
    }
    let netns = Netns::new();
    let mut owner = netns.kernel();
    owner.replace(|_| Ok::<_, Error>(Table { flags: OWNED, ..table(&plain(), 1) })).unwrap();
    let generation = netns.read().generation;
    let Err(Error::Owned(owned)) = netns.kernel().commit(&[Change::DeleteTable], generation) else {
        panic!("not refused")
    };
    assert_eq!(Some(owned.port), netns.table().owner);
    assert!(matches!(netns.try_replace(&table(&plain(), 2)), Err(Error::Owned(_))));
    assert!(matches!(netns.kernel().remove(), Err(Error::Owned(_))));
    assert!(matches!(netns.kernel().hand_over(0), Err(Error::Owned(_))));
    assert_eq!(netns.nft("list tables"), "table inet dockwall\n");
    let generation = netns.read().generation;
    assert!(matches!(owner.commit(&[Change::DeleteTable], generation).unwrap(), Commit::Taken { .. }));
    assert_eq!(netns.nft("list tables"), "");
}

/// So that no kernel without the second flag is ever asked for the first one alone.
#[test]
fn a_table_made_without_the_flags_gets_none() {
    let netns = Netns::new();
    netns.replace(&table(&plain(), 1));
    assert!(matches!(netns.kernel().own(), Err(Error::Refused(_))));
    assert_eq!(netns.table().flags, 0);
}
