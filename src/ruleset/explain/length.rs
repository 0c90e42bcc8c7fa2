//! How many expressions a packet passes, which is what it costs: no stopwatch is as steady. Where a figure here
//! grows, `scripts/bench --path` says by how much a packet gets slower.

use super::*;
use crate::policies::{grant, interfaces, now, plain, table};
use crate::policy::Policy;
use crate::ruleset::Hook;

/// A new flow of UDP, from a container to what lies behind eth0.
fn to(destination: &str) -> Packet {
    Packet { protocol: 17, ..tests::to(destination, 53) }
}

/// What answers a container's flow; its own address is a denied one.
fn answer(destination: &str) -> Packet {
    let packet = to(destination);
    Packet {
        incoming: Interface { name: "eth0".to_owned(), kind: None },
        outgoing: Some(packet.incoming),
        source: "198.51.100.1".parse().unwrap(),
        flow: Flow::answer("198.51.100.1".parse().unwrap(), 53),
        ..packet
    }
}

/// How many expressions `packet` passes, a log that is full not being written to.
fn length(policy: &Policy, packet: &Packet) -> usize {
    let table = table(policy, 1);
    let trace = walk(&table, packet, now(), Rates::Exceeded);
    let passed = |look: &Look| match look.outcome {
        Outcome::Failed(at) | Outcome::Unknown(at) => at + 1,
        Outcome::Passed | Outcome::Decided(_) | Outcome::Rejected(_) => look.rule.expressions.len(),
    };
    trace.looks.iter().map(passed).sum()
}

/// The interfaces of the default configuration, and nothing granted.
fn bare() -> Policy {
    let containers = interfaces(&["docker0", "docker_gwbridge", "br-*", "cni-podman*", "nerdctl*", "podman*"]);
    Policy { containers, grants: Vec::new(), resolvers: Vec::new(), ..plain() }
}

#[test]
fn a_packet_passes_as_few_expressions_as_ever() {
    let not_policed = Packet { incoming: Interface { name: "eth1".to_owned(), kind: None }, ..to("10.1.2.3") };
    let to_host = Packet { hook: Hook::INPUT, outgoing: None, ..to("10.1.2.3") };
    let lengths = [
        ("allowed", to("8.8.8.8")),
        ("allowed, IPv6", to("2a00::1")),
        ("allowed, of a denied range's first octet", to("192.0.2.1")),
        ("an answer", answer("10.1.2.3")),
        ("not policed", not_policed),
        ("denied", to("10.1.2.3")),
        ("denied, IPv6", to("fd12::1")),
        ("denied, to the host", to_host),
    ]
    .map(|(what, packet)| (what, length(&bare(), &packet)));
    assert_eq!(
        lengths,
        [
            ("allowed", 7),
            ("allowed, IPv6", 7),
            ("allowed, of a denied range's first octet", 9),
            ("an answer", 13),
            ("not policed", 22),
            ("denied", 42),
            ("denied, IPv6", 50),
            ("denied, to the host", 38),
        ]
    );
}

#[test]
fn what_is_granted_costs_an_allowed_packet_nothing() {
    let addresses: Vec<String> = (0..100).map(|index| format!("10.60.{index}.1")).collect();
    let grants = addresses.iter().map(|address| grant(address, &[address])).collect();
    let many = Policy { grants, ..bare() };
    for packet in [to("8.8.8.8"), to("2a00::1"), to("192.0.2.1")] {
        assert_eq!(length(&many, &packet), length(&bare(), &packet), "{packet:?}");
    }
}
