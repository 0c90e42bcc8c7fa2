//! `dockwall history`

use clap::Args;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

use super::context::Context;
use super::exit::Outcome;
use super::progress::Progress;
use super::{page, paint, trial};
use crate::generation::{Listed, Trial};
use crate::netlink;

/// List the generations: when each was applied, by whom, and what it changed.
///
/// Which one is in force only the kernel knows; without permission to ask it, that is left open.
///
/// With --json: a list of {generation, in_force, applied, mode, by, parent, changes}, oldest first;
/// one that cannot be read is {generation, in_force, damaged}.
#[derive(Debug, Args)]
pub struct History {}

impl History {
    /// Runs it.
    pub fn run(self, context: &Context) -> anyhow::Result<Outcome> {
        let reading = Progress::start("reading the history");
        let listed = context.store.list()?;
        let in_force = match context.kernel() {
            Ok(mut kernel) => in_force(&mut kernel),
            Err(_) => None,
        };
        drop(reading);
        if context.json {
            page::json(&listed.iter().map(|listed| as_json(listed, in_force)).collect::<Vec<_>>());
        } else if listed.is_empty() {
            anstream::println!("no generation yet: `dockwall apply` makes the first");
        } else {
            page::rows(
                &["", "generation", "applied", "mode", "by", "changes"],
                listed.iter().map(|listed| row(listed, in_force)),
            );
            let trial = context.store.trial().unwrap_or_else(|error| {
                anstream::eprintln!("{}: {error}", paint::notable("warning"));
                None
            });
            if let Some(trial) = trial.filter(Trial::is_open) {
                let number =
                    trial.generation.map_or_else(|| "a change".to_owned(), |number| format!("generation {number}"));
                anstream::println!("\n{}: {number} {}", paint::notable("on trial"), trial::countdown(&trial));
            }
        }
        Ok(Outcome::Done)
    }
}

fn in_force(kernel: &mut netlink::Kernel) -> Option<u64> {
    Some(kernel.read_frame().ok()?.marker()?.generation)
}

fn row(listed: &Listed, in_force: Option<u64>) -> Vec<String> {
    let sign = if in_force == Some(listed.number) { paint::good("●") } else { String::new() };
    let number = listed.number.to_string();
    match &listed.entry {
        Ok(entry) => {
            let applied = entry.applied.to_zoned_datetime(TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S").to_string();
            let changes = entry.changes.join("; ");
            vec![sign, number, applied, entry.mode.to_string(), entry.author.to_string(), changes]
        }
        Err(error) => {
            let blank = String::new;
            vec![sign, number, paint::bad("damaged"), blank(), blank(), error.to_string()]
        }
    }
}

fn as_json(listed: &Listed, in_force: Option<u64>) -> Value {
    let in_force = in_force.map(|number| number == listed.number);
    match &listed.entry {
        Ok(entry) => json!({
            "generation": entry.number,
            "in_force": in_force,
            "applied": entry.applied,
            "mode": entry.mode,
            "by": entry.author,
            "parent": entry.parent,
            "changes": entry.changes,
        }),
        Err(error) => json!({ "generation": listed.number, "in_force": in_force, "damaged": error.to_string() }),
    }
}
