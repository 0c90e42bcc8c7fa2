//! Takes the wall away.

use super::rollback::want_again;
use super::{Store, StoreError};
use crate::netlink::{self, Kernel};

/// What [`remove`] did.
#[derive(Debug)]
pub struct Removed {
    /// Whether there was a table.
    pub was_there: bool,
    /// Why the disk still says that there should be one, as where it is read-only.
    pub still_wanted: Option<StoreError>,
}

/// Takes our table away, and notes that none is wanted. It comes down whatever the disk says.
///
/// # Errors
/// What the kernel says; everything is as before.
pub fn remove(kernel: &mut Kernel, store: &Store) -> Result<Removed, netlink::Error> {
    let before = store.wanted().unwrap_or_default();
    let still_wanted = store.want_nothing().err();
    match kernel.remove() {
        Ok(was_there) => Ok(Removed { was_there, still_wanted }),
        Err(error) => {
            want_again(store, before);
            Err(error)
        }
    }
}
