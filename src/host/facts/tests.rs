//! What follows from facts made by hand.

use super::*;
use crate::host::Origin;

fn link(index: u32, name: &str) -> Link {
    Link { index, name: name.to_owned(), up: true, ..Link::default() }
}

fn address(link: u32, network: &str, peer: Option<&str>, scope: Scope) -> Address {
    Address { link, network: network.parse().unwrap(), peer: peer.map(|peer| peer.parse().unwrap()), scope }
}

fn route(link: u32, destination: &str, gateway: bool, table: u32, origin: Origin) -> Route {
    Route { link, destination: destination.parse().unwrap(), gateway, table, origin }
}

#[test]
fn ports_are_those_that_name_the_bridge() {
    let (bridge, other) = (link(3, "br-lan"), link(4, "br-other"));
    let port = |index, name, master| Link { master, ..link(index, name) };
    let facts = Facts {
        links: vec![
            bridge.clone(),
            other.clone(),
            port(5, "eth1", Some(3)),
            port(6, "veth1", Some(4)),
            port(7, "eth2", None),
            port(8, "veth2", Some(3)),
        ],
        ..Facts::default()
    };
    let names = |bridge| facts.ports_of(bridge).map(|port| port.name.as_str()).collect::<Vec<_>>();
    assert_eq!(names(&bridge), ["eth1", "veth2"]);
    assert_eq!(names(&other), ["veth1"]);
}

#[test]
fn a_default_route_of_the_main_table_is_carried() {
    const POLICY_TABLE: u32 = 51820;
    for (case, destination, link_index, table, carries) in [
        ("IPv4", "0.0.0.0/0", 2, Route::MAIN, true),
        ("IPv6", "::/0", 2, Route::MAIN, true),
        ("another link", "0.0.0.0/0", 3, Route::MAIN, false),
        ("another table", "0.0.0.0/0", 2, POLICY_TABLE, false),
        ("a network", "10.0.0.0/8", 2, Route::MAIN, false),
        ("half of everything", "0.0.0.0/1", 2, Route::MAIN, false),
    ] {
        let facts =
            Facts { routes: vec![route(link_index, destination, true, table, Origin::Other)], ..Facts::default() };
        assert_eq!(facts.carries_default_route(&link(2, "eth0")), carries, "{case}");
    }
}

/// The on-link networks of a host whose `eth0` has that address.
fn from_address(network: &str, peer: Option<&str>, scope: Scope) -> Vec<String> {
    let facts =
        Facts { links: vec![link(2, "eth0")], addresses: vec![address(2, network, peer, scope)], ..Facts::default() };
    facts.on_link_networks(|_| false).map(|network| network.to_string()).collect()
}

#[test]
fn an_address_gives_the_network_it_is_in() {
    for (network, peer, scope, expected) in [
        ("10.1.2.3/24", None, Scope::Global, &["10.1.2.0/24"][..]),
        ("203.0.113.9/30", None, Scope::Global, &["203.0.113.8/30"]),
        ("10.1.2.3/32", None, Scope::Global, &["10.1.2.3/32"]),
        ("2001:db8::5/64", None, Scope::Global, &["2001:db8::/64"]),
        ("2001:db8::5/128", None, Scope::Global, &["2001:db8::5/128"]),
        ("fd12::5/48", None, Scope::Global, &["fd12::/48"]),
        ("fec0::5/64", None, Scope::Site, &["fec0::/64"]),
        ("10.1.2.3/24", None, Scope::Link, &["10.1.2.0/24"]),
        ("10.8.0.6/32", Some("10.8.0.5/32"), Scope::Global, &["10.8.0.6/32", "10.8.0.5/32"]),
        ("10.9.0.6/32", Some("10.8.0.5/24"), Scope::Global, &["10.9.0.6/32", "10.8.0.0/24"]),
        ("fe80::1/64", None, Scope::Link, &[]),
        ("10.1.2.3/24", None, Scope::Host, &[]),
        ("10.1.2.3/24", None, Scope::Other(255), &[]),
        ("10.1.2.3/0", None, Scope::Global, &["10.1.2.3/32"]),
    ] {
        assert_eq!(from_address(network, peer, scope), expected, "{network} {scope:?}");
    }
}

#[test]
fn a_route_gives_the_network_that_is_on_the_link() {
    const SOME_TABLE: u32 = 100;
    const LOCAL_TABLE: u32 = 255;
    let facts = Facts {
        links: vec![link(2, "eth0")],
        addresses: vec![address(2, "2001:db8::5/128", None, Scope::Global)],
        routes: vec![
            route(2, "2001:db8::/64", false, Route::MAIN, Origin::RouterAdvertisement),
            route(2, "2001:db8:1::/64", false, SOME_TABLE, Origin::Kernel),
            route(2, "fe80::/64", false, Route::MAIN, Origin::Kernel),
            route(2, "ff00::/8", false, LOCAL_TABLE, Origin::Kernel),
            route(2, "::/0", false, Route::MAIN, Origin::Kernel),
            route(2, "8000::/1", false, Route::MAIN, Origin::Other),
            route(2, "2001:db8:2::/64", true, Route::MAIN, Origin::RouterAdvertisement),
        ],
    };
    let networks: Vec<_> = facts.on_link_networks(|_| false).map(|network| network.to_string()).collect();
    assert_eq!(networks, ["2001:db8::5/128", "2001:db8::/64", "2001:db8:1::/64"]);
}

#[test]
fn the_loopback_and_what_is_excepted_are_left_out() {
    let facts = Facts {
        links: vec![
            Link { loopback: true, ..link(1, "lo") },
            Link { up: false, ..link(2, "eth0") },
            link(3, "docker0"),
        ],
        addresses: vec![
            address(1, "10.0.1.1/24", None, Scope::Global),
            address(2, "10.0.2.1/24", None, Scope::Global),
            address(3, "10.0.3.1/24", None, Scope::Global),
            address(9, "10.0.9.1/24", None, Scope::Global),
        ],
        routes: vec![route(3, "10.0.3.0/24", false, Route::MAIN, Origin::Kernel)],
    };
    let networks: Vec<_> = facts.on_link_networks(|name| name == "docker0").map(|net| net.to_string()).collect();
    assert_eq!(networks, ["10.0.2.0/24"]);
}
