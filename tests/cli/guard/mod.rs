//! The service that keeps the wall in force.

mod commands;
mod follow;
mod own;
mod repair;
mod service;
mod trouble;

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::host::{DOCKWALL, Host};
use crate::support::listing;

/// Nothing takes longer than this.
const PATIENCE: Duration = Duration::from_secs(20);

/// A running guard, and what it told so far.
struct Guard {
    child: Child,
    lines: Receiver<(Instant, Value)>,
}

impl Guard {
    /// Starts one, and waits until it has told what it guards.
    fn start(host: &Host) -> Self {
        Self::start_with(host, |_| {})
    }

    fn start_with(host: &Host, prepare: impl FnOnce(&mut Command)) -> Self {
        Self::spawn(host, prepare).started()
    }

    /// One that tells many repairs as one.
    fn start_quiet(host: &Host) -> Self {
        Self::spawn_with(host, &["--json", "guard"], |_| {}).started()
    }

    fn started(self) -> Self {
        let (_, first) = self.next("its first line");
        assert!(["guarding", "waiting", "repaired", "unknown"].contains(&first["event"].as_str().unwrap()), "{first}");
        self
    }

    /// Starts one that tells everything.
    fn spawn(host: &Host, prepare: impl FnOnce(&mut Command)) -> Self {
        Self::spawn_with(host, &["--json", "-v", "guard"], prepare)
    }

    fn spawn_with(host: &Host, arguments: &[&str], prepare: impl FnOnce(&mut Command)) -> Self {
        Self::spawn_program(host, &[DOCKWALL], arguments, prepare)
    }

    /// Starts it by other words than the program's own.
    fn spawn_program(host: &Host, words: &[&str], arguments: &[&str], prepare: impl FnOnce(&mut Command)) -> Self {
        let mut command = host.netns.command(words[0]);
        command.args(&words[1..]);
        command.arg("--config").arg(host.configuration()).arg("--state-dir").arg(host.state());
        command.args(arguments).stdout(Stdio::piped());
        prepare(&mut command);
        let mut child = command.spawn().unwrap();
        let (sender, lines) = channel();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                let told = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
                if sender.send((Instant::now(), told)).is_err() {
                    return;
                }
            }
        });
        Self { child, lines }
    }

    /// The next that it tells, and when it came.
    #[track_caller]
    fn next(&self, what: &str) -> (Instant, Value) {
        self.lines.recv_timeout(PATIENCE).unwrap_or_else(|error| panic!("no {what}: {error}"))
    }

    /// Waits until it tells of such an event.
    #[track_caller]
    fn await_event(&self, event: &str) -> Value {
        loop {
            let (_, told) = self.next(event);
            if told["event"] == event {
                return told;
            }
        }
    }

    /// What it has told that nobody asked for yet.
    fn told(&self) -> Vec<Value> {
        self.lines.try_iter().map(|(_, told)| told).collect()
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits for its end.
    #[track_caller]
    fn end(&mut self, patience: Duration) -> ExitStatus {
        let end = Instant::now() + patience;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < end, "it does not end");
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Without an owner anybody can damage the table.
const UNOWNED: &str = "guard.own = false";

/// A host with the wall in force, whose table no guard owns.
fn enforced() -> Host {
    let host = Host::new(&format!("mode = \"enforce\"\n{UNOWNED}"));
    host.expect(0, "apply");
    host
}

/// What the kernel holds, whatever order it was made in, and whatever time is left of what runs out.
fn dump(host: &Host) -> Vec<String> {
    match host.netns.list() {
        nothing if nothing.is_empty() => Vec::new(),
        listing => listing::blocks(&listing).iter().map(|block| without_timeouts(block)).collect(),
    }
}

/// The elements that run out, without the time that they were given: what is put back gets what is left.
fn without_timeouts(block: &str) -> String {
    let mut parts = block.split(" timeout ");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |kept, part| kept + " timeout" + part.find(" comment").map_or(part, |end| &part[end..]))
}

/// Waits until the kernel holds that.
#[track_caller]
fn await_dump(host: &Host, expected: &[String]) {
    await_that("the wall as it was", || dump(host) == expected);
}

#[track_caller]
fn await_that(what: &str, is_so: impl Fn() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < end, "never: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
