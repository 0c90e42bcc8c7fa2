//! A network namespace that `ip` fills.

use std::io::Write;
use std::process::Stdio;

use dockwall::host::{Facts, Link};

use crate::support::Netns;
use crate::support::netns::text;

/// A namespace, and what is read in it.
pub struct Namespace(Netns);

impl Namespace {
    /// One that holds what these `ip` commands make.
    #[track_caller]
    pub fn with(commands: &[&str]) -> Self {
        let namespace = Self(Netns::new());
        commands.iter().for_each(|command| namespace.ip(command));
        namespace
    }

    /// Runs `ip`.
    ///
    /// # Panics
    /// When it fails, with what it says.
    #[track_caller]
    pub fn ip(&self, command: &str) {
        let output = self.0.command("ip").args(command.split(' ')).output().unwrap();
        assert!(output.status.success(), "ip {command}: {}", text(&output.stderr));
    }

    /// Runs `ip` commands, a line each.
    ///
    /// # Panics
    /// When one fails, with what it says.
    #[track_caller]
    pub fn batch(&self, commands: &str) {
        let mut ip = self.0.command("ip").args(["-batch", "-"]).stdin(Stdio::piped()).spawn().unwrap();
        // Closed at the end of the statement, which is the end of the batch.
        ip.stdin.take().unwrap().write_all(commands.as_bytes()).unwrap();
        assert!(ip.wait().unwrap().success(), "ip -batch: what it said stands above");
    }

    /// Runs `ip link add`; false when the kernel has no links of that kind, which is said.
    #[track_caller]
    pub fn can_add(&self, link: &str) -> bool {
        let output = self.0.command("ip").args(["link", "add"]).args(link.split(' ')).output().unwrap();
        let unknown = text(&output.stderr).contains("Unknown device type");
        if unknown {
            eprintln!("not tested: this kernel has no `{link}`");
        }
        assert!(unknown || output.status.success(), "ip link add {link}: {}", text(&output.stderr));
        !unknown
    }

    /// What the kernel says in it.
    #[track_caller]
    pub fn read(&self) -> Facts {
        self.0.enter(|| Facts::read().unwrap())
    }

    /// Whatever `work` gives in it.
    pub fn enter<R: Send>(&self, work: impl FnOnce() -> R + Send) -> R {
        self.0.enter(work)
    }
}

/// The link of that name.
#[track_caller]
pub fn named<'a>(facts: &'a Facts, name: &str) -> &'a Link {
    facts.links.iter().find(|link| link.name == name).unwrap()
}
