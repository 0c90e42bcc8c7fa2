//! Audit mode and the counts: what would be dropped is what is dropped.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod support;

use std::collections::{BTreeMap, BTreeSet};

use support::lab::{CONTAINERS, HOST, LAN, Lab, Verdict, addresses, all_of, from, packets_of};

/// Packets that one run of [`send_counted`] sends to denied addresses.
const COUNTED: u64 = (CONTAINERS.len() * LAN.len()) as u64 * (PINGS + SCANNED);
const PINGS: u64 = 7;
const SCANNED: u64 = 40;

/// From each container to each address: pings, and a packet to each of some ports. Nothing of it
/// depends on answers.
fn send_counted(lab: &Lab) {
    for container in CONTAINERS {
        for address in LAN {
            lab.try_exec(container, &format!("ping -n -q -c {PINGS} -i 0.01 -W 0.1 {address}"));
            let scanned = lab.exec(container, &format!("traffic scan {address} --from 9001 --to {}", 9000 + SCANNED));
            assert_eq!(scanned.trim(), format!("{{\"errors\":0,\"sent\":{SCANNED}}}"));
        }
    }
}

#[test]
fn k9_audit_lets_all_pass_and_counts_and_remembers_what_enforce_drops() {
    let lab = Lab::up(&[]);
    let closed: Vec<_> = CONTAINERS
        .into_iter()
        .flat_map(|container| from(container, closed_to_containers().flat_map(all_of), Verdict::Timeout))
        .collect();
    let mut counts = BTreeMap::new();
    for mode in ["audit", "enforce"] {
        lab.apply(&format!("mode = \"{mode}\""));
        match mode {
            "audit" => lab.expect("audited", &lab.matrix()),
            _ => lab.expect("enforced", &closed),
        }
        // By TCP more packets follow where the first ones pass: there the flows are compared.
        let flows: BTreeSet<String> = lab.meters().into_keys().collect();
        assert_eq!(flows, expected_flows(), "{mode}");
        lab.dockwall("remove");

        lab.apply(&format!("mode = \"{mode}\""));
        for container in CONTAINERS {
            let probes: Vec<String> = closed_to_containers().flat_map(packets_of).collect();
            lab.probes(container, &probes.iter().map(String::as_str).collect::<Vec<_>>());
        }
        counts.insert(mode, lab.meters());
        lab.dockwall("remove");
    }
    assert_eq!(counts["audit"], counts["enforce"]);
    assert!(counts["audit"].values().all(|(packets, bytes)| *packets == 2 && *bytes > 4000), "{counts:?}");
}

/// The LAN and the host itself.
fn closed_to_containers() -> impl Iterator<Item = &'static str> {
    LAN.into_iter().chain(HOST)
}

/// What the probes of the whole matrix leave in the meters: each container's flows to the LAN and to
/// the host, and nothing else.
fn expected_flows() -> BTreeSet<String> {
    let mut flows = BTreeSet::new();
    for container in CONTAINERS {
        let [ipv4, ipv6] = addresses(container);
        for address in closed_to_containers() {
            let (from, ping) = if address.contains(':') { (ipv6, 58) } else { (ipv4, 1) };
            for what in ["6 7000".to_owned(), "17 7001".to_owned(), ping.to_string()] {
                flows.insert(format!("{from} {address} {what}"));
            }
        }
    }
    flows
}

#[test]
fn k10_the_totals_of_status_are_what_was_sent_whatever_the_log_says() {
    let lab = Lab::up(&[]);
    for mode in ["audit", "enforce"] {
        for log in ["enabled = true", "limit = \"1/day\"", "enabled = false"] {
            lab.apply(&format!("mode = \"{mode}\"\n[log]\n{log}"));
            send_counted(&lab);
            let wall = &lab.status()["wall"];
            assert_eq!(wall["denied"]["packets"], COUNTED, "{mode}, {log}");
            let remembered: u64 = lab.meters().values().map(|(packets, _)| packets).sum();
            assert_eq!(remembered, COUNTED, "{mode}, {log}: the meters");
            lab.dockwall("remove");
        }
    }
}
