//! A Docker host of its own for a test: `scripts/lab` with what tests ask of it, and removed with
//! the test, whatever becomes of it.
//!
//! Commands are written as at a shell and split at spaces.

mod downloads;
mod guard;
pub mod log_lines;
mod meters;
pub mod native;
mod networks;
mod others;
mod places;
mod probes;
pub mod programs;
mod resolvers;
mod seen;
mod sender;
mod slot;
mod snapshot;
mod spoofed;
mod stats;
pub mod table;

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

#[allow(unused_imports)]
pub use guard::Guard;
#[allow(unused_imports)]
pub use networks::{NETWORKS, Network};
#[allow(unused_imports)]
pub use others::{FOR_SWARM, NESTED_PORT};
pub use places::*;
#[allow(unused_imports)]
pub use spoofed::Spoofed;
// Each test program uses its part.
#[allow(unused_imports)]
pub use probes::{Row, Verdict, from};
#[allow(unused_imports)]
pub use sender::{Sender, assert_unbroken};
use serde_json::Value;
use slot::Slot;
use stats::Stats;
use tempfile::TempDir;

/// No command takes longer than this, in seconds, unless `DOCKWALL_PATIENCE` says otherwise.
const PATIENCE: &str = "120";

/// The script behind it.
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/lab");

/// The configuration that drops, and has the default of all the rest.
#[allow(dead_code)]
pub const ENFORCE: &str = "mode = \"enforce\"\n";

/// The program under test.
const DOCKWALL: &str = env!("CARGO_BIN_EXE_dockwall");

/// A running lab, and a place for dockwall's configuration and state.
pub struct Lab {
    slot: Slot,
    directory: TempDir,
}

impl Lab {
    /// Starts one, with options of `scripts/lab up`.
    ///
    /// # Panics
    /// Says what is missing when it cannot be started. A test that cannot prove anything must not
    /// pass.
    #[track_caller]
    pub fn up(options: &[&str]) -> Self {
        assert!(
            rustix::process::geteuid().is_root(),
            "this test starts a Docker host: run it as root (sudo -E cargo test)"
        );
        let lab = Self { slot: Slot::acquire(), directory: tempfile::tempdir().unwrap() };
        // What a killed test left behind in this slot; nobody else is in it now.
        lab.control("down");
        succeed(lab.script().arg("up").args(options));
        lab
    }

    /// `scripts/lab COMMAND` for this lab, as in `dockerd restart` or `run more -p 9090:7000`.
    #[track_caller]
    pub fn control(&self, command: &str) -> String {
        succeed(self.script().args(command.split(' ')))
    }

    /// As [`Lab::control`], whatever comes of it.
    pub fn try_control(&self, command: &str) -> Output {
        self.script().args(command.split(' ')).output().unwrap()
    }

    /// What a command at a place prints.
    ///
    /// # Panics
    /// When it fails, with what it says.
    #[track_caller]
    pub fn exec(&self, place: &str, command: &str) -> String {
        succeed(&mut self.command(place, command))
    }

    /// As [`Lab::exec`], whatever comes of it.
    pub fn try_exec(&self, place: &str, command: &str) -> Output {
        self.command(place, command).output().unwrap()
    }

    /// A command at a place, to be run.
    pub fn command(&self, place: &str, command: &str) -> Command {
        let mut run = self.script();
        run.args(["exec", place]).args(command.split(' '));
        run
    }

    /// A command that runs beside the test until it is told to finish.
    pub fn start(&self, place: &str, command: &str) -> Sender {
        Sender::start(self.unbounded(place, command), format!("{place}: {command}"))
    }

    /// As [`Lab::command`], as a child of this process without `timeout` in between.
    fn unbounded(&self, place: &str, command: &str) -> Command {
        let mut run = Command::new(SCRIPT);
        self.prepare(&mut run);
        run.args(["exec", place]).args(command.split(' '));
        run
    }

    /// `traffic blast` from a place.
    pub fn blast(&self, place: &str, what: &str) -> Sender {
        self.start(place, &format!("traffic blast {what} --seconds 300 --until-eof"))
    }

    /// `traffic session` from a place, once the first answer has come.
    ///
    /// # Panics
    /// When none comes.
    #[track_caller]
    pub fn session(&self, place: &str, what: &str) -> Sender {
        let mut session = self.start(place, &format!("traffic session {what} --seconds 300 --until-eof --announce"));
        session.await_line("established");
        session
    }

    /// Sends one packet to the sinks at an address, which may be one of many or of all, and returns how
    /// many came to those of another place.
    #[track_caller]
    pub fn sunk(&self, place: &str, address: &str, at: &str) -> u64 {
        self.stats(at);
        self.exec(place, &format!("traffic scan {address} --from 7002 --to 7002"));
        self.stats(at).stream(1).packets
    }

    /// `traffic raw` from a place; returns how many packets it sent.
    #[track_caller]
    pub fn send_raw(&self, place: &str, what: &str) -> u64 {
        let sent: Value = serde_json::from_str(&self.exec(place, &format!("traffic raw {what}"))).unwrap();
        sent["sent"].as_u64().unwrap()
    }

    /// What the servers of a place have counted since they were asked last.
    pub fn stats(&self, place: &str) -> Stats {
        Stats::of(&self.exec(place, "traffic stats --reset"))
    }

    /// Writes the configuration that [`Lab::dockwall`] reads.
    pub fn configure(&self, text: &str) {
        fs::write(self.config(), text).unwrap();
    }

    /// What dockwall on the Docker host prints.
    ///
    /// # Panics
    /// When it fails, with what it says.
    #[track_caller]
    pub fn dockwall(&self, arguments: &str) -> String {
        succeed(&mut self.dockwall_command(arguments))
    }

    /// As [`Lab::dockwall`], whatever comes of it.
    pub fn try_dockwall(&self, arguments: &str) -> Output {
        self.dockwall_command(arguments).output().unwrap()
    }

    /// As [`Lab::try_dockwall`], over an SSH connection: what sshd leaves in `SSH_CONNECTION`, which is
    /// in this command's environment or, as by `sudo`, only in that of its parent.
    pub fn dockwall_over_ssh(&self, connection: &str, inherited: bool, arguments: &str) -> Output {
        let mut run = self.command("host", "env");
        run.arg(format!("SSH_CONNECTION={connection}"));
        if !inherited {
            // More than one command, or the shell would become the last one.
            run.args(["sh", "-c", "env --unset=SSH_CONNECTION \"$@\"; exit $?", "sh"]);
        }
        run.arg(DOCKWALL);
        self.give_dockwall(&mut run, arguments);
        run.output().unwrap()
    }

    /// Writes a configuration and applies it.
    #[track_caller]
    pub fn apply(&self, config: &str) -> Value {
        self.configure(config);
        serde_json::from_str(&self.dockwall("--json apply")).unwrap()
    }

    /// What `dockwall status` says, whatever its exit status.
    #[track_caller]
    pub fn status(&self) -> Value {
        let output = self.try_dockwall("--json status");
        serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)))
    }

    /// dockwall on the Docker host, to be run beside the test, which ends it.
    pub fn dockwall_beside(&self, arguments: &str) -> Command {
        let mut run = self.unbounded("host", DOCKWALL);
        self.give_dockwall(&mut run, arguments);
        run
    }

    fn dockwall_command(&self, arguments: &str) -> Command {
        let mut run = self.command("host", DOCKWALL);
        self.give_dockwall(&mut run, arguments);
        run
    }

    fn give_dockwall(&self, run: &mut Command, arguments: &str) {
        run.arg("--config").arg(self.config()).arg("--state-dir").arg(self.directory.path().join("state"));
        run.args(arguments.split(' '));
    }

    /// The configuration's path.
    pub fn config(&self) -> PathBuf {
        self.directory.path().join("dockwall.toml")
    }

    /// The network namespace of a place other than a container, as `ip netns` lists it.
    pub fn netns(&self, place: &str) -> String {
        format!("dw-{}-{place}", self.slot.name())
    }

    /// The name of this lab.
    pub fn name(&self) -> &str {
        self.slot.name()
    }

    /// Writes a file of the Docker host; what is in /etc and /run is the host's own.
    #[track_caller]
    pub fn write(&self, path: &str, text: &str) {
        let mut write = self.command("host", "sh -c");
        write.args([r#"mkdir -p "$(dirname "$1")" && printf %s "$2" >"$1""#, "sh", path, text]);
        succeed(&mut write);
    }

    /// A folder for the files of this test, seen at the Docker host as well.
    pub fn directory(&self) -> PathBuf {
        self.directory.path().to_owned()
    }

    fn script(&self) -> Command {
        // More where a processor is emulated.
        let patience = std::env::var("DOCKWALL_PATIENCE").unwrap_or_else(|_| PATIENCE.to_owned());
        let mut run = Command::new("timeout");
        run.args(["--kill-after=5", &patience]).arg(SCRIPT);
        self.prepare(&mut run);
        run
    }

    fn prepare(&self, run: &mut Command) {
        // `traffic` is there where cargo puts it, or is built there.
        let target = PathBuf::from(DOCKWALL).ancestors().nth(2).unwrap().to_owned();
        run.args(["--name", self.slot.name()]).env("CARGO_TARGET_DIR", target).stdin(Stdio::null());
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        // A panic here would hide the test's own; the next test in this slot removes what stays.
        let _ = self.script().arg("down").output();
    }
}

#[track_caller]
fn succeed(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let (stdout, stderr) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{command:?} ended with {}:\n{stdout}{stderr}", output.status);
    stdout
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
