//! Grants of every kind, all at once.

use std::collections::BTreeSet;

use crate::stage::{ENFORCE, Kin, Stage, elements, every, grant, ping, tcp, udp};
use crate::support::lab::table::{Expected, State, Table};
use crate::support::lab::{HOST, HOST_PUBLIC, Lab, addresses, gateways};

/// Containers of all kinds: of the default bridge, of two networks, and the two that have the label.
const ANY: [&str; 5] = ["app", "web-1", "db-1", "batch-1", "batch-2"];

/// A grant, and whose questions it answers.
struct Kind {
    name: String,
    toml: String,
    open: Vec<(&'static str, String)>,
    closed: Vec<(&'static str, String)>,
}

impl Kind {
    fn new(name: &str, to: &str, rest: &str) -> Self {
        Self { name: name.to_owned(), toml: grant(name, to, rest), open: Vec::new(), closed: Vec::new() }
    }

    fn opens(mut self, places: &[&'static str], probes: impl IntoIterator<Item = Vec<String>>) -> Self {
        self.open.extend(each(places, probes));
        self
    }

    fn leaves(mut self, places: &[&'static str], probes: impl IntoIterator<Item = Vec<String>>) -> Self {
        self.closed.extend(each(places, probes));
        self
    }
}

fn each(
    places: &[&'static str],
    probes: impl IntoIterator<Item = Vec<String>>,
) -> impl Iterator<Item = (&'static str, String)> {
    let probes: Vec<String> = probes.into_iter().flatten().collect();
    let places: Vec<&str> = places.to_vec();
    places.into_iter().flat_map(move |place| probes.clone().into_iter().map(move |probe| (place, probe)))
}

/// What grants of destinations alone are.
fn by_destination(kin: Kin) -> Vec<Kind> {
    let at = |network, host| kin.at(network, host);
    let new = |name: &str, to: String, rest: &str| Kind::new(&format!("{name}-{kin:?}").to_lowercase(), &to, rest);
    let last_of_1 = kin.of(&["10.98.1.255", "fd00:98:0:1:ffff:ffff:ffff:ffff"]);
    vec![
        new("address", at(1, 5), "").opens(&ANY, [every(&at(1, 5))]).leaves(&ANY, [every(&at(1, 4)), every(&at(1, 6))]),
        new("network", kin.network(2, 0, 2), "")
            .opens(&ANY, [every(&at(2, 1)), every(&at(2, 3))])
            .leaves(&ANY, [every(&at(2, 4)), every(last_of_1)]),
        new("range", format!("{}-{}", at(3, 5), at(3, 9)), "")
            .opens(&ANY, [every(&at(3, 5)), every(&at(3, 7)), every(&at(3, 9))])
            .leaves(&ANY, [every(&at(3, 4)), every(&at(3, 10))]),
        new("port", at(4, 5), r#"ports = ["7010/tcp"]"#).opens(&ANY, [tcp(&at(4, 5), 7010)]).leaves(
            &ANY,
            [
                tcp(&at(4, 5), 7009),
                tcp(&at(4, 5), 7011),
                udp(&at(4, 5), 7010),
                ping(&at(4, 5)),
                tcp(&at(4, 4), 7010),
                tcp(&at(4, 6), 7010),
            ],
        ),
        new("port-range", at(5, 5), r#"ports = ["7010-7012/tcp"]"#)
            .opens(&ANY, [7010, 7011, 7012].map(|port| tcp(&at(5, 5), port)))
            .leaves(&ANY, [tcp(&at(5, 5), 7009), tcp(&at(5, 5), 7013), udp(&at(5, 5), 7011), tcp(&at(5, 6), 7011)]),
        new("several", at(6, 5), r#"ports = ["7010/tcp", "7012/udp"]"#)
            .opens(&ANY, [tcp(&at(6, 5), 7010), udp(&at(6, 5), 7012)])
            .leaves(&ANY, [tcp(&at(6, 5), 7012), udp(&at(6, 5), 7010), tcp(&at(6, 5), 7011), udp(&at(6, 5), 7013)]),
        new("udp", at(7, 5), r#"ports = ["7010/udp"]"#)
            .opens(&ANY, [udp(&at(7, 5), 7010)])
            .leaves(&ANY, [udp(&at(7, 5), 7009), udp(&at(7, 5), 7011), tcp(&at(7, 5), 7010), udp(&at(7, 4), 7010)]),
        new("icmp", at(8, 5), r#"protocol = "icmp""#)
            .opens(&ANY, [ping(&at(8, 5)), vec![format!("ping {} 4000", at(8, 5))]])
            .leaves(&ANY, [tcp(&at(8, 5), 7010), udp(&at(8, 5), 7010), ping(&at(8, 4)), ping(&at(8, 6))]),
        new("port-of-network", kin.network(9, 4, 2), r#"ports = ["7010/tcp"]"#)
            .opens(&ANY, [tcp(&at(9, 4), 7010), tcp(&at(9, 7), 7010)])
            .leaves(&ANY, [tcp(&at(9, 3), 7010), tcp(&at(9, 8), 7010), tcp(&at(9, 5), 7011), udp(&at(9, 5), 7010)]),
    ]
}

/// What those are that say who may.
fn by_source(kin: Kin) -> Vec<Kind> {
    let at = |network, host| kin.at(network, host);
    let new = |name: &str, to: String, rest: &str| Kind::new(&format!("{name}-{kin:?}").to_lowercase(), &to, rest);
    let web_1 = kin.of(&addresses("web-1"));
    let both_webs = kin.of(&["172.21.0.2/31", "fd00:d0c:21::2/127"]);
    vec![
        new("from-address", at(10, 5), &format!("from = \"{web_1}\"\nports = [\"7010/tcp\"]"))
            .opens(&["web-1"], [tcp(&at(10, 5), 7010)])
            .leaves(&["web-2", "app", "db-1"], [tcp(&at(10, 5), 7010)])
            .leaves(&["web-1"], [tcp(&at(10, 5), 7011), tcp(&at(10, 6), 7010), udp(&at(10, 5), 7010)]),
        new("from-network", at(11, 5), "from = \"network:backend\"")
            .opens(&["web-1", "web-2", "batch-1"], [every(&at(11, 5))])
            .leaves(&["app", "db-1", "batch-2"], [every(&at(11, 5))])
            .leaves(&["web-1"], [every(&at(11, 6))]),
        new("from-container", at(12, 5), "from = \"container:db-1\"\nports = [\"7010/tcp\"]")
            .opens(&["db-1"], [tcp(&at(12, 5), 7010)])
            .leaves(&["app", "web-1", "batch-1"], [tcp(&at(12, 5), 7010)])
            .leaves(&["db-1"], [tcp(&at(12, 5), 7009), tcp(&at(12, 4), 7010)]),
        new("from-label", at(13, 5), "from = \"label:tier=batch\"\nports = [\"7010/tcp\"]")
            .opens(&["batch-1", "batch-2"], [tcp(&at(13, 5), 7010)])
            .leaves(&["app", "web-1", "db-1", "batch-3"], [tcp(&at(13, 5), 7010)])
            .leaves(&["batch-1", "batch-2"], [tcp(&at(13, 5), 7011)]),
        new("from-two-addresses", at(14, 5), &format!("from = \"{both_webs}\""))
            .opens(&["web-1", "web-2"], [every(&at(14, 5))])
            .leaves(&["app", "batch-1", "batch-3"], [every(&at(14, 5))]),
        new("icmp-from", at(15, 5), "from = \"container:db-1\"\nprotocol = \"icmp\"")
            .opens(&["db-1"], [ping(&at(15, 5))])
            .leaves(&["app", "web-1"], [ping(&at(15, 5))])
            .leaves(&["db-1"], [tcp(&at(15, 5), 7010), ping(&at(15, 6))]),
        new("ports-from", at(18, 5), "from = \"label:tier=batch\"\nports = [\"7010-7011/udp\"]")
            .opens(&["batch-1", "batch-2"], [udp(&at(18, 5), 7010), udp(&at(18, 5), 7011)])
            .leaves(&["batch-1"], [udp(&at(18, 5), 7009), udp(&at(18, 5), 7012), tcp(&at(18, 5), 7010)])
            .leaves(&["batch-3", "app"], [udp(&at(18, 5), 7010)]),
    ]
}

/// What those to the host are.
fn to_host() -> Vec<Kind> {
    let own = [&HOST[..], &HOST_PUBLIC].concat();
    let everywhere = |place: &str, port: u16| {
        own.iter().chain(&gateways(place)).map(|address| tcp(address, port)).collect::<Vec<_>>()
    };
    let mut kinds = vec![
        Kind::new("host-port", "host", r#"ports = ["7020/tcp"]"#)
            .opens(&["app", "web-1"], own.iter().map(|address| tcp(address, 7020)))
            .opens(&["app"], everywhere("app", 7020))
            .leaves(&["app"], everywhere("app", 7022))
            .leaves(&["app"], own.iter().map(|address| udp(address, 7020))),
        Kind::new("host-ports-from", "host", "from = \"container:db-1\"\nports = [\"7022-7023/udp\"]")
            .opens(&["db-1"], own.iter().flat_map(|address| [udp(address, 7022), udp(address, 7023)]))
            .leaves(&["db-1"], own.iter().map(|address| udp(address, 7021)))
            .leaves(&["web-1"], own.iter().flat_map(|address| [udp(address, 7022), udp(address, 7023)])),
        Kind::new("host-icmp", "host", "from = \"network:other\"\nprotocol = \"icmp\"")
            .opens(&["db-1"], own.iter().map(|address| ping(address)))
            .leaves(&["app", "web-1"], own.iter().map(|address| ping(address))),
        Kind::new("published", "host:published", r#"ports = ["8080/tcp"]"#)
            .opens(&["app", "db-1"], own.iter().map(|address| tcp(address, 8080)))
            .leaves(&["app", "db-1"], own.iter().map(|address| tcp(address, 8082))),
    ];
    for (kin, gateway) in Kin::BOTH.into_iter().zip(gateways("db-1")) {
        let name = format!("host-address-{kin:?}").to_lowercase();
        let others = [kin.of(&HOST), kin.of(&HOST_PUBLIC), kin.of(&gateways("app"))];
        kinds.push(
            Kind::new(&name, gateway, r#"ports = ["7021/tcp"]"#)
                .opens(&["db-1", "app"], [tcp(gateway, 7021)])
                .leaves(&["db-1", "app"], others.map(|other| tcp(other, 7021)))
                .leaves(&["db-1", "app"], [udp(gateway, 7021), tcp(gateway, 7022)]),
        );
        // A network with an address of the host's in it is not the host.
        let public = kin.of(&["203.0.113.0/24", "2001:db8:200::/64"]);
        kinds.push(
            Kind::new(&format!("around-host-{kin:?}").to_lowercase(), public, "")
                .leaves(&["app", "web-1"], [tcp(kin.of(&HOST_PUBLIC), 7022), tcp(kin.of(&HOST_PUBLIC), 7000)]),
        );
    }
    kinds
}

/// Protocols that no probe speaks; each is granted where the other is not.
fn raw(kin: Kin) -> [(u8, String); 2] {
    [(132, kin.at(16, 5)), (47, kin.at(17, 5))]
}

fn raw_grants() -> String {
    let of = |kin: Kin| {
        let [(_, sctp), (_, gre)] = raw(kin);
        grant(&format!("sctp-{kin:?}").to_lowercase(), &sctp, r#"ports = ["5000/sctp"]"#)
            + &grant(&format!("gre-{kin:?}").to_lowercase(), &gre, r#"protocol = "gre""#)
    };
    Kin::BOTH.map(of).concat()
}

/// What came of packets with these protocols, from two containers.
fn assert_raw(lab: &Lab, state: State) {
    for kin in Kin::BOTH {
        let [(sctp, of_sctp), (gre, of_gre)] = raw(kin);
        let opened = if state == State::Granted { 3 } else { 0 };
        for place in ["app", "db-1"] {
            for (what, protocol, granted) in [
                (format!("{sctp} {of_sctp} --port 5000"), sctp, opened),
                (format!("{sctp} {of_sctp} --port 5001"), sctp, 0),
                (format!("{sctp} {} --port 5000", kin.at(16, 6)), sctp, 0),
                (format!("{sctp} {of_gre} --port 5000"), sctp, 0),
                // UDP-Lite, to the same port.
                (format!("136 {of_sctp} --port 5000"), 136, 0),
                (format!("{gre} {of_gre}"), gre, opened),
                (format!("{gre} {of_sctp}"), gre, 0),
            ] {
                // Two senders of GRE behind one address are one flow to the kernel, and the later one is lost.
                if protocol == gre && place != "app" {
                    continue;
                }
                lab.stats("lan");
                lab.send_raw(place, &what);
                let expected = if state == State::Open { 3 } else { granted };
                let came = lab.stats("lan").raw(protocol);
                println!("{state:?}: {place} sends 3 packets, {what}: {came} came");
                assert_eq!(came, expected, "{state:?}: {place}: {what}");
            }
        }
    }
}

fn set(elements: &[&str]) -> BTreeSet<String> {
    elements.iter().map(|element| (*element).to_owned()).collect()
}

#[test]
fn grants_of_every_kind_open_what_they_say_and_nothing_next_to_it() {
    let of_addresses = |kin: Kin| by_destination(kin).into_iter().chain(by_source(kin));
    let kinds: Vec<Kind> = Kin::BOTH.into_iter().flat_map(of_addresses).chain(to_host()).collect();
    let asked = kinds.iter().flat_map(|kind| kind.open.iter().chain(&kind.closed));
    let neighbours = asked.filter_map(|(_, probe)| probe.split(' ').nth(1)).map(str::to_owned);
    let neighbours = neighbours.filter(|address| address.starts_with("10.98.") || address.starts_with("fd00:98:"));
    let raw_ones = Kin::BOTH.into_iter().flat_map(|kin| [kin.at(16, 5), kin.at(16, 6), kin.at(17, 5)]);
    let stage = Stage::with(neighbours.chain(raw_ones));
    let lab: &Lab = &stage;
    lab.container("batch-1", "--network backend --ip 172.21.0.4 --ip6 fd00:d0c:21::4 --label tier=batch");
    lab.container("batch-2", "--label tier=batch --label other=1");
    lab.container(
        "batch-3",
        "--network backend --ip 172.21.0.5 --ip6 fd00:d0c:21::5 --label tier=batches -p 8082:7000",
    );

    let mut table = Table::default();
    for kind in &kinds {
        for (rows, expected) in [(&kind.open, Expected::grantable()), (&kind.closed, Expected::closed())] {
            for (place, probe) in rows {
                table.add(place, &kind.name, [probe.clone()], expected.clone());
            }
        }
    }
    table.ask(lab, State::Open);
    assert_raw(lab, State::Open);
    lab.apply(ENFORCE);
    table.ask(lab, State::Enforce);
    assert_raw(lab, State::Enforce);
    let toml: String = kinds.iter().map(|kind| kind.toml.as_str()).collect();
    lab.apply(&format!("{ENFORCE}{toml}{}", raw_grants()));
    table.ask(lab, State::Granted);
    table.judge("grants of every kind");
    assert_raw(lab, State::Granted);
    assert_sets(lab);
    assert_eq!(lab.status()["enforced"], true);
    // Constant cost: one rule for each set that holds something, whatever it holds.
    let deny = lab.exec("host", "nft list chain inet dockwall DOCKER-USER-DENY-INTERNAL");
    assert_eq!(deny.matches("comment \"grants\"").count(), 10, "{deny}");
}

fn assert_sets(lab: &Lab) {
    let batch_2 = lab.exec(
        "host",
        "docker inspect --format {{.NetworkSettings.IPAddress}},{{.NetworkSettings.GlobalIPv6Address}} batch-2",
    );
    let (four, six) = batch_2.trim().split_once(',').unwrap();
    let expected = [
        ("grant4", set(&["10.98.1.5", "10.98.2.0/30", "10.98.3.5-10.98.3.9", "203.0.113.0/24"])),
        ("grant6", set(&["fd00:98:0:1::5", "fd00:98:0:2::/126", "fd00:98:0:3::5-fd00:98:0:3::9", "2001:db8:200::/64"])),
        (
            "grant4-port",
            set(&[
                "10.57.17.5 . tcp . 53",
                "10.57.17.5 . udp . 53",
                "10.98.4.5 . tcp . 7010",
                "10.98.6.5 . tcp . 7010",
                "10.98.6.5 . udp . 7012",
                "10.98.7.5 . udp . 7010",
                "10.98.16.5 . sctp . 5000",
            ]),
        ),
        (
            "grant6-port",
            set(&[
                "fd00:98:0:4::5 . tcp . 7010",
                "fd00:98:0:6::5 . tcp . 7010",
                "fd00:98:0:6::5 . udp . 7012",
                "fd00:98:0:7::5 . udp . 7010",
                "fd00:98:0:16::5 . sctp . 5000",
            ]),
        ),
        (
            "grant4-flow",
            set(&[
                "172.21.0.2 . 10.98.10.5 . tcp . 7010",
                "172.22.0.2 . 10.98.12.5 . tcp . 7010",
                "172.21.0.4 . 10.98.13.5 . tcp . 7010",
                &format!("{four} . 10.98.13.5 . tcp . 7010"),
            ]),
        ),
        (
            "grant6-flow",
            set(&[
                "fd00:d0c:21::2 . fd00:98:0:10::5 . tcp . 7010",
                "fd00:d0c:22::2 . fd00:98:0:12::5 . tcp . 7010",
                "fd00:d0c:21::4 . fd00:98:0:13::5 . tcp . 7010",
                &format!("{six} . fd00:98:0:13::5 . tcp . 7010"),
            ]),
        ),
        (
            "grant4-range",
            set(&[
                "0.0.0.0/0 . 10.98.5.5 . tcp . 7010-7012",
                "0.0.0.0/0 . 10.98.9.4/30 . tcp . 7010",
                "172.21.0.4 . 10.98.18.5 . udp . 7010-7011",
                &format!("{four} . 10.98.18.5 . udp . 7010-7011"),
            ]),
        ),
        (
            "grant6-range",
            set(&[
                "::/0 . fd00:98:0:5::5 . tcp . 7010-7012",
                "::/0 . fd00:98:0:9::4/126 . tcp . 7010",
                "fd00:d0c:21::4 . fd00:98:0:18::5 . udp . 7010-7011",
                &format!("{six} . fd00:98:0:18::5 . udp . 7010-7011"),
            ]),
        ),
        (
            "grant4-proto",
            set(&[
                "0.0.0.0/0 . 10.98.8.5 . icmp",
                "172.21.0.0/16 . 10.98.11.5 . 0-255",
                "172.21.0.2/31 . 10.98.14.5 . 0-255",
                "172.22.0.2 . 10.98.15.5 . icmp",
                "0.0.0.0/0 . 10.98.17.5 . gre",
            ]),
        ),
        (
            "grant6-proto",
            set(&[
                "::/0 . fd00:98:0:8::5 . ipv6-icmp",
                "fd00:d0c:21::/64 . fd00:98:0:11::5 . 0-255",
                "fd00:d0c:21::2/127 . fd00:98:0:14::5 . 0-255",
                "fd00:d0c:22::2 . fd00:98:0:15::5 . ipv6-icmp",
                "::/0 . fd00:98:0:17::5 . gre",
            ]),
        ),
        ("host4-proto", set(&["172.22.0.0/16 . 0.0.0.0/0 . icmp"])),
        ("host6-proto", set(&["fd00:d0c:22::/64 . ::/0 . ipv6-icmp"])),
        (
            "host4-range",
            set(&[
                "0.0.0.0/0 . 0.0.0.0/0 . tcp . 7020",
                "0.0.0.0/0 . 0.0.0.0/0 . tcp . 8080",
                "172.22.0.2 . 0.0.0.0/0 . udp . 7022-7023",
                "0.0.0.0/0 . 172.22.0.1 . tcp . 7021",
            ]),
        ),
        (
            "host6-range",
            set(&[
                "::/0 . ::/0 . tcp . 7020",
                "::/0 . ::/0 . tcp . 8080",
                "fd00:d0c:22::2 . ::/0 . udp . 7022-7023",
                "::/0 . fd00:d0c:22::1 . tcp . 7021",
            ]),
        ),
    ];
    for (name, expected) in expected {
        assert_eq!(elements(lab, name), expected, "{name}");
    }
}
