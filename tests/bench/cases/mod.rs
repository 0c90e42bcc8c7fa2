//! All there is to compare, in groups.

mod apply;
mod change;
mod commands;
mod firewalld;

use clap::ValueEnum;

use crate::arena::Arena;
use crate::comparison::Comparison;

/// The number of denied networks that the bars of a large policy are for.
const LARGE: u32 = 100_000;
/// And of a huge one.
const HUGE: u32 = 1_000_000;

/// What belongs together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Group {
    /// Policies where there were none.
    Apply,
    /// What is there already, but for a little.
    Change,
    /// What is asked of a large policy.
    Commands,
    /// The recipe, by firewalld.
    Firewalld,
}

/// How large what is measured is, and how often.
#[derive(Debug, Clone)]
pub struct Sizes {
    /// How many denied networks.
    pub networks: Vec<u32>,
    /// How many grants of each kind.
    pub grants: Vec<u32>,
    /// How often each side of a comparison runs.
    pub runs: u16,
    /// The groups; all where none is named.
    pub only: Vec<Group>,
}

/// Measures it all, and hands out each comparison as it is done.
pub fn measure_all(arena: &Arena, sizes: &Sizes, done: &mut dyn FnMut(&Comparison)) -> anyhow::Result<Vec<Comparison>> {
    let mut comparisons = Vec::new();
    let wanted = |group| sizes.only.is_empty() || sizes.only.contains(&group);
    let mut take = |measured: Vec<Comparison>| {
        measured.iter().for_each(&mut *done);
        comparisons.extend(measured);
    };
    if wanted(Group::Apply) {
        apply::measure(arena, sizes, &mut take)?;
    }
    if wanted(Group::Change) {
        change::measure(arena, sizes, &mut take)?;
    }
    if wanted(Group::Commands) {
        commands::measure(arena, sizes, &mut take)?;
    }
    if wanted(Group::Firewalld) {
        take(firewalld::measure(arena, sizes.runs)?);
    }
    Ok(comparisons)
}

/// 1000 as `1k`, 1000000 as `1M`.
fn short(number: u32) -> String {
    match number {
        _ if number >= 1_000_000 && number.is_multiple_of(1_000_000) => format!("{}M", number / 1_000_000),
        _ if number >= 1000 && number.is_multiple_of(1000) => format!("{}k", number / 1000),
        _ => number.to_string(),
    }
}

/// Runs of what takes seconds are fewer, and still enough for a median.
fn fewer(runs: u16, elements: u32) -> u16 {
    if elements >= LARGE { runs.min(7) } else { runs }
}
