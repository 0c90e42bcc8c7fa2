//! The exposition, read back by a strict parser; `promtool` judges it in `tests/cli/metrics.rs`.

use std::collections::BTreeSet;

use openmetrics_parser::prometheus::parse_prometheus;

use super::*;
use crate::observe::{Counted, Hooked};
use crate::ruleset::{Family as Net, Table};

/// A board for Grafana.
const BOARD: &str = include_str!("../../../packaging/grafana/dockwall.json");

fn wall() -> Wall {
    let counted = |what, family, packets| Counted {
        chain: "DOCKER-USER-DROP".to_owned(),
        what,
        family,
        set: None,
        count: Count { packets, bytes: packets * 60 },
    };
    let digest = Table::new().digest();
    Wall {
        generation: Some(12),
        mode: Some(Mode::Enforce),
        hooks: vec![Hooked { chain: "forward".to_owned(), hook: "forward".to_owned(), priority: -20 }],
        hooked: true,
        closes_host: true,
        drifted: false,
        applied: Some(digest.clone()),
        found: digest,
        policed: vec!["docker0".to_owned()],
        not_policed: Vec::new(),
        denied_networks: 10,
        exceptions: 3,
        denied: Count::default(),
        denied_to_host: Count::default(),
        invalid: Count::default(),
        for_everybody: Count::default(),
        granted: Count::default(),
        logged: Count { packets: 7, bytes: 420 },
        logs: true,
        counters: vec![
            counted(What::Denied, Some(Net::Ipv4), 1102),
            counted(What::Denied, Some(Net::Ipv6), 102),
            counted(What::DeniedToHost, Some(Net::Ipv4), 5),
            counted(What::Granted, Some(Net::Ipv4), 3),
            counted(What::Granted, Some(Net::Ipv4), 4),
            counted(What::Invalid, None, 2),
            counted(What::ForEverybody, None, 1),
        ],
    }
}

fn flows(containers: usize) -> Vec<FlowCount> {
    let of = |number: usize| {
        let container = Some(format!("c{number:03}"));
        std::iter::repeat_n(FlowCount { container, packets: Some(10) }, number)
    };
    (1..=containers).flat_map(of).collect()
}

fn full(wall: &Wall) -> Sample<'_> {
    let moment = Timestamp::from_second(1_700_000_000).unwrap();
    Sample {
        enforced: true,
        wall: Some(wall),
        applied: Some(moment),
        shadows: Some(0),
        coverage: Some(const { &Coverage { networks: Vec::new(), containers: 14, not_covered: Vec::new() } }),
        meters: vec![Fill { meter: "denied4".to_owned(), flows: 412, size: 65_535 }],
        flows: flows(3),
        has_guard: true,
        guarded: Some(GuardRecord { started: moment, repairs: 2, last: Some(moment) }),
        ..Sample::default()
    }
}

/// The names of the samples in a text.
fn names(text: &str) -> BTreeSet<String> {
    let samples = text.lines().filter(|line| !line.starts_with('#'));
    samples.map(|line| line.split(['{', ' ']).next().unwrap().to_owned()).collect()
}

#[test]
fn what_is_told_of_a_whole_wall() {
    insta::assert_snapshot!(Metrics::of(&full(&wall())).unwrap().text().unwrap());
}

#[test]
fn a_strict_parser_takes_all_of_it_and_each_name_is_a_good_one() {
    let wall = wall();
    for metrics in
        [Metrics::down().unwrap(), Metrics::of(&Sample::default()).unwrap(), Metrics::of(&full(&wall)).unwrap()]
    {
        let text = metrics.text().unwrap();
        let parsed = parse_prometheus(&text).unwrap_or_else(|error| panic!("{error}:\n{text}"));
        assert_eq!(parsed.families.len(), metrics.families().len());
        for family in metrics.families() {
            let Family { name, r#type, help, samples } = &family;
            assert!(name.starts_with("dockwall_") && help.ends_with('.') && !samples.is_empty(), "{family:?}");
            assert_eq!(name.ends_with("_total"), *r#type == "counter", "{name}");
        }
    }
}

#[test]
fn where_the_kernel_cannot_be_read_nothing_is_told_but_that() {
    let text = Metrics::down().unwrap().text().unwrap();
    assert_eq!(names(&text), ["dockwall_build_info".to_owned(), "dockwall_up".to_owned()].into());
    assert!(text.contains("\ndockwall_up 0\n"), "{text}");
}

#[test]
fn a_name_cannot_break_out_of_its_label() {
    let container = Some("evil\"} 1\ndockwall_enforced 1\\".to_owned());
    let flows = vec![FlowCount { container, packets: Some(1) }];
    let text = Metrics::of(&Sample { flows, ..Sample::default() }).unwrap().text().unwrap();
    assert!(text.contains(r#"{container="evil\"} 1\ndockwall_enforced 1\\"} 1"#), "{text}");
    assert!(text.contains("\ndockwall_enforced 0\n"), "{text}");
    parse_prometheus(&text).unwrap();
}

#[test]
fn however_many_containers_there_are_the_series_are_few_and_the_sums_right() {
    let flows = flows(100);
    let by = by_container(&flows);
    assert_eq!(by.len(), MOST_CONTAINERS + 1);
    assert_eq!(by["c100"], (100, Some(1000)));
    assert_eq!(by[OTHERS].0, (1..=80).sum::<u64>());
    assert_eq!(by.values().map(|(flows, _)| flows).sum::<u64>(), flows.len() as u64);
    // Nobody's flows are with the others, also where there are few.
    let nobody = [FlowCount { container: None, packets: None }];
    assert_eq!(by_container(&nobody), BTreeMap::from([(OTHERS, (1, None))]));
}

#[test]
fn the_board_asks_for_nothing_that_is_not_told() {
    let board: serde_json::Value = serde_json::from_str(BOARD).unwrap();
    let panels = board["panels"].as_array().unwrap();
    let queries = panels.iter().flat_map(|panel| panel["targets"].as_array().into_iter().flatten());
    let queries: Vec<&str> = queries.map(|target| target["expr"].as_str().unwrap()).collect();
    let known = names(&Metrics::of(&full(&wall())).unwrap().text().unwrap());
    let mut asked = BTreeSet::new();
    for query in &queries {
        let words = query.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let metrics: Vec<&str> = words.filter(|word| word.starts_with("dockwall_")).collect();
        assert!(!metrics.is_empty(), "{query}");
        for metric in metrics {
            assert!(known.contains(metric), "{metric} in {query}");
            asked.insert(metric);
        }
    }
    assert!(asked.len() >= 15, "{asked:?}");
    let mut ids: Vec<u64> = panels.iter().map(|panel| panel["id"].as_u64().unwrap()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), panels.len(), "two panels have one number");
}

/// What stands above the row of each host has as many series with ten thousand hosts as with one.
#[test]
fn the_board_tells_of_all_hosts_in_a_few_series() {
    let board: serde_json::Value = serde_json::from_str(BOARD).unwrap();
    let panels = board["panels"].as_array().unwrap();
    assert_eq!(panels[0]["title"], "All hosts");
    let of_all: Vec<&serde_json::Value> = panels.iter().take_while(|panel| panel["title"] != "Each host").collect();
    assert!(of_all.len() < panels.len(), "there is no row for each host");
    let queries = of_all.iter().flat_map(|panel| panel["targets"].as_array().into_iter().flatten());
    let queries: Vec<&str> = queries.map(|target| target["expr"].as_str().unwrap()).collect();
    assert!(queries.len() >= 10, "{queries:?}");
    for query in queries {
        let is_few = ["sum(", "sum by (family) ", "sum by (mode) ", "count(", "count by (version) ", "topk("];
        assert!(is_few.iter().any(|few| query.starts_with(few)), "{query} has a series for each host");
        assert!(query.contains("{instance=~\"$instance\"}"), "{query} does not go by the hosts that are chosen");
    }
}

/// The rules that `docs/fleet.md` proposes.
#[test]
fn the_alerts_of_the_documents_ask_for_nothing_that_is_not_told() {
    let rules = include_str!("../../../docs/fleet.md").lines().filter_map(|line| line.trim().strip_prefix("expr: "));
    let rules: Vec<&str> = rules.collect();
    assert!(rules.len() >= 4, "{rules:?}");
    let known = names(&Metrics::of(&full(&wall())).unwrap().text().unwrap());
    for rule in rules {
        let words = rule.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
        let metrics: Vec<&str> = words.filter(|word| word.starts_with("dockwall_")).collect();
        assert!(!metrics.is_empty() && metrics.iter().all(|metric| known.contains(*metric)), "{rule}");
    }
}
