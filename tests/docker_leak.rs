//! Hundreds of changes under load: not one denied packet passes, not one allowed one is lost.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod support;

use std::fmt::Write;
use std::thread::sleep;
use std::time::Duration;

use support::lab::{Lab, Sender};

/// Policies that differ in everything but this: 10.57.17.6 and fd57:17::6 are denied, 198.51.100.10
/// and 2001:db8:100::10 are not.
const POLICIES: [&str; 10] = [
    "",
    "deny.ranges = [\"10.57.17.0/24\", \"fd57:17::/64\"]",
    "deny.ranges = [\"recipe\"]",
    "deny.ranges = [\"10.57.17.6\", \"10.57.17.8-10.57.17.200\", \"fd57:17::6\", \"ff00::/8\"]",
    "deny.ranges = [\"0.0.0.0-198.51.100.9\", \"fc00::/7\"]",
    "log.enabled = false",
    "log.remember = \"1h\"\nlog.rate = \"1/hour\"\nlog.target = \"nflog:5\"\nlog.prefix = \"x\"",
    "deny.uplinks = [\"eth0\", \"wlan*\"]",
    "containers.interfaces = [\"docker0\", \"br-*\", \"other-*\"]",
    "deny.action = \"reject\"",
];

/// Grants that touch the denied addresses from both sides.
const GRANTS: [&str; 3] = [
    "",
    "[[grant]]\nname = \"below\"\nto = \"10.57.17.0-10.57.17.5\"\n[[grant]]\nname = \"six\"\nto = \"fd57:17::5\"\n",
    "[[grant]]\nname = \"above\"\nto = \"10.57.17.7-10.58.0.0\"\n[[grant]]\nname = \"six\"\nto = \"fd57:17::7\"\n",
];

/// Numbers without a pattern, and the same in each run.
struct Shuffle(u64);

impl Shuffle {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound
    }

    fn config(&mut self) -> String {
        let (policy, grant) = (POLICIES[self.below(POLICIES.len())], GRANTS[self.below(GRANTS.len())]);
        // A grant for what is not denied at all would be refused.
        let grant = if policy.starts_with("deny.ranges = [\"10.57.17.6\"") { "" } else { grant };
        format!("mode = \"enforce\"\n{policy}\n{grant}")
    }
}

/// One change of what is in force: an apply, or a way back.
fn change(lab: &Lab, shuffle: &mut Shuffle, generation: &mut u64) -> u64 {
    let done = match shuffle.below(8) {
        0 => serde_json::from_str(&lab.dockwall("--json rollback")).unwrap(),
        1 if *generation > 20 => {
            let back = *generation - shuffle.below(20) as u64;
            serde_json::from_str(&lab.dockwall(&format!("--json rollback --to {back}"))).unwrap()
        }
        _ => lab.apply(&shuffle.config()),
    };
    *generation = (*generation).max(done["generation"].as_u64().unwrap());
    done["batches"].as_u64().unwrap()
}

/// Two streams that are denied, numbered 1 and 2, of `pps` packets a second each, and two of 1,000
/// that are allowed, numbered 3 and 4; of each one IPv4 and one IPv6.
fn streams(lab: &Lab, pps: u32) -> ([Sender; 2], [Sender; 2]) {
    let denied = [
        lab.blast("app", &format!("10.57.17.6 7002 --pps {pps} --stream 1")),
        lab.blast("web-1", &format!("fd57:17::6 7002 --pps {pps} --stream 2")),
    ];
    let allowed = [
        lab.blast("web-1", "198.51.100.10 7002 --pps 1000 --stream 3"),
        lab.blast("db-1", "2001:db8:100::10 7002 --pps 1000 --stream 4"),
    ];
    (denied, allowed)
}

fn sent(sender: Sender) -> u64 {
    sender.finish()["sent"].as_u64().unwrap()
}

#[test]
fn g8_not_one_of_40_000_denied_packets_a_second_passes_500_changes_and_no_allowed_one_is_lost() {
    const CHANGES: u64 = 500;
    let lab = Lab::up(&[]);
    lab.apply("mode = \"enforce\"");
    lab.apply("mode = \"enforce\"\nlog.enabled = false");
    for place in ["lan", "wan"] {
        lab.stats(place);
    }

    let (denied, allowed) = streams(&lab, 20000);
    let (mut shuffle, mut changes, mut generation) = (Shuffle(8), 0, 2);
    while changes < CHANGES {
        changes += change(&lab, &mut shuffle, &mut generation);
    }
    let (denied, allowed) = (denied.map(sent), allowed.map(sent));
    sleep(Duration::from_millis(200));
    let (lan, wan) = (lab.stats("lan"), lab.stats("wan"));
    let (passed, arrived) = (lan.everything(), [3, 4].map(|stream| wan.stream(stream).packets));
    let lost = allowed.iter().sum::<u64>() - arrived.iter().sum::<u64>();
    println!(
        "{changes} changes: {passed} of {denied:?} denied packets arrived, {lost} of {allowed:?} allowed ones were lost"
    );
    assert!(denied.iter().all(|sent| *sent > 10_000) && allowed.iter().all(|sent| *sent > 1000));
    assert_eq!((passed, lost), (0, 0));

    // Had they come, they would have been counted.
    lab.dockwall("remove");
    let control = [
        lab.blast("app", "10.57.17.6 7002 --pps 2000 --stream 5"),
        lab.blast("web-1", "fd57:17::6 7002 --pps 2000 --stream 6"),
    ];
    sleep(Duration::from_millis(500));
    let sent = control.map(sent);
    sleep(Duration::from_millis(200));
    let lan = lab.stats("lan");
    assert_eq!([5, 6].map(|stream| lan.stream(stream).packets), sent);
}

#[test]
fn a8_g8_of_1000_connections_a_second_none_is_made_that_is_denied_and_all_that_are_not() {
    const CHANGES: u64 = 500;
    let lab = Lab::up(&[]);
    lab.apply("mode = \"enforce\"");
    lab.apply("mode = \"enforce\"\nlog.enabled = false");
    lab.stats("lan");
    let connect = |place: &str, whom: &str, rate: u32| {
        lab.start(place, &format!("traffic connect {whom} 7000 --rate {rate} --seconds 300 --until-eof"))
    };
    let denied = [connect("app", "10.57.17.6", 500), connect("web-1", "fd57:17::6", 500)];
    let allowed = [connect("web-2", "198.51.100.10", 50), connect("lan", "10.57.17.2", 50)];
    let (mut shuffle, mut changes, mut generation) = (Shuffle(1000), 0, 2);
    while changes < CHANGES {
        changes += change(&lab, &mut shuffle, &mut generation);
    }
    let (denied, allowed) = (denied.map(Sender::finish), allowed.map(Sender::finish));
    let count = |of: &serde_json::Value, what: &str| of[what].as_u64().unwrap();
    println!("{changes} changes: denied {denied:?}, allowed {allowed:?}");
    for denied in denied {
        assert!(count(&denied, "tried") > 1000);
        assert_eq!(count(&denied, "established"), 0);
    }
    assert_eq!(lab.stats("lan").everything(), 0);
    for allowed in allowed {
        assert!(count(&allowed, "tried") > 100);
        assert_eq!(count(&allowed, "established"), count(&allowed, "tried"));
        assert_eq!(count(&allowed, "alive_at_end"), count(&allowed, "tried"));
    }
}

/// Lists as a download brings them: much changes each time, what is in all of them never opens, and
/// what is in none never closes.
#[test]
fn j4_a_hundred_refreshes_of_a_large_list_touch_nothing_that_is_in_all_or_in_none() {
    const LISTED: u32 = 2000;
    let lab = Lab::up(&[]);
    let list = |round: u32| {
        let mut ranges = String::new();
        for index in 0..LISTED {
            let number = (index * 7 + round * 131) % 32_768;
            let (high, low) = (number / 256, number % 256);
            write!(ranges, "\"172.{}.{low}.{}\", \"fd00:{high:x}:{low:x}::/64\", ", 32 + high, index % 256).unwrap();
        }
        // Denied in each list, by another range.
        let lan =
            ["\"10.57.17.0/24\", \"fd57:17::/64\"", "\"10.0.0.0/8\", \"fc00::/7\"", "\"10.57.17.6\", \"fd57::/16\""];
        format!("mode = \"enforce\"\ndeny.ranges = [{ranges}{}]", lan[round as usize % lan.len()])
    };
    lab.apply(&list(0));
    for place in ["lan", "wan"] {
        lab.stats(place);
    }
    let (denied, allowed) = streams(&lab, 5000);
    for round in 1..=100 {
        assert_eq!(lab.apply(&list(round))["batches"], 1);
    }
    let (denied, allowed) = (denied.map(sent), allowed.map(sent));
    sleep(Duration::from_millis(200));
    let wan = lab.stats("wan");
    let arrived = [3, 4].map(|stream| wan.stream(stream).packets);
    let passed = lab.stats("lan").everything();
    println!("100 refreshes: {passed} of {denied:?} denied packets arrived, {arrived:?} of {allowed:?} allowed ones");
    assert_eq!(passed, 0);
    assert_eq!(arrived, allowed);
}
