//! Whatever somebody does to the table, it is whole again.

use std::time::{Duration, Instant};

use super::{Guard, UNOWNED, await_dump, await_that, dump, enforced, median};
use crate::host::Host;

/// How often each damage is done.
const TIMES: usize = 20;
/// How many changes come one after the other.
const STORM: usize = 400;

/// What is done to the table, as one batch of `nft -f`.
pub(super) fn damages(host: &Host) -> Vec<(&'static str, String)> {
    let rules = host.netns.nft("-a list chain inet dockwall DOCKER-USER-DENY-INTERNAL");
    let handle =
        rules.lines().filter_map(|line| line.split_once(" # handle ")?.1.parse::<u64>().ok()).next_back().unwrap();
    let of = |what: &str| what.to_owned();
    vec![
        ("flush ruleset", of("flush ruleset")),
        ("delete table", of("delete table inet dockwall")),
        ("delete rule", format!("delete rule inet dockwall DOCKER-USER-DENY-INTERNAL handle {handle}")),
        ("insert rule", of("insert rule inet dockwall DOCKER-USER accept")),
        ("flush set", of("flush set inet dockwall deny4")),
        ("delete element", of("delete element inet dockwall deny4 { 10.0.0.0/8 }")),
        ("add element", of("add element inet dockwall deny4 { 198.51.100.10 }")),
        ("add a rule's set", of("add rule inet dockwall DOCKER-USER-HOST tcp dport { 22, 80 } return")),
        ("dormant", of("add table inet dockwall { flags dormant; }")),
        ("delete chain", of("flush chain inet dockwall forward\ndelete chain inet dockwall forward")),
        ("flush chain", of("flush chain inet dockwall DOCKER-USER-DROP")),
        ("its mark", of("delete chain inet dockwall generation")),
    ]
}

/// What a guard says of such a damage.
fn damaged(what: &str) -> &'static str {
    match what {
        "flush ruleset" | "delete table" => "gone",
        "dormant" => "asleep",
        _ => "changed",
    }
}

#[test]
fn a2_whatever_is_done_to_the_table_it_is_whole_again_and_who_did_it_is_told() {
    let host = enforced();
    let before = dump(&host);
    let guard = Guard::start(&host);
    for index in 0..damages(&host).len() {
        let (mut outside, mut inside, mut what) = (Vec::new(), Vec::new(), "");
        for round in 0..TIMES {
            // A handle is another one after each repair.
            let (name, damage) = damages(&host).swap_remove(index);
            what = name;
            let began = Instant::now();
            host.netns.load(&damage);
            let (came, told) = guard.next(name);
            assert_eq!((&told["event"], &told["generation"]), (&"repaired".into(), &1.into()), "{name}: {told}");
            assert_eq!(
                (&told["by"]["name"], &told["damage"]),
                (&"nft".into(), &damaged(name).into()),
                "{name}: {told}"
            );
            outside.push(came.duration_since(began).as_secs_f64() * 1000.0);
            inside.push(told["milliseconds"].as_f64().unwrap());
            assert_eq!(dump(&host), before, "{name}");
            // Of every second one the guard is about to look after its own repair.
            if round % 2 == 0 {
                std::thread::sleep(Duration::from_millis(30));
            }
        }
        // How long it takes is printed, and no verdict: the machine may be busy. What has no end fails above.
        let longest = outside.iter().copied().fold(0.0, f64::max);
        println!(
            "{what:18} {:5.1} ms from the start of nft until whole again, {:4.1} ms from the notification (median of \
             {TIMES}; longest {longest:.1} ms)",
            median(outside.clone()),
            median(inside)
        );
    }
    assert_eq!(guard.told(), Vec::<serde_json::Value>::new());
    assert_eq!(host.json(0, "history").as_array().unwrap().len(), 1, "a repair is no new generation");
}

#[test]
fn a16_a_guard_that_starts_puts_back_what_was_applied_before() {
    let host = enforced();
    let before = dump(&host);
    for damage in ["flush ruleset", "insert rule inet dockwall DOCKER-USER accept"] {
        host.netns.load(damage);
        let _guard = Guard::start(&host);
        await_dump(&host, &before);
        host.expect(0, "status");
    }
}

#[test]
fn a_state_directory_from_before_there_were_guards() {
    let host = enforced();
    let before = dump(&host);
    let noted = host.state().join("in-force");
    // The kernel still has its mark.
    std::fs::remove_file(&noted).unwrap();
    let guard = Guard::start(&host);
    assert_eq!(std::fs::read_to_string(&noted).unwrap(), "1\n");
    drop(guard);
    // The mark is gone: it was the last generation.
    std::fs::remove_file(&noted).unwrap();
    host.netns.load("delete chain inet dockwall generation");
    let guard = Guard::start(&host);
    await_dump(&host, &before);
    drop(guard);
    // The table is gone: nobody knows whether it should be there.
    std::fs::remove_file(&noted).unwrap();
    host.netns.load("delete table inet dockwall");
    let _guard = Guard::start(&host);
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!(host.netns.list(), "");
}

/// `nft list ruleset` into a file, and the file loaded again at some other time.
#[test]
fn a2_an_old_ruleset_that_is_loaded_again_does_not_stay() {
    let host = Host::new(UNOWNED);
    host.expect(0, "apply");
    let saved = host.netns.list();
    host.expect(0, "apply --mode enforce");
    let before = dump(&host);
    let guard = Guard::start(&host);
    host.netns.load(&format!("flush ruleset\n{saved}"));
    assert_eq!(guard.await_event("repaired")["generation"], 2);
    assert_eq!(dump(&host), before);
}

#[test]
fn who_changes_the_table_again_and_again_is_answered_fifty_times_a_second_at_the_most() {
    let host = enforced();
    let before = dump(&host);
    // Without -v, by which each repair would be told.
    let guard = Guard::start_quiet(&host);
    let began = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope
                .spawn(|| (0..STORM / 4).for_each(|_| host.netns.load("insert rule inet dockwall DOCKER-USER accept")));
        }
    });
    let seconds = began.elapsed().as_secs_f64();
    await_dump(&host, &before);
    std::thread::sleep(Duration::from_millis(1200));
    let told = guard.told();
    let single = told.iter().filter(|told| told["event"] == "repaired").count() as u64;
    let often: u64 = told.iter().filter_map(|told| told["times"].as_u64()).sum();
    let repairs = single + often;
    println!("{STORM} changes within {seconds:.1} s: {repairs} repairs, told in {} lines", told.len());
    assert!(often > 0 && told.len() as f64 <= 7.0 * (seconds + 2.0), "{told:?}");
    assert!(repairs as f64 <= 50.0 * (seconds + 0.5), "{repairs} repairs within {seconds} s");
    assert_eq!(dump(&host), before);
}

/// What the kernel could not tell may be anything.
#[test]
fn lost_notifications_are_made_up_for_by_a_look_at_everything() {
    let host = enforced();
    let before = dump(&host);
    let guard = Guard::start(&host);
    guard.signal(rustix::process::Signal::STOP);
    // Each element is told of by a message of its own: more than the socket has room for.
    let elements: Vec<String> = (0..60_000).map(|index| format!("10.{}.{}.1", index / 250, index % 250)).collect();
    host.netns.load(&format!(
        "table ip foreign {{ set many {{ type ipv4_addr; elements = {{ {} }}; }}; }}",
        elements.join(", ")
    ));
    host.netns.load("delete table inet dockwall");
    host.netns.load("delete table ip foreign");
    guard.signal(rustix::process::Signal::CONT);
    guard.await_event("overrun");
    await_dump(&host, &before);
    // It hears of what comes after.
    host.netns.load("flush set inet dockwall deny4");
    await_that("a repair by what was heard", || guard.told().iter().any(|told| told["by"]["name"] == "nft"));
    await_dump(&host, &before);
}
