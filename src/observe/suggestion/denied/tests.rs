//! What is suggested for flows made up here.

use super::*;
use crate::config::Config;
use crate::host::{Address, Docker, DockerNetwork, DockerState, Facts, Flow, Link, Published, Scope};

fn host() -> Host {
    let network = |name: &str, subnets: &[&str]| DockerNetwork {
        name: name.to_owned(),
        driver: "bridge".to_owned(),
        subnets: subnets.iter().map(|subnet| subnet.parse().unwrap()).collect(),
        ..DockerNetwork::default()
    };
    let container = |name: &str, network: &str, addresses: &[&str]| Container {
        name: name.to_owned(),
        addresses: addresses.iter().map(|address| (network.to_owned(), address.parse().unwrap())).collect(),
        ..Container::default()
    };
    let published = Published { address: None, port: 8080, protocol: Protocol::Tcp, container_port: 80 };
    let docker = Docker {
        networks: vec![network("backend", &["172.21.0.0/16", "fd21::/64"]), network("bridge", &["172.17.0.0/16"])],
        containers: vec![
            Container { published: vec![published], ..container("web", "backend", &["172.21.0.3", "fd21::3"]) },
            container("api", "backend", &["172.21.0.4", "fd21::4"]),
            container("brave_euler3", "bridge", &["172.17.0.2"]),
        ],
        ..Docker::default()
    };
    let own = |network: &str| Address { link: 1, network: network.parse().unwrap(), peer: None, scope: Scope::Global };
    let link = Link { index: 1, name: "eth0".to_owned(), has_device: true, ..Link::default() };
    let facts =
        Facts { links: vec![link], addresses: vec![own("10.57.17.2/24"), own("fd57::2/64")], ..Facts::default() };
    Host { facts, docker: DockerState::Known(docker), ..Host::default() }
}

fn denied(source: &str, destination: &str, protocol: u8, port: Option<u16>) -> Denied {
    let flow = Flow { source: source.parse().unwrap(), destination: destination.parse().unwrap(), protocol, port };
    let last = Some("2026-08-20T12:00:00Z".parse().unwrap());
    Denied { flow, packets: Some(3), bytes: Some(180), first: None, last, mode: None }
}

fn suggest(flows: &[Denied], grants: &str, wish: Wish) -> Suggestions {
    let config = Config::parse("x.toml", grants).unwrap().config;
    let host = host();
    let policy = Policy::resolve(&config, &host, None, "2026-08-20T12:00:00Z".parse().unwrap()).unwrap().policy;
    Suggestions::for_denied(flows, &policy, &host, wish, |name| name == "api-10.57.17.6")
}

/// Each as name, source, destination, and what.
fn texts(suggestions: &Suggestions) -> Vec<String> {
    let text = |Suggestion { grant, .. }: &Suggestion| {
        let from = grant.from.as_ref().unwrap();
        format!("{}: {from} {} {}", grant.name, grant.to, said(&(grant.ports.clone(), grant.protocol)))
    };
    let mut texts: Vec<String> = suggestions.grants.iter().map(text).collect();
    texts.sort();
    texts
}

#[test]
fn grants_are_by_name_and_by_port_and_have_names_of_their_own() {
    let suggestions = suggest(
        &[
            denied("172.21.0.3", "10.57.17.6", 6, Some(5432)),
            denied("172.21.0.3", "10.57.17.6", 17, Some(53)),
            denied("172.21.0.3", "10.57.17.6", 1, None),
            denied("172.21.0.4", "10.57.17.6", 6, Some(389)),
            denied("fd21::3", "fd57::6", 58, None),
            denied("172.17.0.2", "10.57.17.2", 6, Some(9100)),
            denied("172.21.0.99", "10.57.17.2", 6, Some(8080)),
        ],
        "",
        Wish::default(),
    );
    assert_eq!(
        texts(&suggestions),
        [
            "172.21.0.99-host-published: 172.21.0.99 host:published 8080/tcp",
            "api-10.57.17.6-2: container:api 10.57.17.6 389/tcp",
            "brave_euler3-host: container:brave_euler3 host 9100/tcp",
            "web-10.57.17.6-icmp: container:web 10.57.17.6 icmp",
            "web-10.57.17.6: container:web 10.57.17.6 5432/tcp, 53/udp",
            "web-fd57--6-icmp: container:web fd57::6 icmp",
        ]
    );
    let of = |name: &str| suggestions.grants.iter().find(|it| it.grant.name == name).unwrap();
    let database = of("web-10.57.17.6");
    assert_eq!((database.evidence.packets, database.evidence.flows), (Some(6), 2));
    assert_eq!(database.whose, "web (172.21.0.3 on backend)");
    assert!(of("brave_euler3-host").remark.as_ref().unwrap().contains("made that name up"));
    assert!(of("172.21.0.99-host-published").remark.as_ref().unwrap().contains("no container has that address"));
    assert!(suggestions.grants.iter().all(|it| it.risk.is_none()) && suggestions.left_out.is_empty());
}

#[test]
fn a_network_is_named_only_where_all_of_its_containers_ask_the_same() {
    let both = [denied("172.21.0.3", "10.57.17.6", 6, Some(5432)), denied("172.21.0.4", "10.57.17.6", 6, Some(5432))];
    assert_eq!(
        texts(&suggest(&both, "", Wish::default())),
        ["backend-10.57.17.6: network:backend 10.57.17.6 5432/tcp"]
    );
    let other = [both[0], denied("172.21.0.4", "10.57.17.6", 6, Some(5433))];
    assert_eq!(suggest(&other, "", Wish::default()).grants.len(), 2);
}

#[test]
fn what_is_granted_by_now_is_not_suggested_again() {
    let flows = [denied("172.21.0.3", "10.57.17.6", 6, Some(5432)), denied("172.21.0.3", "10.57.17.6", 6, Some(5433))];
    let grant = "[[grant]]\nname = 'db'\nto = '10.57.17.6'\nports = ['5432/tcp']\nfrom = 'container:web'";
    let suggestions = suggest(&flows, grant, Wish::default());
    assert_eq!(texts(&suggestions), ["web-10.57.17.6: container:web 10.57.17.6 5433/tcp"]);
    assert_eq!(suggestions.granted, 1);
}

#[test]
fn neighbours_are_merged_only_when_asked_and_only_for_the_same_ports() {
    let flows = [
        denied("172.21.0.3", "10.57.17.5", 6, Some(389)),
        denied("172.21.0.3", "10.57.17.6", 6, Some(389)),
        denied("172.21.0.3", "10.57.17.7", 6, Some(390)),
        denied("172.21.0.3", "10.57.17.70", 6, Some(389)),
        denied("fd21::3", "fd57::5", 6, Some(389)),
        denied("fd21::3", "fd57::6", 6, Some(389)),
        denied("172.21.0.3", "169.254.169.253", 6, Some(80)),
        denied("172.21.0.3", "169.254.169.252", 6, Some(80)),
    ];
    assert_eq!(suggest(&flows, "", Wish::default()).grants.len(), 8);
    assert_eq!(
        texts(&suggest(&flows, "", Wish { merge: Some(28), scans: false })),
        [
            "web-10.57.17.0-28: container:web 10.57.17.0/28 389/tcp",
            "web-10.57.17.70: container:web 10.57.17.70 389/tcp",
            "web-10.57.17.7: container:web 10.57.17.7 390/tcp",
            // A cloud's metadata would be in their network.
            "web-169.254.169.252: container:web 169.254.169.252 80/tcp",
            "web-169.254.169.253: container:web 169.254.169.253 80/tcp",
            "web-fd57---124: container:web fd57::/124 389/tcp",
        ]
    );
}

#[test]
fn e10_metadata_and_the_host_s_own_doors_carry_a_warning_and_stand_alone() {
    let mut flows = vec![
        denied("172.21.0.3", "169.254.169.254", 6, Some(80)),
        denied("fd21::3", "fd00:ec2::254", 6, Some(80)),
        denied("172.21.0.3", "10.57.17.2", 6, Some(9100)),
        denied("172.21.0.3", "10.57.17.2", 17, Some(22)),
        // A neighbour's, which is no door of this host's.
        denied("172.21.0.3", "10.57.17.6", 6, Some(22)),
    ];
    flows.extend([22, 2375, 2376, 10250].map(|port| denied("172.21.0.3", "10.57.17.2", 6, Some(port))));
    let suggestions = suggest(&flows, "", Wish::default());
    let (risky, plain): (Vec<_>, Vec<_>) = suggestions.grants.iter().cloned().partition(|it| it.risk.is_some());
    let of = |grants: Vec<Suggestion>| texts(&Suggestions { grants, ..Suggestions::default() });
    assert_eq!(
        of(plain),
        ["web-10.57.17.6: container:web 10.57.17.6 22/tcp", "web-host: container:web host 9100/tcp, 22/udp"]
    );
    let words = ["metadata", "metadata", "SSH; the host's Docker API, which is root on the host; the host's kubelet"];
    let mut risks: Vec<String> = risky.iter().filter_map(|it| it.risk.clone()).collect();
    risks.sort();
    assert!(risks.iter().zip(words).all(|(risk, word)| risk.contains(word)), "{risks:?}");
    assert_eq!(
        of(risky),
        [
            "web-169.254.169.254: container:web 169.254.169.254 80/tcp",
            "web-fd00-ec2--254: container:web fd00:ec2::254 80/tcp",
            "web-host-2: container:web host 22/tcp, 2375/tcp, 2376/tcp, 10250/tcp",
        ]
    );
}

#[test]
fn scans_are_told_and_left_out_unless_they_are_asked_for() {
    let ports = (1..=1000).map(|port| denied("172.21.0.3", "10.57.17.6", 6, Some(port)));
    let sweep = (1..=200).map(|last| denied("172.21.0.4", &format!("10.57.18.{last}"), 6, Some(22)));
    let wanted = [denied("172.21.0.4", "10.57.17.6", 6, Some(5432))];
    let flows: Vec<Denied> = ports.chain(sweep).chain(wanted).collect();
    let suggestions = suggest(&flows, "", Wish::default());
    assert_eq!(texts(&suggestions), ["api-10.57.17.6-2: container:api 10.57.17.6 5432/tcp"]);
    assert_eq!(
        suggestions.left_out,
        [
            "a scan: container:web to 1000 ports of 10.57.17.6, 3000 packets",
            "a scan: container:api to 200 destinations, 22/tcp"
        ]
    );
    let all = suggest(&flows, "", Wish { merge: None, scans: true });
    assert!(texts(&all).contains(&"web-10.57.17.6: container:web 10.57.17.6 1-1000/tcp".to_owned()));
    assert_eq!((all.grants.len(), all.left_out.len()), (202, 0));
}

#[test]
fn what_cannot_be_granted_exactly_is_left_out_and_told() {
    let suggestions = suggest(
        &[
            denied("172.21.0.3", "10.57.17.6", 132, None),
            denied("172.21.0.3", "10.57.17.6", 6, Some(0)),
            denied("172.21.0.3", "224.0.0.1", 17, Some(5353)),
        ],
        "",
        Wish::default(),
    );
    assert_eq!(suggestions.grants, []);
    assert_eq!(suggestions.left_out.len(), 3, "{:?}", suggestions.left_out);
}

#[test]
fn d5_what_docker_translated_is_granted_as_it_was_asked_for() {
    let suggestions = suggest(&[denied("172.17.0.2", "172.21.0.3", 6, Some(80))], "", Wish::default());
    assert_eq!(texts(&suggestions), ["brave_euler3-host-published: container:brave_euler3 host:published 8080/tcp"]);
}
