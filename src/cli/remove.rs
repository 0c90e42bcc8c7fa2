//! `dockwall remove`

use clap::Args;
use serde_json::json;

use super::context::{Context, hold};
use super::exit::Outcome;
use super::progress::Progress;
use super::{page, paint};
use crate::generation::{Removed, remove};

/// Take the wall away: the table and all that is in it, in one batch.
///
/// Configuration and history stay, so `dockwall rollback --to N` or `dockwall apply` raise it
/// again. A guard that runs leaves it so; a boot raises it where dockwall.service is enabled.
///
/// With --json: {removed}, false when there was nothing.
#[derive(Debug, Args)]
pub struct Remove {}

impl Remove {
    /// Runs it.
    pub fn run(self, context: &Context) -> anyhow::Result<Outcome> {
        let removing = Progress::start("removing");
        let mut kernel = context.kernel()?;
        // A wall has to come down even where the state directory is full or gone.
        let mut lock = context.lock().ok();
        let _held = lock.as_mut().map(hold).transpose()?;
        let Removed { was_there: removed, still_wanted } = remove(&mut kernel, &context.store)?;
        context.store.end_trial().unwrap_or_default();
        drop(removing);
        if let Some(error) = still_wanted {
            anstream::eprintln!("{}: {error}; a guard would raise the wall again", paint::notable("warning"));
        }
        if context.json {
            page::json(&json!({ "removed": removed }));
        } else if removed {
            anstream::println!(
                "{}: containers reach what Docker's own rules let them reach",
                paint::notable("removed")
            );
        } else {
            anstream::println!("{}: there is no table `inet dockwall`", paint::good("nothing to remove"));
        }
        Ok(Outcome::Done)
    }
}
