//! What other commands do stays done.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::Value;

use super::{Guard, UNOWNED, await_dump, await_that, dump, enforced};
use crate::host::Host;

fn settle() {
    std::thread::sleep(Duration::from_millis(150));
}

/// The generation that the kernel's mark says; none without a table.
fn in_force(host: &Host) -> Option<u64> {
    host.netns.read().marker().map(|marker| marker.generation)
}

fn noted(host: &Host) -> Option<u64> {
    let text = std::fs::read_to_string(host.state().join("in-force")).ok()?;
    Some(text.trim().parse().unwrap())
}

#[test]
fn what_was_removed_stays_removed_until_it_is_applied_again() {
    let host = enforced();
    let before = dump(&host);
    let guard = Guard::start(&host);
    host.expect(0, "remove");
    settle();
    assert_eq!((host.netns.list(), noted(&host)), (String::new(), None));
    drop(guard);

    let guard = Guard::start(&host);
    settle();
    assert_eq!(host.netns.list(), "");
    host.expect(0, "rollback --to 1");
    host.netns.load("delete table inet dockwall");
    guard.await_event("repaired");
    await_dump(&host, &before);
}

/// Nobody damages anything, so whatever the guard put back it would have taken from somebody.
#[test]
fn of_twenty_commands_at_once_it_undoes_none() {
    let host = Host::new(UNOWNED);
    host.expect(0, "apply");
    host.expect(0, "apply --mode enforce");
    let guard = Guard::start(&host);
    std::thread::scope(|scope| {
        for index in 0..20 {
            let host = &host;
            let command = match index % 5 {
                0 => "apply --mode enforce".to_owned(),
                1 => "apply --mode audit".to_owned(),
                2 => "remove".to_owned(),
                3 => "rollback --to 1".to_owned(),
                _ => format!("grant 10.1.2.{index} --port 80/tcp"),
            };
            scope.spawn(move || assert_eq!(host.run(&command).status, 0, "{command}"));
        }
    });
    for (last, mode) in
        [("apply --mode enforce", Some("enforce")), ("remove", None), ("rollback --to 1", Some("audit"))]
    {
        host.expect(0, last);
        settle();
        let status: Value = serde_json::from_str(&host.run("--json status").stdout).unwrap();
        assert_eq!((status["wall"]["mode"].as_str(), &status["guard"]), (mode, &true.into()), "{last}");
        assert_eq!(in_force(&host), noted(&host), "{last}");
    }
    assert_eq!(guard.told(), Vec::<Value>::new(), "it put back what nobody had damaged");
}

#[test]
fn commands_and_damage_together_end_with_what_the_last_command_said() {
    let host = enforced();
    let guard = Guard::start(&host);
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                // There may be no table at the moment.
                host.netns.try_load("insert rule inet dockwall DOCKER-USER accept");
                host.netns.try_load("delete table inet dockwall");
            }
        });
        for round in 0..20 {
            for (command, expected) in [("apply --mode audit", true), ("remove", false), ("apply", true)] {
                let ended = host.run(command);
                assert_eq!(ended.status, 0, "{round} {command}: {}", ended.stderr);
                assert_eq!(noted(&host).is_some(), expected, "{round} {command}");
            }
        }
        over.store(true, Ordering::Relaxed);
    });
    let wanted = noted(&host);
    await_that("the last generation", || in_force(&host) == wanted);
    await_that("it is whole", || host.run("status").status == 0);
    assert!(guard.told().iter().all(|told| told["event"] != "failed"));
}

/// As without a guard: the old rules or the new ones, and they stay.
#[test]
fn a_command_that_is_killed_ends_with_the_old_or_the_new_rules_which_are_guarded_then() {
    let host = enforced();
    let guard = Guard::start(&host);
    for (command, calls) in [("apply --mode audit", 4), ("apply --mode enforce", 4), ("rollback", 3)] {
        for call in ["sendto", "fsync,fdatasync", "rename,renameat2"] {
            for nth in 1..=calls {
                let kill = format!("inject={call}:signal=SIGKILL:when={nth}");
                host.run_under(&["strace", "--quiet=all", "--output=/dev/null", "-f", "-e", &kill], command);
                // Whatever is noted and whatever is in force, the next repair makes the two one.
                host.netns.load("insert rule inet dockwall DOCKER-USER accept");
                await_that("it is whole", || host.run("--json status").stdout.contains("\"drifted\": false"));
                settle();
                let number = in_force(&host);
                assert!(number.is_some() && number == noted(&host), "{command} {call} {nth}: {number:?}");
            }
        }
    }
    assert!(guard.told().iter().all(|told| told["event"] != "failed"));
    let before = dump(&host);
    host.netns.load("delete table inet dockwall");
    await_dump(&host, &before);
}

#[test]
fn what_has_run_out_is_taken_out_as_a_generation_of_its_own() {
    let host = enforced();
    let before = dump(&host);
    let guard = Guard::start(&host);
    host.expect(0, "grant 10.1.2.3 --port 5432/tcp --name brief --for 1s");
    let tidied = guard.await_event("tidied");
    assert_eq!((&tidied["run_out"], &tidied["generation"]), (&serde_json::json!(["brief"]), &3.into()), "{tidied}");
    assert_eq!(without_mark(dump(&host)), without_mark(before), "sets and rules are gone as well");
    host.expect(0, "status");
    assert_eq!(host.json(0, "plan")["changes"].as_array().unwrap().len(), 0, "an apply would do the same");
    assert_eq!(host.json(0, "history").as_array().unwrap().last().unwrap()["changes"][0], "grants −brief");
    settle();
    assert_eq!(guard.told(), Vec::<Value>::new());
}

/// The same without the chain that says which generation it is.
fn without_mark(dump: Vec<String>) -> Vec<String> {
    dump.into_iter().filter(|block| !block.starts_with("\tchain generation")).collect()
}

/// Its elements run out by themselves, whoever put them there.
#[test]
fn a_timed_grant_is_put_back_for_the_time_that_is_left() {
    let host = enforced();
    host.expect(0, "grant 10.1.2.3 --port 5432/tcp --name brief --for 1h");
    let before = dump(&host);
    let guard = Guard::start(&host);
    for damage in ["flush set inet dockwall grant4-range", "delete table inet dockwall"] {
        host.netns.load(damage);
        guard.await_event("repaired");
        assert_eq!(dump(&host), before, "{damage}");
    }
    // What somebody else lets run out is no grant.
    host.netns.load(
        "add element inet dockwall grant4-range { 0.0.0.0-255.255.255.255 . 10.1.2.9 . tcp . 22 timeout 1h comment \
         \"until 2999-01-01T00:00:00Z\" }",
    );
    guard.await_event("repaired");
    assert_eq!(dump(&host), before);
}

#[test]
fn a_trial_goes_back_though_its_own_keeper_was_killed() {
    let host = Host::new(UNOWNED);
    host.expect(0, "apply");
    let before = dump(&host);
    let guard = Guard::start(&host);
    host.expect(0, "apply --mode enforce --confirm 1s");
    let keeper = std::fs::read_dir("/proc").unwrap().find_map(|entry| {
        let pid: i32 = entry.ok()?.file_name().to_str()?.parse().ok()?;
        let arguments = std::fs::read_to_string(format!("/proc/{pid}/cmdline")).ok()?;
        let is_it = arguments.contains("\0expire\0") && arguments.contains(host.state().to_str()?);
        rustix::process::Pid::from_raw(pid).filter(|_| is_it)
    });
    rustix::process::kill_process(keeper.unwrap(), rustix::process::Signal::KILL).unwrap();
    assert_eq!(guard.await_event("went-back")["to"], "generation 1");
    assert_eq!(dump(&host), before);
    assert!(host.expect(4, "confirm").stdout.starts_with("too late"));
}
