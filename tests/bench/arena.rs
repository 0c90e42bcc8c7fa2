//! The namespace and the files in which it all happens.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use std::{fs, thread};

use anyhow::{Context, ensure};
use tempfile::TempDir;

use crate::netns::{Netns, text};
use crate::program::Program;

/// A network namespace and a directory of our own; gone when it is dropped.
pub struct Arena {
    /// Where the programs run.
    pub netns: Netns,
    directory: TempDir,
    dockwall: PathBuf,
    /// Keeps netfilter busy as Docker does.
    _neighbour: Netns,
}

/// Hooks and conntrack in use, as on every Docker host. Without them the kernel would patch its own
/// code with each first rule of a run, and back with each last one.
const NEIGHBOUR: &str = "table inet docker {
    chain prerouting { type nat hook prerouting priority dstnat; }
    chain postrouting { type nat hook postrouting priority srcnat; masquerade; }
    chain input { type filter hook input priority 0; }
    chain output { type filter hook output priority 0; }
    chain forward { type filter hook forward priority 0; ct state established accept; }
}
";

/// What is there before a program runs.
#[derive(Clone, Copy)]
pub enum Begin<'a> {
    /// No ruleset and no state.
    Empty,
    /// The ruleset of a first `dockwall apply` of that configuration, and its state.
    Applied(&'a Path),
    /// Another mode applied over it.
    Enforced(&'a Path),
    /// The same, and a file of flows that were denied, as nft loads it.
    Denied(&'a Path, &'a Path),
}

impl Arena {
    /// Makes them. The directory lies beside `dockwall`, which is on a disk as `/var/lib` is;
    /// `/tmp` may be in memory.
    pub fn make(dockwall: &Path) -> anyhow::Result<Self> {
        let dockwall = dockwall.canonicalize().with_context(|| format!("cannot find {}", dockwall.display()))?;
        let beside = dockwall.parent().context("dockwall lies in no directory")?;
        let directory = tempfile::Builder::new().prefix("bench-").tempdir_in(beside)?;
        let neighbour = Netns::new();
        neighbour.load(NEIGHBOUR);
        Ok(Self { netns: Netns::new(), directory, dockwall, _neighbour: neighbour })
    }

    /// The directory.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    fn state(&self) -> PathBuf {
        self.directory().join("state")
    }

    /// Writes a file.
    pub fn write(&self, name: &str, content: &str) -> anyhow::Result<PathBuf> {
        let path = self.directory().join(name);
        fs::write(&path, content)?;
        Ok(path)
    }

    /// dockwall with that configuration and the state directory here.
    pub fn dockwall(&self, configuration: &Path, command: &[&str]) -> Program {
        let options = [&self.dockwall, Path::new("--config"), configuration, Path::new("--state-dir"), &self.state()];
        Program::new(options.into_iter().chain(command.iter().map(Path::new)))
    }

    /// The ruleset of a configuration, as the next apply after `begin` would number it.
    pub fn render(&self, begin: Begin, configuration: &Path, options: &[&str]) -> anyhow::Result<String> {
        self.begin(begin)?;
        let command = [&["render"], options].concat();
        let program = self.dockwall(configuration, &command);
        let output = self.netns.enter(|| Command::from(&program).output())?;
        ensure!(output.status.success(), "dockwall render: {}", text(&output.stderr));
        Ok(text(&output.stdout))
    }

    /// Brings about what shall be there.
    pub fn begin(&self, begin: Begin) -> anyhow::Result<()> {
        self.netns.nft("flush ruleset");
        if self.state().exists() {
            fs::remove_dir_all(self.state())?;
        }
        if let Begin::Applied(configuration) | Begin::Denied(configuration, _) | Begin::Enforced(configuration) = begin
        {
            self.dockwall(configuration, &["apply"]).time(&self.netns)?;
        }
        if let Begin::Enforced(configuration) = begin {
            self.dockwall(configuration, &["apply", "--mode", "enforce"]).time(&self.netns)?;
        }
        if let Begin::Denied(_, flows) = begin {
            Program::new([Path::new("nft"), Path::new("-f"), flows]).time(&self.netns)?;
        }
        // What this removed or wrote is not the next run's to flush.
        rustix::fs::sync();
        // The kernel frees what was flushed in the background.
        thread::sleep(Duration::from_millis(100));
        Ok(())
    }
}
