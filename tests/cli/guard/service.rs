//! As a service manager meets it.

use std::os::unix::net::UnixDatagram;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::{Guard, PATIENCE, UNOWNED, await_dump, dump, enforced};
use crate::host::Host;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn sigterm_ends_it_within_a_second_and_leaves_the_wall() {
    for signal in [Signal::TERM, Signal::INT] {
        let host = enforced();
        let before = dump(&host);
        let mut guard = Guard::start(&host);
        guard.signal(signal);
        assert_eq!(guard.end(SECOND).code(), Some(0));
        assert_eq!(guard.next("an end").1["event"], "stopped");
        assert_eq!(dump(&host), before);
    }
}

#[test]
fn all_of_its_threads_have_net_admin_and_nothing_else() {
    let host = enforced();
    let guard = Guard::start(&host);
    let threads = std::fs::read_dir(format!("/proc/{}/task", guard.child.id())).unwrap();
    let statuses: Vec<String> =
        threads.map(|thread| std::fs::read_to_string(thread.unwrap().path().join("status")).unwrap()).collect();
    assert!(statuses.len() >= 3);
    for status in statuses {
        for set in ["CapEff", "CapPrm"] {
            assert!(status.contains(&format!("{set}:\t0000000000001000\n")), "{status}");
        }
    }
}

/// Also while another dockwall holds the lock for long.
#[test]
fn sigterm_ends_it_while_it_waits_for_another_dockwall() {
    let host = enforced();
    let mut guard = Guard::start(&host);
    let lock = std::fs::File::open(host.state().join("lock")).unwrap();
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockExclusive).unwrap();
    host.netns.load("delete table inet dockwall");
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(host.netns.list(), "", "it did not wait");
    guard.signal(Signal::TERM);
    assert_eq!(guard.end(SECOND).code(), Some(0));
}

#[test]
fn killed_it_leaves_the_wall_and_another_one_goes_on() {
    let host = enforced();
    let before = dump(&host);
    let mut guard = Guard::start(&host);
    guard.signal(Signal::KILL);
    guard.end(SECOND);
    assert_eq!(dump(&host), before);
    assert_eq!(host.json(0, "status")["guard"], false);
    let _guard = Guard::start(&host);
    host.netns.load("flush ruleset");
    await_dump(&host, &before);
}

#[test]
fn killed_anywhere_within_a_repair_the_wall_is_whole_or_not_there_and_the_next_one_puts_it_back() {
    let host = enforced();
    let before = dump(&host);
    for round in 0..40 {
        let mut guard = Guard::start(&host);
        host.netns.load("delete table inet dockwall");
        std::thread::sleep(Duration::from_micros(round * 100));
        guard.signal(Signal::KILL);
        guard.end(SECOND);
        let found = dump(&host);
        assert!(found.is_empty() || found == before, "{found:#?}");
        host.run("history");
    }
    let _guard = Guard::start(&host);
    await_dump(&host, &before);
}

#[test]
fn sighup_applies_the_configuration_anew() {
    let host = Host::new(UNOWNED);
    host.expect(0, "apply --mode enforce");
    let guard = Guard::start(&host);
    host.configure("mode = \"enforce\"\nguard.own = false\ndeny.ranges = [\"10.0.0.0/8\"]");
    guard.signal(Signal::HUP);
    assert_eq!(guard.await_event("applied")["generation"], 2);
    assert_eq!(host.json(0, "plan")["changes"].as_array().unwrap().len(), 0);
    // A wrong one changes nothing.
    let before = dump(&host);
    host.configure("mode = \"enforced\"");
    guard.signal(Signal::HUP);
    let problem = guard.await_event("not-reloaded")["problem"].as_str().unwrap().to_owned();
    assert!(problem.contains("enforced"), "{problem}");
    assert_eq!(dump(&host), before);
    // The mode is the configuration's, as with `dockwall apply`.
    host.configure(UNOWNED);
    guard.signal(Signal::HUP);
    assert_eq!(guard.await_event("applied")["mode"], "audit");
    host.netns.load("delete table inet dockwall");
    assert_eq!(guard.await_event("repaired")["generation"], 3);
}

#[test]
fn one_guards_and_a_second_says_so() {
    let host = enforced();
    assert_eq!(host.json(0, "status")["guard"], false);
    let guard = Guard::start(&host);
    assert_eq!(host.json(0, "status")["guard"], true);
    assert!(host.expect(0, "status").stdout.contains("guard        at work"), "{}", host.expect(0, "status").stdout);
    let refused = host.expect(1, "guard").stderr;
    assert!(refused.contains("a guard is at work in") && refused.contains("already"), "{refused}");
    drop(guard);
    let mut guard = Guard::start(&host);
    guard.signal(Signal::TERM);
    guard.end(SECOND);
}

/// What a service manager hears, one message after the other.
struct Manager(UnixDatagram);

impl Manager {
    fn next(&self) -> Vec<String> {
        let mut message = [0; 4096];
        let length = self.0.recv(&mut message).expect("the service manager hears nothing");
        String::from_utf8_lossy(&message[..length]).lines().map(str::to_owned).collect()
    }

    /// The next that has such a line.
    fn await_line(&self, start: &str) -> Vec<String> {
        let end = Instant::now() + PATIENCE;
        loop {
            let message = self.next();
            if message.iter().any(|line| line.starts_with(start)) {
                return message;
            }
            assert!(Instant::now() < end, "no {start}");
        }
    }
}

#[test]
fn it_speaks_the_protocol_of_systemd() {
    let host = enforced();
    let path = host.directory.path().join("notify");
    let manager = Manager(UnixDatagram::bind(&path).unwrap());
    manager.0.set_read_timeout(Some(PATIENCE)).unwrap();
    host.netns.load("delete table inet dockwall");
    let mut guard = Guard::start_with(&host, |command| {
        command.env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "400000");
    });
    manager.await_line("READY=1");
    assert_eq!(host.netns.read().marker().unwrap().generation, 1, "ready before the wall stood");
    // A sign of life twice within the time.
    manager.await_line("WATCHDOG=1");
    let began = Instant::now();
    for _ in 0..4 {
        manager.await_line("WATCHDOG=1");
    }
    let each = began.elapsed() / 4;
    assert!((Duration::from_millis(150)..Duration::from_millis(390)).contains(&each), "{each:?}");

    host.configure("mode = \"enforce\"\nguard.own = false\ndeny.ranges = [\"10.0.0.0/8\"]");
    guard.signal(Signal::HUP);
    let reloading = manager.await_line("RELOADING=1");
    assert!(reloading.iter().any(|line| line.starts_with("MONOTONIC_USEC=")), "{reloading:?}");
    assert_eq!(manager.await_line("STATUS="), ["STATUS=guarding generation 2"]);
    manager.await_line("READY=1");
    guard.signal(Signal::TERM);
    manager.await_line("STOPPING=1");
    assert!(guard.end(SECOND).success());
}

#[test]
fn what_a_guard_repaired_is_counted_on_by_the_next_one() {
    let host = enforced();
    assert_eq!(host.json(0, "status")["guarded"], serde_json::Value::Null);
    for times in 1..=2 {
        let guard = Guard::start(&host);
        host.netns.load("delete table inet dockwall");
        guard.await_event("repaired");
        // It is written behind the repair, and once a second.
        let counted = || host.json(0, "status")["guarded"]["repairs"] == times;
        let is_counted = (0..100).any(|_| {
            std::thread::sleep(Duration::from_millis(20));
            counted()
        });
        assert!(is_counted, "{times}: {}", host.json(0, "status")["guarded"]);
        let said = host.expect(0, "status").stdout;
        let expected = format!("did so {times} time{}, last ", if times == 1 { "" } else { "s" });
        assert!(said.contains(&expected), "{expected}: {said}");
    }
}
