//! The stage of the other Docker tests: that without a wall everybody on it answers, so that silence
//! in the other tests is the wall's.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod support;

use support::lab::table::{Expected, State, Table};
use support::lab::{
    BEHIND_LAN, BRANCH, CLOUD_RESOLVER, CONTAINERS, FOR_SWARM, HOST, HOST_ON_VPN, HOST_PUBLIC, LAN, LAN_RESOLVER, Lab,
    METADATA, NAMED, NESTED_PORT, NETWORKS, Verdict, WAN, addresses, all_of, gateways, of_tcp, of_tcp_at,
};

/// Everybody outside the Docker host that a container may ask.
fn around() -> Vec<String> {
    let addresses = LAN.iter().chain(&BEHIND_LAN).chain(&BRANCH).chain(&WAN);
    addresses.flat_map(|address| all_of(address)).collect()
}

fn unreachable() -> Verdict {
    Verdict::Other("unreachable".to_owned())
}

#[test]
fn containers_of_every_kind_of_network_reach_everybody() {
    let lab = Lab::up(&["--tun", "wg0", "--vpn", "bond0.20"]);
    let mut table = Table::default();
    for container in CONTAINERS {
        table.add(container, "around", around(), Expected::open());
        table.add(container, "its gateway", of_tcp(&gateways(container)), Expected::open());
    }
    for network in &NETWORKS {
        let place = lab.network(network);
        let outside = if network.leads_out { Verdict::Ok } else { Verdict::Timeout };
        let hosts = [HOST, HOST_PUBLIC, HOST_ON_VPN].concat();
        table.add(&place, "its gateway", network.gateways.iter().flat_map(|address| all_of(address)), Expected::open());
        table.add(
            &place,
            "around",
            of_tcp(&[&LAN[..], &BEHIND_LAN, &BRANCH, &WAN].concat()),
            Expected::always(outside),
        );
        table.add(&place, "its own address", of_tcp(&network.addresses), Expected::open());
        // Docker lets containers of internal networks ask all of the host.
        table.add(&place, "the host elsewhere", of_tcp(&hosts), Expected::open());
        if network.leads_out {
            table.add(&place, "a VPN", of_tcp(&["10.8.0.2", "fd08::2", "10.8.1.2", "fd08:1::2"]), Expected::open());
        }
    }
    for from in ["lan", "wan", "branch", "host"] {
        table.add(from, "a published port", of_tcp_at(&HOST_PUBLIC, 8080), Expected::open());
    }
    table.ask(&lab, State::Open).judge("the stage");
}

/// Also from the containers themselves, from the one that it leads to and from those of its network.
#[test]
fn published_ports_answer_everybody_with_and_without_a_proxy() {
    for proxy in ["true", "false"] {
        let lab = Lab::up(&["--dockerd-opt", &format!("--userland-proxy={proxy}"), "--uplink", "br0", "--bridged"]);
        let mut table = Table::default();
        let ports = |addresses: &[&str]| of_tcp_at(addresses, 8080);
        for place in ["host", "lan", "branch"] {
            table.add(place, "from outside", ports(&[HOST, HOST_PUBLIC].concat()), Expected::open());
        }
        table.add("wan", "from outside", ports(&[&HOST[..1], &HOST_PUBLIC].concat()), Expected::open());
        table.add("host", "by the loopback", ports(&["127.0.0.1"]), Expected::open());
        // Without a proxy the packet goes to the container at once, and Docker keeps its networks apart.
        for place in CONTAINERS {
            let is_apart = proxy == "false" && !place.starts_with("web");
            let verdict = if is_apart { Verdict::Timeout } else { Verdict::Ok };
            let addresses = [&HOST[..], &gateways(place), &HOST_PUBLIC].concat();
            table.add(place, "from a container", ports(&addresses), Expected::always(verdict));
        }
        table.ask(&lab, State::Open).judge(&format!("published ports, --userland-proxy={proxy}"));
    }
}

#[test]
fn resolvers_and_metadata_answer_where_a_container_looks_for_them() {
    let lab = Lab::up(&[]);
    let mut table = Table::default();
    for container in CONTAINERS {
        for server in [LAN_RESOLVER, CLOUD_RESOLVER].iter().chain(&METADATA) {
            table.add(
                container,
                "a resolver",
                ["dns", "dns-tcp"].map(|kind| format!("{kind} {server} 53")),
                Expected::open(),
            );
        }
        table.add(container, "metadata", METADATA.map(|server| format!("tcp {server} 80")), Expected::open());
    }
    table.ask(&lab, State::Open).judge("resolvers");
    assert_eq!(lab.resolve("app", &format!("{LAN_RESOLVER} some.example")), NAMED[0]);
    assert_eq!(lab.resolve("app", &format!("{LAN_RESOLVER} some.example --record aaaa --tcp")), NAMED[1]);
    assert_eq!(lab.resolve("app", "10.57.17.1 some.example"), "refused");

    // The default bridge's containers ask themselves, those of other networks ask Docker's resolver.
    assert_eq!(lab.nameservers("app"), [LAN_RESOLVER]);
    assert_eq!(lab.nameservers("web-1"), ["127.0.0.11"]);
    assert_eq!(lab.resolve("web-1", "127.0.0.11 some.example"), NAMED[0]);
    assert_eq!(lab.resolve("web-1", "127.0.0.11 web-2"), "172.21.0.3");

    // On the host, where only the host can ask, and where containers can.
    let stub = lab.resolver_on_host("--address 127.0.0.53 --address 172.17.0.1 --a 192.0.2.53");
    lab.write("/etc/resolv.conf", "nameserver 127.0.0.53\n");
    lab.write("/run/systemd/resolve/resolv.conf", "nameserver 10.57.17.5\n");
    lab.control("dockerd restart");
    let place = lab.container("late", "");
    assert_eq!(lab.nameservers(&place), [LAN_RESOLVER], "of systemd-resolved, which dockerd looks for at its start");
    assert_eq!(lab.resolve("host", "127.0.0.53 some.example"), "192.0.2.53");
    assert_eq!(lab.resolve(&place, "172.17.0.1 some.example"), "192.0.2.53");
    lab.write("/etc/docker/daemon.json", r#"{ "dns": ["172.17.0.1"] }"#);
    lab.control("dockerd restart");
    let place = lab.container("later", "");
    assert_eq!(lab.nameservers(&place), ["172.17.0.1"]);
    drop(stub);
}

/// And that it is the routers' messages by which they find their size.
#[test]
fn a_client_behind_a_narrow_path_downloads_from_published_ports() {
    let lab = Lab::up(&[]);
    let published = ["10.57.17.2 8081", "203.0.113.2 8081", "fd57:17::2 8081", "2001:db8:200::2 8081"];
    for from in published.iter().chain(&["172.21.0.2 7004", "fd00:d0c:21::2 7004"]) {
        lab.download("branch", from);
    }
    for from in published {
        lab.download("wan", from);
    }
    forget_sizes(&lab);
    for statement in [
        "add table inet narrow",
        "add chain inet narrow prerouting { type filter hook prerouting priority -300; }",
        "add rule inet narrow prerouting icmp type destination-unreachable icmp code frag-needed counter drop",
        "add rule inet narrow prerouting icmpv6 type packet-too-big counter drop",
    ] {
        lab.exec("host", &format!("nft {statement}"));
    }
    for from in ["10.57.17.2 8081 --within 2", "fd57:17::2 8081 --within 2"] {
        let download = lab.try_download("branch", from);
        assert_eq!(download["complete"], false, "{from}: {download}");
    }
}

/// What host and container have learned about sizes.
fn forget_sizes(lab: &Lab) {
    for place in ["host", "web-1"] {
        lab.exec(place, "ip route flush cache");
        lab.exec(place, "ip -6 route flush cache");
    }
}

#[test]
fn guests_of_other_programs_reach_everybody() {
    let lab = Lab::up(&[]);
    let mut table = Table::default();
    let bridges = [("virbr0", "192.168.122.0/24"), ("lxdbr0", "192.168.123.0/24"), ("podman0", "192.168.124.0/24")];
    for (index, (bridge, subnet)) in bridges.into_iter().enumerate() {
        let guest = lab.bridge_with_guest(bridge, &[subnet, &format!("fd00:122:{index}::/64")]);
        table.add(&guest, "around", around(), Expected::open());
        table.add(&guest, "its gateway", [format!("tcp {} 7000", subnet.replace("0/24", "1"))], Expected::open());
    }
    table.ask(&lab, State::Open).judge("bridges of others");
}

#[test]
fn a_container_in_a_container_reaches_everybody() {
    let lab = Lab::up(&[]);
    let inner = lab.nested("dind", &format!("--publish {NESTED_PORT}:{NESTED_PORT}"));
    let mut table = Table::default();
    table.add("dind", "around", around(), Expected::open());
    table.add(&inner, "around", around(), Expected::open());
    table.add(&inner, "the outer host", of_tcp(&[&HOST[..], &gateways("app")].concat()), Expected::open());
    table.add("lan", "through both Dockers", of_tcp_at(&HOST, NESTED_PORT), Expected::open());
    table.ask(&lab, State::Open).judge("Docker in Docker");

    // With its own addresses, as far as there is a way back to them.
    let inner = lab.nested("plain", "-- --ip-masq=false --bip 10.88.6.1/24");
    lab.exec("host", "ip route add 10.88.6.0/24 via 172.17.0.4");
    assert_eq!(lab.probes(&inner, &["tcp 172.17.0.1 7000"])[0].1, Verdict::Ok);
}

#[test]
fn tasks_of_a_swarm_of_two_reach_each_other_and_everybody() {
    let lab = Lab::up(&FOR_SWARM);
    lab.swarm();
    lab.swarm_node("node2");
    lab.exec("host", "docker network create --driver overlay across");
    lab.exec("host", "docker network create --driver overlay --internal within");
    let at_host = format!("--constraint node.hostname==dw-{}-host", lab.name());
    let here = lab.service(
        "here",
        &format!("--endpoint-mode dnsrr --network across {at_host} --publish mode=host,published=9100,target=7000"),
    );
    let there = lab.service("there", "--endpoint-mode dnsrr --network across --constraint node.hostname==node2");
    let inside = lab.service("inside", &format!("--endpoint-mode dnsrr --network within {at_host}"));
    let overlay = lab.exec(&there, "ip -4 -oneline address show dev eth0");
    let peer = overlay.split_whitespace().nth(3).unwrap().split('/').next().unwrap();

    let mut table = Table::default();
    table.add(&here, "a task at another node", of_tcp(&[peer]), Expected::open());
    table.add(
        &here,
        "around, by docker_gwbridge",
        of_tcp(&["10.57.17.6", "10.99.0.1", "198.51.100.10"]),
        Expected::open(),
    );
    table.add(&here, "the host", of_tcp(&["10.57.17.2", "172.17.0.1"]), Expected::open());
    table.add(&there, "around, by the other node's", of_tcp(&["10.57.17.6", "10.57.17.2"]), Expected::open());
    table.add(&inside, "around", of_tcp(&["10.57.17.6", "10.57.17.2"]), Expected::always(unreachable()));
    table.add("lan", "published by the task", of_tcp_at(&HOST, 9100), Expected::open());
    table.ask(&lab, State::Open).judge("swarm");
}

#[test]
fn many_networks_have_a_container_each() {
    let lab = Lab::up(&["--dockerd-opt", "--default-address-pool", "--dockerd-opt", "base=10.120.0.0/16,size=24"]);
    let places = lab.many_networks(35);
    let mut table = Table::default();
    for place in &places {
        table.add(place, "around", of_tcp(&["10.57.17.6", "fd57:17::6", "198.51.100.10"]), Expected::open());
        let gateways = lab.gateways_of(place);
        assert!(gateways[0].starts_with("10.120."), "{place}: {gateways:?}");
        table.add(place, "its gateway", gateways.iter().map(|address| format!("tcp {address} 7000")), Expected::open());
    }
    table.ask(&lab, State::Open).judge("many networks");
}

/// Protocols that need no other end: IGMP, DCCP, GRE, ESP, AH, SCTP, UDP-Lite.
#[test]
fn packets_of_other_protocols_arrive() {
    let lab = Lab::up(&[]);
    for address in ["10.57.17.6", "fd57:17::6"] {
        lab.stats("lan");
        for protocol in [2, 33, 47, 50, 51, 132, 136] {
            assert_eq!(
                lab.send_raw("web-1", &format!("{protocol} {address} --port 5000")),
                3,
                "{protocol} to {address}"
            );
        }
        let stats = lab.stats("lan");
        for protocol in [2, 33, 47, 50, 51, 132, 136] {
            assert_eq!(stats.raw(protocol), 3, "{protocol} to {address}: {stats:?}");
        }
    }
}

#[test]
fn what_a_container_sends_to_all_comes_to_the_host() {
    let lab = Lab::up(&[]);
    for (container, broadcast) in [("app", "172.17.255.255"), ("web-1", "172.21.255.255")] {
        for address in [broadcast, "255.255.255.255", "224.0.0.1", "ff02::1%eth0"] {
            assert_eq!(lab.sunk(container, address, "host"), 1, "{container} to {address}");
        }
    }
}

#[test]
fn a_container_takes_addresses_and_routes_as_it_likes() {
    let lab = Lab::up(&[]);
    lab.exec("app", "ip address add 10.57.17.99/32 dev eth0");
    lab.stats("lan");
    let sent = lab.exec("app", "traffic forge syn 10.57.17.6 7002 --from 10.57.17.99 --source-port 4000 --count 3");
    assert_eq!(sent.trim(), r#"{"errors":0,"sent":3}"#);
    let echoes = addresses("web-1").map(|address| format!("tcp {address} 7000"));
    lab.exec("app", "ip route replace default via 172.17.0.1 src 10.57.17.99");
    assert_eq!(lab.probes("app", &[echoes[0].as_str()])[0].1, Verdict::Timeout);
}
