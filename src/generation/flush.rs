//! Waiting for the disk, once for what can be waited for together.

use std::fs::File;
use std::io;

use rustix::fs::{Advice, fadvise};

/// Returns when the content of both is on the disk. The second is begun to be written before the first is waited for, so
/// that one commit of the file system's journal has the places of both; the commit is what takes time.
///
/// # Errors
/// What the system says.
pub(super) fn flush_both(one: &File, other: &File) -> io::Result<()> {
    // Linux begins to write back what is not to be kept in memory (`generic_fadvise` in mm/fadvise.c). Where a file
    // system does nothing of the kind, there are two commits.
    fadvise(other, 0, None, Advice::DontNeed).unwrap_or_default();
    one.sync_data()?;
    other.sync_data()
}
