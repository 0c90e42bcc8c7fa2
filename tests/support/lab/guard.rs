//! A guard on the Docker host, and what it tells.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::{DOCKWALL, Lab};

/// Nothing takes longer than this.
const PATIENCE: Duration = Duration::from_secs(20);

/// A running guard. It is killed with the test.
pub struct Guard {
    child: Child,
    lines: Receiver<Value>,
}

impl Lab {
    /// Starts one that tells everything, and waits until it has told what it guards.
    #[track_caller]
    pub fn guard(&self) -> Guard {
        let mut command = self.unbounded("host", DOCKWALL);
        self.give_dockwall(&mut command, "--json -v guard");
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let (sender, lines) = channel();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                let told = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
                if sender.send(told).is_err() {
                    return;
                }
            }
        });
        let guard = Guard { child, lines };
        guard.await_event("guarding");
        guard
    }
}

impl Guard {
    /// Waits until it tells of such an event.
    #[track_caller]
    pub fn await_event(&self, event: &str) -> Value {
        self.await_that(event, |told| told["event"] == event)
    }

    /// Waits until it tells of one of these events.
    #[track_caller]
    pub fn await_any(&self, events: &[&str]) -> Value {
        self.await_that(&events.join(" or "), |told| events.iter().any(|event| told["event"] == *event))
    }

    /// Waits until it tells that it followed what has these words in it.
    #[track_caller]
    pub fn await_followed(&self, words: &str) -> Value {
        self.await_that(words, |told| told["event"] == "followed" && told["what"].to_string().contains(words))
    }

    #[track_caller]
    fn await_that(&self, what: &str, is_it: impl Fn(&Value) -> bool) -> Value {
        let (end, mut others) = (Instant::now() + PATIENCE, Vec::new());
        loop {
            match self.lines.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(told) if is_it(&told) => return told,
                Ok(told) => others.push(told),
                Err(error) => panic!("the guard never told `{what}` ({error}), but {others:#?}"),
            }
        }
    }

    /// What it has told that nobody asked for yet.
    pub fn told(&self) -> Vec<Value> {
        self.lines.try_iter().collect()
    }

    /// Kills it, and waits until it has ended.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// The process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.kill();
    }
}
