//! Killed at any moment the table is whole, and the next guard owns it.

use std::time::Duration;

use dockwall::ruleset::{TABLE_OWNER, TABLE_PERSIST};

use super::*;

/// How often each is tried.
const ROUNDS: u64 = 40;

/// The table as it should be, at once and without another one beside it.
#[track_caller]
fn is_whole(host: &Host, what: &str) {
    let table = host.netns.table();
    assert_eq!(table.digest(), table.marker().unwrap().digest, "{what}");
    await_that("no second table", || host.netns.nft("list tables") == "table inet dockwall\n");
}

/// Spread over the first `longest`, and not twice the same.
fn moment(round: u64, longest: Duration) -> Duration {
    longest.mul_f64((round as f64 * 0.618_034).fract())
}

#[track_caller]
fn kill(mut guard: Guard) {
    guard.signal(Signal::KILL);
    guard.end(PATIENCE);
}

#[test]
fn anywhere_within_a_handover_to_an_owner_or_from_one_the_wall_is_whole() {
    let host = owned();
    let before = dump(&host);
    let (mut plain, mut handed_over) = (0, 0);
    for round in 0..2 * ROUNDS {
        host.netns.kernel().hand_over(0).unwrap();
        assert_eq!(host.netns.table().flags, 0);
        let guard = Guard::spawn(&host, |_| {});
        std::thread::sleep(moment(round, Duration::from_millis(60)));
        kill(guard);
        is_whole(&host, &format!("round {round}"));
        assert_eq!(dump(&host), before, "round {round}");
        let flags = host.netns.table().flags;
        assert!([0, TABLE_PERSIST].contains(&flags), "round {round}: {flags}");
        *(if flags == 0 { &mut plain } else { &mut handed_over }) += 1;
    }
    println!("killed {plain} times before the handover was through, {handed_over} times behind it");
    let guard = Guard::start(&host);
    await_owner(&host, &guard);
    assert_eq!(dump(&host), before);
}

#[test]
fn anywhere_while_it_begins_to_own_the_wall_is_whole() {
    let host = owned();
    let before = dump(&host);
    host.netns.kernel().hand_over(TABLE_OWNER | TABLE_PERSIST).unwrap();
    for round in 0..ROUNDS {
        let guard = Guard::spawn(&host, |_| {});
        std::thread::sleep(moment(round, Duration::from_millis(60)));
        kill(guard);
        is_whole(&host, &format!("round {round}"));
        assert_eq!(dump(&host), before, "round {round}");
        await_that("its owner is gone", || host.netns.table().flags == TABLE_PERSIST);
    }
    let guard = Guard::start(&host);
    await_owner(&host, &guard);
}

/// The command is through, or says who does not answer; never both halves of it.
#[test]
fn anywhere_while_it_lets_a_command_in_the_wall_is_whole_and_the_command_works_again() {
    let host = owned();
    let mut statuses = std::collections::BTreeMap::new();
    for round in 0..ROUNDS {
        let guard = Guard::start(&host);
        await_owner(&host, &guard);
        let mode = if round % 2 == 0 { "audit" } else { "enforce" };
        let ended = std::thread::scope(|scope| {
            let command = scope.spawn(|| host.run(&format!("apply --mode {mode}")));
            std::thread::sleep(moment(round, Duration::from_millis(60)));
            kill(guard);
            command.join().unwrap()
        });
        assert!([0, 11].contains(&ended.status), "round {round}: {}", ended.stderr);
        *statuses.entry(ended.status).or_insert(0) += 1;
        is_whole(&host, &format!("round {round}"));
        host.expect(0, &format!("apply --mode {mode}"));
        let expected = if mode == "enforce" { 0 } else { 4 };
        host.expect(expected, "status");
    }
    println!("killed {ROUNDS} times while a command ran: {statuses:?} (status, times)");
    let guard = Guard::start(&host);
    await_owner(&host, &guard);
}
