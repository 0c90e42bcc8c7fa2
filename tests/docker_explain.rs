//! What is explained about real containers, by their names, is what their packets meet; and the command
//! that is proposed opens what was closed.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod support;

use serde_json::Value;
use support::lab::{CONTAINERS, ENFORCE, HOST, LAN, Lab, Verdict, WAN, published_at};

/// A probe of the lab as a question.
fn question(place: &str, probe: &str) -> String {
    let words: Vec<&str> = probe.split(' ').collect();
    let address = if words[1].contains(':') { format!("[{}]", words[1]) } else { words[1].to_owned() };
    match words[..] {
        ["ping", _] => format!("{place} {address}/icmp"),
        [protocol, _, port] => format!("{place} {address}:{port}/{protocol}"),
        _ => panic!("{probe}"),
    }
}

fn explain(lab: &Lab, place: &str, probe: &str, options: &str) -> Value {
    let told = lab.dockwall(&format!("--json explain {}{options}", question(place, probe)));
    let told: Value = serde_json::from_str(&told).unwrap_or_else(|error| panic!("{error}: {told}"));
    told["explanations"][0].clone()
}

/// Whether it gets there by what is explained: the wall lets it pass or never sees it, and Docker has
/// nothing against it.
fn gets_there(explained: &Value) -> bool {
    ["passes", "not-seen"].contains(&explained["verdict"].as_str().unwrap()) && explained["docker"].is_null()
}

fn probes() -> Vec<String> {
    let every =
        |address: &str| vec![format!("tcp {address} 7000"), format!("udp {address} 7001"), format!("ping {address}")];
    let mut probes: Vec<String> = [LAN[0], LAN[2], WAN[0], WAN[1]].into_iter().flat_map(every).collect();
    probes.extend(HOST.into_iter().flat_map(|address| [published_at(address).remove(0), format!("ping {address}")]));
    probes
}

#[test]
fn what_is_explained_by_name_is_what_the_packets_of_containers_meet() {
    let lab = Lab::up(&[]);
    let grant =
        format!("[[grant]]\nname = \"lan\"\nto = \"{}\"\nports = [\"7000/tcp\"]\nfrom = \"container:app\"\n", LAN[0]);
    lab.apply(&format!("{ENFORCE}{grant}"));
    let probes = probes();
    let asked: Vec<&str> = probes.iter().map(String::as_str).collect();
    let mut closed = 0;
    for place in CONTAINERS {
        for (probe, verdict) in lab.probes(place, &asked) {
            let explained = explain(&lab, place, &probe, "");
            assert_eq!(gets_there(&explained), verdict == Verdict::Ok, "{place} {probe}: {explained}");
            closed += u32::from(verdict != Verdict::Ok);
        }
    }
    assert!(closed > 10, "only {closed} probes were denied");

    for probe in &probes {
        let explained = explain(&lab, "app", probe, " --live");
        if let Some(command) = explained["remedy"].as_str() {
            lab.dockwall(command.strip_prefix("dockwall ").unwrap());
        }
    }
    for (probe, verdict) in lab.probes("app", &asked) {
        let explained = explain(&lab, "app", &probe, " --live");
        assert_eq!(explained["verdict"], "passes", "{probe}: {explained}");
        assert_eq!(gets_there(&explained), verdict == Verdict::Ok, "{probe}: {explained}");
    }
}
