//! The wall and what others than this host's Docker bring along: swarm, Docker in Docker, and bridges
//! of other programs.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod support;

use support::lab::table::{Expected, State, Table};
use support::lab::{BEHIND_LAN, FOR_SWARM, HOST, LAN, Lab, NESTED_PORT, WAN};

const ENFORCE: &str =
    "mode = \"enforce\"\ndeny.ranges = [\"internal\", \"198.18.0.0/15\", \"64:ff9b::/96\", \"2002::/16\"]\n";

fn of_tcp(addresses: &[&str]) -> Vec<String> {
    addresses.iter().map(|address| format!("tcp {address} 7000")).collect()
}

fn neighbours() -> Vec<String> {
    of_tcp(&[&LAN[..], &BEHIND_LAN].concat())
}

/// Asks a table without a wall, in audit mode and in enforce mode.
#[track_caller]
fn ask(lab: &Lab, table: &mut Table, title: &str) {
    table.ask(lab, State::Open);
    lab.apply(&ENFORCE.replace("enforce", "audit"));
    table.ask(lab, State::Audit);
    lab.apply(ENFORCE);
    table.ask(lab, State::Enforce).judge(title);
}

/// Two nodes, as far as a kernel without IP_VS and ESP has it: no virtual addresses, no encryption.
#[test]
fn h5_h6_tasks_of_a_swarm_are_closed_to_the_lan_and_reach_each_other() {
    let lab = Lab::up(&FOR_SWARM);
    lab.swarm();
    lab.swarm_node("node2");
    lab.exec("host", "docker network create --driver overlay across");
    let published = "--publish mode=host,published=9100,target=7000";
    let at_host = format!("--constraint node.hostname==dw-{}-host", lab.name());
    let here = lab.service("here", &format!("--endpoint-mode dnsrr --network across {at_host} {published}"));
    let there = lab.service("there", "--endpoint-mode dnsrr --network across --constraint node.hostname==node2");
    let overlay = lab.exec(&there, "ip -4 -oneline address show dev eth0");
    let peer = overlay.split_whitespace().nth(3).unwrap().split('/').next().unwrap();

    let ipv4: Vec<String> = neighbours().into_iter().filter(|probe| !probe.contains(':')).collect();
    let mut table = Table::default();
    table.add(&here, "neighbours", ipv4, Expected::closed());
    table.add(&here, "the Internet", of_tcp(&WAN[..1]), Expected::open());
    table.add(&here, "a task at another node", of_tcp(&[peer]), Expected::open());
    table.add("lan", "published by the task", HOST.map(|host| format!("tcp {host} 9100")), Expected::open());
    ask(&lab, &mut table, "swarm");
}

#[test]
fn h8_h9_a_container_in_a_container_is_closed_to_the_lan_at_the_outer_host() {
    let lab = Lab::up(&[]);
    let masqueraded = lab.nested("dind", &format!("--publish {NESTED_PORT}:{NESTED_PORT}"));
    let plain = lab.nested("plain", "-- --ip-masq=false --bip 10.88.6.1/24");
    // The way back to the addresses of the one that keeps its own.
    lab.exec("host", "ip route add 10.88.6.0/24 via 172.17.0.4");
    lab.exec("lan", "ip route add 10.88.6.0/24 via 10.57.17.2");

    let mut table = Table::default();
    table.add(&masqueraded, "neighbours", neighbours(), Expected::closed());
    table.add(&masqueraded, "the Internet", of_tcp(&WAN), Expected::open());
    table.add(&plain, "neighbours", of_tcp(&["10.57.17.6", "10.57.17.5", "10.99.0.1"]), Expected::closed());
    table.add("lan", "published by both", HOST.map(|host| format!("tcp {host} {NESTED_PORT}")), Expected::open());
    ask(&lab, &mut table, "Docker in Docker");

    // And one whose Docker starts with the wall standing.
    let later = lab.nested("later", "-- --bip 10.88.7.1/24");
    let mut table = Table::default();
    table.add(&later, "neighbours", neighbours(), Expected::closed());
    table.add(&later, "the Internet", of_tcp(&WAN), Expected::open());
    table.ask(&lab, State::Enforce).judge("Docker in Docker, started later");
}

#[test]
fn n1_n6_guests_of_libvirt_and_lxd_notice_nothing_and_those_of_podman_and_nerdctl_are_closed() {
    let lab = Lab::up(&[]);
    let bridges = ["virbr0", "lxdbr0", "incusbr0", "podman0", "cni-podman0", "nerdctl0"];
    let mut table = Table::default();
    for (index, bridge) in bridges.into_iter().enumerate() {
        let guest =
            lab.bridge_with_guest(bridge, &[&format!("192.168.12{index}.0/24"), &format!("fd00:12{index}::/64")]);
        let closed = if index < 3 { Expected::open() } else { Expected::closed() };
        table.add(&guest, "neighbours", neighbours(), closed);
        table.add(&guest, "the Internet", of_tcp(&WAN), Expected::open());
    }
    ask(&lab, &mut table, "bridges of other programs");
}
