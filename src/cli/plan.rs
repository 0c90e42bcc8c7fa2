//! `dockwall plan`

use clap::Args;
use jiff::Timestamp;
use serde_json::json;

use super::context::{Context, hold};
use super::exit::Outcome;
use super::progress::Progress;
use super::{changes, page, paint};
use crate::config::Mode;
use crate::generation::{look, next_number};
use crate::ruleset::{Marker, Table, compile, diff, stages};

/// Print what `apply` would change in the kernel, and whether the kernel would take it.
///
/// The kernel is asked to check the change and to throw it away again: nothing is changed.
///
/// With --json: {generation, changes: [{sign, object}], accepted}; what the kernel would refuse is
/// an error.
#[derive(Debug, Args)]
pub struct Plan {
    /// In this mode, whatever the configuration says
    #[arg(long, value_name = "audit|enforce")]
    mode: Option<Mode>,
}

impl Plan {
    /// Runs it.
    pub fn run(self, context: &Context) -> anyhow::Result<Outcome> {
        let comparing = Progress::start("comparing with the kernel");
        let policy = context.policy(self.mode)?;
        let mut kernel = context.kernel()?;
        let table = compile(&policy, context.features(), Timestamp::now());
        let digest = table.digest();
        let live = look(&mut kernel, &context.store, context.features(), Some((&table, &digest)))?;
        let last = context.store.last().unwrap_or(0);
        let number = next_number(&live, &digest, &policy, &context.store, last);
        let table = table.carrying(&Marker { generation: number, digest });
        let changes = diff(live.table.as_ref(), &table);
        // Most often the only stage. A later one can be rehearsed when this one is in force.
        let stages = stages(live.table.as_ref(), table);
        let first = stages.first().map_or_else(Vec::new, |next| diff(live.table.as_ref(), next));
        // What is owned goes through its guard, and so one at a time.
        let is_owned = live.table.as_ref().is_some_and(Table::is_owned) || context.store.has_guard();
        let mut lock = is_owned.then(|| context.lock()).transpose()?;
        let held = lock.as_mut().map(hold).transpose()?;
        kernel.rehearse(&first, live.generation)?;
        drop(held);
        drop(comparing);
        if context.json {
            page::json(&json!({ "generation": number, "changes": changes::as_json(&changes), "accepted": true }));
        } else if changes.is_empty() {
            anstream::println!(
                "{}: the kernel holds it already, as generation {number}",
                paint::good("nothing to change")
            );
        } else {
            changes::print(&changes);
            anstream::println!(
                "\n{} would make generation {number}; the kernel {}",
                page::counted(changes.len(), "change", "changes"),
                paint::good("accepts it"),
            );
        }
        Ok(Outcome::Done)
    }
}
