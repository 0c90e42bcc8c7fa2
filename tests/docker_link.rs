//! What has to go on beneath and beside the flows: neighbour discovery, multicast listeners, answers,
//! messages of routers and of closed ports; and what is no attempt on anybody.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod support;

use std::thread::sleep;
use std::time::{Duration, Instant};

use support::lab::{
    BRANCH, ENFORCE, HOST, HOST_PUBLIC, LAN, Lab, Row, Verdict, WAN, addresses, all_of, from, gateways, of_tcp_at,
};

/// Longer than the kernel believes a neighbour that it does not hear of.
const IDLE: Duration = Duration::from_secs(120);

/// Nobody listens there, in no container.
const DEAF: u16 = 9999;

fn packets(lab: &Lab, count: &str) -> u64 {
    lab.status()["wall"][count]["packets"].as_u64().unwrap()
}

/// One lab for all of it: its last container has to be left alone for two minutes.
#[test]
fn f3_f4_f6_g3_g4_the_link_its_listeners_answers_and_errors_go_on() {
    let lab = Lab::up(&[]);
    lab.exec("host", "docker network create --subnet 172.26.0.0/16 four");
    lab.container("four-only", "--network four -p 9090:7000");
    lab.container("deaf", &format!("-p {DEAF}:{DEAF}/udp"));
    lab.expect("without a wall", &[answers_and_errors(), idle()].concat());
    for_everybody(&lab, None);
    for place in ["lan", "host"] {
        lab.count_seen(place, "tcp sport 4999");
    }
    of_no_flow(&lab, None);

    lab.apply("mode = \"audit\"");
    for_everybody(&lab, Some("audit"));
    of_no_flow(&lab, Some("audit"));
    lab.dockwall("remove");

    lab.apply(ENFORCE);
    lab.expect("before the container is left alone", &idle());
    let left_alone = Instant::now();
    for_everybody(&lab, Some("enforce"));
    of_no_flow(&lab, Some("enforce"));
    neighbours_are_found(&lab);
    listeners_are_asked(&lab);
    lab.expect("enforced", &answers_and_errors());
    downloads_through_a_narrow_path(&lab);
    sleep(IDLE.saturating_sub(left_alone.elapsed()));
    let [_, ipv6] = addresses("db-1");
    let neighbour = lab.exec("host", &format!("ip -6 neighbour show {ipv6}"));
    assert!(!neighbour.contains("REACHABLE"), "not left alone: {neighbour}");
    lab.expect("after two minutes", &idle());
}

/// The container that is left alone: IPv6, both ways.
fn idle() -> Vec<Row> {
    let [_, ipv6] = addresses("db-1");
    [from("host", all_of(ipv6), Verdict::Ok), from("db-1", all_of(WAN[1]), Verdict::Ok)].concat()
}

/// Clients of IPv6 come to a container without it through docker-proxy, and go by its gateway; and
/// what nobody listens to is refused by an error that belongs to the flow.
fn answers_and_errors() -> Vec<Row> {
    let refused = || Verdict::Other("refused".to_owned());
    let clients = [&[HOST[1], "2001:db8:57::2"][..], &HOST_PUBLIC[1..]].concat();
    let closed =
        |addresses: &[&str]| addresses.iter().map(|address| format!("udp {address} {DEAF}")).collect::<Vec<_>>();
    [
        from("lan", of_tcp_at(&clients, 9090), Verdict::Ok),
        from("wan", of_tcp_at(&clients[1..], 9090), Verdict::Ok),
        from("lan", closed(&HOST), refused()),
        from("host", closed(&addresses("web-2")), refused()),
        from("host", of_tcp_at(&addresses("web-2"), DEAF), refused()),
    ]
    .concat()
}

/// Multicast and broadcast to the host: kept from it, and neither logged nor remembered.
fn for_everybody(lab: &Lab, mode: Option<&str>) {
    let sent = [("app", "172.17.255.255"), ("web-1", "172.21.255.255")];
    let arrives = u64::from(mode != Some("enforce"));
    let before = mode.map(|_| (packets(lab, "for_everybody"), packets(lab, "denied"), lab.meters()));
    for (container, broadcast) in sent {
        for address in [broadcast, "255.255.255.255", "224.0.0.1", "ff02::1%eth0"] {
            assert_eq!(lab.sunk(container, address, "host"), arrives, "{mode:?}: {container} to {address}");
        }
    }
    let Some((everybody, denied, meters)) = before else { return };
    assert!(packets(lab, "for_everybody") >= everybody + 8, "{mode:?}");
    assert_eq!(packets(lab, "denied"), denied, "{mode:?}");
    assert_eq!((packets(lab, "logged"), lab.meters()), (0, meters), "{mode:?}");
}

/// The last segments of connections that nobody remembers any more.
fn of_no_flow(lab: &Lab, mode: Option<&str>) {
    let targets = [("lan", LAN[0]), ("lan", LAN[2]), ("lan", LAN[4]), ("host", HOST[0]), ("host", HOST[1])];
    let before = mode.map(|_| (packets(lab, "invalid"), lab.meters()));
    for (place, target) in targets {
        let seen = lab.seen(place);
        let source = addresses("web-1")[usize::from(target.contains(':'))];
        for kind in ["fin-ack", "rst"] {
            let forge = format!("traffic forge {kind} {target} 7000 --from {source} --source-port 4999 --count 5");
            assert_eq!(lab.exec("web-1", &forge).trim(), r#"{"errors":0,"sent":5}"#);
        }
        let arrived = if mode == Some("enforce") { 0 } else { 10 };
        assert_eq!(lab.seen(place) - seen, arrived, "{mode:?}: {target}");
    }
    let Some((invalid, meters)) = before else { return };
    assert_eq!(packets(lab, "invalid"), invalid + 50, "{mode:?}");
    assert_eq!((packets(lab, "logged"), lab.meters()), (0, meters), "{mode:?}");
    // Nor are they among what was denied, to the host or beyond.
    assert_eq!((packets(lab, "denied"), packets(lab, "denied_to_host")), (0, 0), "{mode:?}");
}

/// On both sides everything is forgotten; what is closed stays closed, and yet both find each other.
fn neighbours_are_found(lab: &Lab) {
    for container in ["app", "web-1"] {
        let route = lab.exec("host", &format!("ip -6 route get {}", addresses(container)[1]));
        let bridge = route.split_whitespace().skip_while(|word| *word != "dev").nth(1).unwrap();
        let forget = || {
            lab.exec(container, "ip -6 neighbour flush dev eth0");
            lab.exec("host", &format!("ip -6 neighbour flush dev {bridge}"));
        };
        forget();
        let [_, gateway] = gateways(container);
        for address in [gateway, "fe80::1%eth0"] {
            lab.expect("closed", &from(container, all_of(address), Verdict::Timeout));
            let address = address.split('%').next().unwrap();
            let found = lab.exec(container, &format!("ip -6 neighbour show {address} dev eth0"));
            assert!(found.contains("lladdr"), "{container}: {address}: {found}");
        }
        lab.expect("closed", &from(container, all_of(LAN[2]), Verdict::Timeout));
        forget();
        lab.expect("to the container", &from("host", all_of(addresses(container)[1]), Verdict::Ok));
        forget();
        lab.expect("from the container", &from(container, all_of(WAN[1]), Verdict::Ok));
    }
}

/// A bridge in a container asks for listeners (RFC 3810), and the host hears it.
fn listeners_are_asked(lab: &Lab) {
    lab.container("asking", "");
    lab.exec("host", "nft delete table inet seen");
    lab.count_seen("host", "icmpv6 type mld-listener-query");
    let often = "mcast_startup_query_interval 100 mcast_query_interval 100";
    lab.exec("asking", &format!("ip link add asking type bridge mcast_querier 1 {often}"));
    // Docker turns IPv6 off on what it did not make.
    for setting in ["disable_ipv6=0", "accept_dad=0"] {
        lab.exec("asking", &format!("sysctl -w net.ipv6.conf.asking.{setting}"));
    }
    lab.exec("asking", "ip link set eth0 master asking");
    lab.exec("asking", "ip link set asking up");
    let is_heard = || {
        sleep(Duration::from_millis(200));
        lab.seen("host") > 0
    };
    assert!((0..100).any(|_| is_heard()), "no question for listeners came in");
}

/// From published ports and, as far as there is a way back, from the container itself.
fn downloads_through_a_narrow_path(lab: &Lab) {
    let published = HOST.iter().chain(&HOST_PUBLIC).map(|address| format!("{address} 8081"));
    for from in published.chain(addresses("web-1").map(|address| format!("{address} 7004"))) {
        lab.download("branch", &from);
        for place in ["host", "web-1"] {
            lab.exec(place, "ip route flush cache");
            lab.exec(place, "ip -6 route flush cache");
        }
    }
    lab.expect("the client itself is closed", &from("web-1", BRANCH.into_iter().flat_map(all_of), Verdict::Timeout));
}
