//! Switching over from the recipe in firewalld to dockwall, and back, by the very commands of `docs/switching-over.md`, while
//! containers ask without pause for what both deny: at no time is there no wall.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

#[path = "../support/mod.rs"]
mod support;

mod document;
mod probers;
mod stage;

use std::time::{Duration, Instant};

use probers::{Closed, Granted};
use stage::Stage;

/// Nothing takes longer.
const PATIENCE: Duration = Duration::from_secs(20);

/// What the doctor finds behind a block: ids, and words of each.
type Found<'a> = &'a [(&'a str, &'a str)];

const OLD_ALONE: Found = &[("not-hooked", "there is no wall here"), ("old-rules", "the old rules are all there is")];
const OLD_DECIDES: Found =
    &[("old-rules", "the old rules still decide"), ("not-applied", "mode enforce in the file, audit in force")];
/// The same with a table that the guard, now stopped, had owned.
const UNGUARDED: Found = &[OLD_DECIDES[0], OLD_DECIDES[1], ("owner", "and none runs")];
const BOTH: Found = &[("old-rules", "both walls stand")];
const BESIDE: (&str, &str) = ("firewalld-beside", "firewalld is up beside the wall");

/// The blocks of the way there: what each is, and what the doctor finds behind it.
const THERE: [(&str, Found); 8] = [
    ("import, compare", OLD_ALONE),
    ("audit beside the old rules", OLD_DECIDES),
    ("enforce, both", BOTH),
    ("the old rules away", &[("old-files", "with the next start of firewalld"), BESIDE]),
    ("their file away", &[BESIDE]),
    ("firewalld off", &[("firewalld-beside", "its table `inet firewalld` still filters")]),
    ("its table away", &[]),
    ("for good", &[]),
];

/// Those of the way back.
const BACK: [(&str, Found); 3] =
    [("the old rules back, both", BOTH), ("audit beside them", UNGUARDED), ("dockwall away", OLD_ALONE)];

/// Goes that way, and fails where anything gets through.
#[track_caller]
fn go(stage: &Stage, closed: &Closed, blocks: &[document::Block], steps: &[(&str, Found)]) {
    assert_eq!(blocks.len(), steps.len(), "the document has other blocks: {blocks:#?}");
    for (block, (what, found)) in blocks.iter().zip(steps) {
        let began = Instant::now();
        for command in block {
            stage.run(command);
            let arrived = closed.arrived();
            assert_eq!(arrived, [0, 0], "{what}: packets and connections got through `{command}`");
        }
        println!("{what:28} {:5.1} s: 0 packets and 0 connections got through", began.elapsed().as_secs_f64());
        stage.expect_found(what, found);
    }
}

/// With the real firewalld, and the recipe as its direct rules.
#[test]
fn from_the_recipe_in_firewalld_to_dockwall_and_back_by_the_documents_commands_with_0_leaks() {
    let stage = Stage::set();
    let lab = &stage.lab;
    stage.expect_found("the recipe alone", OLD_ALONE);
    let closed = Closed::start(lab);
    let began = Instant::now();

    let granted = Granted::start(lab);
    go(&stage, &closed, &document::blocks("## There", "## And back"), &THERE);
    let (gap, made) = granted.finish(false);
    println!(
        "what is granted, on the way there: no answer took longer than {gap} ms, {made} of {made} new connections"
    );
    assert!(gap < 2000, "{gap} ms without an answer");
    stage.expect_wall("switched over");
    assert!(lab.exec("host", "iptables-save").contains("DOCKER-ISOLATION"), "Docker's own rules were never gone");

    let granted = Granted::start(lab);
    go(&stage, &closed, &document::blocks("## And back", "## How far a host is"), &BACK);
    let (gap, made) = granted.finish(true);
    println!("what is granted, on the way back: no answer took longer than {gap} ms, {made} new connections");
    stage.expect_recipe("switched back");

    // Had they got through, they would have been counted.
    let seconds = began.elapsed().as_secs_f64();
    lab.control("unit firewalld kill");
    stage.expect_found("the recipe without firewalld", &[OLD_ALONE[0], ("old-rules", "sudo iptables -F DOCKER-USER")]);
    assert_eq!(closed.arrived(), [0, 0]);
    for program in ["iptables", "ip6tables"] {
        lab.exec("host", &format!("{program} -w -F DOCKER-USER"));
    }
    let (mut packets, mut connections) = (0, 0);
    let end = Instant::now() + PATIENCE;
    while packets < 100 || connections < 10 {
        assert!(Instant::now() < end, "{packets} packets and {connections} connections without any wall");
        let arrived = closed.arrived();
        (packets, connections) = (packets + arrived[0], connections + arrived[1]);
    }
    let asked = closed.finish();
    println!(
        "in {seconds:.1} s {:?} packets (IPv4, IPv6) and {} connections were asked for: 0 got through, and {packets} packets and \
         {connections} connections at once without either wall",
        asked.packets, asked.connections
    );
    assert!(asked.packets.iter().all(|sent| *sent > 10_000) && asked.connections > 1000, "{asked:?}");
}
