//! The guard as a service, in its sandbox.

use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::net::UnixListener;

use crate::machine::{Machine, await_that};

const ENFORCE: &str = "mode = \"enforce\"\n";
const UNIT: &str = "dockwall-guard.service";

/// A machine that is on, with a guard.
fn guarded() -> (Machine, Vec<String>) {
    let mut machine = Machine::new(ENFORCE, &[]);
    machine.enable(&["dockwall-guard"]);
    machine.boot();
    assert_eq!(machine.failed(), [""; 0]);
    assert_eq!(machine.show(UNIT, "ActiveState"), "active");
    let before = machine.dump();
    assert!(!before.is_empty());
    (machine, before)
}

fn main_pid(machine: &Machine) -> String {
    machine.show(UNIT, "MainPID")
}

#[test]
fn it_puts_the_wall_back_reloads_and_leaves_the_wall_when_it_is_stopped() {
    let (machine, before) = guarded();
    assert_eq!(machine.json(0, "dockwall --json status")["guard"], true);
    machine.load("flush ruleset");
    machine.await_dump(&before);
    assert_eq!(machine.show(UNIT, "StatusText"), "guarding generation 1");

    machine.write("etc/dockwall/dockwall.toml", "mode = \"enforce\"\ndeny.ranges = [\"10.0.0.0/8\"]");
    machine.expect(0, "systemctl reload dockwall-guard");
    await_that("a reload", || machine.show(UNIT, "StatusText") == "guarding generation 2");
    let reloaded = machine.dump();
    assert_ne!(reloaded, before);
    machine.expect(0, "systemctl stop dockwall-guard");
    assert_eq!(machine.dump(), reloaded);
    assert_eq!(machine.show(UNIT, "Result"), "success");
}

#[test]
fn killed_it_is_there_again_and_puts_back_what_was_taken_meanwhile() {
    let mut machine = Machine::new(ENFORCE, &[]);
    machine.enable(&["dockwall-guard"]);
    // So long that the table is nobody's when it is taken away.
    machine.write("etc/systemd/system/dockwall-guard.service.d/late.conf", "[Service]\nRestartSec=3\n");
    machine.boot();
    let (before, first) = (machine.dump(), main_pid(&machine));
    machine.expect(0, "systemctl kill --signal=KILL dockwall-guard");
    await_that("its end", || main_pid(&machine) == "0");
    machine.load("flush ruleset");
    assert_eq!(machine.dump(), [""; 0]);
    await_that("another one", || ![first.as_str(), "0"].contains(&main_pid(&machine).as_str()));
    machine.await_dump(&before);
}

/// It hangs, as seen by its process being stopped: nobody but the watchdog would notice.
#[test]
fn the_watchdog_ends_one_that_hangs_and_another_goes_on() {
    let mut machine = Machine::new(ENFORCE, &[]);
    machine.enable(&["dockwall-guard"]);
    machine.write("etc/systemd/system/dockwall-guard.service.d/soon.conf", "[Service]\nWatchdogSec=2\n");
    machine.boot();
    let (before, first) = (machine.dump(), main_pid(&machine));
    machine.expect(0, "systemctl kill --signal=STOP dockwall-guard");
    machine.load("flush ruleset");
    await_that("another one", || ![first.as_str(), "0"].contains(&main_pid(&machine).as_str()));
    machine.await_dump(&before);
    let said = machine.journal("dockwall-guard");
    assert!(said.contains("Watchdog timeout"), "{said}");
}

/// Root without CAP_DAC_OVERRIDE, as the sandbox has it, is still the owner of Docker's socket.
#[test]
fn in_its_sandbox_it_reaches_docker_and_the_state_directory_and_nothing_else_is_writable() {
    let (machine, _) = guarded();
    let socket = machine.path_inside("run/docker.sock");
    let docker = UnixListener::bind(&socket).unwrap();
    chown(&socket, Some(0), Some(999)).unwrap();
    std::fs::set_permissions(&socket, PermissionsExt::from_mode(0o660)).unwrap();
    docker.set_nonblocking(true).unwrap();
    machine.expect(0, "systemctl reload dockwall-guard");
    await_that("a guard that asks Docker", || docker.accept().is_ok());

    let pid = main_pid(&machine);
    let status = machine.expect(0, &format!("cat /proc/{pid}/status"));
    for (what, value) in
        [("CapEff", "0000000000001000"), ("CapBnd", "0000000000001000"), ("NoNewPrivs", "1"), ("Seccomp", "2")]
    {
        assert!(status.contains(&format!("{what}:\t{value}\n")), "{status}");
    }
    let inside = format!("nsenter --target {pid} --mount -- touch");
    machine.expect(0, &format!("{inside} /var/lib/dockwall/room"));
    for closed in ["/etc/dockwall/x", "/var/x", "/opt/x"] {
        let refused = machine.expect(1, &format!("{inside} {closed}"));
        assert!(refused.contains("Read-only file system"), "{closed}: {refused}");
    }
}
