//! The link by which an address is answered.

use std::net::{IpAddr, SocketAddr, SocketAddrV6};

use caps::CapSet;
use dockwall::host::{answered_by, route_to};

use crate::namespace::Namespace;

const HOST: &[&str] = &[
    "link set lo up",
    "link add br-lan type bridge",
    "link add veth-a type veth peer name veth-b",
    "link set veth-a master br-lan",
    "addr add 10.1.0.2/24 dev br-lan",
    "addr add fd01::2/64 nodad dev br-lan",
    "addr add 10.2.0.2/24 dev veth-b",
    "link set br-lan up",
    "link set veth-a up",
    "link set veth-b up",
];

/// The link by which each address is reached.
fn links<const N: usize>(namespace: &Namespace, addresses: [&str; N]) -> [Option<String>; N] {
    let addresses: [IpAddr; N] = addresses.map(|address| address.parse().unwrap());
    namespace.enter(|| addresses.map(|address| route_to(address).unwrap()))
}

#[test]
fn an_address_is_answered_by_the_link_that_leads_to_it() {
    let namespace = Namespace::with(HOST);
    for (address, link) in [
        ("10.1.0.9", Some("br-lan")),
        ("10.2.0.9", Some("veth-b")),
        ("fd01::9", Some("br-lan")),
        ("10.1.0.2", Some("lo")),
        ("fd01::2", Some("lo")),
        ("127.0.0.1", Some("lo")),
        ("198.51.100.1", None),
        ("2001:db8::1", None),
    ] {
        assert_eq!(links(&namespace, [address]), [link.map(str::to_owned)], "{address}");
    }
    namespace.ip("route add default via 10.2.0.1");
    namespace.ip("-6 route add default via fd01::1");
    let [four, six] = links(&namespace, ["198.51.100.1", "2001:db8::1"]);
    assert_eq!((four.as_deref(), six.as_deref()), (Some("veth-b"), Some("br-lan")));
}

/// There is a `fe80::/64` on every link.
#[test]
fn a_client_with_a_link_local_address_is_answered_by_the_link_that_it_names() {
    let namespace = Namespace::with(HOST);
    let answered = namespace.enter(|| {
        let facts = dockwall::host::Facts::read().unwrap();
        ["br-lan", "veth-b"].map(|name| {
            let link = facts.links.iter().find(|link| link.name == name).unwrap();
            let client = SocketAddrV6::new("fe80::9".parse().unwrap(), 50000, 0, link.index);
            answered_by(client.into()).unwrap()
        })
    });
    assert_eq!(answered.map(Option::unwrap), ["br-lan", "veth-b"]);
    let client: SocketAddr = "10.2.0.9:50000".parse().unwrap();
    assert_eq!(namespace.enter(|| answered_by(client).unwrap()).as_deref(), Some("veth-b"));
}

#[test]
fn a_route_that_turns_packets_away_leads_nowhere() {
    let namespace = Namespace::with(HOST);
    for kind in ["unreachable", "prohibit", "blackhole"] {
        for (family, network, address) in
            [("-4", "198.51.100.0/24", "198.51.100.1"), ("-6", "2001:db8::/32", "2001:db8::1")]
        {
            namespace.ip(&format!("{family} route add {kind} {network}"));
            assert_eq!(links(&namespace, [address]), [None], "{kind} {address}");
            namespace.ip(&format!("{family} route del {kind} {network}"));
        }
    }
}

#[test]
fn the_route_of_a_rule_counts_and_no_privilege_is_needed() {
    let namespace = Namespace::with(HOST);
    namespace.ip("route add default via 10.1.0.1");
    namespace.ip("route add default via 10.2.0.1 table 1000");
    namespace.ip("rule add to 198.51.100.0/24 lookup 1000");
    let [by_rule, by_main] = namespace.enter(|| {
        for set in [CapSet::Effective, CapSet::Permitted] {
            caps::clear(None, set).unwrap();
        }
        ["198.51.100.1", "203.0.113.1"].map(|address| route_to(address.parse().unwrap()).unwrap())
    });
    assert_eq!((by_rule.as_deref(), by_main.as_deref()), (Some("veth-b"), Some("br-lan")));
}
