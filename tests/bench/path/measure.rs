//! Runs in turns: no rules, a wall, no rules, the next wall.

use std::time::Duration;

use anyhow::Context;

use super::lane::Lane;
use super::packets::{Kind, Version};
use super::sender::Sender;
use crate::samples::Samples;

/// How long one run takes, more or less: long enough for the clock, and short enough to be undisturbed most often.
const RUN: Duration = Duration::from_millis(25);
/// What is sent before anything is measured.
const WARM_UP: u32 = 3;

/// What one kind of packet costs in one lane.
#[derive(Debug, Clone)]
pub struct Cost {
    /// Nanoseconds of the processor for each packet.
    pub nanoseconds: Samples,
    /// The same as a part of what the runs beside it took without rules.
    pub ratio: Samples,
}

/// Measures packets of one kind in each of `lanes`, the first of which has no rules, `runs` times.
pub fn measure(lanes: &[&Lane], kind: Kind, version: Version, runs: u16) -> anyhow::Result<Vec<Cost>> {
    let open = |lane: &&Lane| Sender::open(lane.at(kind.port()), version, kind.packets(version));
    let senders: Vec<Sender> = lanes.iter().map(open).collect::<anyhow::Result<_>>()?;
    answer(lanes, kind, version)?;
    let rounds = senders.iter().map(rounds).collect::<anyhow::Result<Vec<u32>>>()?;
    let senders: Vec<(Sender, u32)> = senders.into_iter().zip(rounds).collect();
    let (bare, others) = senders.split_first().context("nothing to measure")?;
    let mut costs = vec![(Vec::new(), Vec::new()); others.len()];
    let time = |(sender, rounds): &(Sender, u32)| -> anyhow::Result<f64> {
        Ok(sender.send(*rounds)?.as_nanos() as f64 / f64::from(rounds * sender.count()))
    };
    let mut before = time(bare)?;
    let mut without = Vec::new();
    for run in 0..usize::from(runs) {
        for index in 0..others.len() {
            // Each time another one begins.
            let index = (index + run) % others.len();
            let (Some(sender), Some((times, ratios))) = (others.get(index), costs.get_mut(index)) else { continue };
            let took = time(sender)?;
            let after = time(bare)?;
            times.push(took);
            ratios.push(took * 2.0 / (before + after));
            without.push(after);
            before = after;
        }
    }
    let bare = Cost { nanoseconds: Samples::new(without), ratio: Samples::new(vec![1.0]) };
    let cost = |(times, ratios)| Cost { nanoseconds: Samples::new(times), ratio: Samples::new(ratios) };
    Ok(std::iter::once(bare).chain(costs.into_iter().map(cost)).collect())
}

/// How often all packets have to be sent to fill a run.
fn rounds(sender: &Sender) -> anyhow::Result<u32> {
    sender.send(WARM_UP)?;
    let one = sender.send(WARM_UP)?.max(Duration::from_micros(1)) / WARM_UP;
    Ok((RUN.as_nanos() / one.as_nanos()).clamp(1, 1000) as u32)
}

/// Makes flows of those that have to be answered before.
fn answer(lanes: &[&Lane], kind: Kind, version: Version) -> anyhow::Result<()> {
    if !matches!(kind, Kind::Established | Kind::Reply) {
        return Ok(());
    }
    for lane in lanes {
        for kind in [Kind::Established, Kind::Reply] {
            Sender::open(lane.at(kind.port()), version, kind.packets(version))?.send(1)?;
        }
    }
    Ok(())
}
