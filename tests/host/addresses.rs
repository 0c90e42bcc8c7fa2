//! Addresses, and the networks that they attach the host to.

use dockwall::host::{Address, Scope};
use ipnet::IpNet;

use crate::namespace::{Namespace, named};

const HOST: &[&str] = &[
    "link set lo up",
    "link add veth-a type veth peer name veth-b",
    "link add br-docker type bridge",
    // The kernel makes link-local addresses by itself, and in its own time.
    "link set veth-a addrgenmode none",
    "link set veth-b addrgenmode none",
    "addr add 10.1.2.3/24 dev veth-a",
    "addr add 192.168.7.1/32 dev veth-a",
    "addr add 169.254.9.9/16 scope link dev veth-a",
    "addr add 10.8.0.6 peer 10.8.0.5/32 dev veth-b",
    "addr add 172.18.0.1/16 dev br-docker",
    "addr add 2001:db8:1::5/64 nodad dev veth-a",
    "addr add 2001:db8:2::5/128 nodad dev veth-a",
    "addr add fd12:3456::5/48 nodad dev veth-a",
    "addr add fd00::1 peer fd00::2/128 nodad dev veth-b",
    "addr add fd99::1/64 nodad dev br-docker",
    "addr add fe80::a/64 nodad dev veth-a",
    "link set veth-a up",
    "link set veth-b up",
];

#[test]
fn addresses_of_both_families_read_back() {
    let facts = Namespace::with(HOST).read();
    for (link, network, peer, scope) in [
        ("lo", "127.0.0.1/8", None, Scope::Host),
        ("lo", "::1/128", None, Scope::Host),
        ("veth-a", "10.1.2.3/24", None, Scope::Global),
        ("veth-a", "192.168.7.1/32", None, Scope::Global),
        ("veth-a", "169.254.9.9/16", None, Scope::Link),
        ("veth-b", "10.8.0.6/32", Some("10.8.0.5/32"), Scope::Global),
        ("br-docker", "172.18.0.1/16", None, Scope::Global),
        ("veth-a", "2001:db8:1::5/64", None, Scope::Global),
        ("veth-a", "2001:db8:2::5/128", None, Scope::Global),
        ("veth-a", "fd12:3456::5/48", None, Scope::Global),
        ("veth-b", "fd00::1/128", Some("fd00::2/128"), Scope::Global),
        ("br-docker", "fd99::1/64", None, Scope::Global),
        ("veth-a", "fe80::a/64", None, Scope::Link),
    ] {
        let network: IpNet = network.parse().unwrap();
        let peer = peer.map(|peer| peer.parse().unwrap());
        let expected = Address { link: named(&facts, link).index, network, peer, scope };
        assert!(facts.addresses.contains(&expected), "{link} {network}: {:?}", facts.addresses);
    }
    assert_eq!(facts.addresses.len(), 13);
}

#[test]
fn the_host_is_attached_to_the_networks_of_its_other_links() {
    let facts = Namespace::with(HOST).read();
    let mut networks: Vec<_> = facts.on_link_networks(|name| name.starts_with("br-")).collect();
    networks.sort_unstable();
    networks.dedup();
    let networks: Vec<_> = networks.iter().map(IpNet::to_string).collect();
    let expected = [
        "10.1.2.0/24",
        "10.8.0.5/32",
        "10.8.0.6/32",
        "169.254.0.0/16",
        "192.168.7.1/32",
        "2001:db8:1::/64",
        "2001:db8:2::5/128",
        "fd00::1/128",
        "fd00::2/128",
        "fd12:3456::/48",
    ];
    assert_eq!(networks, expected);
}

#[test]
fn the_host_s_own_addresses_are_those_of_every_link() {
    let facts = Namespace::with(&[
        "link set lo up",
        "link add br-lan type bridge",
        "addr add 10.1.0.2/24 dev br-lan",
        "addr add 10.8.0.6 peer 10.8.0.5/32 dev br-lan",
        "addr add fd01::2/64 nodad dev br-lan",
    ])
    .read();
    let own: Vec<String> = facts.own_addresses().map(|address| address.to_string()).collect();
    for address in ["127.0.0.1", "::1", "10.1.0.2", "10.8.0.6", "fd01::2"] {
        assert!(own.iter().any(|other| other == address), "{address} in {own:?}");
    }
    assert!(!own.iter().any(|address| address == "10.8.0.5"));
}
