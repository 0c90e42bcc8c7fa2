//! What the guard does with the state directory's lock held.

use jiff::Timestamp;

use super::News;
use super::look::{Found, Look};
use super::resolve::Resolution;
use super::revision;
use crate::generation::{Planned, RollbackError, apply};

/// What was done with the lock held.
pub(super) struct Done {
    pub(super) applied: Option<News>,
    pub(super) owned: Option<News>,
    pub(super) found: Found,
    pub(super) revised: Option<Result<News, String>>,
    pub(super) whole_at: Option<u32>,
    pub(super) next_end: Option<Timestamp>,
}

/// Applies what is to be applied, looks whether all is well, and revises what is to be another. To be called with the
/// state directory's lock held; the `first` time as [`Look::run`] has it.
pub(super) fn work(
    look: &mut Look,
    planned: &mut Option<Planned>,
    revise: &mut Option<Resolution>,
    first: bool,
) -> Result<Done, RollbackError> {
    let mut applied = None;
    if let Some(mut planned) = planned.take() {
        applied = Some(match apply(&mut look.kernel, &look.store, &mut planned, look.features) {
            Ok(applied) => {
                // As by `dockwall apply` without a trial.
                look.store.end_trial()?;
                News::Applied {
                    generation: applied.generation,
                    mode: planned.policy.mode,
                    changes: applied.sent.changes,
                }
            }
            Err(error) => News::NotReloaded { problem: error.to_string() },
        });
    }
    let (found, mut whole_at) = look.run(first)?;
    let owned = look.own.news();
    let revised = revise.take().and_then(|resolution| revision::put_in_force(look, resolution));
    if revised.is_some() {
        whole_at = None;
    }
    Ok(Done { applied, owned, found, revised, whole_at, next_end: look.next_end() })
}
