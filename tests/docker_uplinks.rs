//! The wall and the ways out of the host: VPNs, many networks, prefixes that routers announce, and
//! containers that take addresses and routes as they like.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod support;

use support::lab::table::{Expected, State, Table};
use support::lab::{
    BEHIND_LAN, DENY_ALL_OF_THEM, ENFORCE, HOST, HOST_ON_VPN, HOST_PUBLIC, LAN, Lab, NETWORKS, Spoofed, VPN, Verdict,
    WAN, all_of, gateways, of_tcp, of_tcp_at,
};

/// The uplinks that the recipe for firewalld policed.
const ETHERNET: &str = "deny.uplinks = [\"eth*\"]";

#[test]
fn c15_every_vpn_is_closed_like_the_lan_unless_only_other_uplinks_are_policed() {
    let lab = Lab::up(&["--tun", "wg0", "--vpn", "bond0.20", "--vpn", "ppp0"]);
    let second_and_third = ["10.8.1.2", "fd08:1::2", "10.8.2.2", "fd08:2::2"];
    let mut table = Table::default();
    let mut uplinks = Table::default();
    for container in ["app", "web-1", "db-1"] {
        let vpn: Vec<String> = VPN.into_iter().flat_map(all_of).chain(of_tcp(&second_and_third)).collect();
        table.add(container, "a VPN", vpn.clone(), Expected::closed());
        uplinks.add(container, "a VPN", vpn, Expected::open());
        for table in [&mut table, &mut uplinks] {
            table.add(container, "the LAN", of_tcp(&LAN), Expected::closed());
            table.add(container, "the host there", of_tcp(&HOST_ON_VPN), Expected::closed());
            table.add(container, "the Internet", of_tcp(&WAN), Expected::open());
        }
    }
    for table in [&mut table, &mut uplinks] {
        table.add("vpn", "a published port", of_tcp_at(&HOST_ON_VPN, 8080), Expected::open());
        table.add("host", "a VPN", of_tcp(&VPN), Expected::open());
    }
    table.judge_policy(&lab, "VPNs", "", None);
    lab.apply(&format!("{ENFORCE}{ETHERNET}"));
    uplinks.ask(&lab, State::Enforce).judge("only what leaves by eth*");
}

#[test]
fn c12_thirty_five_networks_are_closed_to_the_lan_and_to_the_host() {
    let pool = ["--dockerd-opt", "--default-address-pool", "--dockerd-opt"];
    let lab = Lab::up(&[&pool[..], &["base=10.120.0.0/16,size=24"]].concat());
    let mut table = Table::default();
    for place in lab.many_networks(35) {
        let gateways = lab.gateways_of(&place);
        assert!(gateways[0].starts_with("10.120.") && gateways.len() == 2, "{place}: {gateways:?}");
        let host: Vec<&str> = gateways.iter().map(String::as_str).chain(HOST).collect();
        table.add(&place, "the LAN", of_tcp(&["10.57.17.6", "fd57:17::6"]), Expected::closed());
        table.add(&place, "the host", of_tcp(&host), Expected::closed());
        table.add(&place, "the Internet", of_tcp(&WAN), Expected::open());
    }
    table.judge_policy(&lab, "35 networks", "", None);
}

/// Docker takes 192.168/16 when 172.16/12 is used up. A neighbour may be there as well.
#[test]
fn c12_a_docker_network_in_192_168_is_not_taken_for_the_lan() {
    let lab = Lab::up(&[]);
    lab.create_network("home", "--subnet 192.168.77.0/24 --subnet fd00:d0c:2c::/64");
    let one =
        lab.container("one", "--network home --ip 192.168.77.2 --ip6 fd00:d0c:2c::2 -p 9090:7000 -p 9053:7001/udp");
    let two = lab.container("two", "--network home --ip 192.168.77.3 --ip6 fd00:d0c:2c::3");
    let mut table = Table::default();
    for (place, other) in [(&one, ["192.168.77.3", "fd00:d0c:2c::3"]), (&two, ["192.168.77.2", "fd00:d0c:2c::2"])] {
        table.add(place, "its network", other.into_iter().flat_map(all_of), Expected::open());
        table.add(place, "the LAN", of_tcp(&[&LAN[..], &["192.168.50.1"]].concat()), Expected::closed());
        table.add(place, "the host", of_tcp(&["192.168.77.1", "fd00:d0c:2c::1", "10.57.17.2"]), Expected::closed());
    }
    for place in ["lan", "branch"] {
        table.add(place, "published", of_tcp_at(&HOST, 9090), Expected::open());
        table.add(place, "published", HOST.map(|host| format!("udp {host} 9053")), Expected::open());
    }
    table.add("host", "a container", of_tcp(&["192.168.77.2", "fd00:d0c:2c::2"]), Expected::open());
    table.judge_policy(&lab, "a Docker network in 192.168/16", "", None);
}

/// What a router's advertisement makes the host believe: that a network is on its link.
fn announce(lab: &Lab, neighbour: &str, network: &str) {
    lab.exec("lan", &format!("ip address add {neighbour}/64 dev eth0 nodad"));
    lab.exec("host", &format!("ip route add {network} dev eth0 proto ra"));
}

/// Not in any list of ranges: the host knows by its addresses and by routes who is its neighbour.
#[test]
fn f5_neighbours_with_global_addresses_are_closed_by_deny_on_link() {
    let global = "2001:db8:57::6";
    // A prefix that a router announced and of which the host has no address, as with DHCPv6; and one of IPv4.
    let more = ["2001:db8:99::6", "203.0.114.6"];
    let lab = Lab::up(&[]);
    announce(&lab, more[0], "2001:db8:99::/64");
    lab.exec("host", "ip address add 203.0.114.2/24 dev eth0");
    lab.exec("lan", &format!("ip address add {}/24 dev eth0", more[1]));
    // A container with a global address that nobody translates, and with a way back.
    let public = NETWORKS.iter().find(|network| network.name == "public").unwrap();
    lab.create_network(
        "global",
        "-o com.docker.network.bridge.enable_ip_masquerade=false \
                                  --subnet 172.200.2.0/24 --subnet 2001:db8:d0d::/80",
    );
    let untranslated = lab.container("untranslated", "--network global --ip6 2001:db8:d0d::2");
    for (place, gateway) in [("lan", "2001:db8:57::2"), ("router", "2001:db8:57::2")] {
        lab.exec(place, &format!("ip route add 2001:db8:d0d::/80 via {gateway}"));
    }
    let (mut closed, mut open) = (Table::default(), Table::default());
    for place in [lab.network(public), untranslated.clone(), "app".to_owned(), "web-1".to_owned()] {
        // There is no way back to its IPv4.
        let is_asked = |address: &&&str| place != untranslated || address.contains(':');
        let neighbours: Vec<&str> = [&[global][..], &more].concat().iter().filter(is_asked).copied().collect();
        closed.add(&place, "a neighbour on the link", of_tcp(&neighbours), Expected::closed());
        open.add(&place, "a neighbour on the link", of_tcp(&neighbours), Expected::open());
        for table in [&mut closed, &mut open] {
            table.add(&place, "the Internet", of_tcp(&WAN[1..]), Expected::open());
            table.add(&place, "a neighbour with a local address", of_tcp(&["fd57:17::6"]), Expected::closed());
            table.add(&place, "the host's global address", of_tcp(&["2001:db8:57::2"]), Expected::closed());
        }
    }
    closed.judge_policy(&lab, "deny.on_link", "", None);
    lab.apply(&format!("{ENFORCE}deny.on_link = false"));
    open.ask(&lab, State::Enforce).judge("without deny.on_link");

    // A prefix that is announced later is closed by the next apply.
    lab.apply(ENFORCE);
    announce(&lab, "2001:db8:98::6", "2001:db8:98::/64");
    let mut later = Table::default();
    later.add("app", "a neighbour on the link", of_tcp(&["2001:db8:98::6"]), Expected::closed());
    later.ask(&lab, State::Open);
    lab.dockwall("apply");
    later.ask(&lab, State::Enforce).judge("a prefix that came later");
}

/// Addresses that a container has no right to: nobody's in the LAN, a neighbour's, another container's,
/// one of the Internet.
const SPOOFED: [Spoofed; 8] = [
    Spoofed { from: "10.57.17.99", to: "10.57.17.6" },
    Spoofed { from: "10.57.17.1", to: "10.57.17.6" },
    Spoofed { from: "172.22.0.2", to: "10.57.17.6" },
    Spoofed { from: "198.51.100.77", to: "10.57.17.6" },
    Spoofed { from: "fd57:17::99", to: "fd57:17::6" },
    Spoofed { from: "fd57:17::1", to: "fd57:17::6" },
    Spoofed { from: "fd00:d0c:22::2", to: "fd57:17::6" },
    Spoofed { from: "2001:db8:100::77", to: "fd57:17::6" },
];

#[test]
fn h10_a_container_that_spoofs_addresses_or_adds_routes_stays_in() {
    let lab = Lab::up(&[]);
    let internal = &NETWORKS[0];
    assert!(!internal.leads_out);
    let inside = lab.network(internal);
    // It gives itself the way out that Docker left out, and an administrator lets it pass Docker.
    for gateway in internal.gateways {
        lab.exec(&inside, &format!("ip route replace default via {gateway}"));
    }
    let mut kept_in = Table::default();
    let outside = [&LAN[..], &BEHIND_LAN].concat();
    let timeout = Verdict::Timeout;
    kept_in.add(&inside, "anybody, by Docker", of_tcp(&["10.57.17.6", "fd57:17::6"]), Expected::always(timeout));
    kept_in.ask(&lab, State::Open).judge("Docker's internal network");
    let bridge = lab.bridge_of("internal");
    for (program, source) in [("iptables", "172.23.0.0/16"), ("ip6tables", "fd00:d0c:23::/64")] {
        lab.exec("host", &format!("{program} -w -I FORWARD -i {bridge} -j ACCEPT"));
        lab.exec("host", &format!("{program} -w -I FORWARD -o {bridge} -j ACCEPT"));
        lab.exec("host", &format!("{program} -w -t nat -A POSTROUTING -s {source} ! -o {bridge} -j MASQUERADE"));
    }

    let mut table = Table::default();
    table.add(&inside, "neighbours, by a route of its own", of_tcp(&outside), Expected::closed());
    table.add(&inside, "the host", of_tcp(&[&HOST[..], &HOST_PUBLIC].concat()), Expected::closed());
    let places = [(inside.as_str(), internal.gateways), ("app", gateways("app"))];
    for (mode, expected) in [("audit", 1), ("enforce", 0)] {
        lab.apply(&format!("mode = \"{mode}\"\n{}", DENY_ALL_OF_THEM));
        table.ask(&lab, if expected == 1 { State::Audit } else { State::Enforce });
        for (place, gateways) in places {
            for packet in SPOOFED {
                let gateway = gateways[usize::from(packet.to.contains(':'))];
                assert_eq!(lab.sunk_as(place, gateway, packet, "lan"), expected, "{mode}, {place}: {packet:?}");
            }
        }
    }
    table.judge("with routes of its own");
    // Each of them met the wall under the address that it gave itself.
    let flows = lab.meters();
    for Spoofed { from, to } in SPOOFED {
        assert!(flows.contains_key(&format!("{from} {to} 17 7002")), "{from} to {to}: {flows:?}");
    }
}
