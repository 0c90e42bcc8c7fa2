//! `dockwall status`

mod page;
mod seen;
mod top;
mod watch;

use std::time::{Duration, Instant};

use clap::Args;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::context::Context;
use super::exit::Outcome;
use super::page::unless_closed;
use super::progress::Progress;
use super::{changes, resolvers, trial};
use crate::netlink::Kernel;
use crate::observe::{Rates, Reading, counted};
use seen::{Around, Seen};

/// How far apart two readings are at least from which a rate is told.
const BETWEEN_READINGS: Duration = Duration::from_millis(500);

/// Say whether the wall stands, as the kernel has it.
///
/// Ends with status 0 only when denied packets are really dropped: the table is there, hooked,
/// unchanged since it was applied, and in mode enforce. What it counts are the kernel's own counters, so a log that is
/// limited, rotated or mute hides nothing. On a terminal it reads them twice, half a second apart, to say how much
/// comes now; --watch tells the average of the last 10 s.
///
/// Grants are told apart as far as the kernel counts them apart: those that share a set share a count.
///
/// With --json: {enforced, wall, applied_at, applied_by, trial, resolvers, guard, guarded, hold, repairs, shadows, granted_by,
/// coverage, docker, top_denied, rates}; the wall is {generation, mode, hooks, hooked, drifted, closes_host, applied, found, policed,
/// not_policed, denied_networks, exceptions, denied, denied_to_host, invalid, for_everybody, granted, logged, logs, counters}, with
/// packets and bytes for those from denied to logged, by chain and family in counters; or null without one. hold is {state, port,
/// processes}, its state owned, without-owner, never-owned, cannot-be-owned or not-to-be-owned. With --watch an object in a line
/// for each reading, with the time as `at`; only there are rates, in packets a second.
#[derive(Debug, Args)]
pub struct Status {
    /// Read again and again until Ctrl-C, every 2 seconds or as many as are given
    #[arg(long, value_name = "SECONDS", num_args = 0..=1, default_missing_value = "2",
          value_parser = clap::value_parser!(u64).range(1..=86_400))]
    watch: Option<u64>,
}

impl Status {
    /// Runs it.
    pub fn run(self, context: &Context) -> anyhow::Result<Outcome> {
        let reading = Progress::start("reading the wall");
        let mut kernel = context.kernel()?;
        if let Some(seconds) = self.watch {
            let around = Around::read()?;
            drop(reading);
            return watch::run(context, &mut kernel, around, Duration::from_secs(seconds));
        }
        let (seen, rates) = if context.json || !page::is_for_people() {
            (Seen::read(context, &mut kernel, &Around::read()?)?, None)
        } else {
            read_twice(context, &mut kernel)?
        };
        drop(reading);
        if context.json {
            super::page::json(&as_json(&seen, rates));
        } else {
            unless_closed(watch::write_plain(&page::lines(&seen, rates), ""))?;
        }
        Ok(outcome(&seen))
    }
}

/// Reads the counters, then everything else, and then the counters again with all the rest.
fn read_twice(context: &Context, kernel: &mut Kernel) -> anyhow::Result<(Seen, Option<Rates>)> {
    let frame = kernel.read_frame().ok();
    let first = frame.as_ref().and_then(|frame| {
        let generation = frame.marker().map(|marker| marker.generation);
        Some(Reading::of(generation, &counted(frame.live().table.as_ref()?), Instant::now()))
    });
    let begun = Instant::now();
    let around = Around::read()?;
    if first.is_some() {
        std::thread::sleep(BETWEEN_READINGS.saturating_sub(begun.elapsed()));
    }
    let seen = Seen::read(context, kernel, &around)?;
    let rates = first.and_then(|first| seen.reading()?.since(&first));
    Ok((seen, rates))
}

fn outcome(seen: &Seen) -> Outcome {
    if seen.found.enforced { Outcome::Done } else { Outcome::NotSo }
}

fn as_json(seen: &Seen, rates: Option<Rates>) -> Value {
    json!({
        "enforced": seen.found.enforced,
        "wall": seen.found.wall,
        "applied_at": seen.applied.as_ref().map(|generation| generation.applied),
        "applied_by": seen.applied.as_ref().map(|generation| &generation.author),
        "trial": seen.trial.as_ref().map(trial::as_json),
        "resolvers": seen.resolvers.as_deref().map(resolvers::as_json),
        "guard": seen.has_guard,
        "guarded": seen.guarded,
        "hold": seen.hold,
        "repairs": seen.repairs.as_deref().map(changes::as_json),
        "shadows": seen.shadows,
        "granted_by": seen.granted_by,
        "coverage": seen.coverage,
        "docker": seen.docker_problem,
        "top_denied": seen.top,
        "rates": rates,
    })
}

/// What JSON of a watch has besides.
fn as_json_at(seen: &Seen, rates: Option<Rates>, now: Timestamp) -> Value {
    let mut value = as_json(seen, rates);
    value["at"] = json!(now);
    value
}
