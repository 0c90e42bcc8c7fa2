//! Courses of packets on a host with Docker, and what would let them pass.

use std::net::IpAddr;

use proptest::prelude::*;

use super::*;
use crate::config::{Config, Mode, Protocol};
use crate::host::{Address, Container, Docker, DockerNetwork, DockerState, Facts, Host, Link, Published, Scope, Way};
use crate::policies::{any_policy, interfaces, networks, now, plain};
use crate::policy::{InterfaceNames, Policy};
use crate::ruleset::explain::{Fate, Rates, walk};
use crate::ruleset::{Features, Hook, compile};

/// What `ip route` would say on the host below.
struct Fixed;

impl Routes for Fixed {
    fn way(&self, _: IpAddr, _: u32, destination: IpAddr) -> Option<Way> {
        Some(match self.link_to(destination) {
            Some(link) if link == "lo" => Way::Here,
            Some(link) => Way::By(link),
            None => Way::Nowhere,
        })
    }

    fn link_to(&self, address: IpAddr) -> Option<String> {
        let routes = [
            ("172.17.0.1", "lo"),
            ("172.21.0.1", "lo"),
            ("10.1.0.1", "lo"),
            ("fd00:17::1", "lo"),
            ("172.17.", "docker0"),
            ("172.21.", "br-a"),
            ("10.1.", "eth0"),
            ("fd00:17:", "docker0"),
            ("fd00:1:", "eth0"),
        ];
        let text = address.to_string();
        let route =
            routes.iter().find(|(prefix, link)| if *link == "lo" { text == *prefix } else { text.starts_with(prefix) });
        route.map(|(_, link)| (*link).to_owned())
    }

    fn forwards(&self, _: bool) -> bool {
        true
    }
}

fn host() -> Host {
    let link = |index, name: &str, kind: &str| Link {
        index,
        name: name.to_owned(),
        kind: Some(kind.to_owned()),
        ..Link::default()
    };
    let address =
        |link, network: &str| Address { link, network: network.parse().unwrap(), peer: None, scope: Scope::Global };
    let network = |name: &str, driver: &str, bridge: Option<&str>, subnets: &[&str]| DockerNetwork {
        name: name.to_owned(),
        driver: driver.to_owned(),
        bridge: bridge.map(str::to_owned),
        subnets: subnets.iter().map(|subnet| subnet.parse().unwrap()).collect(),
        gateways: subnets
            .iter()
            .map(|subnet| subnet.parse::<ipnet::IpNet>().unwrap().hosts().next().unwrap())
            .collect(),
        ..DockerNetwork::default()
    };
    let container = |name: &str, mode: &str, addresses: &[(&str, &str)]| Container {
        id: format!("id of {name}"),
        name: name.to_owned(),
        network_mode: mode.to_owned(),
        addresses: addresses
            .iter()
            .map(|(network, address)| ((*network).to_owned(), address.parse().unwrap()))
            .collect(),
        ..Container::default()
    };
    let published = Published { address: None, port: 8080, protocol: Protocol::Tcp, container_port: 80 };
    let shop = Container { published: vec![published], ..container("shop", "backend", &[("backend", "172.21.0.2")]) };
    Host {
        facts: Facts {
            links: vec![link(1, "docker0", "bridge"), link(2, "br-a", "bridge"), link(3, "eth0", "veth")],
            addresses: vec![
                address(1, "172.17.0.1/16"),
                address(1, "fd00:17::1/64"),
                address(2, "172.21.0.1/16"),
                address(3, "10.1.0.1/16"),
            ],
            routes: Vec::new(),
        },
        docker: DockerState::Known(Docker {
            version: "29.0.0".to_owned(),
            networks: vec![
                network("backend", "bridge", Some("br-a"), &["172.21.0.0/16"]),
                network("bridge", "bridge", Some("docker0"), &["172.17.0.0/16", "fd00:17::/64"]),
                network("cams", "macvlan", None, &["10.1.0.0/16"]),
            ],
            containers: vec![
                container("cam", "cams", &[("cams", "10.1.0.99")]),
                shop,
                container("sidecar", "container:id of web", &[]),
                container("vpn", "host", &[]),
                container("web", "bridge", &[("bridge", "172.17.0.2"), ("bridge", "fd00:17::2")]),
            ],
        }),
        ..Host::default()
    }
}

fn end(place: &Place, host: &Host) -> End {
    match find(place, host, None).unwrap() {
        Found::Ends(ends) => ends[0].clone(),
        other => panic!("{other:?}"),
    }
}

fn asked(source: &str, target: &str) -> (Asked, Host) {
    let host = host();
    let target: Target = target.parse().unwrap();
    let (source, destination) = (end(&source.parse().unwrap(), &host), end(&target.place, &host));
    (Asked { source, destination, service: target.service, incoming: None, outgoing: None, answers: false }, host)
}

fn met(source: &str, target: &str) -> Met {
    let (asked, host) = asked(source, target);
    course(&asked, &host, &Fixed).unwrap()
}

#[test]
fn a_packet_comes_to_the_hook_and_by_the_links_that_the_kernel_would_take_it_by() {
    for (source, target, hook, incoming, outgoing) in [
        ("web", "10.1.2.3:80/tcp", Hook::FORWARD, "docker0", Some("eth0")),
        ("web", "10.1.0.1:22/tcp", Hook::INPUT, "docker0", None),
        ("web", "172.17.0.1:22/tcp", Hook::INPUT, "docker0", None),
        ("web", "224.0.0.251:5353/udp", Hook::INPUT, "docker0", None),
        ("network:backend", "10.1.2.3:80/tcp", Hook::FORWARD, "br-a", Some("eth0")),
        ("sidecar", "10.1.2.3:80/tcp", Hook::FORWARD, "docker0", Some("eth0")),
        ("10.1.2.3", "web:80/tcp", Hook::FORWARD, "eth0", Some("docker0")),
        ("172.21.0.2", "container:web:80/tcp", Hook::FORWARD, "br-a", Some("docker0")),
    ] {
        let packet = met(source, target).packet;
        let found =
            (packet.hook, packet.incoming.name.as_str(), packet.outgoing.as_ref().map(|link| link.name.as_str()));
        assert_eq!(found, (hook, incoming, outgoing), "{source} {target}");
        assert!(packet.way_back, "{source} {target}");
    }
    let (asked, host) = asked("web", "10.1.2.3:80/tcp");
    let odd = Asked { incoming: Some("br-a".to_owned()), ..asked };
    assert!(!course(&odd, &host, &Fixed).unwrap().packet.way_back);
}

#[test]
fn d5_a_published_port_is_asked_for_on_the_host_and_answered_by_a_container() {
    let met_ = met("web", "10.1.0.1:8080/tcp");
    let (container, port) = met_.published.clone().unwrap();
    assert_eq!((container.address.to_string().as_str(), port), ("172.21.0.2", 80));
    assert_eq!(
        (met_.packet.hook, met_.packet.destination, met_.packet.port()),
        (Hook::FORWARD, container.address, Some(80))
    );
    // From its own network Docker's proxy takes it, a process of the host.
    let met_ = met("network:backend", "10.1.0.1:8080/tcp");
    assert_eq!((met_.published, met_.packet.hook), (None, Hook::INPUT));
    assert_eq!(met("web", "10.1.0.1:8080/udp").published, None);
}

#[test]
fn e10_what_meets_none_of_the_rules_is_said_to() {
    let host = host();
    for (source, destination, said) in [
        ("host", "10.1.2.3", "the host's own processes"),
        ("10.1.0.1", "10.1.2.3", "the host's own processes"),
        ("shop", "172.21.0.9", "passes"),
        ("172.21.0.2", "container:shop", "the bridge hands packets over"),
    ] {
        let (asked, host) = asked(source, destination);
        let missed = course(&asked, &host, &Fixed).map_err(|missed| missed.to_string());
        match missed {
            Err(missed) => assert!(missed.contains(said), "{source}: {missed}"),
            Ok(met) => assert_eq!((said, met.packet.hook), ("passes", Hook::FORWARD), "{source}"),
        }
    }
    assert_eq!(find(&Place::Name("vpn".to_owned()), &host, None), Ok(Found::OnHost("vpn".to_owned())));
    assert!(matches!(find(&Place::Name("cam".to_owned()), &host, None), Ok(Found::Beside { .. })));
}

#[test]
fn a_name_that_stands_for_nothing_is_told_with_the_nearest_one() {
    let host = host();
    for (place, said) in [
        (Place::Container("wep".to_owned()), "did you mean `web`?"),
        (Place::Network("backends".to_owned()), "did you mean `backend`?"),
        (Place::Network("nothing".to_owned()), "docker network ls"),
    ] {
        let unknown = find(&place, &host, None).unwrap_err().to_string();
        assert!(unknown.contains(said), "{unknown}");
    }
    assert_eq!(find(&Place::Name("db".to_owned()), &host, None), Ok(Found::Elsewhere("db".to_owned())));
    let without = Host { docker: DockerState::Absent, ..host };
    assert!(
        find(&Place::Container("web".to_owned()), &without, None).unwrap_err().to_string().contains("no Docker here")
    );
}

#[test]
fn b3_what_docker_keeps_apart_is_told_whatever_is_granted() {
    let isolated = |source, target| {
        let (asked, host) = asked(source, target);
        let met = course(&asked, &host, &Fixed).unwrap();
        isolation(&asked, &met, &host)
    };
    assert_eq!(isolated("web", "shop:80/tcp"), Some(Isolation::Between("bridge".to_owned(), "backend".to_owned())));
    assert_eq!(isolated("web", "10.1.0.1:8080/tcp"), None);
    assert_eq!(isolated("web", "10.1.2.3:80/tcp"), None);
    assert_eq!(isolated("10.1.2.3", "shop:80/tcp"), None);
}

#[test]
fn the_narrowest_thing_that_denies_a_destination_stands_first() {
    let text = "[deny]\nranges = [\"internal\", \"10.1.2.0/24\"]\n";
    let config = Config::parse("dockwall.toml", text).unwrap().config;
    let policy =
        Policy { containers: interfaces(&["docker0", "br-*"]), excluded: InterfaceNames::default(), ..plain() };
    let told = |address: &str| {
        let causes = causes(address.parse().unwrap(), &config, &policy, &host());
        let place = |cause: &Cause| cause.origin().map(|origin| config.files.place(origin)).unwrap_or_default();
        causes.iter().map(|cause| format!("{cause} {}", place(cause)).trim().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(
        told("10.1.2.3"),
        [
            "10.1.2.0/24 dockwall.toml:2",
            "10.1.0.0/16 of eth0, deny.on_link",
            "10.0.0.0/8, preset internal dockwall.toml:2"
        ]
    );
    assert_eq!(
        told("172.21.0.2"),
        ["172.21.0.0/16 of the containers on br-a, deny.host", "172.16.0.0/12, preset internal dockwall.toml:2"]
    );
    assert_eq!(told("198.51.100.1"), Vec::<String>::new());
}

#[test]
fn the_nearest_grant_is_told_with_what_is_different() {
    let (asked, host) = asked("web", "10.1.2.3:5432/tcp");
    let packet = course(&asked, &host, &Fixed).unwrap().packet;
    let near = |grants: &[(&str, &[&str])]| {
        let grants = grants.iter().map(|(to, ports)| crate::policies::narrow_grant(to, &[to], ports)).collect();
        let policy = Policy { grants, ..plain() };
        let near = nearest_grant(&packet, &policy, now());
        near.map(|near| (near.name, near.misses))
    };
    let told = |name: &str, misses: &[Miss]| Some((name.to_owned(), misses.to_vec()));
    assert_eq!(near(&[("10.1.2.3", &["80/tcp"]), ("10.9.0.1", &["5432/tcp"])]), told("10.1.2.3", &[Miss::Port]));
    assert_eq!(
        near(&[("10.1.2.9", &["5432/tcp"]), ("10.1.2.2", &["5432/tcp"])]),
        told("10.1.2.2", &[Miss::Destination])
    );
    assert_eq!(near(&[("10.1.2.3", &["53/udp"])]), told("10.1.2.3", &[Miss::Protocol]));
    assert_eq!(near(&[("10.1.2.3", &["5432/tcp"])]), None);
    assert_eq!(near(&[("192.168.0.1", &["5432/tcp"])]), None);
    assert_eq!(near(&[]), None);
}

fn any_question() -> impl Strategy<Value = (String, String)> {
    let source = prop::sample::select(vec!["web", "network:bridge", "shop", "172.17.0.2", "172.17.0.77", "fd00:17::2"]);
    let destination = prop::sample::select(vec![
        "10.1.2.3",
        "10.1.0.1",
        "172.17.0.1",
        "224.0.0.1",
        "10.1.255.255",
        "host",
        "172.21.0.2",
        "[fd00:1::3]",
        "[fd00:17::1]",
    ]);
    let service =
        prop::sample::select(vec!["", ":80/tcp", ":8080/tcp", ":53/udp", ":9/sctp", "/icmp", "/gre", "/udp", "/esp"]);
    (source, destination, service)
        .prop_map(|(source, destination, service)| (source.to_owned(), format!("{destination}{service}")))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..Default::default() })]

    /// Whatever is denied, and under whatever policy: the grant that is proposed is understood by the
    /// command line, and with it the packet passes.
    #[test]
    fn what_is_proposed_lets_the_packet_pass(policy in any_policy(), (source, target) in any_question()) {
        let (asked, host) = asked(&source, &target);
        prop_assume!(asked.source.address.is_ipv6() == asked.destination.address.is_ipv6());
        let Ok(met) = course(&asked, &host, &Fixed) else {
            return Ok(());
        };
        let denied = networks(&["10.0.0.0/8", "172.16.0.0/12", "224.0.0.0/4", "fc00::/7"]);
        let policy = Policy { mode: Mode::Enforce, containers: interfaces(&["docker0", "br-*"]), denied, host: true, ..policy };
        let fate = |policy: &Policy| walk(&compile(policy, Features::ALL, now()), &met.packet, now(), Rates::Within).fate;
        let before = fate(&policy);
        if before == Fate::Passes {
            return Ok(());
        }
        let grant = remedy(&asked, &met, &policy, &host, now());
        prop_assert!(grant.is_some(), "nothing would let it pass: {:?}", met);
        let grant = grant.unwrap();
        let resolved = crate::policy::resolve_grant(&grant, &host).unwrap();
        prop_assert_eq!(fate(&policy.with_grant(resolved)), Fate::Passes, "{}", arguments(&grant));
        let words: Vec<String> = arguments(&grant).split(' ').map(str::to_owned).collect();
        let line = ["dockwall", "grant"].map(str::to_owned).into_iter().chain(words);
        prop_assert!(crate::cli::command().try_get_matches_from(line).is_ok(), "{}", arguments(&grant));
    }
}
