//! Which way the kernel sends a packet that comes in.

use std::net::IpAddr;
use std::thread::sleep;
use std::time::Duration;

use dockwall::host::{Facts, Way, forwards, way};

use crate::namespace::Namespace;

const HOST: &[&str] = &[
    "link set lo up",
    "link add br-a type bridge",
    "link add lan0 type veth peer name peer0",
    "link set peer0 up",
    "link set lan0 up",
    "link set br-a up",
    "addr add 172.21.0.1/16 dev br-a",
    "addr add fd21::1/64 nodad dev br-a",
    "addr add 10.1.0.2/24 dev lan0",
    "addr add fd01::2/64 nodad dev lan0",
    "route add default via 10.1.0.1",
];

/// The ways of packets that come in by br-a.
fn ways<const N: usize>(namespace: &Namespace, packets: [(&str, &str); N]) -> [Option<Way>; N] {
    namespace.enter(|| {
        let facts = Facts::read().unwrap();
        let link = facts.links.iter().find(|link| link.name == "br-a").unwrap().index;
        packets.map(|(source, destination)| {
            way(source.parse().unwrap(), link, destination.parse::<IpAddr>().unwrap()).unwrap()
        })
    })
}

#[test]
fn d10_a_packet_goes_by_rules_and_routes_of_its_source_and_interface() {
    let namespace = Namespace::with(HOST);
    let by = |link: &str| Some(Way::By(link.to_owned()));
    // Only what is forwarded has a way on.
    assert_eq!(
        ways(&namespace, [("172.21.0.3", "10.1.0.9"), ("172.21.0.3", "10.1.0.2")]),
        [Some(Way::Nowhere), Some(Way::Here)]
    );
    namespace.enter(|| {
        assert!(!forwards(false));
        std::fs::write("/proc/sys/net/ipv4/ip_forward", "1").unwrap();
        assert!(forwards(false));
    });
    let packets = [
        ("172.21.0.3", "10.1.0.9"),
        ("172.21.0.3", "198.51.100.7"),
        ("172.21.0.3", "10.1.0.2"),
        ("172.21.0.3", "172.21.0.1"),
        ("172.21.0.3", "172.21.255.255"),
        ("fd21::3", "fd01::9"),
        ("fd21::3", "fd01::2"),
        ("10.1.0.2", "10.1.0.9"),
    ];
    let here = || Some(Way::Here);
    // An IPv6 address is its link's own as soon as that has a carrier.
    let mut found = ways(&namespace, packets);
    for _ in 0..100 {
        if found[6] == here() {
            break;
        }
        sleep(Duration::from_millis(20));
        found = ways(&namespace, packets);
    }
    let expected = [by("lan0"), by("lan0"), here(), here(), here(), by("lan0"), here(), Some(Way::Nowhere)];
    assert_eq!(found, expected);
    namespace.ip("rule add from 172.21.0.3 blackhole");
    assert_eq!(
        ways(&namespace, [("172.21.0.3", "10.1.0.9"), ("172.21.0.4", "10.1.0.9")]),
        [Some(Way::Nowhere), by("lan0")]
    );
}
