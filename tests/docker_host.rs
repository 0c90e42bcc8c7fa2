//! The host is closed to its containers, by every one of its addresses, and what the host itself does
//! is left alone.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod support;

use support::lab::table::{Expected, State, Table};
use support::lab::{
    CONTAINERS, ENFORCE, HOST, HOST_ON_VPN, HOST_PUBLIC, LAN, Lab, NETWORKS, Sender, Spoofed, Verdict, WAN, addresses,
    every_way, gateways, of_tcp_at,
};

/// One port of the host, for all containers.
const GRANT: &str = "[[grant]]\nname = \"echo\"\nto = \"host\"\nports = [\"7000/tcp\"]\n";

/// The host's global address in the network of its neighbours.
const HOST_GLOBAL: &str = "2001:db8:57::2";

/// The host on a bridge, as Docker calls it, where each container has `eth0`.
const LINK_LOCAL: &str = "fe80::1%eth0";

/// A service of the host that nothing is granted to.
fn second_service(lab: &Lab) -> Sender {
    let service = lab.start("host", "traffic serve --tcp 9000");
    let answers = || lab.probes("host", &["tcp 10.57.17.2 9000"])[0].1 == Verdict::Ok;
    assert!((0..50).any(|_| answers()), "nobody listens at port 9000");
    service
}

/// Every address of the host, as a container has reason to ask for it.
fn addresses_of_host(place: &str, own: [&'static str; 2]) -> Vec<(&'static str, Vec<&'static str>)> {
    let other = gateways(if place == "app" { "web-1" } else { "app" });
    vec![
        ("its gateway", own.to_vec()),
        ("the host in the LAN", [&HOST[..], &[HOST_GLOBAL]].concat()),
        ("the host on another bridge", other.to_vec()),
        ("the host's public address", HOST_PUBLIC.to_vec()),
        ("the host in a VPN", HOST_ON_VPN.to_vec()),
        ("the host on its link", vec![LINK_LOCAL]),
    ]
}

fn the_host(table: &mut Table, place: &str, own: [&'static str; 2]) {
    for (what, addresses) in addresses_of_host(place, own) {
        let (granted, closed): (Vec<_>, Vec<_>) =
            every_way(&addresses).into_iter().partition(|probe| probe.starts_with("tcp"));
        table.add(place, what, granted, Expected::grantable());
        table.add(place, what, closed, Expected::closed());
        table.add(place, what, of_tcp_at(&addresses, 9000), Expected::closed());
    }
}

/// Whom the host itself and its neighbours reach, whatever containers may.
fn from_host_and_neighbours(table: &mut Table) {
    let containers = CONTAINERS.into_iter().flat_map(addresses).chain(NETWORKS.iter().flat_map(|kind| kind.addresses));
    let containers: Vec<&str> = containers.collect();
    for place in ["host", "on-host"] {
        table.add(place, "every container", every_way(&containers), Expected::open());
        table.add(place, "around", every_way(&[&LAN[..], &WAN].concat()), Expected::open());
        let itself = [&["127.0.0.1"], &HOST[..], &HOST_PUBLIC, &gateways("app"), &gateways("web-1")].concat();
        table.add(place, "itself", every_way(&itself), Expected::open());
        table.add(place, "a published port", of_tcp_at(&itself, 8080), Expected::open());
    }
    let host = [&HOST[..], &[HOST_GLOBAL], &HOST_PUBLIC].concat();
    table.add("lan", "the host", every_way(&host), Expected::open());
    table.add("lan", "a port of the container on the host's network", of_tcp_at(&host, 7010), Expected::open());
    table.add("lan", "a published port", of_tcp_at(&host, 8080), Expected::open());
    table.add("vpn", "the host", every_way(&HOST_ON_VPN), Expected::open());
}

/// With the default configuration: `auto` finds the bridge that has a name of its own through Docker.
#[test]
fn d1_d2_d3_d9_e10_f1_h3_h10_the_host_is_closed_to_every_kind_of_network_and_open_to_itself() {
    let lab = Lab::up(&["--tun", "wg0"]);
    let mut table = Table::default();
    let _service = second_service(&lab);
    lab.container("on-host", "--network host -- /lab/traffic serve --tcp 7010");
    for place in CONTAINERS {
        the_host(&mut table, place, gateways(place));
    }
    for network in &NETWORKS {
        the_host(&mut table, &lab.network(network), network.gateways);
    }
    let (spoofing, routed) = (spoofing(&lab), routed(&lab));
    the_host(&mut table, &spoofing, gateways("app"));
    the_host(&mut table, &routed, NETWORKS[0].gateways);
    let on_host = of_tcp_at(&[HOST[0], HOST[1], "172.17.0.1"], 7010);
    table.add("app", "a port of the container on the host's network", on_host, Expected::closed());
    from_host_and_neighbours(&mut table);

    table.ask(&lab, State::Open);
    for (config, state) in [("mode = \"audit\"\n".to_owned(), State::Audit), (ENFORCE.to_owned(), State::Enforce)] {
        lab.apply(&config);
        table.ask(&lab, state);
        let wall = &lab.status()["wall"];
        assert_eq!(wall["denied_to_host"]["packets"], wall["denied"]["packets"], "{state:?}: {wall}");
        assert!(wall["denied_to_host"]["packets"].as_u64() > Some(800), "{state:?}: {wall}");
        assert_eq!(wall["granted"]["packets"], 0, "{state:?}: {wall}");
        lab.dockwall("remove");
    }
    lab.apply(&format!("{ENFORCE}{GRANT}"));
    table.ask(&lab, State::Granted);
    assert_ne!(lab.status()["wall"]["granted"]["packets"], 0);
    table.judge("the host");
}

/// A container that speaks from addresses that Docker never gave it.
fn spoofing(lab: &Lab) -> String {
    let place = lab.container("spoofing", "");
    lab.exec(&place, "ip address add 172.17.77.7/16 dev eth0");
    lab.exec(&place, "ip address add fd00:d0c:1::77/64 dev eth0 nodad");
    lab.exec(&place, "ip route replace 172.17.0.0/16 dev eth0 src 172.17.77.7");
    lab.exec(&place, "ip route replace default via 172.17.0.1 src 172.17.77.7");
    lab.exec(&place, "ip -6 route replace default via fd00:d0c:1::1 src fd00:d0c:1::77");
    place
}

/// A container of an internal network that takes the host for its way out.
fn routed(lab: &Lab) -> String {
    let [ipv4, ipv6] = NETWORKS[0].gateways;
    let place = lab.container("routed", "--network internal");
    lab.exec(&place, &format!("ip route replace default via {ipv4}"));
    lab.exec(&place, &format!("ip -6 route replace default via {ipv6}"));
    place
}

/// Whatever source a packet claims, it came in by a container's bridge.
#[test]
fn h10_a_container_that_speaks_in_the_name_of_others_is_closed_out_too() {
    let lab = Lab::up(&[]);
    let spoofed = [
        Spoofed { from: "10.57.17.99", to: HOST[0] },
        Spoofed { from: "172.22.0.99", to: "172.22.0.1" },
        Spoofed { from: "fd57:17::99", to: HOST[1] },
        Spoofed { from: "fd00:d0c:22::99", to: HOST[1] },
    ];
    for (mode, arrives) in [(None, true), (Some("audit"), true), (Some("enforce"), false)] {
        if let Some(mode) = mode {
            lab.apply(&format!("mode = \"{mode}\"\n{GRANT}"));
        }
        for packet in spoofed {
            let gateway = gateways("app")[usize::from(packet.to.contains(':'))];
            assert_eq!(lab.sunk_as("app", gateway, packet, "host"), u64::from(arrives), "{mode:?}: {packet:?}");
            let flow = format!("{} {} 17 7002", packet.from, packet.to);
            let remembered = mode.is_some_and(|_| lab.meters().contains_key(&flow));
            assert_eq!(remembered, mode.is_some(), "{mode:?}: {packet:?}");
        }
        if mode.is_some() {
            lab.dockwall("remove");
        }
    }
}

/// A network that takes the host's address in is granted where the neighbours are, not on the host.
#[test]
fn a_grant_to_one_address_of_the_host_opens_that_one_and_a_network_opens_none() {
    let lab = Lab::up(&[]);
    let mut table = Table::default();
    for place in ["app", "web-1"] {
        table.add(place, "the host, granted", every_way(&HOST), Expected::grantable());
        let others = [&gateways(place)[..], &HOST_PUBLIC, &[HOST_GLOBAL]].concat();
        table.add(place, "the host, not granted", every_way(&others), Expected::closed());
        table.add(place, "neighbours", every_way(&LAN[..1]), Expected::closed());
    }
    table.ask(&lab, State::Open);
    let grant = |name: &str, to: &str| format!("[[grant]]\nname = \"{name}\"\nto = \"{to}\"\n");
    lab.apply(&format!("{ENFORCE}{}{}", grant("four", HOST[0]), grant("six", HOST[1])));
    table.ask(&lab, State::Granted).judge("a grant to one address of the host");

    let mut table = Table::default();
    for place in ["app", "web-1"] {
        let host = [&HOST[..], &gateways(place), &HOST_PUBLIC, &[HOST_GLOBAL]].concat();
        table.add(place, "the host, in the granted network", every_way(&host), Expected::closed());
        table.add(place, "neighbours", every_way(&LAN), Expected::grantable());
    }
    let networks = [grant("four", "10.57.17.0/24"), grant("six", "fd57:17::/64"), grant("global", "2001:db8:57::/64")];
    lab.apply(&format!("{ENFORCE}{}", networks.concat()));
    table.ask(&lab, State::Granted).judge("a grant to the network of the host");
}
