//! A program that is measured.

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use nix::sys::resource::{UsageWho, getrusage};

use crate::netns::{Netns, text};

/// What one run took.
#[derive(Debug, Clone, Copy)]
pub struct Took {
    /// From its start to its end, in milliseconds.
    pub wall: f64,
    /// Of the processors, in milliseconds, the kernel's work for it among it.
    pub processor: f64,
}

/// A program with its arguments.
pub struct Program {
    words: Vec<OsString>,
}

impl Program {
    /// The words of its command line.
    pub fn new(words: impl IntoIterator<Item = impl Into<OsString>>) -> Self {
        Self { words: words.into_iter().map(Into::into).collect() }
    }

    /// Runs it in `netns`, and says what that took.
    pub fn time(&self, netns: &Netns) -> anyhow::Result<Took> {
        let mut command = Command::from(self);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let before = children()?;
        let (took, output) = netns.enter(|| {
            let start = Instant::now();
            let output = command.output();
            (start.elapsed(), output)
        });
        let output = output.with_context(|| format!("cannot run {command:?}"))?;
        ensure!(output.status.success(), "{command:?}: {}, {}", output.status, text(&output.stderr));
        let in_milliseconds = |time: Duration| time.as_secs_f64() * 1000.0;
        Ok(Took { wall: in_milliseconds(took), processor: in_milliseconds(children()?.saturating_sub(before)) })
    }

    /// Runs it where one is.
    pub fn run(&self) -> anyhow::Result<()> {
        let output = Command::from(self).output()?;
        ensure!(output.status.success(), "{:?}: {}", self.words, text(&output.stderr));
        Ok(())
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

/// The time that children which have ended had of the processors.
fn children() -> anyhow::Result<Duration> {
    let used = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let micros = [used.user_time(), used.system_time()].map(|time| time.tv_sec() * 1_000_000 + time.tv_usec());
    Ok(Duration::from_micros(u64::try_from(micros.iter().sum::<i64>())?))
}

impl From<&Program> for Command {
    fn from(program: &Program) -> Self {
        let mut words = program.words.iter();
        let mut command = Self::new(words.next().cloned().unwrap_or_default());
        command.args(words);
        command
    }
}
