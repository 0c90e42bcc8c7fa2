//! What is written for hosts made up here.

use super::*;

use crate::config::{Mode, Protocol};
use crate::host::{
    Address, Container, Docker, DockerNetwork, Facts, Origin, Published, Resolver, ResolverOrigin, Route, Scope,
};

fn link(index: u32, name: &str, kind: Option<&str>, master: Option<u32>) -> Link {
    let has_device = kind.is_none();
    Link { index, name: name.to_owned(), kind: kind.map(str::to_owned), master, has_device, ..Link::default() }
}

fn address(link: u32, network: &str) -> Address {
    Address { link, network: network.parse().unwrap(), peer: None, scope: Scope::Global }
}

/// A host behind eth0 that shares a LAN bridge with virtual machines.
fn facts() -> Facts {
    let default = Route {
        link: 1,
        destination: "0.0.0.0/0".parse().unwrap(),
        gateway: true,
        table: Route::MAIN,
        origin: Origin::Other,
    };
    Facts {
        links: vec![
            link(1, "eth0", None, None),
            link(2, "docker0", Some("bridge"), None),
            link(3, "br-3f2a9c000000", Some("bridge"), None),
            link(4, "br-lan", Some("bridge"), None),
            link(5, "eth1", None, Some(4)),
        ],
        addresses: vec![
            address(1, "10.57.17.2/24"),
            address(1, "2001:db8:57::2/64"),
            address(2, "172.17.0.1/16"),
            address(2, "fd17::1/64"),
            address(3, "172.21.0.1/16"),
            address(4, "192.168.7.1/24"),
        ],
        routes: vec![default],
    }
}

fn container(name: &str, network: &str, address: &str) -> Container {
    Container {
        name: name.to_owned(),
        network_mode: network.to_owned(),
        addresses: vec![(network.to_owned(), address.parse().unwrap())],
        ..Container::default()
    }
}

fn host() -> Host {
    let network = |name: &str, driver: &str, bridge: Option<&str>, subnet: &str| DockerNetwork {
        name: name.to_owned(),
        driver: driver.to_owned(),
        bridge: bridge.map(str::to_owned),
        subnets: vec![subnet.parse().unwrap()],
        ..DockerNetwork::default()
    };
    let published = Published { address: None, port: 8080, protocol: Protocol::Tcp, container_port: 80 };
    let docker = Docker {
        version: "28.5.2".to_owned(),
        networks: vec![
            network("backend", "bridge", Some("br-3f2a9c000000"), "172.21.0.0/16"),
            network("bridge", "bridge", Some("docker0"), "172.17.0.0/16"),
            network("cam", "macvlan", None, "10.57.17.0/24"),
        ],
        containers: vec![
            Container { published: vec![published], ..container("web", "backend", "172.21.0.3") },
            container("db", "backend", "172.21.0.4"),
            Container { name: "vpn".to_owned(), network_mode: "host".to_owned(), ..Container::default() },
        ],
    };
    let resolver = |address: [u8; 4], origin| Resolver { address: address.into(), origin };
    Host {
        facts: facts(),
        docker: DockerState::Known(docker),
        resolvers: vec![
            resolver([10, 57, 17, 5], ResolverOrigin::ResolvConf("/etc/resolv.conf".into())),
            resolver([9, 9, 9, 9], ResolverOrigin::DaemonJson("/etc/docker/daemon.json".into())),
        ],
        ..Host::default()
    }
}

fn flow(source: &str, destination: &str, protocol: u8, port: u16) -> Flow {
    let port = (port != 0).then_some(port);
    Flow { source: source.parse().unwrap(), destination: destination.parse().unwrap(), protocol, port }
}

fn propose(host: &Host, flows: &[Flow]) -> Proposal {
    Proposal::of(host, Ok(flows), Timestamp::UNIX_EPOCH).unwrap()
}

/// The text with every setting made to hold.
fn uncommented(text: &str) -> String {
    let is_setting = |line: &str| line.starts_with('#') && !line.starts_with("# ") && line != "#";
    text.lines().map(|line| if is_setting(line) { &line[1..] } else { line }).map(|line| format!("{line}\n")).collect()
}

/// The suggested grants in a few words.
fn suggested(host: &Host, flows: &[Flow]) -> Vec<String> {
    let policy = Policy::resolve(&Config::default(), host, None, Timestamp::UNIX_EPOCH).unwrap().policy;
    let suggestions = Suggestions::of(flows, &policy, host).grants;
    let words = |Suggestion { grant, flows, .. }: &Suggestion| {
        format!("{flows} {}: {} to {}", grant.name, grant.from_text(), grant.to_text())
    };
    suggestions.iter().map(words).collect()
}

#[test]
fn a_host_with_docker_and_open_flows() {
    let flows = [
        flow("172.21.0.3", "10.57.17.6", 6, 5432),
        flow("172.21.0.3", "10.57.17.6", 6, 5432),
        flow("172.21.0.4", "192.168.7.9", 17, 123),
        flow("172.17.0.9", "10.57.17.7", 1, 0),
    ];
    insta::assert_snapshot!(propose(&host(), &flows).text);
}

#[test]
fn a_host_before_docker() {
    let mut host = Host { facts: facts(), ..Host::default() };
    host.facts.links.retain(|link| !matches!(link.index, 2 | 3));
    let proposal = Proposal::of(&host, Err("that takes CAP_NET_ADMIN"), Timestamp::UNIX_EPOCH).unwrap();
    insta::assert_snapshot!(proposal.text);
}

#[test]
fn what_is_written_means_audit_and_the_defaults_and_every_suggestion_holds_when_uncommented() {
    let flows = [
        flow("172.21.0.3", "10.57.17.6", 6, 5432),
        flow("172.21.0.3", "172.17.0.1", 6, 22),
        flow("172.21.0.4", "10.57.17.2", 6, 8080),
        flow("fd17::9", "fd00::9", 58, 0),
        flow("172.17.0.9", "10.57.17.7", 47, 0),
    ];
    for (host, flows) in
        [(host(), &flows[..]), (Host { facts: facts(), ..Host::default() }, &flows[..]), (Host::default(), &[])]
    {
        let proposal = propose(&host, flows);
        let loaded = Config::parse("dockwall.toml", &proposal.text).unwrap();
        assert_eq!(loaded.warnings, []);
        assert_eq!(loaded.config.mode, Mode::Audit);
        let resolve = |config: &Config| Policy::resolve(config, &host, None, Timestamp::UNIX_EPOCH).unwrap().policy;
        assert_eq!(resolve(&loaded.config), resolve(&Config::default()));

        let whole =
            Config::parse("dockwall.toml", &uncommented(&proposal.text)).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(whole.warnings, []);
        assert_eq!(whole.config.grants.len(), proposal.suggested + 1, "those and the example");
        for grant in whole.config.grants.iter().filter(|grant| grant.name != "database") {
            let resolved = crate::policy::resolve_grant(grant, &host).unwrap();
            assert!(resolve(&loaded.config).closes_some_of(&resolved), "{}", grant.name);
        }
    }
}

#[test]
fn only_flows_of_containers_to_what_is_denied_are_suggested() {
    for (case, flow, expected) in [
        (
            "the LAN",
            flow("172.21.0.3", "10.57.17.6", 6, 443),
            Some("web-10.57.17.6: container:web to 10.57.17.6, 443/tcp"),
        ),
        (
            "a global neighbour",
            flow("fd17::9", "2001:db8:57::9", 6, 443),
            Some("fd17--9-2001-db8-57--9: fd17::9 to 2001:db8:57::9, 443/tcp"),
        ),
        ("the Internet", flow("172.21.0.3", "1.1.1.1", 6, 443), None),
        ("a container", flow("172.21.0.3", "172.21.0.4", 6, 5432), None),
        ("one in another network", flow("172.21.0.3", "172.17.0.9", 6, 5432), None),
        ("an open resolver", flow("172.21.0.3", "10.57.17.5", 17, 53), None),
        (
            "another service of it",
            flow("172.21.0.3", "10.57.17.5", 6, 389),
            Some("web-10.57.17.5: container:web to 10.57.17.5, 389/tcp"),
        ),
        ("multicast", flow("172.21.0.3", "224.0.0.251", 17, 5353), None),
        ("the host", flow("172.21.0.3", "172.21.0.1", 6, 9100), Some("web-host: container:web to host, 9100/tcp")),
        (
            "a published port",
            flow("172.21.0.4", "10.57.17.2", 6, 8080),
            Some("db-host-published: container:db to host:published, 8080/tcp"),
        ),
        (
            "without a name",
            flow("172.17.0.9", "10.0.0.1", 6, 80),
            Some("172.17.0.9-10.0.0.1: 172.17.0.9 to 10.0.0.1, 80/tcp"),
        ),
        ("the host's own", flow("172.21.0.1", "10.57.17.6", 6, 443), None),
        ("from outside", flow("10.57.17.6", "10.57.17.2", 6, 8080), None),
        ("from what is not policed", flow("192.168.7.5", "10.57.17.6", 6, 443), None),
        (
            "no ports",
            flow("172.21.0.3", "10.57.17.6", 1, 0),
            Some("web-10.57.17.6-icmp: container:web to 10.57.17.6, icmp"),
        ),
    ] {
        let expected: Vec<String> = expected.map(|words| format!("1 {words}")).into_iter().collect();
        assert_eq!(suggested(&host(), &[flow]), expected, "{case}");
    }
}

#[test]
fn ports_of_one_destination_are_one_grant_and_a_scan_none() {
    let ports = [80, 443, 8001, 8002, 8003, 9000, 9001];
    let flows: Vec<Flow> = ports.iter().map(|port| flow("172.21.0.3", "10.0.0.1", 6, *port)).collect();
    let expected = "7 web-10.0.0.1: container:web to 10.0.0.1, 80/tcp 443/tcp 8001-8003/tcp 9000/tcp 9001/tcp";
    assert_eq!(suggested(&host(), &flows), [expected]);
    let scan: Vec<Flow> = (1..200).map(|number| flow("172.21.0.3", "10.0.0.1", 6, number * 7)).collect();
    assert_eq!(suggested(&host(), &scan), [""; 0]);
    let text = propose(&host(), &scan).text;
    assert!(text.contains("container web on network backend to 199 ports of 10.0.0.1"), "{text}");
}

#[test]
fn most_flows_come_first_and_a_crowd_is_cut() {
    let flows: Vec<Flow> =
        (0..60).flat_map(|number| vec![flow("172.21.0.3", &format!("10.0.0.{number}"), 6, 80); 60 - number]).collect();
    let proposal = propose(&host(), &flows);
    assert_eq!(proposal.suggested, MOST_GRANTS);
    assert!(proposal.text.contains("# And 20 more with fewer flows."));
    let first = proposal.text.find("10.0.0.0").unwrap();
    assert!(first < proposal.text.find("10.0.0.1\"").unwrap());
}

/// Docker takes any name for a network, and the kernel nearly any for an interface.
#[test]
fn a_name_cannot_smuggle_in_a_setting() {
    let mut host = host();
    if let DockerState::Known(docker) = &mut host.docker {
        docker.networks[0].name = "x\nmode = \"enforce\"\n[[grant]]".to_owned();
        docker.containers[0].name = "y\nz".to_owned();
        docker.containers[0].addresses[0].0 = "a\r\nb\u{85}".to_owned();
    }
    host.facts.links[3].name = "br-\u{7f}\n[x]".to_owned();
    let text = propose(&host, &[flow("172.21.0.3", "10.57.17.6", 6, 5432)]).text;
    let loaded = Config::parse("dockwall.toml", &text).unwrap();
    assert_eq!((loaded.config.mode, loaded.config.grants.len()), (Mode::Audit, 0));
    Config::parse("dockwall.toml", &uncommented(&text)).unwrap();
}

#[test]
fn no_remark_is_wider_than_a_page() {
    let text = propose(&host(), &[]).text;
    let widest = text.lines().max_by_key(|line| line.chars().count()).unwrap();
    assert!(widest.chars().count() <= WIDTH, "{widest}");
}
