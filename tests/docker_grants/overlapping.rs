//! Grants that have something in common stay each its own.

use crate::stage::{ENFORCE, Kin, Stage, every, grant, ping, rules, tcp};
use crate::support::lab::{Lab, Row, Verdict, from};

/// A network, and an address and a port in it.
fn in_each_other(kin: Kin) -> [(&'static str, String); 3] {
    let named =
        |name: &'static str, to: &str, rest: &str| (name, grant(&format!("{name}-{kin:?}").to_lowercase(), to, rest));
    let network = kin.of(&["10.98.2.0/24", "fd00:98:0:2::/64"]);
    [
        named("network", network, ""),
        named("address", &kin.at(2, 5), ""),
        named("port", &kin.at(2, 5), "ports = [\"7010/tcp\"]"),
    ]
}

fn addresses() -> impl Iterator<Item = String> {
    Kin::BOTH.into_iter().flat_map(|kin| [kin.at(2, 5), kin.at(2, 6), kin.at(3, 5)])
}

/// How every question to them ends where these grants are there.
fn expected(kin: Kin, granted: &[&str]) -> Vec<Row> {
    let has = |name| granted.contains(&name);
    let verdict = |open| if open { Verdict::Ok } else { Verdict::Timeout };
    let whole = has("network") || has("address");
    let rows = ["app", "web-1"].map(|place| {
        [
            from(place, tcp(&kin.at(2, 5), 7010), verdict(whole || has("port"))),
            from(place, [tcp(&kin.at(2, 5), 7011), ping(&kin.at(2, 5))].concat(), verdict(whole)),
            from(place, every(&kin.at(2, 6)), verdict(has("network"))),
            from(place, every(&kin.at(3, 5)), Verdict::Timeout),
        ]
        .concat()
    });
    rows.concat()
}

#[track_caller]
fn apply_and_ask(lab: &Lab, names: &[&str]) {
    let parts = Kin::BOTH.into_iter().flat_map(in_each_other);
    let toml: String = parts.filter(|(name, _)| names.contains(name)).map(|(_, toml)| toml).collect();
    lab.apply(&format!("{ENFORCE}{toml}"));
    let rows: Vec<Row> = Kin::BOTH.into_iter().flat_map(|kin| expected(kin, names)).collect();
    lab.expect(&format!("{names:?}"), &rows);
}

#[test]
fn j3_revoking_one_of_overlapping_grants_leaves_the_others() {
    let stage = Stage::with(addresses());
    for names in [
        &["network", "address", "port"][..],
        &["network", "port"],
        &["network", "address", "port"],
        &["address", "port"],
        &["port"],
        &["network", "address"],
        &["address"],
        &["network"],
        &[],
    ] {
        apply_and_ask(&stage, names);
    }
}

#[test]
fn c2_the_order_in_the_file_changes_nothing() {
    let stage = Stage::with(addresses());
    let ranges = ["10.98.3.0/24", "internal", "fd00:98:0:3::/64"];
    let parts: Vec<(&str, String)> = Kin::BOTH.into_iter().flat_map(in_each_other).collect();
    let in_order = |order: &[usize]| -> String {
        let listed: Vec<String> =
            (0..ranges.len()).map(|index| format!("\"{}\"", ranges[order[index] % ranges.len()])).collect();
        let grants: String = order.iter().map(|index| parts[*index].1.as_str()).collect();
        format!("{ENFORCE}deny.ranges = [{}]\n{grants}", listed.join(", "))
    };
    stage.apply(&in_order(&[0, 1, 2, 3, 4, 5]));
    let first = rules(&stage);
    let rows: Vec<Row> = Kin::BOTH.into_iter().flat_map(|kin| expected(kin, &["network", "address", "port"])).collect();
    stage.expect("as written first", &rows);
    for order in [[5, 4, 3, 2, 1, 0], [2, 0, 1, 5, 3, 4], [1, 2, 0, 4, 5, 3], [3, 1, 5, 0, 4, 2]] {
        let applied = stage.apply(&in_order(&order));
        assert_eq!(applied["changes"], 0, "{order:?}: {applied}");
        assert_eq!(rules(&stage), first, "{order:?}");
    }
    stage.expect("as written last", &rows);
    // And made anew in the last order.
    stage.dockwall("remove");
    stage.dockwall("apply");
    assert_eq!(rules(&stage), first);
    stage.expect("made anew", &rows);
}
