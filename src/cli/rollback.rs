//! `dockwall rollback`

use clap::Args;
use serde_json::json;

use super::context::{Context, say_waiting};
use super::exit::Outcome;
use super::progress::Progress;
use super::{page, paint};
use crate::generation::rollback;

/// Go back to the generation that was in force before, in one batch.
///
/// With --json: {generation, mode, batches, changes}.
#[derive(Debug, Args)]
pub struct Rollback {
    /// Go to this generation instead; `dockwall history` lists them
    #[arg(long, value_name = "N")]
    to: Option<u64>,
}

impl Rollback {
    /// Runs it.
    pub fn run(self, context: &Context) -> anyhow::Result<Outcome> {
        let mut kernel = context.kernel()?;
        let mut lock = context.lock()?;
        let _held = lock.acquire(say_waiting)?;
        let progress = Progress::start("going back");
        let result = rollback(&mut kernel, &context.store, self.to, context.features());
        drop(progress);
        let (generation, sent) = result?;
        let (number, mode) = (generation.number, generation.policy.mode);
        if context.json {
            page::json(
                &json!({ "generation": number, "mode": mode, "batches": sent.batches, "changes": sent.changes }),
            );
        } else if sent.batches == 0 {
            anstream::println!("{}: generation {number} is in force already", paint::good("nothing to change"));
        } else {
            let changes = page::counted(sent.changes, "change", "changes");
            anstream::println!(
                "{}: generation {number} is in force again, mode {mode} ({changes})",
                paint::good("rolled back")
            );
            anstream::println!("the configuration file is as it was: the next `dockwall apply` applies it again");
        }
        Ok(Outcome::Done)
    }
}
