//! A lab with grants by name, and a guard that follows them.

use std::ops::Deref;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::support::lab::{ENFORCE, Guard, Lab, Row, Verdict, from};

/// The neighbour, in both families.
pub const NEIGHBOUR: [&str; 2] = ["10.57.17.6", "fd57:17::6"];
/// Its other addresses.
pub const OTHER: [&str; 2] = ["10.57.17.5", "fd57:17::5"];

/// How long the wall may take to be right after a command of Docker's has ended.
const PATIENCE: Duration = Duration::from_secs(10);

pub struct Stage {
    lab: Lab,
    pub guard: Guard,
}

impl Stage {
    /// With these grants applied, and with a guard that owns the table where the kernel can keep it.
    #[track_caller]
    pub fn with(grants: &str) -> Self {
        let lab = Lab::up(&[]);
        lab.apply(&format!("{ENFORCE}{grants}"));
        let stage = Self::on(lab);
        stage.guard.await_any(&["handed-over", "not-owning"]);
        stage
    }

    /// The same with a table that others can delete.
    #[track_caller]
    pub fn unowned(grants: &str) -> Self {
        let lab = Lab::up(&[]);
        lab.apply(&format!("{ENFORCE}guard.own = false\n{grants}"));
        Self::on(lab)
    }

    /// With a guard of what is in force there.
    #[track_caller]
    pub fn on(lab: Lab) -> Self {
        let guard = lab.guard();
        Self { lab, guard }
    }

    /// Kills the guard, and starts another one.
    #[track_caller]
    pub fn start_guard_anew(&mut self) {
        self.guard.kill();
        self.guard = self.lab.guard();
    }

    /// Runs `docker` on the host.
    #[track_caller]
    pub fn docker(&self, command: &str) -> String {
        self.lab.exec("host", &format!("docker {command}"))
    }

    /// Sends a signal to the lab's dockerd, which is known by the lab's name in its environment.
    #[track_caller]
    pub fn signal_dockerd(&self, signal: Signal) {
        let mark = format!("DOCKWALL_LAB={}", self.lab.name());
        let is_it = |pid: &i32| {
            let read = |file: &str| std::fs::read_to_string(format!("/proc/{pid}/{file}")).unwrap_or_default();
            read("comm").trim() == "dockerd" && read("environ").split('\0').any(|variable| variable == mark)
        };
        let entries = std::fs::read_dir("/proc").unwrap();
        let mut pids = entries.filter_map(|entry| entry.unwrap().file_name().to_str()?.parse().ok());
        let pid = pids.find(is_it).and_then(Pid::from_raw).expect("a dockerd in this lab");
        kill_process(pid, signal).unwrap();
    }

    /// Waits until all of them end so; then they do it again, all at once.
    #[track_caller]
    pub fn await_rows(&self, when: &str, rows: &[Row]) {
        let end = Instant::now() + PATIENCE;
        loop {
            let found = self.lab.ask(rows);
            if rows.iter().zip(&found).all(|(row, found)| row.verdict == *found) {
                return;
            }
            if Instant::now() > end {
                break;
            }
        }
        println!("the guard told {:#?}", self.guard.told());
        self.lab.expect(when, rows);
    }

    /// That the table is the one that a fresh apply makes, and that nobody sees anything wrong with it.
    #[track_caller]
    pub fn expect_as_applied(&self, when: &str) {
        let status = self.lab.status();
        let wall = &status["wall"];
        assert_eq!((&status["enforced"], &wall["drifted"]), (&true.into(), &false.into()), "{when}: {status:#}");
        let planned: serde_json::Value = serde_json::from_str(&self.lab.dockwall("--json plan")).unwrap();
        assert_eq!(planned["changes"], serde_json::json!([]), "{when}");
        assert_eq!(planned["generation"], wall["generation"], "{when}");
    }
}

impl Deref for Stage {
    type Target = Lab;

    fn deref(&self) -> &Lab {
        &self.lab
    }
}

/// A grant to two addresses, as two of the same words.
pub fn grants(name: &str, to: [&str; 2], rest: &str) -> String {
    let one = |to: &str, kin: &str| format!("[[grant]]\nname = \"{name}-{kin}\"\nto = \"{to}\"\n{rest}\n");
    one(to[0], "4") + &one(to[1], "6")
}

/// Questions by TCP or UDP to both addresses.
pub fn asked(place: &str, protocol: &str, to: [&str; 2], port: u16, verdict: Verdict) -> Vec<Row> {
    from(place, to.map(|to| format!("{protocol} {to} {port}")), verdict)
}
