//! What Docker's daemon tells, old and new, and every way in which it does not.

mod answers;
mod daemon;

use std::fs::{self, Permissions};
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use caps::CapSet;
use daemon::{Daemon, respond};
use dockwall::config::Protocol;
use dockwall::host::{Container, DockerNetwork, DockerState, Published};

/// The promise is 2 s; the rest is for a busy machine.
const AT_MOST: Duration = Duration::from_millis(2500);

fn network<'a>(networks: &'a [DockerNetwork], name: &str) -> &'a DockerNetwork {
    networks.iter().find(|network| network.name == name).unwrap()
}

fn container<'a>(containers: &'a [Container], name: &str) -> &'a Container {
    containers.iter().find(|container| container.name == name).unwrap()
}

/// Addresses as a test writes them.
fn addresses(of: &Container) -> Vec<String> {
    of.addresses.iter().map(|(network, address)| format!("{network} {address}")).collect()
}

fn published(address: Option<&str>, port: u16, protocol: Protocol, container_port: u16) -> Published {
    Published { address: address.map(|address| address.parse().unwrap()), port, protocol, container_port }
}

#[test]
fn a_daemon_of_20_10_is_read() {
    let docker = Daemon::answering(answers::OF_20_10).docker();
    assert_eq!(docker.version, "20.10.24+dfsg1");

    let names: Vec<_> = docker.networks.iter().map(|network| network.name.as_str()).collect();
    assert_eq!(names, ["backend", "bridge", "edge", "host", "none"]);
    let bridges =
        ["bridge", "backend", "edge", "host", "none"].map(|name| network(&docker.networks, name).bridge.as_deref());
    assert_eq!(bridges, [Some("docker0"), Some("br-1cbb0e934c9d"), Some("br-lan0"), None, None]);
    let edge = network(&docker.networks, "edge");
    assert!(edge.internal && !network(&docker.networks, "backend").internal);
    assert_eq!(edge.subnets, ["172.18.0.0/16".parse().unwrap()]);
    assert_eq!(edge.gateways, ["172.18.0.1".parse::<std::net::IpAddr>().unwrap()]);

    let names: Vec<_> = docker.containers.iter().map(|container| container.name.as_str()).collect();
    assert_eq!(names, ["app", "side", "vpn", "web-1"]);
    let app = container(&docker.containers, "app");
    assert_eq!((app.image.as_str(), app.network_mode.as_str()), ("busybox:1.36", "bridge"));
    assert_eq!(addresses(app), ["bridge 172.17.0.2", "bridge fd00:d0c:1::242:ac11:2"]);
    assert_eq!((&app.dns, &app.published), (&vec![], &vec![]));

    let web = container(&docker.containers, "web-1");
    assert_eq!(addresses(web), ["backend 172.21.0.2", "edge 172.18.0.2"]);
    assert_eq!(web.labels["team"], "a");
    assert_eq!(web.dns, ["10.57.17.5".parse::<std::net::IpAddr>().unwrap()]);
    let expected = [
        published(None, 8080, Protocol::Tcp, 7000),
        published(None, 51820, Protocol::Udp, 7001),
        published(Some("127.0.0.1"), 9999, Protocol::Tcp, 80),
    ];
    assert_eq!(web.published, expected);

    // Neither is asked about its resolvers, which are the host's and another container's.
    for name in ["side", "vpn"] {
        let without = container(&docker.containers, name);
        assert_eq!((addresses(without), &without.dns), (vec![], &vec![]), "{name}");
    }
}

#[test]
fn a_manager_of_a_swarm_with_28_is_read() {
    let docker = Daemon::answering(answers::OF_28).docker();
    assert_eq!(docker.version, "28.5.2");
    let bridges = ["ingress", "docker_gwbridge"].map(|name| network(&docker.networks, name).bridge.as_deref());
    assert_eq!(bridges, [None, Some("docker_gwbridge")]);
    let task = container(&docker.containers, "web.1.x7d2");
    assert_eq!(addresses(task), ["apps 10.0.1.3", "ingress 10.0.0.4", "docker_gwbridge 172.19.0.3"]);
    assert_eq!(task.published, [published(None, 8443, Protocol::Tcp, 443), published(None, 9000, Protocol::Udp, 9000)]);
}

#[test]
fn a_worker_of_a_swarm_is_not_asked_twice() {
    let docker = Daemon::with(|path, connection| match path {
        "/services" => respond(connection, 503, r#"{ "message": "This node is not a swarm manager." }"#),
        _ => respond(connection, 200, answers::OF_28.iter().find(|(other, _, _)| *other == path).unwrap().2),
    })
    .docker();
    let task = container(&docker.containers, "web.1.x7d2");
    assert_eq!((addresses(task).len(), task.published.len()), (3, 0));
}

#[test]
fn a_container_that_ends_meanwhile_is_left_out() {
    const ANSWERS: &[(&str, u16, &str)] = &[
        ("/version", 200, "{}"),
        ("/networks", 200, "[]"),
        ("/containers/json", 200, r#"[{ "Id": "aa", "Names": ["/gone"] }, { "Id": "bb", "Names": ["/stays"] }]"#),
        ("/containers/bb/json", 200, "{}"),
    ];
    let containers = Daemon::answering(ANSWERS).docker().containers;
    assert_eq!(containers.iter().map(|container| container.name.as_str()).collect::<Vec<_>>(), ["stays"]);
}

#[test]
fn a_container_with_a_word_of_a_newer_daemon_is_known_without_its_resolvers() {
    const ANSWERS: &[(&str, u16, &str)] = &[
        ("/version", 200, r#"{ "Version": "99.0", "New": [{}] }"#),
        ("/networks", 200, r#"[{ "Name": "new", "Driver": "ipvlan", "New": {} }]"#),
        (
            "/containers/json",
            200,
            r#"[{ "Id": "aa", "Names": ["/new"], "New": 1 }, { "Id": "bb", "Names": ["/old"] }]"#,
        ),
        (
            "/containers/aa/json",
            200,
            r#"{ "HostConfig": { "Dns": ["10.0.0.1"], "RestartPolicy": { "Name": "new" } } }"#,
        ),
        ("/containers/bb/json", 200, r#"{ "HostConfig": { "Dns": ["10.0.0.2"], "New": true } }"#),
    ];
    let containers = Daemon::answering(ANSWERS).docker().containers;
    let dns: Vec<_> = containers.iter().map(|container| (container.name.as_str(), container.dns.len())).collect();
    assert_eq!(dns, [("new", 0), ("old", 1)]);
}

#[test]
fn a_thousand_containers_are_read_in_time() {
    let daemon = Daemon::with(|path, connection| match path {
        "/version" => respond(connection, 200, "{}"),
        "/networks" => respond(connection, 200, "[]"),
        "/containers/json" => {
            let all: Vec<_> =
                (0..1000).map(|number| format!(r#"{{ "Id": "{number}", "Names": ["/{number}"] }}"#)).collect();
            respond(connection, 200, &format!("[{}]", all.join(",")));
        }
        _ => respond(connection, 200, r#"{ "HostConfig": { "Dns": ["10.0.0.1"] } }"#),
    });
    let containers = daemon.docker().containers;
    assert_eq!(containers.iter().filter(|container| container.dns.len() == 1).count(), 1000);
}

#[test]
fn no_socket_is_no_docker() {
    let directory = tempfile::tempdir().unwrap();
    let link = directory.path().join("link.sock");
    symlink("nowhere.sock", &link).unwrap();
    fs::write(directory.path().join("file"), "").unwrap();
    for socket in [&link, &directory.path().join("docker.sock"), &directory.path().join("file/docker.sock")] {
        assert_eq!(DockerState::at(socket), DockerState::Absent, "{}", socket.display());
    }
}

#[test]
fn a_socket_without_a_daemon_refuses() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("docker.sock");
    drop(UnixListener::bind(&socket).unwrap());
    let DockerState::Unreachable(reason) = DockerState::at(&socket) else { panic!("reached") };
    assert!(reason.starts_with(socket.to_str().unwrap()) && reason.contains("Connection refused"), "{reason}");
}

/// What is learned of a socket by who may do nothing, not even what root may.
fn without_privilege(socket: &Path) -> DockerState {
    let asked = || {
        for set in [CapSet::Effective, CapSet::Permitted] {
            caps::clear(None, set).unwrap();
        }
        DockerState::at(socket)
    };
    thread::scope(|scope| scope.spawn(asked).join().unwrap())
}

#[test]
fn a_socket_of_others_is_out_of_reach() {
    let daemon = Daemon::answering(answers::OF_28);
    fs::set_permissions(daemon.socket(), Permissions::from_mode(0o000)).unwrap();
    let directory = tempfile::tempdir().unwrap();
    fs::set_permissions(directory.path(), Permissions::from_mode(0o000)).unwrap();
    for socket in [daemon.socket(), directory.path().join("docker.sock")] {
        let state = without_privilege(&socket);
        assert!(
            matches!(&state, DockerState::Unreachable(reason) if reason.contains("Permission denied")),
            "{state:?}"
        );
    }
}

#[test]
fn a_daemon_that_hangs_is_waited_for_two_seconds() {
    // The connections stay open: a daemon that is stopped does not close them either.
    let hangs_at = |path: &'static str| {
        Daemon::with(move |asked, connection| match answers::OF_20_10.iter().find(|(other, _, _)| *other == asked) {
            Some((_, status, body)) if asked != path => respond(connection, *status, body),
            _ => thread::sleep(2 * AT_MOST),
        })
    };
    for path in [
        "/version",
        "/containers/json",
        "/containers/aa6b8e167dea48a9a36495e20326965ca63212e2d00f4c5532bc66b95a5a0739/json",
    ] {
        let daemon = hangs_at(path);
        let asked = Instant::now();
        let reason = daemon.reason();
        assert!(asked.elapsed() < AT_MOST, "{path}: {:?}", asked.elapsed());
        assert!(reason.ends_with("did not answer within 2 s"), "{path}: {reason}");
    }
}

#[test]
fn what_is_no_answer_is_told() {
    for (case, answer, expected) in [
        ("no HTTP", "SSH-2.0-OpenSSH_9.2\r\n", "invalid HTTP"),
        ("nothing", "", "connection closed"),
        ("half a head", "HTTP/1.1 200 OK\r\nContent-Le", "connection closed"),
        ("half a body", "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n[{ \"Id\": ", "end of file"),
        ("no JSON", "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nhey!", "expected value"),
        ("another shape", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n42", "invalid type"),
        ("an error", "HTTP/1.1 500 No\r\nContent-Length: 23\r\n\r\n{ \"message\": \"broken\" }", "broken"),
    ] {
        // After the first one that makes no sense the others are not read any more.
        let daemon = Daemon::with(move |_, mut connection| drop(connection.write_all(answer.as_bytes())));
        let reason = daemon.reason();
        assert!(reason.contains(expected), "{case}: {reason}");
    }
}
