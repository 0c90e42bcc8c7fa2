//! A host to run dockwall on: a network namespace, a configuration and a state directory.

use std::path::PathBuf;
use std::process::Output;
use std::time::Duration;

use assert_cmd::Command;
use serde_json::Value;
use tempfile::TempDir;

use crate::support::Netns;

/// The program under test.
pub const DOCKWALL: &str = env!("CARGO_BIN_EXE_dockwall");

/// A namespace of its own, and a directory with `dockwall.toml` and `state`.
pub struct Host {
    pub netns: Netns,
    pub directory: TempDir,
}

/// How a run ended.
pub struct Ended {
    pub status: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Host {
    pub fn new(configuration: &str) -> Self {
        let host = Self { netns: Netns::new(), directory: TempDir::new().unwrap() };
        host.configure(configuration);
        host
    }

    pub fn configure(&self, configuration: &str) {
        std::fs::write(self.configuration(), configuration).unwrap();
    }

    pub fn configuration(&self) -> PathBuf {
        self.directory.path().join("dockwall.toml")
    }

    pub fn state(&self) -> PathBuf {
        self.directory.path().join("state")
    }

    /// Runs `dockwall ARGUMENTS` there, whatever comes of it.
    pub fn run(&self, arguments: &str) -> Ended {
        self.run_under(&[], arguments)
    }

    /// The same, started by another program.
    pub fn run_under(&self, starter: &[&str], arguments: &str) -> Ended {
        ended(self.command(starter, arguments).output().unwrap())
    }

    /// Runs it, and fails with all that it printed unless it ends with `status`.
    #[track_caller]
    pub fn expect(&self, status: i32, arguments: &str) -> Ended {
        let assert = self.command(&[], arguments).assert().code(status);
        ended(assert.get_output().clone())
    }

    /// `dockwall ARGUMENTS` inside, which may take a minute.
    pub fn command(&self, starter: &[&str], arguments: &str) -> Command {
        let mut words = starter.iter().copied().chain([DOCKWALL]);
        let mut command = Command::from_std(self.netns.command(words.next().unwrap()));
        command.args(words).arg("--config").arg(self.configuration()).arg("--state-dir").arg(self.state());
        command.args(arguments.split_whitespace()).timeout(Duration::from_secs(60));
        command
    }

    /// What it prints as JSON.
    #[track_caller]
    pub fn json(&self, status: i32, arguments: &str) -> Value {
        let ended = self.expect(status, &format!("--json {arguments}"));
        serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {}", ended.stdout))
    }
}

pub fn ended(output: Output) -> Ended {
    Ended {
        status: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}
