//! Killed at any moment the table is whole, and the next guard owns it.

use std::time::{Duration, Instant};

use dockwall::ruleset::{TABLE_OWNER, TABLE_PERSIST};

use super::*;

/// How often each is tried at random.
const ROUNDS: u64 = 40;
/// More calls than a guard makes of one kind until it owns the table.
const MOST_CALLS: usize = 200;

/// The table as it should be, at once and without another one beside it.
#[track_caller]
fn is_whole(host: &Host, what: &str) {
    let table = host.netns.table();
    assert_eq!(table.digest(), table.marker().unwrap().digest, "{what}");
    await_that("no second table", || host.netns.nft("list tables") == "table inet dockwall\n");
}

/// Spread around `usual`, and not twice the same.
fn moment(round: u64, usual: Duration) -> Duration {
    usual.mul_f64(0.5 + (round as f64 * 0.618_034).fract())
}

/// How long it takes here.
fn time(work: impl FnOnce()) -> Duration {
    let began = Instant::now();
    work();
    began.elapsed()
}

/// Kills a guard in its nth call of that name, for every nth until it owns the table. Says how many there were.
#[track_caller]
fn kill_in_each(host: &Host, call: &str, prepare: impl Fn(), check: impl Fn(&str)) -> usize {
    for nth in 1..MOST_CALLS {
        prepare();
        let inject = format!("inject={call}:signal=SIGKILL:when={nth}");
        // The tracer stands aside, so that the guard is this process's child.
        let traced = ["strace", "-D", "--quiet=all", "--output=/dev/null", "-f", "-e", &inject, DOCKWALL];
        let mut guard = Guard::spawn_program(host, &traced, &["--json", "-v", "guard"], |_| {});
        let end = Instant::now() + PATIENCE;
        let is_through = loop {
            if guard.child.try_wait().unwrap().is_some() {
                break false;
            }
            if hold(host)["processes"][0]["pid"] == guard.child.id() && guard.lines.recv_timeout(STEP).is_err() {
                break true;
            }
            assert!(Instant::now() < end, "{call} {nth}: it neither ends nor owns the table");
        };
        if is_through {
            kill(guard);
            return nth - 1;
        }
        check(&format!("{call} {nth}"));
    }
    panic!("more than {MOST_CALLS} calls of {call}");
}

/// After which nothing more is heard of a guard.
const STEP: Duration = Duration::from_millis(200);

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
    let usual = time(|| {
        let guard = Guard::start(&host);
        await_owner(&host, &guard);
    });
    for round in 0..2 * ROUNDS {
        host.netns.kernel().hand_over(0).unwrap();
        assert_eq!(host.netns.table().flags, 0);
        let guard = Guard::spawn(&host, |_| {});
        std::thread::sleep(moment(round, usual));
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
    let usual = time(|| drop(Guard::start(&host)));
    for round in 0..ROUNDS {
        let guard = Guard::spawn(&host, |_| {});
        std::thread::sleep(moment(round, usual));
        kill(guard);
        is_whole(&host, &format!("round {round}"));
        assert_eq!(dump(&host), before, "round {round}");
        await_that("its owner is gone", || host.netns.table().flags == TABLE_PERSIST);
    }
    let guard = Guard::start(&host);
    await_owner(&host, &guard);
}

#[test]
fn in_each_call_of_a_handover_or_of_becoming_the_owner_the_wall_is_whole() {
    for flags in [0, TABLE_PERSIST] {
        let host = owned();
        let before = dump(&host);
        for call in ["sendto", "socket,bind,rename,unlink"] {
            let prepare = || host.netns.kernel().hand_over(flags).unwrap();
            let calls = kill_in_each(&host, call, prepare, |what| {
                is_whole(&host, what);
                assert_eq!(dump(&host), before, "{what}");
            });
            println!("killed in each of {calls} calls of {call}, from a table with flags {flags}");
            assert!(calls > 1, "{calls} calls of {call}");
        }
        let guard = Guard::start(&host);
        await_owner(&host, &guard);
        assert_eq!(dump(&host), before);
    }
}

/// The command is through, or says who does not answer; never both halves of it.
#[test]
fn anywhere_while_it_lets_a_command_in_the_wall_is_whole_and_the_command_works_again() {
    let host = owned();
    let mut statuses = std::collections::BTreeMap::new();
    let usual = time(|| drop(host.expect(0, "apply --mode enforce")));
    for round in 0..ROUNDS {
        let guard = Guard::start(&host);
        await_owner(&host, &guard);
        let mode = if round % 2 == 0 { "audit" } else { "enforce" };
        let ended = std::thread::scope(|scope| {
            let command = scope.spawn(|| host.run(&format!("apply --mode {mode}")));
            std::thread::sleep(moment(round, usual).saturating_sub(usual / 2));
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
