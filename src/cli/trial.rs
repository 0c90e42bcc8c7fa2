//! Changes on trial: how one begins, how it is confirmed, and what is printed of it.

use std::time::Duration;

use clap::Args;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::context::{Context, hold};
use super::exit::Outcome;
use super::keeper::Keeper;
use super::progress::Progress;
use super::{page, paint};
use crate::generation::{Applied, End, StoreError, Trial};
use crate::netlink::Kernel;

/// A trial that was begun for a change which is not made yet.
pub struct Begun {
    trial: Trial,
    /// The one that it takes the place of.
    other: Option<Trial>,
}

impl Begun {
    /// Notes it on the disk and starts who waits for its end: both before anything is changed. To be called
    /// with the lock held.
    pub fn new(context: &Context, kernel: &mut Kernel, within: Duration, keeper: &Keeper) -> anyhow::Result<Self> {
        let other = context.store.trial()?;
        let in_force = kernel.read_frame()?.marker().map(|marker| marker.generation);
        let trial = Trial::begin(Timestamp::now(), within, in_force, context.store.last()?, other.as_ref());
        context.store.put_trial(&trial)?;
        let begun = Self { trial, other };
        match keeper.start(context, &begun.trial, within) {
            Ok(()) => Ok(begun),
            Err(error) => Err(begun.cancel(context, error)),
        }
    }

    /// The change was made: it is on trial from now on. None where there was nothing to change, and so
    /// nothing to confirm.
    pub fn settle(self, context: &Context, applied: &Applied) -> Result<Option<Trial>, StoreError> {
        if applied.sent.batches == 0 && !self.other.is_some_and(|other| other.is_open()) {
            context.store.end_trial()?;
            return Ok(None);
        }
        let trial = Trial { generation: Some(applied.generation), ..self.trial };
        context.store.put_trial(&trial)?;
        Ok(Some(trial))
    }

    /// The change was not made: everything is as before, also a trial that was on.
    pub fn cancel(&self, context: &Context, error: anyhow::Error) -> anyhow::Error {
        let restored = match &self.other {
            Some(other) => context.store.put_trial(other),
            None => context.store.end_trial(),
        };
        match restored {
            Ok(()) => error,
            Err(left) => error.context(left.to_string()),
        }
    }
}

/// Keep the change that `apply --confirm` made, which would go back by itself.
///
/// Ends with status 4 when there is nothing to confirm, or it went back already.
///
/// With --json: {confirmed, generation}.
#[derive(Debug, Args)]
pub struct Confirm {}

impl Confirm {
    /// Runs it.
    pub fn run(self, context: &Context) -> anyhow::Result<Outcome> {
        let confirming = Progress::start("confirming");
        let mut kernel = context.kernel()?;
        let mut lock = context.lock()?;
        let _held = hold(&mut lock)?;
        let trial = context.store.trial()?;
        let in_force = kernel.read_frame()?.marker().map(|marker| marker.generation);
        let on_trial = trial.as_ref().and_then(|trial| trial.generation);
        let confirmed = trial.as_ref().is_some_and(Trial::is_open) && on_trial.is_some() && in_force == on_trial;
        if confirmed {
            context.store.end_trial()?;
        }
        drop(confirming);
        if context.json {
            page::json(&json!({ "confirmed": confirmed, "generation": in_force }));
        } else {
            anstream::println!("{}", verdict(trial.as_ref(), confirmed));
        }
        Ok(if confirmed { Outcome::Done } else { Outcome::NotSo })
    }
}

fn verdict(trial: Option<&Trial>, confirmed: bool) -> String {
    let number =
        |trial: &Trial| trial.generation.map_or_else(|| "the change".into(), |number| format!("generation {number}"));
    match trial {
        Some(trial) if confirmed => format!("{}: {} stays", paint::good("confirmed"), number(trial)),
        Some(Trial { end: End::WentBack, .. }) => trial.map_or_else(String::new, |trial| {
            format!(
                "{}: nobody confirmed {} in time, and it went back to {}; apply it again",
                paint::bad("too late"),
                number(trial),
                trial.way_back()
            )
        }),
        Some(Trial { end: End::Stuck(reason), .. }) => {
            format!("{}: it should have gone back, and could not: {reason}", paint::bad("too late"))
        }
        Some(_) => format!(
            "{}: what is in force is not what is on trial; look at `dockwall status`, then apply again",
            paint::bad("not confirmed")
        ),
        None => format!("{}: nothing is on trial", paint::notable("nothing to confirm")),
    }
}

/// What is to be said while it is on.
pub fn countdown(trial: &Trial) -> String {
    let left = trial.deadline.duration_since(Timestamp::now()).as_millis().max(0);
    // A second that has begun is still there.
    let left = SignedDuration::from_secs((left as i64 + 999) / 1000);
    let at = trial.deadline.to_zoned_datetime(TimeZone::system()).strftime("%H:%M:%S");
    format!("goes back to {} in {left:#}, at {at}, unless `dockwall confirm` comes before", trial.way_back())
}

/// The same for programs: {generation, back_to, deadline}.
pub fn as_json(trial: &Trial) -> Value {
    json!({ "generation": trial.generation, "back_to": trial.back_to, "deadline": trial.deadline })
}
