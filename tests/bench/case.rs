//! What is compared.

use std::path::{Path, PathBuf};

use anyhow::ensure;

use crate::arena::{Arena, Begin};
use crate::comparison::{Comparison, Unit};
use crate::input;
use crate::program::Program;
use crate::samples::Samples;

/// Two programs that do the same, from the same beginning.
struct Case<'a> {
    what: String,
    rival: &'static str,
    begin: Begin<'a>,
    ours: Program,
    theirs: Program,
    /// Whether both leave the same ruleset behind, to the letter.
    same_ruleset: bool,
    /// Whether both only read, so that one beginning is enough for all runs.
    only_reads: bool,
    time_bar: Option<f64>,
    memory_bar: Option<f64>,
    /// The most memory that dockwall may take, in MiB.
    memory_limit: Option<f64>,
}

/// The number of networks that the large policy's bars are for.
pub const LARGE: u32 = 100_000;

/// Measures all there is to measure, with a large policy of so many networks.
pub fn measure_all(arena: &Arena, networks: u32, runs: u16) -> anyhow::Result<Vec<Comparison>> {
    let default = arena.write("default.toml", "")?;
    let large = arena.write("large.toml", &input::configuration(networks))?;
    let many = format!("{networks} networks");
    let flows = arena.write("flows.nft", &input::denied_flows())?;
    let at_large = |bar| (networks == LARGE).then_some(bar);
    let cases = [
        Case { time_bar: Some(0.5), ..first_apply(arena, "default policy", &default)? },
        recipe(arena, &default)?,
        mode_change(arena, &default)?,
        no_change(arena, "default policy", &default)?,
        Case { time_bar: at_large(0.6), memory_bar: at_large(0.25), ..first_apply(arena, &many, &large)? },
        no_change(arena, &many, &large)?,
        list_denied(arena, "denied", &default, &flows)?,
        list_denied(arena, "denied --json", &default, &flows)?,
    ];
    let mut comparisons = Vec::new();
    for case in cases {
        comparisons.extend(case.measure(arena, runs)?);
    }
    Ok(comparisons)
}

/// A policy where there was none.
fn first_apply<'a>(arena: &Arena, policy: &str, configuration: &'a Path) -> anyhow::Result<Case<'a>> {
    let ruleset = arena.render(Begin::Empty, configuration, &[])?;
    Ok(Case {
        what: format!("{policy}, first apply"),
        rival: "nft -f",
        begin: Begin::Empty,
        ours: arena.dockwall(configuration, &["apply"]),
        theirs: loads("nft -f", arena.write(&format!("{policy}.nft"), &ruleset)?),
        same_ruleset: true,
        only_reads: false,
        time_bar: None,
        memory_bar: None,
        memory_limit: None,
    })
}

/// The default policy beside what comes near it in iptables, for IPv4 alone.
fn recipe<'a>(arena: &Arena, default: &'a Path) -> anyhow::Result<Case<'a>> {
    let rival = "iptables-restore";
    let theirs = loads(rival, arena.write("recipe.iptables", &input::iptables())?);
    Ok(Case { rival, theirs, same_ruleset: false, ..first_apply(arena, "default policy", default)? })
}

/// From audit to enforce, where only what differs is sent.
fn mode_change<'a>(arena: &Arena, default: &'a Path) -> anyhow::Result<Case<'a>> {
    let begin = Begin::Applied(default);
    let audited = arena.render(Begin::Empty, default, &["--mode", "audit"])?;
    let enforced = arena.render(begin, default, &["--mode", "enforce"])?;
    Ok(Case {
        what: "default policy, audit to enforce".to_owned(),
        begin,
        ours: arena.dockwall(default, &["apply", "--mode", "enforce"]),
        theirs: loads("nft -f", arena.write("mode.nft", &input::change(&audited, &enforced))?),
        ..first_apply(arena, "default policy", default)?
    })
}

/// A policy that is in force already. nft does not look, and loads it anew.
fn no_change<'a>(arena: &Arena, policy: &str, configuration: &'a Path) -> anyhow::Result<Case<'a>> {
    let ruleset = arena.render(Begin::Empty, configuration, &[])?;
    Ok(Case {
        what: format!("{policy}, nothing to change"),
        begin: Begin::Applied(configuration),
        theirs: loads("nft -f", arena.write(&format!("{policy}, anew.nft"), &input::reload(&ruleset))?),
        ..first_apply(arena, policy, configuration)?
    })
}

/// A full meter, listed.
fn list_denied<'a>(arena: &Arena, command: &str, default: &'a Path, flows: &'a Path) -> anyhow::Result<Case<'a>> {
    Ok(Case {
        what: format!("65535 flows, {command}"),
        rival: "nft -j list set",
        begin: Begin::Denied(default, flows),
        ours: arena.dockwall(default, &command.split(' ').collect::<Vec<_>>()),
        theirs: Program::new("nft -j list set inet dockwall denied4".split(' ').map(PathBuf::from)),
        same_ruleset: false,
        only_reads: true,
        time_bar: Some(0.3),
        memory_limit: Some(50.0),
        ..first_apply(arena, "default policy", default)?
    })
}

/// A program that loads a file.
fn loads(program: &str, file: PathBuf) -> Program {
    Program::new(program.split(' ').map(PathBuf::from).chain([file]))
}

impl Case<'_> {
    /// One run of each side that does not count, then the runs in turns, then one run of each for
    /// its memory.
    fn measure(&self, arena: &Arena, runs: u16) -> anyhow::Result<Vec<Comparison>> {
        let listed = |program: &Program| -> anyhow::Result<String> {
            arena.begin(self.begin)?;
            program.time(&arena.netns)?;
            if self.only_reads {
                return Ok(String::new());
            }
            Ok(arena.netns.nft("--stateless list ruleset"))
        };
        let same = listed(&self.ours)? == listed(&self.theirs)?;
        ensure!(same || !self.same_ruleset, "{}: dockwall and {} load different rulesets", self.what, self.rival);

        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..runs {
            for (program, times) in [(&self.ours, &mut ours), (&self.theirs, &mut theirs)] {
                if !self.only_reads {
                    arena.begin(self.begin)?;
                }
                times.push(program.time(&arena.netns)?.as_secs_f64() * 1000.0);
            }
        }
        let mut comparisons = vec![self.comparison(Unit::Milliseconds, ours, theirs, self.time_bar)];
        if self.memory_bar.is_some() || self.memory_limit.is_some() {
            let peak = |program: &Program| -> anyhow::Result<Vec<f64>> {
                if !self.only_reads {
                    arena.begin(self.begin)?;
                }
                Ok(vec![program.peak_memory(&arena.netns, arena.directory())? as f64 / 1024.0])
            };
            let (ours, theirs) = (peak(&self.ours)?, peak(&self.theirs)?);
            // Of the one run of each: the limit as a part of what the other took.
            let limit = self.memory_limit.zip(theirs.first()).map(|(limit, theirs)| limit / theirs);
            comparisons.push(self.comparison(Unit::Mebibytes, ours, theirs, self.memory_bar.or(limit)));
        }
        Ok(comparisons)
    }

    fn comparison(&self, unit: Unit, ours: Vec<f64>, theirs: Vec<f64>, bar: Option<f64>) -> Comparison {
        let (ours, theirs) = (Samples::new(ours), Samples::new(theirs));
        Comparison { what: self.what.clone(), rival: self.rival, unit, ours, theirs, bar }
    }
}
