//! The wall and what others than this host's Docker bring along: swarm, Docker in Docker, and bridges
//! of other programs.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod support;

use support::lab::table::{Expected, State, Table};
use support::lab::{
    BEHIND_LAN, DENY_ALL_OF_THEM, ENFORCE, FOR_SWARM, HOST, LAN, Lab, NAMED, NESTED_PORT, WAN, of_tcp, of_tcp_at,
};

fn neighbours() -> Vec<String> {
    of_tcp(&[&LAN[..], &BEHIND_LAN].concat())
}

/// The address of a task in its overlay network.
fn in_overlay(lab: &Lab, task: &str) -> String {
    let listed = lab.exec(task, "ip -4 -oneline address show dev eth0");
    listed.split_whitespace().nth(3).unwrap().split('/').next().unwrap().to_owned()
}

/// Two nodes, as far as a kernel without IP_VS and ESP has it: no virtual addresses, no encryption.
#[test]
fn h5_h6_h7_tasks_of_a_swarm_are_closed_to_lan_and_host_and_reach_each_other() {
    let lab = Lab::up(&FOR_SWARM);
    lab.swarm();
    lab.swarm_node("node2");
    lab.exec("host", "docker network create --driver overlay across");
    lab.exec("host", "docker network create --driver overlay --internal within");
    let published = "--publish mode=host,published=9100,target=7000";
    let at_host = format!("--constraint node.hostname==dw-{}-host", lab.name());
    let at_node2 = "--constraint node.hostname==node2";
    let service = |name: &str, options: &str| lab.service(name, &format!("--endpoint-mode dnsrr --network {options}"));
    let here = service("here", &format!("across {at_host} {published}"));
    let there = service("there", &format!("across {at_node2}"));
    let inside = service("inside", &format!("within {at_host}"));
    let inside_there = service("inside-there", &format!("within {at_node2}"));

    let ipv4: Vec<String> = neighbours().into_iter().filter(|probe| !probe.contains(':')).collect();
    // That of docker_gwbridge, by which it gets out.
    let gateways = lab.gateways_of(&here);
    let gateways: Vec<&str> = gateways.iter().map(String::as_str).collect();
    let host = of_tcp(&[&gateways[..], &["10.57.17.2", "203.0.113.2", "172.17.0.1"]].concat());
    assert_eq!(gateways.len(), 1);
    let mut table = Table::default();
    table.add(&here, "neighbours", ipv4.clone(), Expected::closed());
    table.add(&here, "the host", host.clone(), Expected::closed());
    table.add(&here, "the Internet", of_tcp(&WAN[..1]), Expected::open());
    table.add(&here, "a task at another node", of_tcp(&[&in_overlay(&lab, &there)]), Expected::open());
    table.add(&there, "a task at this node", of_tcp(&[&in_overlay(&lab, &here)]), Expected::open());
    table.add("lan", "published by the task", of_tcp_at(&HOST, 9100), Expected::open());
    table.add(&inside, "in an internal network", of_tcp(&[&in_overlay(&lab, &inside_there)]), Expected::open());
    // It has no way out at all, not even to docker_gwbridge.
    let nowhere = [ipv4, host].concat();
    table.add(&inside, "anybody else", nowhere, Expected::always("unreachable".into()));
    table.judge_policy(&lab, "swarm", DENY_ALL_OF_THEM, None);

    // What the nodes say to each other comes by the uplink: orders by 2377, gossip by 7946, VXLAN by 4789.
    let later = service("later", &format!("across {at_node2}"));
    let mut table = Table::default();
    table.add(&here, "a task that was started later", of_tcp(&[&in_overlay(&lab, &later)]), Expected::open());
    table.add(&later, "a task at this node", of_tcp(&[&in_overlay(&lab, &here)]), Expected::open());
    table.ask(&lab, State::Enforce).judge("the swarm goes on");
    assert_eq!(lab.exec("host", "docker node ls --format {{.Status}}").trim(), "Ready\nReady");
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
    table.add("lan", "published by both", of_tcp_at(&HOST, NESTED_PORT), Expected::open());
    table.judge_policy(&lab, "Docker in Docker", DENY_ALL_OF_THEM, None);

    // And one whose Docker starts with the wall standing.
    let later = lab.nested("later", "-- --bip 10.88.7.1/24");
    let mut table = Table::default();
    table.add(&later, "neighbours", neighbours(), Expected::closed());
    table.add(&later, "the Internet", of_tcp(&WAN), Expected::open());
    table.ask(&lab, State::Enforce).judge("Docker in Docker, started later");
}

/// The inner Docker gives its containers the Internet's resolvers where it finds no others. Packets of
/// theirs to the Internet are let alone, as all are.
#[test]
fn e11_a_container_in_a_container_asks_a_public_resolver() {
    const PUBLIC: &str = "8.8.8.8";
    let lab = Lab::up(&[]);
    lab.exec("wan", &format!("ip address add {PUBLIC}/32 dev eth0"));
    lab.exec("router", &format!("ip route add {PUBLIC} via {}", WAN[0]));
    let _resolver = lab.start("wan", &format!("traffic serve --dns 53 --address {PUBLIC} --a 192.0.2.88"));
    lab.apply(&format!("{ENFORCE}{DENY_ALL_OF_THEM}"));
    let inner = lab.nested("dind", &format!("-- --dns {PUBLIC}"));
    let given = lab.in_nested("dind", "docker exec inner cat /etc/resolv.conf");
    assert!(given.contains(&format!("nameserver {PUBLIC}\n")), "{given}");
    for how in ["", " --tcp"] {
        assert_eq!(lab.resolve(&inner, &format!("{PUBLIC} some.example{how}")), "192.0.2.88", "{how}");
    }
    assert_eq!(lab.status()["wall"]["denied"]["packets"], 0);
    // And the resolver that the outer host uses, and no other one in the LAN.
    assert_eq!(lab.resolve(&inner, "10.57.17.5 some.example"), NAMED[0]);
    assert_eq!(lab.resolve(&inner, "10.57.17.6 some.example"), "timeout");
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
    table.judge_policy(&lab, "bridges of other programs", DENY_ALL_OF_THEM, None);
}
