//! Goes back to an earlier generation.

use jiff::Timestamp;

use super::hold::flags;
use super::known::{self, look};
use super::{Error, Generation, Store, StoreError};
use crate::netlink::{self, Kernel, Sent};
use crate::ruleset::{Features, Table, compile};

/// Why there was no going back. The kernel holds what it held before.
#[derive(Debug, thiserror::Error)]
pub enum RollbackError {
    /// There is no table of ours.
    #[error("nothing is in force, so there is nothing to go back from: `dockwall apply` raises the wall")]
    NothingInForce,
    /// The generation in force has no one before it.
    #[error("generation {0} is the first, there is none before it: `dockwall remove` takes the wall away")]
    First(u64),
    /// The kernel or the disk said no.
    #[error(transparent)]
    Failed(#[from] Error),
}

impl From<netlink::Error> for RollbackError {
    fn from(error: netlink::Error) -> Self {
        Self::Failed(error.into())
    }
}

impl From<StoreError> for RollbackError {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.into())
    }
}

/// Generation `to`, or the one that was in force before the present one: where a rollback goes.
///
/// # Errors
/// See [`RollbackError`].
pub fn rollback_target(kernel: &mut Kernel, store: &Store, to: Option<u64>) -> Result<Generation, RollbackError> {
    let target = match to {
        Some(number) => number,
        None => {
            let in_force = kernel.read_frame()?.marker().ok_or(RollbackError::NothingInForce)?.generation;
            store.get(in_force)?.parent.ok_or(RollbackError::First(in_force))?
        }
    };
    Ok(store.get(target)?)
}

/// Puts `generation` in force again in one batch. Sets, grants and mode are as they were in it, but for
/// what has run out since.
///
/// # Errors
/// See [`RollbackError`].
pub fn rollback(
    kernel: &mut Kernel,
    store: &Store,
    generation: &Generation,
    features: Features,
) -> Result<Sent, RollbackError> {
    let flags = flags(&generation.policy, store, features);
    let table = Table { flags, ..compile(&generation.policy, features, Timestamp::now()).marked(generation.number) };
    let digest = table.digest();
    let before = store.wanted().unwrap_or_default();
    // First the disk: where one is killed in between, a guard ends with one of the two.
    store.want(generation.number)?;
    let see = |kernel: &mut Kernel| look(kernel, store, features, Some((&table, &digest)));
    let sent = kernel.replace_seen::<netlink::Error>(see, |_| Ok(table.clone()));
    match sent {
        Ok(_) => known::note(store, kernel.whole_at(), generation.number, None, None),
        Err(_) => want_again(store, before),
    }
    Ok(sent?)
}

/// What was wanted before is wanted again. That the kernel refused matters more than that the disk did.
pub(super) fn want_again(store: &Store, before: Option<u64>) {
    match before {
        Some(number) => store.want(number),
        None => store.want_nothing(),
    }
    .unwrap_or_default();
}
