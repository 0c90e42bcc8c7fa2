//! A program that is measured.

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};

use crate::netns::{Netns, text};

/// A program with its arguments.
pub struct Program {
    words: Vec<OsString>,
}

impl Program {
    /// The words of its command line.
    pub fn new(words: impl IntoIterator<Item = impl Into<OsString>>) -> Self {
        Self { words: words.into_iter().map(Into::into).collect() }
    }

    /// Runs it in `netns`, and says how long that took from its start to its end.
    pub fn time(&self, netns: &Netns) -> anyhow::Result<Duration> {
        let mut command = Command::from(self);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let (took, output) = netns.enter(|| {
            let start = Instant::now();
            let output = command.output();
            (start.elapsed(), output)
        });
        let output = output.with_context(|| format!("cannot run {command:?}"))?;
        ensure!(output.status.success(), "{command:?}: {}, {}", output.status, text(&output.stderr));
        Ok(took)
    }

    /// Runs it in `netns`, and says how many KiB of memory it had at its peak.
    pub fn peak_memory(&self, netns: &Netns, directory: &Path) -> anyhow::Result<u64> {
        let written = directory.join("peak-memory");
        // GNU time's %M, "maximum resident set size of the process during its lifetime, in Kbytes".
        let time = ["/usr/bin/time", "--format=%M", "--output"].map(OsString::from);
        let words = time.into_iter().chain([written.clone().into()]).chain(self.words.iter().cloned());
        Self::new(words).time(netns)?;
        Ok(fs::read_to_string(&written)?.trim().parse()?)
    }
}

impl From<&Program> for Command {
    fn from(program: &Program) -> Self {
        let mut words = program.words.iter();
        let mut command = Self::new(words.next().cloned().unwrap_or_default());
        command.args(words);
        command
    }
}
