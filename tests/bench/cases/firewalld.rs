//! The recipe, by firewalld itself in the lab of the tests.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, ensure};

use crate::arena::{Arena, Begin};
use crate::case::{Bars, Case, Leaves};
use crate::comparison::Comparison;
use crate::input;
use crate::program::Program;

/// The lab's name, beside those of the tests.
const NAME: &str = "bench";

/// The lab; gone when it is dropped.
struct Lab;

impl Lab {
    fn run(words: &[&str]) -> anyhow::Result<()> {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/lab");
        let output = Command::new(script).args(["--name", NAME]).args(words).output()?;
        ensure!(output.status.success(), "scripts/lab {words:?}: {}", String::from_utf8_lossy(&output.stderr));
        Ok(())
    }

    fn up(arena: &Arena) -> anyhow::Result<(Self, PathBuf)> {
        let lab = Self;
        Self::run(&["up", "--no-docker", "--with", "firewalld"])?;
        let rules = arena.write("direct.xml", &input::direct_xml())?;
        let rules = rules.to_str().context("a path that is no UTF-8")?;
        Self::run(&["exec", "host", "cp", rules, "/etc/firewalld/direct.xml"])?;
        Self::run(&["unit", "firewalld", "start"])?;
        let gate = std::fs::read_to_string(format!("/tmp/dockwall-lab.{NAME}/gate.pid"))?;
        Ok((lab, PathBuf::from(gate.trim())))
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        Self::run(&["down"]).unwrap_or_default();
    }
}

/// Measures the reload of the recipe, as a change of it takes one.
pub fn measure(arena: &Arena, runs: u16) -> anyhow::Result<Vec<Comparison>> {
    let default = arena.write("default.toml", "")?;
    let (_lab, gate) = Lab::up(arena)?;
    let enter = ["nsenter", "--target"].map(PathBuf::from).into_iter().chain([gate]);
    let reload = ["--mount", "--net", "--uts", "--ipc", "--", "firewall-cmd", "--reload"].map(PathBuf::from);
    let case = Case {
        what: "the recipe, reloaded".to_owned(),
        rival: "firewall-cmd --reload",
        begin: Begin::Empty,
        their_begin: None,
        theirs: Program::new(enter.chain(reload)),
        same_ruleset: false,
        leaves: Leaves::Change,
        bars: Bars { time: Some(0.02), ..Bars::default() },
        ..Case::first_apply(arena, "default policy", &default)?
    };
    case.measure(arena, runs.min(7))
}
