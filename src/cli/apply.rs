//! `dockwall apply`

use clap::Args;
use serde_json::json;

use super::context::{Context, say_waiting};
use super::exit::Outcome;
use super::lifeline::Lifeline;
use super::progress::Progress;
use super::{page, paint};
use crate::config::Mode;
use crate::generation::{Applied, apply};
use crate::policy::Policy;

/// Make the kernel hold the configured policy.
///
/// One batch with the smallest change, which the kernel takes whole or not at all: counters and
/// remembered flows stay. Writes a generation, to which `rollback` can go back.
///
/// With --json: {generation, mode, batches, changes, bytes}; batches is 0 when nothing differed.
#[derive(Debug, Args)]
pub struct Apply {
    /// In this mode, whatever the configuration says
    #[arg(long, value_name = "audit|enforce")]
    mode: Option<Mode>,
    /// Even where that cuts the connection that this is run over
    #[arg(long)]
    force: bool,
}

impl Apply {
    /// Runs it.
    pub fn run(self, context: &Context) -> anyhow::Result<Outcome> {
        let policy = context.policy(self.mode)?;
        Lifeline::find().check(&policy, self.force)?;
        let mut kernel = context.kernel()?;
        let mut lock = context.lock()?;
        let _held = lock.acquire(say_waiting)?;
        let progress = Progress::start("applying");
        let applied = apply(&mut kernel, &context.store, &policy, context.features());
        drop(progress);
        report(context, &policy, &applied?);
        Ok(Outcome::Done)
    }
}

fn report(context: &Context, policy: &Policy, applied: &Applied) {
    if context.json {
        page::json(&json!({
            "generation": applied.generation,
            "mode": policy.mode,
            "batches": applied.sent.batches,
            "changes": applied.sent.changes,
            "bytes": applied.sent.bytes,
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
            anstream::println!("{}: generation {generation}, mode {} ({changes})", paint::good("applied"), policy.mode)
        }
    }
    if policy.mode == Mode::Audit && applied.sent.batches > 0 {
        anstream::println!(
            "nothing is dropped in audit mode: see `dockwall status`, then `dockwall apply --mode enforce`"
        );
    }
    if context.verbose {
        anstream::eprintln!(
            "{} bytes in {}",
            applied.sent.bytes,
            page::counted(applied.sent.batches, "batch", "batches")
        );
    }
}
