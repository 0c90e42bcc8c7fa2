//! `dockwall rollback`

use clap::Args;
use serde_json::json;

use super::context::{Context, hold};
use super::exit::Outcome;
use super::lifeline::Lifeline;
use super::progress::Progress;
use super::{completion, page, paint};
use crate::config::Mode;
use crate::generation::{WayBack, rollback, rollback_target};
use crate::netlink::{Kernel, Sent};

/// Where it went.
struct Back {
    number: u64,
    mode: Mode,
    sent: Sent,
}

/// Go back to the generation that was in force before, in one batch.
///
/// With --json: {generation, mode, batches, changes}.
#[derive(Debug, Args)]
pub struct Rollback {
    /// Go to this generation instead; `dockwall history` lists them
    #[arg(long, value_name = "N", add = completion::generations())]
    to: Option<u64>,
    /// Even where that cuts the connection that this is run over
    #[arg(long)]
    force: bool,
}

impl Rollback {
    /// Runs it.
    pub fn run(self, context: &Context) -> anyhow::Result<Outcome> {
        let going_back = Progress::start("going back");
        let lifeline = Lifeline::find();
        let mut kernel = context.kernel()?;
        let mut lock = context.lock()?;
        let _held = hold(&mut lock)?;
        let back = match self.at_a_glance(context, &mut kernel, &lifeline)? {
            Some(back) => back,
            None => {
                let generation = rollback_target(&mut kernel, &context.store, self.to)?;
                lifeline.check(&generation.policy, self.force)?;
                let sent = rollback(&mut kernel, &context.store, &generation, context.features())?;
                Back { number: generation.number, mode: generation.policy.mode, sent }
            }
        };
        // Where one has gone back to by hand, nothing is on trial any more.
        context.store.end_trial()?;
        drop(going_back);
        let Back { number, mode, sent } = back;
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

    /// The same where both generations rest on one, and nothing is unusual: whatever their size, neither is read.
    fn at_a_glance(&self, context: &Context, kernel: &mut Kernel, lifeline: &Lifeline) -> anyhow::Result<Option<Back>> {
        let way = WayBack::find(kernel, &context.store, context.features(), self.to);
        // One of the grants may keep what the rest of the policy would cut.
        let Some(way) = way.filter(|way| lifeline.check(&way.step.policy, self.force).is_ok()) else {
            return Ok(None);
        };
        let (number, mode) = (way.to, way.step.policy.mode);
        let sent = way.go(kernel, &context.store)?;
        Ok(sent.map(|sent| Back { number, mode, sent }))
    }
}
