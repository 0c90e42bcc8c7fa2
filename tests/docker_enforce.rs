//! What the wall closes and what it leaves alone, with containers and packets of both families.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod support;

use support::lab::table::{Expected, State, Table};
use support::lab::{
    CONTAINERS, ENFORCE, HOST, HOST_FROM_WAN, HOST_PUBLIC, LAN, Lab, Row, Verdict, WAN, addresses, all_of, from,
    gateways, of_tcp, of_tcp_at, published_at,
};

/// The matrix with the LAN and the host closed to containers.
fn walled(mut rows: Vec<Row>) -> Vec<Row> {
    let is_closed = |row: &Row| {
        let asked = row.probe.split(' ').nth(1);
        CONTAINERS.contains(&row.place.as_str()) && LAN.iter().chain(&HOST).any(|address| asked == Some(address))
    };
    for row in rows.iter_mut().filter(|row| is_closed(row)) {
        row.verdict = Verdict::Timeout;
    }
    rows
}

#[test]
fn b2_d7_d8_f1_enforce_closes_the_lan_and_leaves_the_rest_as_docker_made_it() {
    let lab = Lab::up(&[]);
    let (open, walled) = (lab.matrix(), walled(lab.matrix()));
    lab.expect("without dockwall", &open);

    let nothing_denied = "mode = \"enforce\"\ndeny = { ranges = [], on_link = false, host = false }";
    assert_eq!(lab.apply(nothing_denied)["mode"], "enforce");
    lab.expect("with an empty deny list", &open);

    lab.apply(ENFORCE);
    lab.expect("enforced", &walled);
    assert_eq!(lab.try_dockwall("status").status.code(), Some(0));

    lab.dockwall("rollback");
    lab.expect("rolled back to the empty deny list", &open);
    lab.dockwall("rollback --to 2");
    lab.expect("enforced again", &walled);
    lab.dockwall("remove");
    lab.expect("removed", &open);
    assert_eq!(lab.try_dockwall("status").status.code(), Some(4));
}

#[test]
fn b10_containers_of_one_bridge_reach_each_other_with_and_without_bridge_netfilter() {
    let lab = Lab::up(&["--bridge-nf", "1"]);
    lab.apply(ENFORCE);
    let mut rows = from("web-1", addresses("web-2").into_iter().flat_map(all_of), Verdict::Ok);
    rows.extend(from("web-2", addresses("web-1").into_iter().flat_map(all_of), Verdict::Ok));
    for bridge_nf in ["1", "0"] {
        for name in ["iptables", "ip6tables"] {
            lab.exec("host", &format!("sysctl -w net.bridge.bridge-nf-call-{name}={bridge_nf}"));
        }
        lab.expect(&format!("with bridge-nf-call {bridge_nf}"), &rows);
        let wall = &lab.status()["wall"];
        assert_eq!((&wall["denied"]["packets"], &wall["logged"]["packets"]), (&0.into(), &0.into()));
        assert_eq!(lab.meters(), Default::default());
    }
}

/// Not even one that looks like Docker's: what carries the default route is no container's bridge,
/// neither where packets come in nor where they go out.
#[test]
fn c14_the_name_of_the_uplink_changes_nothing() {
    for uplink in ["ens3", "enp1s0", "bond0.20", "br-lan"] {
        let lab = Lab::up(&["--uplink", uplink]);
        lab.apply(ENFORCE);
        let mut rows = Vec::new();
        for container in CONTAINERS {
            rows.extend(from(container, LAN.into_iter().flat_map(all_of), Verdict::Timeout));
            rows.extend(from(container, WAN.into_iter().flat_map(all_of), Verdict::Ok));
        }
        rows.extend(from("lan", HOST.into_iter().flat_map(published_at), Verdict::Ok));
        rows.extend(from("wan", HOST_FROM_WAN.into_iter().flat_map(published_at), Verdict::Ok));
        lab.expect(&format!("by {uplink}"), &rows);
    }
}

/// At once, by what each protocol has for it: who asks by IPv4 is told no more than "unreachable".
#[test]
fn reject_turns_away_what_drop_leaves_without_an_answer() {
    let lab = Lab::up(&[]);
    let mut table = Table::default();
    for container in CONTAINERS {
        let closed = [&LAN[..], &HOST, &HOST_PUBLIC, &gateways(container)].concat();
        for address in closed {
            let udp = if address.contains(':') { "prohibited" } else { "unreachable" };
            table.add(container, "closed", of_tcp(&[address]), Expected::turned_away("refused"));
            table.add(container, "closed", [format!("udp {address} 7001")], Expected::turned_away(udp));
            table.add(container, "closed", [format!("ping {address}")], Expected::turned_away("prohibited"));
        }
        table.add(container, "the Internet", WAN.into_iter().flat_map(all_of), Expected::open());
    }
    // By the host's address, where Docker has no isolation in between.
    let published = [&HOST[..], &gateways("app")].concat();
    table.add("app", "published", of_tcp_at(&published, 8080), Expected::turned_away("refused"));
    for place in ["lan", "host"] {
        table.add(place, "published", HOST.into_iter().flat_map(published_at), Expected::open());
    }
    table.judge_policy(&lab, "reject", "deny.action = \"reject\"", None);
    lab.apply("mode = \"audit\"\ndeny.action = \"reject\"");
    table.ask(&lab, State::Audit).judge("and back");
}
