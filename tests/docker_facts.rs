//! What dockwall learns of a real Docker: its networks, its containers and their resolvers.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod support;

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::net::IpAddr;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use dockwall::config::Protocol;
use dockwall::host::{Container, Docker, DockerNetwork, DockerState, Host, Published, ResolverOrigin};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use support::lab::{CONTAINERS, Lab, addresses};

/// What a file in the lab's own folder says.
fn state(lab: &Lab, file: &str) -> String {
    let netns = lab.netns("host");
    let name = netns.strip_prefix("dw-").and_then(|name| name.strip_suffix("-host")).unwrap();
    fs::read_to_string(format!("/tmp/dockwall-lab.{name}/{file}")).unwrap().trim().to_owned()
}

/// The folder of the Docker host's files, as this machine sees it.
fn root(lab: &Lab) -> PathBuf {
    format!("/proc/{}/root", state(lab, "gate.pid")).into()
}

/// Sends dockerd a signal.
fn signal(lab: &Lab, name: &str) {
    let mut command = Command::new("nsenter");
    command.args(["--target", &state(lab, "init.pid"), "--mount", "--pid", "--"]);
    let sent = command.args(["sh", "-c", &format!("kill -s {name} $(cat /run/docker.pid)")]).status().unwrap();
    assert!(sent.success());
}

/// What [`Host::read`] reads there.
fn read(lab: &Lab) -> Host {
    let namespace = File::open(format!("/run/netns/{}", lab.netns("host"))).unwrap();
    let root = root(lab);
    let inside = || {
        move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
        Host::with_docker(DockerState::at(&root.join("run/docker.sock")), &root).unwrap()
    };
    thread::scope(|scope| scope.spawn(inside).join().unwrap())
}

#[track_caller]
fn known(host: &Host) -> &Docker {
    host.docker.known().unwrap_or_else(|| panic!("{:?}", host.docker))
}

fn network<'a>(docker: &'a Docker, name: &str) -> &'a DockerNetwork {
    docker.networks.iter().find(|network| network.name == name).unwrap()
}

fn container<'a>(docker: &'a Docker, name: &str) -> &'a Container {
    docker.containers.iter().find(|container| container.name == name).unwrap()
}

fn parsed(texts: &[&str]) -> Vec<IpAddr> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

#[test]
fn networks_and_containers_are_as_docker_made_them() {
    let lab = Lab::up(&[]);
    let edge = "docker network create --internal --subnet 172.30.0.0/24 -o com.docker.network.bridge.name=br-lan0 edge";
    lab.exec("host", edge);
    lab.control("run own --network edge --ip 172.30.0.9 --dns 10.57.17.6 --label team=a");
    lab.control("run local --network backend -p 127.0.0.1:9999:80 -p 9998:80/udp");
    lab.control("run vpn --network host --dns 10.57.17.9 -- /lab/traffic serve --tcp 7900");
    let host = read(&lab);
    let docker = known(&host);

    let version = lab.exec("host", "docker version --format {{.Server.Version}}");
    assert_eq!(docker.version, version.trim());
    let links: BTreeSet<&str> = host.facts.links.iter().map(|link| link.name.as_str()).collect();
    let bridges = |name| network(docker, name).bridge.as_deref();
    assert_eq!([bridges("bridge"), bridges("edge"), bridges("host")], [Some("docker0"), Some("br-lan0"), None]);
    for name in ["bridge", "backend", "other", "edge"] {
        assert!(bridges(name).is_some_and(|bridge| links.contains(bridge)), "{name}: {:?} of {links:?}", bridges(name));
    }
    let backend = network(docker, "backend");
    assert_eq!(backend.gateways, parsed(&["172.21.0.1", "fd00:d0c:21::1"]));
    assert_eq!(backend.subnets, ["172.21.0.0/16".parse().unwrap(), "fd00:d0c:21::/64".parse().unwrap()]);
    assert!(network(docker, "edge").internal && !backend.internal);

    for name in CONTAINERS {
        let own: Vec<IpAddr> = container(docker, name).addresses.iter().map(|(_, address)| *address).collect();
        assert_eq!(own, parsed(&addresses(name)), "{name}");
    }
    let published = |address: Option<&str>, port, protocol, container_port| Published {
        address: address.map(|address| address.parse().unwrap()),
        port,
        protocol,
        container_port,
    };
    let of_web = [
        published(None, 8053, Protocol::Udp, 7001),
        published(None, 8080, Protocol::Tcp, 7000),
        published(None, 8081, Protocol::Tcp, 7004),
        published(None, 51820, Protocol::Udp, 7001),
    ];
    assert_eq!(BTreeSet::from_iter(&container(docker, "web-1").published), BTreeSet::from_iter(&of_web));
    let of_local = [published(Some("127.0.0.1"), 9999, Protocol::Tcp, 80), published(None, 9998, Protocol::Udp, 80)];
    assert_eq!(BTreeSet::from_iter(&container(docker, "local").published), BTreeSet::from_iter(&of_local));

    let own = container(docker, "own");
    assert_eq!(own.addresses, [("edge".to_owned(), parsed(&["172.30.0.9"])[0])]);
    assert_eq!((own.labels["team"].as_str(), &own.dns), ("a", &parsed(&["10.57.17.6"])));
    let vpn = container(docker, "vpn");
    assert_eq!((vpn.network_mode.as_str(), vpn.addresses.len(), vpn.has_own_network()), ("host", 0, false));

    // The host's, and that of the one container in a network of Docker's that has its own.
    let resolvers: Vec<_> = host.resolvers.iter().map(|resolver| (resolver.address, &resolver.origin)).collect();
    let expected = [
        (parsed(&["10.57.17.5"])[0], &ResolverOrigin::ResolvConf("/etc/resolv.conf".into())),
        (parsed(&["10.57.17.6"])[0], &ResolverOrigin::Container("own".to_owned())),
    ];
    assert_eq!(resolvers, expected);
}

#[test]
fn a_dockerd_that_is_stopped_or_frozen_is_out_of_reach() {
    let lab = Lab::up(&[]);
    assert!(read(&lab).docker.known().is_some());
    lab.control("dockerd kill");
    let host = read(&lab);
    assert!(
        matches!(&host.docker, DockerState::Unreachable(reason) if reason.contains("refused")),
        "{:?}",
        host.docker
    );
    assert!(!host.facts.links.is_empty() && host.resolvers.len() == 1);

    lab.control("dockerd start");
    signal(&lab, "STOP");
    let asked = Instant::now();
    let host = read(&lab);
    assert!(asked.elapsed() < Duration::from_millis(2500), "{:?}", asked.elapsed());
    assert!(matches!(&host.docker, DockerState::Unreachable(reason) if reason.contains("2 s")), "{:?}", host.docker);
    signal(&lab, "CONT");
    assert!(read(&lab).docker.known().is_some());
}
