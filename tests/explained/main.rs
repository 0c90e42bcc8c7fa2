//! What the explanation says of a packet is what the kernel does with it: thousands of random packets under
//! random configurations, each judged on paper and then sent.
#![allow(clippy::unwrap_used, missing_docs)]

#[path = "../support/mod.rs"]
mod support;

mod bytes;
mod configuration;
mod network;
mod observer;
mod shot;
mod topology;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;

use dockwall::config::Config;
use dockwall::policy::Policy;
use dockwall::ruleset::explain::{Fate, Packet, Rates, walk};
use dockwall::ruleset::{Features, Hook, Table, compile};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use configuration::{Configuration, any_configuration};
use network::Network;
use shot::{Opener, Shot, any_shot};
use support::policies::now;

/// How many configurations, and how many packets for each of them at the most; half of that on average.
const CONFIGURATIONS: u32 = 80;
const PACKETS: usize = 240;

/// One configuration, and what is sent under it.
struct Case {
    configuration: Configuration,
    shots: Vec<Shot>,
}

/// As it is printed when it fails: what to put into a file, and what to send.
impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const PRINTED: usize = 3;
        writeln!(f, "\n{}", self.configuration)?;
        self.shots.iter().take(PRINTED).try_for_each(|shot| writeln!(f, "{shot}"))?;
        match self.shots.len().saturating_sub(PRINTED) {
            0 => Ok(()),
            more => writeln!(f, "and {more} packets more"),
        }
    }
}

fn any_case() -> impl Strategy<Value = Case> {
    let shots = prop::collection::vec(any_shot(), 1..=PACKETS);
    (any_configuration(), shots).prop_map(|(configuration, shots)| Case { configuration, shots })
}

#[test]
fn every_verdict_that_is_explained_is_the_kernel_s() {
    let network = Network::new();
    let sent = RefCell::new(BTreeMap::new());
    let config = ProptestConfig {
        cases: CONFIGURATIONS,
        max_shrink_iters: 150,
        failure_persistence: None,
        ..Default::default()
    };
    let checked = TestRunner::new(config).run(&any_case(), |case| check(&network, &case, &mut sent.borrow_mut()));
    if let Err(failure) = checked {
        panic!("{failure}");
    }
    // Nothing is proven by packets that all meet the same end.
    let sent = sent.into_inner();
    println!("{sent:?}");
    for what in KINDS {
        assert!(sent.get(what).is_some_and(|number| *number >= 40), "hardly any packets were {what}: {sent:?}");
    }
}

/// Of each of these there have to be some.
const KINDS: [&str; 10] = [
    "passed forward",
    "dropped forward",
    "passed input",
    "dropped input",
    "IPv4",
    "IPv6",
    "translated",
    "answers",
    "invalid",
    "forged",
];

/// Makes the configuration hold, sends every packet, and compares.
fn check(network: &Network, case: &Case, sent: &mut BTreeMap<&'static str, u32>) -> Result<(), TestCaseError> {
    let loaded = Config::parse("dockwall.toml", &case.configuration.to_string());
    let config = loaded.map_err(|error| TestCaseError::fail(error.render(false)))?.config;
    let policy = Policy::resolve(&config, &network.facts, None, now()).unwrap().policy;
    let table = compile(&policy, Features::ALL, now()).marked(1);
    network.begin(&table);

    let mut packets: Vec<(u16, Packet)> = Vec::new();
    let mut number = 0;
    for shot in &case.shots {
        number += 1;
        let flow = number;
        let opened = match shot.opener() {
            None => false,
            Some(Opener::Host) => {
                network.send_from_host(&shot.opening(flow, number), shot.source);
                true
            }
            Some(Opener::Link(opener)) => {
                network.send(&opener, &shot.opening(flow, number));
                let packet = opener.packet(false, flow);
                let passes = fate(&table, &packet)? == Fate::Passes;
                packets.push((number, packet));
                passes
            }
        };
        number += 1;
        network.send(shot, &shot.bytes(flow, number));
        packets.push((number, shot.packet(opened, flow)));
    }
    let seen = network.observe(&packets);
    for (number, packet) in &packets {
        let fate = fate(&table, packet)?;
        let places = seen.places(*number);
        prop_assert!(seen.came(*number, packet), "it was seen at {places:?}, and not where it should be: {packet:?}");
        let passed = seen.went_on(*number, packet);
        prop_assert_eq!(
            fate == Fate::Passes,
            passed,
            "explained is {:?}, and it passed is {}: {:?}",
            fate,
            passed,
            packet
        );
        for kind in shot::kinds(packet, passed) {
            *sent.entry(kind).or_default() += 1;
        }
    }
    Ok(())
}

/// What is explained, which the meters and limits have no say in.
fn fate(table: &Table, packet: &Packet) -> Result<Fate, TestCaseError> {
    let [within, exceeded] = [Rates::Within, Rates::Exceeded].map(|rates| walk(table, packet, now(), rates).fate);
    prop_assert_eq!(within, exceeded);
    prop_assert_ne!(within, Fate::Unknown);
    Ok(within)
}

/// The hook as the observer's sets are named after it.
fn hook(packet: &Packet) -> &'static str {
    if packet.hook == Hook::FORWARD { "forward" } else { "input" }
}
