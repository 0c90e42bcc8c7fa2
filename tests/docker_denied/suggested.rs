//! Replaying: what `suggest` writes lets exactly those flows pass that were denied.

use crate::support::lab::{Lab, Row, Verdict};

/// What an application needs, by both families, of the LAN, of the host and of a port that the host publishes.
const NEEDED: [(&str, &str); 9] = [
    ("web-1", "tcp 10.57.17.6 7000"),
    ("web-1", "udp 10.57.17.6 7001"),
    ("web-1", "tcp fd57:17::6 7000"),
    ("app", "udp fd57:17::5 7001"),
    ("app", "ping 10.57.17.5"),
    ("app", "ping fd57:17::5"),
    ("db-1", "tcp 172.22.0.1 7000"),
    ("db-1", "udp fd57:17::2 7001"),
    ("app", "tcp 10.57.17.2 8080"),
];

/// Next to each of them: another port, another address, another protocol, another container.
const NEIGHBOURS: [(&str, &str); 14] = [
    ("web-2", "tcp 10.57.17.6 7000"),
    ("web-2", "tcp fd57:17::6 7000"),
    ("app", "tcp 10.57.17.6 7000"),
    ("web-1", "tcp 10.57.17.5 7000"),
    ("web-1", "tcp 10.57.17.6 7004"),
    ("web-1", "udp fd57:17::6 7001"),
    ("web-1", "ping 10.57.17.6"),
    ("app", "tcp fd57:17::5 7000"),
    ("app", "ping 10.57.17.6"),
    ("app", "udp 172.17.0.1 7001"),
    ("db-1", "ping 172.22.0.1"),
    ("web-1", "tcp 172.21.0.1 7000"),
    ("app", "udp 10.57.17.2 8053"),
    ("db-1", "tcp 10.57.17.2 8080"),
];

fn rows(probes: &[(&str, &str)], verdict: Verdict) -> Vec<Row> {
    let row = |(place, probe): &(&str, &str)| Row {
        place: (*place).to_owned(),
        probe: (*probe).to_owned(),
        verdict: verdict.clone(),
    };
    probes.iter().map(row).collect()
}

#[test]
fn what_was_denied_passes_with_the_suggested_grants_and_its_neighbours_stay_dropped() {
    let lab = Lab::up(&[]);
    for audited in [true, false] {
        let mode = if audited { "audit" } else { "enforce" };
        lab.apply(&format!("# What the administrator wrote.\nmode = \"{mode}\"\n"));
        let verdict = if audited { Verdict::Ok } else { Verdict::Timeout };
        lab.expect(mode, &rows(&NEEDED, verdict));
        let written = lab.dockwall(&format!("suggest --apply-to {}", lab.config().display()));
        assert!(written.contains("grants appended"), "{written}");
        let text = std::fs::read_to_string(lab.config()).unwrap();
        assert!(text.starts_with("# What the administrator wrote.\n"), "{text}");
        assert_eq!(text.matches("[[grant]]").count(), 7, "the fewest\n{text}");
        lab.dockwall("apply --mode enforce");
        lab.expect("granted", &rows(&NEEDED, Verdict::Ok));
        lab.expect("neighbours", &rows(&NEIGHBOURS, Verdict::Timeout));
        let left = lab.dockwall("--json suggest --to 10.57.17.6 --container web-1 --port 7000/tcp");
        assert!(left.contains("\"grants\": []") && left.contains("\"granted\": 1"), "{left}");
        lab.dockwall("remove");
    }
}

#[test]
fn a_network_is_granted_where_all_of_its_containers_ask_and_neighbours_when_asked() {
    let lab = Lab::up(&[]);
    lab.apply("mode = \"enforce\"");
    let both = ["web-1", "web-2"]
        .map(|place| ["tcp 10.57.17.5 7000", "tcp 10.57.17.6 7000", "tcp fd57:17::6 7000"].map(|probe| (place, probe)));
    let needed = both.as_flattened();
    lab.expect("denied", &rows(needed, Verdict::Timeout));
    let suggested = lab.dockwall("suggest");
    assert_eq!(suggested.matches("from = \"network:backend\"").count(), 3, "{suggested}");
    lab.dockwall(&format!("suggest --merge /29 --apply-to {}", lab.config().display()));
    let text = std::fs::read_to_string(lab.config()).unwrap();
    assert!(text.contains("to = \"10.57.17.0/29\"") && text.matches("[[grant]]").count() == 2, "{text}");
    lab.dockwall("apply");
    lab.expect("granted", &rows(needed, Verdict::Ok));
    lab.expect("others", &rows(&[("app", "tcp 10.57.17.6 7000"), ("db-1", "tcp fd57:17::6 7000")], Verdict::Timeout));
}
