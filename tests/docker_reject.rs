//! `deny.action = "reject"` on the host: who asks is told at once, by an error that reaches him.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod support;

use support::lab::table::{Expected, State, Table};
use support::lab::{
    CONTAINERS, ENFORCE, HOST, HOST_PUBLIC, LAN, Lab, Sender, Verdict, addresses, all_of, assert_unbroken, from,
    gateways, packets_of,
};

const REJECT: &str = "mode = \"enforce\"\ndeny.action = \"reject\"\n";

const GRANT: &str = "[[grant]]\nname = \"echo\"\nto = \"host\"\nports = [\"7000/tcp\", \"8080/tcp\"]\n";

/// What a probe hears: a reset by TCP, else that it is administratively prohibited (RFC 1812, RFC 4443).
/// A socket of IPv4 is told that the host is unreachable (errno of ICMP code 13).
fn rejected(probe: &str) -> Verdict {
    let word = match (probe.split(' ').next().unwrap(), probe.contains(':')) {
        ("tcp", _) => "refused",
        ("udp", false) => "unreachable",
        _ => "prohibited",
    };
    Verdict::Other(word.to_owned())
}

/// What a probe of a published port hears without docker-proxy: the kernel has no way to reset what was
/// translated.
fn rejected_beyond(probe: &str) -> Verdict {
    rejected(&probe.replace("tcp", "udp"))
}

fn add(table: &mut Table, place: &str, what: &str, probe: String, [open, enforce]: [Verdict; 2], is_granted: bool) {
    let granted = if is_granted { open.clone() } else { enforce.clone() };
    table.add(place, what, [probe], Expected { open, enforce, granted });
}

/// How a published port ends without a wall: docker-proxy answers by UDP from the gateway only, and
/// without it Docker keeps its networks apart.
fn published(proxy: &str, place: &str, by_proxy: bool) -> Verdict {
    let is_answered = if proxy == "true" { by_proxy } else { place.starts_with("web") };
    if is_answered { Verdict::Ok } else { Verdict::Timeout }
}

#[test]
fn d4_d5_who_asks_for_the_host_or_a_published_port_is_told_at_once() {
    for proxy in ["true", "false"] {
        let lab = Lab::up(&["--dockerd-opt", &format!("--userland-proxy={proxy}")]);
        let mut table = Table::default();
        for place in CONTAINERS {
            let host = [&HOST[..], &gateways(place), &HOST_PUBLIC, &["fe80::1%eth0"]].concat();
            for probe in host.iter().flat_map(|address| all_of(address)) {
                let (found, is_granted) = ([Verdict::Ok, rejected(&probe)], probe.starts_with("tcp"));
                add(&mut table, place, "the host", probe, found, is_granted);
            }
            for address in [&HOST[..], &gateways(place), &HOST_PUBLIC].concat() {
                let tcp = format!("tcp {address} 8080");
                let without = published(proxy, place, true);
                let found = if proxy == "true" { rejected(&tcp) } else { rejected_beyond(&tcp) };
                add(&mut table, place, "a published port", tcp, [without, found], true);
                let udp = format!("udp {address} 8053");
                let without = published(proxy, place, gateways(place).contains(&address));
                let found = rejected(&udp);
                add(&mut table, place, "a published port", udp, [without, found], false);
            }
            for probe in LAN[..3].iter().flat_map(|address| all_of(address)) {
                let found = [Verdict::Ok, rejected(&probe)];
                add(&mut table, place, "a neighbour", probe, found, false);
            }
        }
        table.ask(&lab, State::Open);
        lab.apply(REJECT);
        table.ask(&lab, State::Enforce);
        lab.apply(&format!("{REJECT}{GRANT}"));
        table.ask(&lab, State::Granted).judge(&format!("rejected, --userland-proxy={proxy}"));
    }
}

/// What is no attempt on the host gets no answer either.
#[test]
fn g3_what_is_for_everybody_and_what_is_of_no_flow_gets_no_answer() {
    let lab = Lab::up(&[]);
    lab.apply(REJECT);
    lab.count_seen("web-1", "meta l4proto { icmp, tcp }");
    for address in ["172.21.255.255", "255.255.255.255", "224.0.0.1", "ff02::1%eth0"] {
        assert_eq!(lab.sunk("web-1", address, "host"), 0, "{address}");
    }
    for target in [HOST[0], LAN[0]] {
        let source = format!("--from {} --source-port 4999 --count 5", addresses("web-1")[0]);
        lab.exec("web-1", &format!("traffic forge fin-ack {target} 7000 {source}"));
    }
    assert_eq!(lab.seen("web-1"), 0);
    lab.expect("what is one's own", &from("web-1", packets_of(HOST[0]).into_iter().skip(2), rejected("ping")));
    assert_ne!(lab.seen("web-1"), 0, "an answer is counted");
}

#[test]
fn g5_sessions_of_the_host_and_to_it_survive_every_mode_and_action() {
    let lab = Lab::up(&[]);
    let flows = [
        ("lan", "10.57.17.2 7000"),
        ("lan", "fd57:17::2 7000"),
        ("lan", "10.57.17.2 8080"),
        ("lan", "fd57:17::2 8053 --udp"),
        ("host", "172.21.0.2 7000"),
        ("host", "fd00:d0c:21::2 7000"),
        ("host", "172.17.0.2 7001 --udp"),
        ("host", "fd00:d0c:22::2 7001 --udp"),
        ("host", "127.0.0.1 8080"),
        ("host", "10.57.17.6 7000"),
    ];
    let flows: Vec<Sender> = flows.into_iter().map(|(place, flow)| lab.session(place, flow)).collect();
    for config in ["mode = \"audit\"\n", ENFORCE, REJECT, "mode = \"audit\"\n", REJECT] {
        lab.apply(config);
        std::thread::sleep(std::time::Duration::from_millis(500));
    }
    assert_unbroken("audit, enforce, reject", flows);
}
