//! `dockwall apply`

use std::time::Duration;

use clap::Args;
use jiff::fmt::friendly::SpanParser;
use jiff::{SignedDuration, SpanRelativeTo};
use serde_json::json;

use super::context::{Context, hold, host_print, read_host};
use super::exit::Outcome;
use super::keeper::Keeper;
use super::lifeline::Lifeline;
use super::page::{self, Sheet};
use super::progress::Progress;
use super::trial::Begun;
use super::{paint, trial};
use crate::config::Mode;
use crate::generation::{self, Applied, Glance, Planned, Trial, Turn, apply, may_be_unchanged, unchanged};
use crate::host::Host;
use crate::netlink::{self, Kernel};

/// Make the kernel hold the configured policy.
///
/// One batch with the smallest change, which the kernel takes whole or not at all: counters and
/// remembered flows stay. Writes a generation, to which `rollback` can go back. A kernel that lacks something is told
/// before anything is made, with everything that it lacks.
///
/// What is applied with --confirm goes back by itself, whatever becomes of the terminal, the session or the machine:
/// where systemd runs, a timer of its own waits; elsewhere a process in a session of its own. A reboot within the
/// time goes back as it boots, by dockwall.service.
///
/// With --json: {generation, mode, batches, changes, bytes, trial}; batches is 0 when nothing differed, trial is
/// {generation, back_to, deadline} or null.
#[derive(Debug, Args)]
pub struct Apply {
    /// In this mode, whatever the configuration says
    #[arg(long, value_name = "audit|enforce")]
    mode: Option<Mode>,
    /// Go back to what is confirmed after this time, such as 60s or 5m, unless `dockwall confirm` comes before
    #[arg(long, value_name = "TIME", value_parser = read_within)]
    confirm: Option<Duration>,
    /// Even where that cuts the connection that this is run over
    #[arg(long)]
    force: bool,
}

/// What was done.
struct Done {
    mode: Mode,
    applied: Applied,
    trial: Option<Trial>,
}

impl Apply {
    /// Runs it.
    pub fn run(self, context: &Context) -> anyhow::Result<Outcome> {
        let applying = Progress::start("applying");
        let Done { mode, applied, trial } = self.apply(context)?;
        drop(applying);
        report(context, mode, &applied, trial.as_ref());
        Ok(Outcome::Done)
    }

    fn apply(&self, context: &Context) -> anyhow::Result<Done> {
        let host = read_host()?;
        let print = host_print(&host);
        if self.confirm.is_none()
            && let Some((generation, mode)) = self.is_unchanged(context, print.as_deref())?
        {
            return Ok(Done { mode, applied: Applied::nothing(generation), trial: None });
        }
        match self.at_a_glance(context, &host, print.as_deref())? {
            Some(done) => Ok(done),
            None => self.at_length(context, host),
        }
    }

    fn at_length(&self, context: &Context, host: Host) -> anyhow::Result<Done> {
        let mut planned = context.plan_unasked(context.load()?, self.mode, host)?;
        Lifeline::find().check(&planned.policy, self.force)?;
        let keeper = Keeper::find();
        let mut kernel = context.kernel()?;
        if self.confirm.is_some() {
            // What a trial writes and starts comes only where the kernel can hold it.
            Context::mute(&mut kernel, &mut planned)?;
            context.preflight(&mut kernel, &planned.policy)?;
        }
        let is_new = !context.store.directory().exists();
        let mut lock = context.lock()?;
        let _held = hold(&mut lock)?;
        let begun = self.confirm.map(|within| Begun::new(context, &mut kernel, within, &keeper)).transpose()?;
        let applied = match begun {
            Some(_) => apply(&mut kernel, &context.store, &mut planned, context.features()),
            None => apply_at_once(context, &mut kernel, &mut planned),
        };
        if is_new && applied.is_err() {
            context.store.unmake();
        }
        let (applied, trial) = settle(context, applied, begun)?;
        Ok(Done { mode: planned.policy.mode, applied, trial })
    }

    /// The same where the policy in force was made from these very files on this very host, and nothing but its mode may
    /// be another: whatever the size of both, neither is read.
    fn at_a_glance(&self, context: &Context, host: &Host, print: Option<&str>) -> anyhow::Result<Option<Done>> {
        let Some(print) = print.filter(|print| Glance::is_likely(&context.store, print)) else {
            return Ok(None);
        };
        let turn = |glance: &Glance| glance.in_mode(self.mode, host, print, &context.store);
        let Some((glance, turn)) = context.glance().and_then(|glance| turn(&glance).map(|turn| (glance, turn))) else {
            return Ok(None);
        };
        let lifeline = Lifeline::find();
        if let Turn::Change(step) = &turn
            && lifeline.check(&step.policy, self.force).is_err()
        {
            // One of the grants may keep what the rest of the policy would cut.
            return Ok(None);
        }
        let keeper = Keeper::find();
        let mut kernel = context.kernel()?;
        let mut lock = context.lock()?;
        let _held = hold(&mut lock)?;
        // Another may have been at work meanwhile.
        if !glance.is_still_so(&mut kernel, &context.store) {
            return Ok(None);
        }
        let mode = match &turn {
            Turn::Change(step) => step.policy.mode,
            Turn::Nothing => glance.policy().mode,
        };
        let begun = self.confirm.map(|within| Begun::new(context, &mut kernel, within, &keeper)).transpose()?;
        let applied = glance.turn(&mut kernel, &context.store, turn);
        let (applied, trial) = settle(context, applied, begun)?;
        Ok(Some(Done { mode, applied, trial }))
    }

    /// The generation in force and its mode, where it was made from these very files on this very host: whatever its
    /// size, it takes no more than reading those. What is on trial is confirmed by that.
    fn is_unchanged(&self, context: &Context, print: Option<&str>) -> anyhow::Result<Option<(u64, Mode)>> {
        if !may_be_unchanged(&context.store, self.mode) {
            return Ok(None);
        }
        let Some(inputs) = print.and_then(|print| context.inputs(self.mode, print)) else {
            return Ok(None);
        };
        // Whatever is wrong shows again where it is done the long way.
        let is_unchanged = |kernel: &mut Kernel| unchanged(kernel, &context.store, &inputs).ok().flatten();
        if Kernel::open().ok().and_then(|mut kernel| is_unchanged(&mut kernel)).is_none() {
            return Ok(None);
        }
        let mut kernel = context.kernel()?;
        let mut lock = context.lock()?;
        let held = hold(&mut lock)?;
        let found = is_unchanged(&mut kernel);
        if found.is_some() {
            context.store.end_trial()?;
        }
        drop(held);
        Ok(found)
    }
}

/// What becomes of a trial, one that begins with this apply or one that was on.
fn settle(
    context: &Context,
    applied: Result<Applied, generation::Error>,
    begun: Option<Begun>,
) -> anyhow::Result<(Applied, Option<Trial>)> {
    match (applied, begun) {
        (Ok(applied), Some(begun)) => {
            let trial = begun.settle(context, &applied)?;
            Ok((applied, trial))
        }
        (Ok(applied), None) => {
            // Without a trial of its own an apply is confirmed, and so is what it takes the place of.
            context.store.end_trial()?;
            Ok((applied, None))
        }
        (Err(error), Some(begun)) => Err(begun.cancel(context, error.into())),
        (Err(error), None) => Err(error.into()),
    }
}

/// Applies it, and asks the kernel what it lacks only where it does not take it: to be asked and to refuse takes a
/// kernel longer than all the rest.
pub(super) fn apply_at_once(
    context: &Context,
    kernel: &mut Kernel,
    planned: &mut Planned,
) -> Result<Applied, generation::Error> {
    match apply(kernel, &context.store, planned, context.features()) {
        Err(refused @ generation::Error::Kernel(netlink::Error::Refused(_))) => {
            let is_muted = Context::mute(kernel, planned)?;
            context.preflight(kernel, &planned.policy)?;
            if is_muted { apply(kernel, &context.store, planned, context.features()) } else { Err(refused) }
        }
        other => other,
    }
}

/// A time like 60s or 5m, of at least a second and at most a day.
fn read_within(text: &str) -> Result<Duration, String> {
    let cure = "write a time from 1s to 1d, such as 60s or 5m";
    let no_time = |_| format!("`{text}` is no time: {cure}");
    let span = SpanParser::new().parse_span(text).map_err(no_time)?;
    let span = span.to_duration(SpanRelativeTo::days_are_24_hours()).map_err(no_time)?;
    let possible = (SignedDuration::from_secs(1)..=SignedDuration::from_hours(24)).contains(&span);
    let within = Duration::try_from(span).ok().filter(|_| possible);
    within.ok_or_else(|| format!("`{text}` is too short or too long: {cure}"))
}

fn report(context: &Context, mode: Mode, applied: &Applied, trial: Option<&Trial>) {
    if context.json {
        page::json(&json!({
            "generation": applied.generation,
            "mode": mode,
            "batches": applied.sent.batches,
            "changes": applied.sent.changes,
            "bytes": applied.sent.bytes,
            "trial": trial.map(trial::as_json),
        }));
        return;
    }
    let generation = applied.generation;
    let changes = page::counted(applied.sent.changes, "change", "changes");
    match (applied.sent.batches, applied.unchanged_policy) {
        (0, _) => {
            anstream::println!("{}: generation {generation} is in force already", paint::good("nothing to change"))
        }
        (_, true) => {
            anstream::println!("{}: generation {generation} is whole again ({changes})", paint::notable("repaired"))
        }
        (_, false) => {
            anstream::println!("{}: generation {generation}, mode {mode} ({changes})", paint::good("applied"))
        }
    }
    if let Some(trial) = trial {
        anstream::println!("{}: {}", paint::notable("on trial"), trial::countdown(trial));
        anstream::println!(
            "  try from a NEW connection: a login to this host, a published port, a name looked up in a container"
        );
    }
    if mode == Mode::Audit && applied.sent.batches > 0 {
        let option = context.configuration_option();
        anstream::println!("nothing is dropped in audit mode; next:");
        let mut next = Sheet::default();
        next.say("  sudo dockwall denied", "what would be");
        next.say(&format!("  sudo dockwall suggest{option}"), "grants for what of that has to stay");
        next.say(&format!("  sudo dockwall apply{option} --mode enforce --confirm 60s"), "drop the rest");
        next.print();
    }
    if context.verbose {
        anstream::eprintln!(
            "{} bytes in {}",
            applied.sent.bytes,
            page::counted(applied.sent.batches, "batch", "batches")
        );
    }
}
