//! Going back, and looking before going.

use dockwall::config::{Action, Mode};
use dockwall::policy::Policy;
use dockwall::ruleset::{Change, diff};

use crate::support::policies::{grant, interfaces, networks, plain, table};
use crate::support::{Netns, listing};

fn other() -> Policy {
    Policy {
        mode: Mode::Audit,
        action: Action::Reject,
        denied: networks(&["172.16.0.0/12"]),
        containers: interfaces(&["podman*", "eth0"]),
        excluded: interfaces(&["podman-lan"]),
        bridges: true,
        uplinks: Some(interfaces(&["eth1"])),
        host: false,
        resolvers: Vec::new(),
        grants: vec![grant("other", &["172.16.1.1"])],
        log: dockwall::policy::Log { remember: 60, burst: 9, ..plain().log },
        own: true,
    }
}

#[test]
fn m6_going_back_restores_sets_grants_and_mode() {
    let netns = Netns::new();
    netns.replace(&table(&plain(), 1));
    let before = listing::blocks(&netns.list());
    netns.replace(&table(&other(), 2));
    assert_ne!(listing::blocks(&netns.list()), before);
    netns.replace(&table(&plain(), 1));
    assert_eq!(listing::blocks(&netns.list()), before);
    assert_eq!(netns.table().marker(), table(&plain(), 1).marker());
}

#[test]
fn i11_from_many_networks_to_none_is_one_clean_batch() {
    let netns = Netns::new();
    let many: Vec<String> = (0..2000).map(|n| format!("10.{}.{}.0/25", n / 256, n % 256)).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let grants = vec![grant("all", &many)];
    netns.replace(&table(&Policy { denied: networks(&many), grants, ..plain() }, 1));
    let nothing = Policy {
        denied: networks(&[]),
        grants: Vec::new(),
        resolvers: Vec::new(),
        containers: interfaces(&[]),
        ..plain()
    };
    let sent = netns.replace(&table(&nothing, 2));
    assert_eq!(sent.batches, 1);
    assert_eq!(netns.table().digest(), table(&nothing, 2).digest());
    let listing = netns.list();
    assert!(!listing.contains("10."), "{listing}");
}

#[test]
fn i10_the_same_grant_goes_and_comes_a_hundred_times() {
    let netns = Netns::new();
    let without = Policy { grants: Vec::new(), ..plain() };
    netns.replace(&table(&plain(), 1));
    for _ in 0..100 {
        assert_eq!(netns.replace(&table(&without, 1)).batches, 1);
        assert_eq!(netns.replace(&table(&plain(), 1)).batches, 1);
    }
    assert_eq!(netns.table().digest(), table(&plain(), 1).digest());
}

#[test]
fn b14_a_rehearsal_over_an_earlier_version_says_what_the_change_will_and_changes_nothing() {
    let netns = Netns::new();
    netns.replace(&table(&other(), 1));
    let (before, live) = (netns.nft("-a list ruleset"), netns.read());
    let changes = diff(live.table.as_ref(), &table(&plain(), 2));
    netns.kernel().rehearse(&changes, live.generation).unwrap();
    assert_eq!(netns.nft("-a list ruleset"), before);
    assert_eq!(netns.read().generation, live.generation);

    let wrong: Vec<Change> = changes.iter().cloned().chain([Change::DeleteChain("nowhere".to_owned())]).collect();
    let rehearsed = netns.kernel().rehearse(&wrong, live.generation).unwrap_err();
    let committed = netns.kernel().commit(&wrong, live.generation).unwrap_err();
    assert_eq!(rehearsed.to_string(), committed.to_string());
    assert_eq!(netns.nft("-a list ruleset"), before);

    netns.kernel().commit(&changes, live.generation).unwrap();
    assert_eq!(netns.table().digest(), table(&plain(), 2).digest());
}

#[test]
fn i22_what_packets_left_in_the_meters_survives_a_change_that_does_not_redeclare_them() {
    let netns = Netns::new();
    netns.replace(&table(&plain(), 1));
    netns.load("add element inet dockwall denied4 { 10.0.0.1 . 10.0.0.2 . tcp . 80 }");
    let meter = || netns.nft("list set inet dockwall denied4");
    let logged_otherwise = dockwall::policy::Log { burst: 9, prefix: "X ".to_owned(), ..plain().log };
    for policy in [
        Policy { mode: Mode::Audit, denied: networks(&["172.16.0.0/12"]), grants: Vec::new(), ..plain() },
        Policy { log: logged_otherwise, uplinks: Some(interfaces(&["eth*"])), ..plain() },
        plain(),
    ] {
        netns.replace(&table(&policy, 2));
        assert!(meter().contains("10.0.0.1 . 10.0.0.2 . tcp . 80"), "{}", meter());
    }
    // Another timeout is another set.
    let remembered = dockwall::policy::Log { remember: 60, ..plain().log };
    netns.replace(&table(&Policy { log: remembered, ..plain() }, 3));
    assert!(!meter().contains("10.0.0.1"), "{}", meter());
}
