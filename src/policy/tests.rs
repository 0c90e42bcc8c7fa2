//! What a configuration means on a host with certain networks.

use super::*;
use std::str::FromStr;

use jiff::Timestamp;

use crate::config::{Config, Target};
use crate::host::{Address, Docker, DockerState, Facts, Host, Link, Origin, Route, Scope};

/// A host behind `br-lan`, with Docker's `br-abc` and a VPN.
fn facts() -> Facts {
    let link = |index: u32, name: &str, kind: &str| Link {
        index,
        name: name.to_owned(),
        kind: Some(kind.to_owned()),
        ..Link::default()
    };
    let address =
        |link, network: &str| Address { link, network: network.parse().unwrap(), peer: None, scope: Scope::Global };
    let gateway = Route {
        link: 1,
        destination: "0.0.0.0/0".parse().unwrap(),
        gateway: true,
        table: Route::MAIN,
        origin: Origin::Other,
    };
    Facts {
        links: vec![link(1, "br-lan", "bridge"), link(2, "br-abc", "bridge"), link(3, "wg0", "wireguard")],
        addresses: vec![
            address(1, "198.51.100.7/24"),
            address(1, "2001:db8:57::7/64"),
            address(2, "203.0.113.1/24"),
            address(3, "100.127.0.1/32"),
        ],
        routes: vec![gateway],
    }
}

fn resolve(configuration: &str) -> Resolved {
    let config = Config::parse("dockwall.toml", configuration).unwrap().config;
    let host = Host { facts: facts(), ..Host::default() };
    Policy::resolve(&config, &host, None, Timestamp::UNIX_EPOCH).unwrap()
}

#[test]
fn a_bridge_that_docker_told_of_stays_policed_while_it_tells_nothing() {
    let mut facts = facts();
    facts.links.push(Link {
        index: 9,
        name: "app-net0".to_owned(),
        kind: Some("bridge".to_owned()),
        ..Link::default()
    });
    let config = |text| Config::parse("dockwall.toml", text).unwrap().config;
    let resolve = |text, docker: DockerState, remembered: &[&str]| {
        let remembered = remembered.iter().map(|name| (*name).to_owned()).collect();
        let host = Host { facts: facts.clone(), docker, remembered, ..Host::default() };
        let resolved = Policy::resolve(&config(text), &host, None, Timestamp::UNIX_EPOCH).unwrap();
        let told = resolved.notices.iter().any(|notice| notice.kind == NoticeKind::UnpolicedBridge);
        (resolved.policy.polices("app-net0"), told)
    };
    let silent = || DockerState::Unreachable("it is stopped".to_owned());
    assert_eq!(resolve("", silent(), &["app-net0", "later0"]), (true, false));
    assert_eq!(resolve("", silent(), &[]), (false, true));
    assert_eq!(resolve("", DockerState::Absent, &[]), (false, true));
    assert_eq!(resolve("containers.exclude = ['app-*']", silent(), &["app-net0"]), (false, false));
    assert_eq!(resolve("containers.interfaces = ['docker0']", silent(), &["app-net0"]), (false, false));
    assert_eq!(resolve("", DockerState::Known(Docker::default()), &["app-net0"]), (false, true));
}

fn on_link(resolved: &Resolved) -> Vec<String> {
    let Networks { ipv4, ipv6 } = &resolved.on_link;
    ipv4.iter().map(ToString::to_string).chain(ipv6.iter().map(ToString::to_string)).collect()
}

#[test]
fn the_networks_of_all_links_but_the_policed_ones_are_denied() {
    let resolved = resolve("deny = { ranges = [], host = false }");
    assert_eq!(on_link(&resolved), ["100.127.0.1", "198.51.100.0/24", "2001:db8:57::/64"]);
    assert_eq!(resolved.policy.denied, resolved.on_link);
    let nothing = resolve("deny = { ranges = [], on_link = false, host = false }");
    assert_eq!(nothing.policy.denied, Networks::default());
}

/// A flow to a port that the host publishes is on its way to a container's network when it is seen.
#[test]
fn c4_the_containers_own_networks_are_looked_at_where_the_host_is_closed() {
    let resolved = resolve("deny = { ranges = [], on_link = false }");
    assert_eq!(resolved.policy.denied, [Target::from_str("203.0.113.0/24").unwrap()].into_iter().collect());
}

#[test]
fn what_is_excluded_is_a_network_around_the_host_like_any_other() {
    let resolved = resolve("deny.ranges = []\ncontainers.exclude = ['br-abc']");
    assert_eq!(resolved.policy.excluded.to_string(), "br-abc · br-lan");
    assert!(on_link(&resolved).contains(&"203.0.113.0/24".to_owned()));
    // Where no prefix takes anything in, there is nothing to except.
    let listed = resolve("containers = { interfaces = ['docker0', 'br-abc'], exclude = ['br-*'] }");
    assert_eq!(listed.policy.containers.to_string(), "docker0");
    assert!(listed.policy.excluded.is_empty());
}

/// What people are told about interfaces on a host with these bridges as well.
fn told(bridges: &[&str], configuration: &str) -> Vec<String> {
    let bridge = |(name, index): (&&str, u32)| Link {
        index,
        name: (*name).to_owned(),
        kind: Some("bridge".to_owned()),
        ..Link::default()
    };
    let mut facts = facts();
    facts.links.extend(bridges.iter().zip(10..).map(bridge));
    let config = Config::parse("dockwall.toml", configuration).unwrap().config;
    let host = Host { facts, ..Host::default() };
    let notices = Policy::resolve(&config, &host, None, Timestamp::UNIX_EPOCH).unwrap().notices;
    notices.into_iter().map(|notice| notice.problem).collect()
}

#[test]
fn a_bridge_that_auto_does_not_know_is_told_unless_something_shows_whose_it_is() {
    let bridges = ["app-net0", "virbr0", "podman3"];
    for (configuration, expected) in [
        ("", &["the bridge app-net0 is not policed: nothing shows whose it is"][..]),
        ("containers.exclude = ['app-*']", &[]),
        ("containers.interfaces = 'bridges'", &[]),
        ("containers.interfaces = ['br-abc']", &[]),
    ] {
        assert_eq!(told(&bridges, configuration), expected, "{configuration}");
    }
}

#[test]
fn an_uplink_that_is_named_as_a_container_interface_is_told() {
    assert_eq!(told(&[], "containers.interfaces = ['br-*', 'lxdbr0']"), <[String; 0]>::default());
    let expected = "br-lan is policed as a container interface and carries a default route: \
                    what containers send out by it is not denied";
    assert_eq!(told(&["lxdbr0"], "containers.interfaces = ['br-abc', 'br-lan', 'lxdbr0']"), [expected]);
}
