//! What only the owner of our table may do, where a guard owns it.

use std::time::Duration;

use crate::generation::{Store, StoreError};
use crate::guard::ask_owner;
use crate::netlink::{self, Ask, Kernel};

/// How long a command that is at work with the owner's socket is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why it was not done.
#[derive(Debug, thiserror::Error)]
pub enum OwnerError {
    /// The kernel says no, or the owner is not at hand.
    #[error(transparent)]
    Kernel(#[from] netlink::Error),
    /// The state directory's lock is not to be had.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Does `work`, whose changes of our table go through the guard of that state directory where it owns the table:
/// with the directory's lock held then, and only then, so that where no guard is nothing is made on the disk.
///
/// # Errors
/// [`OwnerError`].
pub fn through_owner<T>(
    store: &Store,
    work: impl FnOnce(&mut Kernel) -> Result<T, netlink::Error>,
) -> Result<T, OwnerError> {
    let mut kernel = Kernel::open()?;
    if !kernel.read_head()?.table.is_some_and(|table| table.is_owned()) || !store.has_guard() {
        return Ok(work(&mut kernel)?);
    }
    let mut lock = store.prepare()?;
    let _held = lock.acquire_within(PATIENCE, || {})?;
    let directory = store.directory().to_owned();
    kernel.ask_owner(Ask::new(move || ask_owner(&directory)));
    Ok(work(&mut kernel)?)
}
