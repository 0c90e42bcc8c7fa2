//! What is compared, and how it is measured.

use std::path::{Path, PathBuf};

use anyhow::ensure;

use crate::arena::{Arena, Begin};
use crate::comparison::{Comparison, Unit};
use crate::program::Program;
use crate::samples::Samples;

/// Two programs that do the same, from the same beginning.
pub struct Case<'a> {
    /// What they do.
    pub what: String,
    /// Who does it beside dockwall.
    pub rival: &'static str,
    /// What is there before.
    pub begin: Begin<'a>,
    /// The other side's beginning, where it is another.
    pub their_begin: Option<Begin<'a>>,
    /// dockwall.
    pub ours: Program,
    /// The other side.
    pub theirs: Program,
    /// Whether both leave the same ruleset behind, to the letter.
    pub same_ruleset: bool,
    /// What each side leaves behind.
    pub leaves: Leaves,
    /// The bars, as parts of what the other side takes.
    pub bars: Bars,
}

/// What a run leaves behind for the next one.
pub enum Leaves {
    /// Another ruleset: each run begins anew.
    Change,
    /// What was there before, so that one beginning is enough for all runs.
    Nothing,
    /// What these take back: dockwall's, and the other side's.
    Undone([Program; 2]),
}

/// What must not be exceeded.
#[derive(Debug, Clone, Copy, Default)]
pub struct Bars {
    /// Of the time.
    pub time: Option<f64>,
    /// Of the peak memory, which is measured where this or the next says so.
    pub memory: Option<f64>,
    /// The most memory that dockwall may take, in MiB.
    pub memory_limit: Option<f64>,
    /// Whether the peak memory is measured all the same.
    pub shows_memory: bool,
}

impl<'a> Case<'a> {
    /// A policy where there was none.
    pub fn first_apply(arena: &Arena, policy: &str, configuration: &'a Path) -> anyhow::Result<Self> {
        let ruleset = arena.render(Begin::Empty, configuration, &[])?;
        Ok(Self {
            what: format!("{policy}, first apply"),
            rival: "nft -f",
            begin: Begin::Empty,
            their_begin: None,
            ours: arena.dockwall(configuration, &["apply"]),
            theirs: loads("nft -f", arena.write(&format!("{policy}.nft"), &ruleset)?),
            same_ruleset: true,
            leaves: Leaves::Change,
            bars: Bars::default(),
        })
    }

    /// One run of each side that does not count, then the runs in turns, then one run of each for
    /// its memory.
    pub fn measure(&self, arena: &Arena, runs: u16) -> anyhow::Result<Vec<Comparison>> {
        if self.same_ruleset {
            // nft lists what the kernel shows it, which lacks elements while a large hash still grows.
            let is_same = || anyhow::Ok(self.listed(arena, 0)? == self.listed(arena, 1)?);
            let same = is_same()? || is_same()? || is_same()?;
            ensure!(same, "{}: dockwall and {} load different rulesets", self.what, self.rival);
        }
        let (mut walls, mut processors) = ([Vec::new(), Vec::new()], [Vec::new(), Vec::new()]);
        self.take_turns(arena, runs, |side, program| {
            let took = program.time(&arena.netns)?;
            for (samples, one) in [(&mut walls, took.wall), (&mut processors, took.processor)] {
                samples.iter_mut().skip(side).take(1).for_each(|samples| samples.push(one));
            }
            Ok(())
        })?;
        let mut comparisons = vec![
            self.comparison(Unit::Milliseconds, walls, self.bars.time),
            self.comparison(Unit::Processor, processors, None),
        ];
        let Bars { memory, memory_limit, shows_memory, .. } = self.bars;
        if memory.is_some() || memory_limit.is_some() || shows_memory {
            let mut peaks = [Vec::new(), Vec::new()];
            self.take_turns(arena, 1, |side, program| {
                let peak = program.peak_memory(&arena.netns, arena.directory())? as f64 / 1024.0;
                peaks.iter_mut().skip(side).take(1).for_each(|samples| samples.push(peak));
                Ok(())
            })?;
            // Of the one run of each: the limit as a part of what the other took.
            let limit = memory_limit.zip(peaks.iter().flatten().nth(1)).map(|(limit, theirs)| limit / theirs);
            comparisons.push(self.comparison(Unit::Mebibytes, peaks, memory.or(limit)));
        }
        Ok(comparisons)
    }

    fn sides(&self) -> [(&Program, Begin<'a>); 2] {
        [(&self.ours, self.begin), (&self.theirs, self.their_begin.unwrap_or(self.begin))]
    }

    fn listed(&self, arena: &Arena, side: usize) -> anyhow::Result<String> {
        for (program, begin) in self.sides().into_iter().skip(side).take(1) {
            arena.begin(begin)?;
            program.time(&arena.netns)?;
        }
        Ok(arena.netns.nft("--stateless list ruleset"))
    }

    /// Runs each side that often. Where both begin alike and leave nothing they take turns run by run, otherwise each
    /// run is after its own beginning.
    fn take_turns(
        &self,
        arena: &Arena,
        runs: u16,
        mut run: impl FnMut(usize, &Program) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let begins_once = !matches!(self.leaves, Leaves::Change) && self.their_begin.is_none();
        if begins_once {
            arena.begin(self.begin)?;
        }
        for _ in 0..runs {
            for (side, (program, begin)) in self.sides().into_iter().enumerate() {
                if !begins_once {
                    arena.begin(begin)?;
                }
                run(side, program)?;
                if let Leaves::Undone(undo) = &self.leaves {
                    undo.iter().skip(side).take(1).try_for_each(|undo| undo.time(&arena.netns).map(drop))?;
                    rustix::fs::sync();
                }
            }
        }
        Ok(())
    }

    fn comparison(&self, unit: Unit, samples: [Vec<f64>; 2], bar: Option<f64>) -> Comparison {
        let [ours, theirs] = samples.map(Samples::new);
        Comparison { what: self.what.clone(), rival: self.rival, unit, ours, theirs, bar }
    }
}

/// A program that loads a file.
pub fn loads(program: &str, file: PathBuf) -> Program {
    Program::new(program.split(' ').map(PathBuf::from).chain([file]))
}

/// A program by its words.
pub fn words(line: &str) -> Program {
    Program::new(line.split(' ').map(PathBuf::from))
}
