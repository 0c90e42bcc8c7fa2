//! Programs that run beside a test.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::Value;

/// A sender under way. It ends by itself after its time, or when its standard input is closed,
/// which happens also when the test is killed.
pub struct Sender {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
    what: String,
}

impl Sender {
    pub(super) fn start(mut command: Command, what: String) -> Self {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (stdin, stdout) = (child.stdin.take(), BufReader::new(child.stdout.take().unwrap()));
        Self { child, stdin, stdout, what }
    }

    /// Waits until it prints that line.
    ///
    /// # Panics
    /// When it prints another one, or ends.
    #[track_caller]
    pub fn await_line(&mut self, expected: &str) {
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        assert_eq!(line.trim(), expected, "{}", self.what);
    }

    /// Where it runs, and what.
    pub fn what(&self) -> &str {
        &self.what
    }

    /// Ends it, and gives the JSON that it prints.
    ///
    /// # Panics
    /// When it failed.
    #[track_caller]
    pub fn finish(mut self) -> Value {
        drop(self.stdin.take());
        let mut printed = String::new();
        self.stdout.read_to_string(&mut printed).unwrap();
        let status = self.child.wait().unwrap();
        assert!(status.success(), "{} ended with {status}: {printed}", self.what);
        serde_json::from_str(&printed).unwrap_or_else(|error| panic!("{}: {error}: {printed}", self.what))
    }
}

/// That none of these sessions missed an answer, and ends them.
///
/// # Panics
/// When one did.
#[track_caller]
pub fn assert_unbroken(when: &str, sessions: Vec<Sender>) {
    for session in sessions {
        let what = session.what().to_owned();
        let ended = session.finish();
        assert_eq!(ended["broken"], false, "{when}: {what}: {ended}");
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
