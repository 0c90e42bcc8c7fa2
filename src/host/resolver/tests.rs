//! A machine's files, and the resolvers that follow from them.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;

use super::*;
use crate::host::{Address, Link, Scope};

const RESOLV_CONF: &str = "/etc/resolv.conf";
const SYSTEMD: &str = "/run/systemd/resolve/resolv.conf";
const DAEMON_JSON: &str = "/etc/docker/daemon.json";
const DEFAULTS: &[&str] = &[
    "8.8.8.8 Docker's default",
    "8.8.4.4 Docker's default",
    "2001:4860:4860::8888 Docker's default",
    "2001:4860:4860::8844 Docker's default",
];

/// A root with these files in it.
fn root(files: &[(&str, &str)]) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = under(root.path(), Path::new(path));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    root
}

/// Each as its address and why it is one.
fn told(root: &Path, facts: &Facts, docker: Option<&Docker>) -> Vec<String> {
    let found = Resolver::find(root, facts, docker);
    found.iter().map(|resolver| format!("{} {}", resolver.address, resolver.origin)).collect()
}

#[test]
fn e3_the_files_of_a_machine_say_what_its_containers_ask() {
    for (case, files, expected) in [
        ("no file", &[][..], DEFAULTS),
        ("an empty file", &[(RESOLV_CONF, "")], DEFAULTS),
        ("only a search list", &[(RESOLV_CONF, "search lan\n")], DEFAULTS),
        (
            "comments, CRLF and what is no server",
            &[(
                RESOLV_CONF,
                "# nameserver 10.0.0.1\r\n;nameserver 10.0.0.2\r\n  nameserver\t10.0.0.3  # the router\r\n\
                 nameserver resolver.lan\r\nnameserver\r\noptions edns0\r\nnameserver 10.0.0.4",
            )],
            &["10.0.0.3 /etc/resolv.conf", "10.0.0.4 /etc/resolv.conf"],
        ),
        (
            "a server twice, and as IPv6 writes it",
            &[(RESOLV_CONF, "nameserver 10.0.0.1\nnameserver 10.0.0.1\nnameserver ::ffff:10.0.0.1\n")],
            &["10.0.0.1 /etc/resolv.conf"],
        ),
        ("the host's loopback", &[(RESOLV_CONF, "nameserver 127.0.0.1\nnameserver ::1\n")], DEFAULTS),
        (
            "the host's loopback beside another",
            &[(RESOLV_CONF, "nameserver 127.0.0.53\nnameserver fd00::53\n")],
            &["fd00::53 /etc/resolv.conf"],
        ),
        (
            "systemd-resolved's stub",
            &[(RESOLV_CONF, "nameserver 127.0.0.53\n"), (SYSTEMD, "nameserver 192.168.1.1\nnameserver fe80::1%eth0\n")],
            &["192.168.1.1 systemd-resolved, /run/systemd/resolve/resolv.conf"],
        ),
        ("systemd-resolved's stub without its file", &[(RESOLV_CONF, "nameserver 127.0.0.53\n")], DEFAULTS),
        (
            "systemd-resolved's file without its stub",
            &[(RESOLV_CONF, "nameserver 10.0.0.1\n"), (SYSTEMD, "nameserver 10.0.0.2\n")],
            &["10.0.0.1 /etc/resolv.conf"],
        ),
        ("a server of one link, which Docker counts", &[(RESOLV_CONF, "nameserver fe80::1%eth0\n")], &[]),
        (
            "daemon.json before resolv.conf",
            &[
                (RESOLV_CONF, "nameserver 10.0.0.1\n"),
                (DAEMON_JSON, r#"{ "dns": ["10.0.0.2", "fd00::2", "nonsense"], "mtu": 1400 }"#),
            ],
            &["10.0.0.2 dns in /etc/docker/daemon.json", "fd00::2 dns in /etc/docker/daemon.json"],
        ),
        (
            "daemon.json without resolvers",
            &[(RESOLV_CONF, "nameserver 10.0.0.1\n"), (DAEMON_JSON, r#"{ "dns": [] }"#)],
            &["10.0.0.1 /etc/resolv.conf"],
        ),
        (
            "daemon.json that is none",
            &[(RESOLV_CONF, "nameserver 10.0.0.1\n"), (DAEMON_JSON, r#"{ "dns": ["10.0.0.2" "#)],
            &["10.0.0.1 /etc/resolv.conf"],
        ),
        (
            "the container's own loopback by daemon.json, for which there is no default",
            &[(RESOLV_CONF, "nameserver 10.0.0.1\n"), (DAEMON_JSON, r#"{ "dns": ["127.0.0.1"] }"#)],
            &[],
        ),
    ] {
        assert_eq!(told(root(files).path(), &Facts::default(), None), expected, "{case}");
    }
}

#[test]
fn e8_a_cloud_s_resolver_is_one_wherever_its_address_is() {
    let files = [(RESOLV_CONF, "nameserver 100.100.2.136\nnameserver 169.254.169.253\nnameserver fd00:ec2::253\n")];
    let expected = ["100.100.2.136", "169.254.169.253", "fd00:ec2::253"].map(|each| format!("{each} /etc/resolv.conf"));
    assert_eq!(told(root(&files).path(), &Facts::default(), None), expected);
}

#[test]
fn e3_a_link_that_leads_nowhere_is_no_error() {
    let root = root(&[("/etc/hosts", "")]);
    symlink("../run/systemd/resolve/stub-resolv.conf", root.path().join("etc/resolv.conf")).unwrap();
    assert_eq!(told(root.path(), &Facts::default(), None), DEFAULTS);
}

#[test]
fn the_running_daemon_s_options_come_before_its_default_file() {
    let of_daemon = |command_line: &str| {
        let files = [
            ("/run/docker.pid", "4711"),
            ("/proc/4711/cmdline", command_line),
            (DAEMON_JSON, r#"{ "dns": ["10.0.0.2"] }"#),
            ("/srv/daemon.json", r#"{ "dns": ["10.0.0.3"] }"#),
        ];
        told(root(&files).path(), &Facts::default(), None)
    };
    for (case, command_line, expected) in [
        ("its option", "/usr/bin/dockerd\0--dns\x0010.0.0.1\0", "10.0.0.1 dockerd --dns"),
        ("its file", "dockerd\0--config-file=/srv/daemon.json\0", "10.0.0.3 dns in /srv/daemon.json"),
        ("no options", "/usr/bin/dockerd\0-H\0fd://\0", "10.0.0.2 dns in /etc/docker/daemon.json"),
        ("another program's process", "/usr/bin/nginx\0--dns\x0010.0.0.1\0", "10.0.0.2 dns in /etc/docker/daemon.json"),
    ] {
        assert_eq!(of_daemon(command_line), [expected], "{case}");
    }
}

/// A container with its own resolver.
fn container(name: &str, network_mode: &str, dns: &[&str]) -> Container {
    Container {
        name: name.to_owned(),
        network_mode: network_mode.to_owned(),
        dns: dns.iter().map(|address| address.parse().unwrap()).collect(),
        labels: BTreeMap::new(),
        ..Container::default()
    }
}

#[test]
fn e1_a_container_s_own_resolvers_are_added_to_those_of_all_others() {
    let docker = Docker {
        containers: vec![
            container("app", "bridge", &["10.0.0.1", "192.168.0.1"]),
            container("db", "backend", &["192.168.0.1", "127.0.0.1", "0.0.0.0"]),
            container("vpn", "host", &["192.168.0.2"]),
            container("sidecar", "container:0123", &["192.168.0.3"]),
        ],
        ..Docker::default()
    };
    let root = root(&[(RESOLV_CONF, "nameserver 10.0.0.1\n")]);
    let expected = ["10.0.0.1 /etc/resolv.conf", "192.168.0.1 --dns of container app"];
    assert_eq!(told(root.path(), &Facts::default(), Some(&docker)), expected);
}

#[test]
fn e2_podman_s_resolver_is_on_its_bridges() {
    let link = |index, name: &str, kind: &str| Link {
        index,
        name: name.to_owned(),
        kind: Some(kind.to_owned()),
        ..Link::default()
    };
    let address =
        |link, network: &str| Address { link, network: network.parse().unwrap(), peer: None, scope: Scope::Global };
    let facts = Facts {
        links: vec![
            link(3, "podman0", "bridge"),
            link(4, "cni-podman1", "bridge"),
            link(5, "podman1", "veth"),
            link(6, "docker0", "bridge"),
        ],
        addresses: vec![
            address(3, "10.88.0.1/16"),
            address(3, "fe80::1/64"),
            address(4, "fd00:88::1/64"),
            address(5, "10.90.0.1/24"),
            address(6, "172.17.0.1/16"),
        ],
        routes: vec![],
    };
    let root = root(&[(RESOLV_CONF, "nameserver 10.0.0.1\n")]);
    let expected = [
        "10.0.0.1 /etc/resolv.conf",
        "10.88.0.1 Podman's resolver on podman0",
        "fd00:88::1 Podman's resolver on cni-podman1",
    ];
    assert_eq!(told(root.path(), &facts, None), expected);
}
