//! Changes on trial where systemd runs: its timer outlives whoever set it.

use crate::machine::{Machine, await_that};

/// A machine that is on, with audit mode in force and confirmed.
fn audited() -> (Machine, Vec<String>) {
    let mut machine = Machine::new("", &[]);
    machine.boot();
    assert_eq!(machine.json(4, "dockwall --json status")["wall"]["mode"], "audit");
    let before = machine.dump();
    (machine, before)
}

fn units(machine: &Machine) -> String {
    machine.expect(0, "systemctl list-units --all --plain --no-legend dockwall-trial-*")
}

/// What logind does with `KillUserProcesses=yes`, and to who is thrown out: every process of the session's scope,
/// also one in a session of its own as setsid(2) has it.
#[test]
fn m5_it_goes_back_when_the_scope_of_a_session_is_killed_with_all_that_is_in_it() {
    let (machine, before) = audited();
    let mut login = machine.command("systemd-run --quiet --scope --unit=session-7.scope sh -c");
    login.arg("setsid sleep 90 & dockwall apply --mode enforce --confirm 4s; sleep 90");
    let mut login = login.spawn().unwrap();
    await_that("an apply", || machine.dump() != before);
    let timers = units(&machine);
    assert!(timers.contains(".timer") && timers.contains("goes back to generation 1"), "{timers}");
    machine.expect(0, "systemctl kill --signal=KILL session-7.scope");
    assert!(!login.wait().unwrap().success());
    assert_ne!(machine.dump(), before, "it went back too early for this test");
    machine.await_dump(&before);
    let late = machine.expect(4, "dockwall confirm");
    assert!(late.contains("too late"), "{late}");
    await_that("no unit left behind", || units(&machine).is_empty());
}

#[test]
fn what_is_confirmed_stays_though_the_timer_elapses() {
    let (machine, before) = audited();
    let applied = machine.json(0, "dockwall --json apply --mode enforce --confirm 2s");
    assert_eq!(applied["trial"]["back_to"], 1);
    let enforced = machine.dump();
    machine.expect(0, "dockwall confirm");
    await_that("no unit left behind", || units(&machine).is_empty());
    assert_eq!(machine.dump(), enforced);
    assert_ne!(enforced, before);
}

#[test]
fn m5_a_reboot_within_the_trial_goes_back_dump_for_dump() {
    let (mut machine, before) = audited();
    machine.expect(0, "dockwall apply --mode enforce --confirm 1d");
    machine.expect(0, "dockwall grant 10.57.17.6 --port 5432/tcp --name database");
    assert_ne!(machine.dump(), before);
    machine.cut();
    machine.boot();
    assert_eq!(machine.failed(), [""; 0]);
    assert_eq!(machine.seen_by("network"), before);
    assert_eq!(machine.dump(), before);
    let late = machine.expect(4, "dockwall confirm");
    assert!(late.contains("too late") && late.contains("back to generation 1"), "{late}");
    let said = machine.journal("dockwall");
    assert!(said.contains("went back: generation 3 was on trial, and nobody confirmed it"), "{said}");
    // Nor does it come back later.
    machine.cut();
    machine.boot();
    assert_eq!(machine.dump(), before);
}

#[test]
fn m5_a_reboot_within_the_first_trial_of_all_goes_back_to_no_wall_and_says_so() {
    let mut machine = Machine::new("mode = \"enforce\"", &[]);
    machine.boot();
    machine.expect(0, "dockwall remove");
    std::fs::remove_dir_all(machine.path("var/lib/dockwall")).unwrap();
    machine.expect(0, "dockwall apply --confirm 1d");
    for _ in 0..2 {
        machine.cut();
        machine.boot();
        assert_eq!(machine.dump(), [""; 0]);
        assert_eq!(machine.failed(), ["dockwall.service"]);
        let said = machine.journal("dockwall");
        assert!(said.contains("no wall: the first apply was on trial"), "{said}");
    }
}

/// Where the unit is started anew in a machine that runs on, so does the trial.
#[test]
fn to_restart_the_unit_within_the_trial_does_not_end_it() {
    let (machine, before) = audited();
    machine.expect(0, "dockwall apply --mode enforce --confirm 5s");
    let enforced = machine.dump();
    machine.expect(0, "systemctl restart dockwall");
    assert_eq!(machine.dump(), enforced);
    machine.await_dump(&before);
}
