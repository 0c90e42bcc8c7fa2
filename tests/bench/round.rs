//! Several commands beside one program, which takes longer than all of them together.

use crate::arena::{Arena, Begin};
use crate::comparison::{Comparison, Unit};
use crate::program::Program;
use crate::samples::Samples;

/// Commands of dockwall that leave nothing behind, and what another program does of the same beginning.
pub struct Round<'a> {
    /// What is there before.
    pub begin: Begin<'a>,
    /// Each command with what it is called.
    pub commands: Vec<(String, Program)>,
    /// Who the other side is.
    pub rival: &'static str,
    /// The other side.
    pub theirs: Program,
}

/// What the runs of one program took.
#[derive(Default)]
struct Taken {
    walls: Vec<f64>,
    processors: Vec<f64>,
    peak: f64,
}

impl Round<'_> {
    /// In each of the runs each command once and then the other side, and at last one run of each for its memory.
    pub fn measure(self, arena: &Arena, runs: u16) -> anyhow::Result<Vec<Comparison>> {
        arena.begin(self.begin)?;
        let programs = self.commands.iter().map(|(_, program)| program).chain([&self.theirs]);
        let mut sides: Vec<_> = programs.map(|program| (program, Taken::default())).collect();
        for _ in 0..runs {
            for (program, taken) in &mut sides {
                let took = program.time(&arena.netns)?;
                taken.walls.push(took.wall);
                taken.processors.push(took.processor);
            }
        }
        for (program, taken) in &mut sides {
            taken.peak = program.peak_memory(&arena.netns, arena.directory())? as f64 / 1024.0;
        }
        let mut taken = sides.into_iter().map(|(_, taken)| taken.samples()).collect::<Vec<_>>();
        let theirs = taken.pop().unwrap_or_default();
        let comparisons = self.commands.iter().zip(taken).flat_map(|((what, _), ours)| {
            ours.into_iter().zip(theirs.clone()).map(|((unit, ours), (_, theirs))| Comparison {
                what: what.clone(),
                rival: self.rival,
                unit,
                ours,
                theirs,
                bar: None,
            })
        });
        Ok(comparisons.collect())
    }
}

impl Taken {
    fn samples(self) -> Vec<(Unit, Samples)> {
        let Self { walls, processors, peak } = self;
        [(Unit::Milliseconds, walls), (Unit::Processor, processors), (Unit::Mebibytes, vec![peak])]
            .map(|(unit, samples)| (unit, Samples::new(samples)))
            .into()
    }
}
