//! The recipe in force by real iptables, imported, and the wall in its place: the same packets get through, but for
//! those that the recipe gets wrong.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod support;

use std::fmt::Write as _;
use std::fs;

use serde_json::Value;
use support::lab::{CONTAINERS, HOST, LAN, Lab, Row, Verdict, published_at};

/// The neighbour's address that is in none of the recipe's ranges.
const GLOBAL_NEIGHBOUR: &str = "2001:db8:57::6";
/// What the recipe's exceptions open.
const EXCEPTIONS: [&str; 2] = ["tcp 10.57.17.5 7000", "tcp fd57:17::5 7000"];

/// The recipe's rules as commands of iptables, as firewalld orders them: by their priority.
fn commands(name: &str) -> String {
    let path = format!("{}/tests/import/rules/{name}.direct", env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(path).unwrap();
    let mut rules: Vec<Vec<&str>> = text.lines().map(|line| line.splitn(5, ' ').collect()).collect();
    rules.sort_by_key(|rule| rule[3].parse::<i32>().unwrap());
    let mut script = String::new();
    for program in ["iptables", "ip6tables"] {
        // Dockers of today jump there for IPv6 as well.
        writeln!(script, "{program} -w -N DOCKER-USER 2>/dev/null || {program} -w -F DOCKER-USER").unwrap();
        writeln!(
            script,
            "{program} -w -C FORWARD -j DOCKER-USER 2>/dev/null || {program} -w -I FORWARD -j DOCKER-USER"
        )
        .unwrap();
        for chain in ["DOCKER-USER-DENY-INTERNAL", "DOCKER-USER-DROP"] {
            writeln!(script, "{program} -w -N {chain} 2>/dev/null || {program} -w -F {chain}").unwrap();
        }
    }
    for rule in rules {
        let program = if rule[0] == "ipv4" { "iptables" } else { "ip6tables" };
        writeln!(script, "{program} -w -A {} {}", rule[2], rule[4]).unwrap();
    }
    script
}

/// What takes them away again.
fn undo() -> String {
    let mut script = String::new();
    for program in ["iptables", "ip6tables"] {
        writeln!(script, "{program} -w -F DOCKER-USER; {program} -w -A DOCKER-USER -j RETURN").unwrap();
        for chain in ["DOCKER-USER-DENY-INTERNAL", "DOCKER-USER-DROP"] {
            writeln!(script, "{program} -w -F {chain}; {program} -w -X {chain}").unwrap();
        }
    }
    script
}

fn run(lab: &Lab, script: &str) {
    lab.write("/run/rules.sh", &format!("set -e\n{script}"));
    lab.exec("host", "sh /run/rules.sh");
}

/// What iptables-save says is in force, in a file.
fn saved(lab: &Lab) -> String {
    let saved = lab.directory().join("saved");
    fs::write(&saved, lab.exec("host", "iptables-save -t filter") + &lab.exec("host", "ip6tables-save -t filter"))
        .unwrap();
    saved.display().to_string()
}

fn is_container(row: &Row) -> bool {
    CONTAINERS.contains(&row.place.as_str())
}

fn asks(row: &Row, addresses: &[&str]) -> bool {
    row.probe.split(' ').nth(1).is_some_and(|asked| addresses.contains(&asked))
}

/// With the recipe: the LAN is closed but for the exceptions and for neighbours with global addresses, the host is open, and
/// published ports do not answer clients of the LAN.
fn by_recipe(mut rows: Vec<Row>) -> Vec<Row> {
    let published: Vec<String> = HOST.into_iter().flat_map(published_at).collect();
    for row in &mut rows {
        let closed = is_container(row) && asks(row, &LAN) && !asks(row, &[GLOBAL_NEIGHBOUR]);
        if (closed && !EXCEPTIONS.contains(&row.probe.as_str()))
            || (row.place == "lan" && published.contains(&row.probe))
        {
            row.verdict = Verdict::Timeout;
        }
    }
    rows
}

/// With what is made of it: neighbours are closed by any address, and so is the host.
fn by_wall(mut rows: Vec<Row>) -> Vec<Row> {
    for row in rows.iter_mut().filter(|row| is_container(row)) {
        if (asks(row, &LAN) && !EXCEPTIONS.contains(&row.probe.as_str())) || asks(row, &HOST) {
            row.verdict = Verdict::Timeout;
        }
    }
    rows
}

#[test]
fn the_recipe_imported_and_enforced_differs_only_in_the_rows_that_the_recipe_gets_wrong() {
    let lab = Lab::up(&[]);
    run(&lab, &commands("recipe"));
    lab.expect("the recipe", &by_recipe(lab.matrix()));

    let saved = saved(&lab);
    let config = lab.config();
    lab.dockwall(&format!("import {saved} --output {}", config.display()));
    let refused = lab.try_dockwall(&format!("import {saved} --output {}", config.display()));
    assert_eq!(refused.status.code(), Some(3), "never over a file that is there");
    let compared: Value = serde_json::from_str(&lab.dockwall(&format!("--json import {saved} --compare"))).unwrap();
    assert_eq!(compared["unexplained"], 0, "{compared:#}");
    let report: Value = serde_json::from_str(&lab.dockwall(&format!("--json import {saved}"))).unwrap();
    assert_eq!(report["counts"]["not_carried"], 0, "{report:#}");
    assert_eq!(report["lines"].as_array().unwrap().len(), fs::read_to_string(&saved).unwrap().lines().count());

    run(&lab, &undo());
    lab.expect("without either", &lab.matrix());
    lab.dockwall("apply");
    lab.expect("the wall", &by_wall(lab.matrix()));

    // What differs is in one of the three rows, and each of them is there.
    let mut kinds = [0, 0, 0];
    for (recipe, wall) in by_recipe(lab.matrix())
        .iter()
        .zip(&by_wall(lab.matrix()))
        .filter(|(recipe, wall)| recipe.verdict != wall.verdict)
    {
        let is = [
            is_container(recipe) && asks(recipe, &HOST),
            is_container(recipe) && asks(recipe, &[GLOBAL_NEIGHBOUR]),
            recipe.place == "lan" && wall.verdict == Verdict::Ok,
        ];
        let kind = is.iter().position(|is| *is).unwrap_or_else(|| panic!("{recipe:?} {wall:?}"));
        kinds[kind] += 1;
        println!(
            "{:6} {:28} {} by the recipe, {} by the wall",
            recipe.place, recipe.probe, recipe.verdict, wall.verdict
        );
    }
    assert!(kinds.iter().all(|count| *count > 0), "{kinds:?}");
}

#[test]
fn the_recipe_s_audit_variant_imported_drops_nothing_and_remembers_what_enforce_would_drop() {
    let lab = Lab::up(&[]);
    run(&lab, &commands("audit"));
    let saved = saved(&lab);
    lab.dockwall(&format!("import {saved} --output {}", lab.config().display()));
    // Beside each other, as one switches over.
    let applied: Value = serde_json::from_str(&lab.dockwall("--json apply")).unwrap();
    assert_eq!(applied["mode"], "audit");
    lab.expect("audited by both", &lab.matrix());
    assert!(!lab.meters().is_empty());
    run(&lab, &undo());
    lab.dockwall("apply --mode enforce");
    lab.expect("enforced", &by_wall(lab.matrix()));
}
