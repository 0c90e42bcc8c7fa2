//! What stands in the host while packets pass: nothing, dockwall, or somebody else's rules.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};

use super::lane::Lane;
use crate::netns::text;
use crate::program::Program;

/// Rules, and the name by which they are listed.
pub struct Wall {
    /// As the table says it.
    pub name: String,
    /// How they come into the kernel.
    pub rules: Rules,
}

/// How rules come into the kernel.
pub enum Rules {
    /// There are none.
    None,
    /// As text, by `nft -f`.
    Nft(String),
    /// By `iptables-nft-restore` and the one for IPv6, or by those of the legacy variant.
    Iptables {
        /// `nft` or `legacy`.
        variant: &'static str,
        /// For IPv4.
        four: String,
        /// For IPv6.
        six: String,
    },
    /// By `dockwall apply`.
    Dockwall {
        /// The program.
        dockwall: PathBuf,
        /// Its configuration.
        configuration: PathBuf,
        /// Where it keeps generations.
        state: PathBuf,
    },
}

impl Wall {
    /// Raises it in the host of `lane`.
    pub fn raise(&self, lane: &Lane) -> anyhow::Result<()> {
        match &self.rules {
            Rules::None => {}
            Rules::Nft(ruleset) => lane.host.load(ruleset),
            Rules::Iptables { variant, four, six } => {
                restore(lane, &format!("iptables-{variant}-restore"), four)?;
                restore(lane, &format!("ip6tables-{variant}-restore"), six)?;
            }
            Rules::Dockwall { dockwall, configuration, state } => {
                let options = [dockwall, Path::new("--config"), configuration, Path::new("--state-dir"), state];
                Program::new(options.into_iter().chain([Path::new("apply")])).time(&lane.host)?;
            }
        }
        Ok(())
    }
}

fn restore(lane: &Lane, program: &str, rules: &str) -> anyhow::Result<()> {
    let mut command = Command::new(program);
    command.stdin(Stdio::piped()).stderr(Stdio::piped());
    let mut child = lane.host.enter(|| command.spawn()).with_context(|| format!("cannot run {program}"))?;
    child.stdin.take().context("no way to tell it")?.write_all(rules.as_bytes())?;
    let output = child.wait_with_output()?;
    ensure!(output.status.success(), "{program}: {}", text(&output.stderr));
    Ok(())
}
