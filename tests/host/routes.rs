//! Default routes, routes to what is on the link, and what they prove of a bridge.

use dockwall::config::Interfaces;
use dockwall::host::{Facts, Host, Origin, Route};
use dockwall::policy::{Evidence, Excluded, InterfaceNames, evidently_no_container_bridge};

use crate::namespace::{Namespace, named};

/// Two links that are up, each with a network of either family.
const HOST: &[&str] = &[
    "link add br-lan type bridge",
    "link add veth-a type veth peer name veth-b",
    "link set veth-a master br-lan",
    "addr add 10.1.0.2/24 dev br-lan",
    "addr add fd01::2/64 nodad dev br-lan",
    "addr add 10.2.0.2/24 dev veth-b",
    "addr add fd02::2/64 nodad dev veth-b",
    "link set br-lan up",
    "link set veth-a up",
    "link set veth-b up",
];

/// The links that carry a default route after this command.
fn carriers(command: &str) -> Vec<String> {
    let namespace = Namespace::with(HOST);
    namespace.ip(command);
    let facts = namespace.read();
    let carriers = facts.links.iter().filter(|link| facts.carries_default_route(link));
    carriers.map(|link| link.name.clone()).collect()
}

#[test]
fn default_routes_are_found_on_the_links_they_lead_over() {
    for (command, expected) in [
        ("route add default via 10.1.0.1", &["br-lan"][..]),
        ("route add default dev veth-b", &["veth-b"]),
        ("route add default via inet6 fd01::1 dev br-lan", &["br-lan"]),
        ("-6 route add default via fd02::1", &["veth-b"]),
        ("-6 route add default from fd02::/64 via fd02::1", &["veth-b"]),
        ("route add default nexthop via 10.1.0.1 nexthop via 10.2.0.1", &["br-lan", "veth-b"]),
        ("-6 route add default nexthop via fd01::1 nexthop via fd02::1", &["br-lan", "veth-b"]),
        ("route add default via 10.1.0.1 table 51820", &[]),
        ("route add unreachable default", &[]),
        ("-6 route add blackhole default", &[]),
        ("route add 0.0.0.0/1 via 10.1.0.1", &[]),
    ] {
        let mut found = carriers(command);
        found.sort_unstable();
        assert_eq!(found, expected, "ip {command}");
    }
}

#[test]
fn a_default_route_by_a_nexthop_object_is_found() {
    let namespace = Namespace::with(HOST);
    // A nexthop wants a carrier, which a veth has at once and a bridge after a while.
    namespace.ip("nexthop add id 7 via 10.2.0.1 dev veth-b");
    namespace.ip("route add default nhid 7");
    let facts = namespace.read();
    assert!(facts.carries_default_route(named(&facts, "veth-b")));
}

#[test]
fn routes_read_back_and_those_behind_a_router_do_not() {
    let namespace = Namespace::with(&[HOST, &["route add 10.9.0.0/16 via 10.1.0.1"]].concat());
    namespace.ip("route add default via 10.1.0.1 table 1000");
    namespace.ip("-6 route add 2001:db8::/64 dev br-lan proto ra");
    let facts = namespace.read();
    let link = named(&facts, "br-lan").index;
    for (destination, gateway, table, origin) in [
        ("10.1.0.0/24", false, Route::MAIN, Origin::Kernel),
        ("fd01::/64", false, Route::MAIN, Origin::Kernel),
        ("2001:db8::/64", false, Route::MAIN, Origin::RouterAdvertisement),
        ("0.0.0.0/0", true, 1000, Origin::Other),
    ] {
        let expected = Route { link, destination: destination.parse().unwrap(), gateway, table, origin };
        assert!(facts.routes.contains(&expected), "{expected:?} in {:#?}", facts.routes);
    }
    assert!(!facts.routes.iter().any(|route| route.destination.to_string() == "10.9.0.0/16"));
}

#[test]
fn an_advertised_network_is_on_the_link_and_a_tunnel_s_is_not() {
    let namespace = Namespace::with(HOST);
    namespace.ip("-6 route add 2001:db8::/64 dev veth-b proto ra");
    namespace.ip("route add 0.0.0.0/1 dev veth-b");
    let facts = namespace.read();
    let mut networks: Vec<_> = facts.on_link_networks(|name| name == "br-lan").map(|net| net.to_string()).collect();
    networks.sort_unstable();
    networks.dedup();
    assert_eq!(networks, ["10.2.0.0/24", "2001:db8::/64", "fd02::/64"]);
}

/// What is excluded of the names that are policed by default.
fn excluded(facts: &Facts) -> Vec<Excluded> {
    let policed = InterfaceNames::containers(&Interfaces::Auto, &Host::default());
    evidently_no_container_bridge(facts, |name| policed.contains(name))
}

#[test]
fn a_bridge_of_a_veth_is_told_from_a_container_s_by_its_default_route_alone() {
    let namespace = Namespace::with(HOST);
    assert_eq!(excluded(&namespace.read()), []);
    namespace.ip("route add default via 10.1.0.1");
    let uplink = Excluded { name: "br-lan".to_owned(), reason: Evidence::CarriesDefaultRoute };
    assert_eq!(excluded(&namespace.read()), [uplink]);
}

#[test]
fn a_bridge_with_a_vlan_or_a_bond_for_a_port_is_no_container_s() {
    let namespace = Namespace::with(HOST);
    for (bridge, port, link) in
        [("br-v", "veth-b.20", "link veth-b name veth-b.20 type vlan id 20"), ("br-b", "bond7", "bond7 type bond")]
    {
        if namespace.can_add(link) {
            namespace.ip(&format!("link add {bridge} type bridge"));
            namespace.ip(&format!("link set {port} master {bridge}"));
            let expected = Excluded { name: bridge.to_owned(), reason: Evidence::HasPhysicalPort(port.to_owned()) };
            assert!(excluded(&namespace.read()).contains(&expected));
        }
    }
}
