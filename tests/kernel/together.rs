//! Several who change the ruleset at once.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use dockwall::netlink::{Error, Live};
use dockwall::ruleset::{Elements, Table, interface_key, sets};

use crate::support::Netns;
use crate::support::policies::{grant, plain, table};

/// What is there with one more container interface: as a watcher does it, who knows nothing of
/// the others.
fn with_interface(live: &Live, name: &str) -> Result<Table, Error> {
    let mut table = live.table.clone().unwrap();
    let set = table.sets.iter_mut().find(|set| set.name == sets::CONTAINERS).unwrap();
    if let Elements::Exact(keys) = &mut set.elements {
        keys.push(interface_key(name));
        keys.sort();
        keys.dedup();
    }
    let generation = table.marker().unwrap().generation;
    Ok(table.marked(generation + 1))
}

/// Has `work` done while somebody makes and deletes a table of his own.
fn while_others_change_theirs<R>(netns: &Netns, work: impl FnOnce() -> R) -> R {
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let deadline = Instant::now() + Duration::from_secs(60);
            while !done.load(Ordering::Relaxed) && Instant::now() < deadline {
                netns.load("table ip other { chain c { type filter hook forward priority 0; tcp dport 1 drop; }; }");
                netns.nft("delete table ip other");
            }
        });
        // Ends the churn on a panic too.
        let end = EndOnDrop(&done);
        let result = work();
        drop(end);
        result
    })
}

struct EndOnDrop<'a>(&'a AtomicBool);

impl Drop for EndOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn i9_i15_of_two_hundred_changes_made_by_twenty_at_once_none_is_lost_and_none_fails() {
    let netns = Netns::new();
    netns.replace(&table(&plain(), 1));
    let add = |worker: usize| {
        let mut kernel = netns.kernel();
        for number in 0..10 {
            kernel.replace(|live| with_interface(live, &format!("br{worker}-{number}"))).unwrap();
        }
    };
    while_others_change_theirs(&netns, || {
        thread::scope(|scope| {
            for worker in 0..20 {
                scope.spawn(move || add(worker));
            }
        });
    });
    let live = netns.table();
    let names = live.set(sets::CONTAINERS).unwrap();
    assert_eq!(names.elements.len(), 200 + plain().containers.exact.len());
    let marker = live.marker().unwrap();
    assert_eq!((marker.generation, marker.digest), (201, live.digest()));
}

#[test]
fn i9_twenty_who_apply_different_policies_leave_one_of_them_whole() {
    let netns = Netns::new();
    let policy = |worker: usize| dockwall::policy::Policy {
        grants: vec![grant("only", &[&format!("10.9.{worker}.0/24")])],
        ..plain()
    };
    while_others_change_theirs(&netns, || {
        thread::scope(|scope| {
            for worker in 0..20 {
                let netns = &netns;
                scope.spawn(move || {
                    for round in 0..5 {
                        netns.replace(&table(&policy((worker + round) % 20), worker as u64));
                    }
                });
            }
        });
    });
    let live = netns.table();
    assert_eq!(live.marker().unwrap().digest, live.digest());
    assert!((0..20).any(|worker| table(&policy(worker), 1).digest() == live.digest()));
}

#[test]
fn i9_applying_and_removing_at_once_ends_in_a_whole_table_or_in_none() {
    let netns = Netns::new();
    thread::scope(|scope| {
        for worker in 0..6 {
            let netns = &netns;
            scope.spawn(move || {
                for _ in 0..15 {
                    if worker % 2 == 0 {
                        netns.replace(&table(&plain(), 1));
                    } else {
                        netns.kernel().remove().unwrap();
                    }
                }
            });
        }
    });
    if let Some(live) = netns.read().table {
        assert_eq!(live.digest(), table(&plain(), 1).digest());
    }
}

#[test]
fn j4_who_looks_during_a_hundred_refreshes_sees_one_list_or_the_other_and_never_a_part() {
    let netns = Netns::new();
    let list = |third: u8| {
        let networks: Vec<String> = (0..100).map(|n| format!("10.{third}.{n}.0/25")).collect();
        let networks: Vec<&str> = networks.iter().map(String::as_str).collect();
        table(&dockwall::policy::Policy { grants: vec![grant("list", &networks)], ..plain() }, 1)
    };
    let lists = [list(1), list(2)];
    let whole = lists.each_ref().map(Table::digest);
    netns.replace(&lists[0]);
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let _end = EndOnDrop(&done);
            for round in 1..=100 {
                netns.replace(&lists[round % 2]);
            }
        });
        let mut kernel = netns.kernel();
        while !done.load(Ordering::Relaxed) {
            let digest = kernel.read().unwrap().table.unwrap().digest();
            assert!(whole.contains(&digest));
        }
    });
}
