//! Waiting for the disk, once for what can be waited for together.

use std::fs::File;
use std::io;
use std::thread;

/// Returns when the content of both is on the disk. They are flushed at once: what two threads wait for, ext4 and XFS
/// write in one go and with one commit of their journal, each of which takes a disk as long as the other.
///
/// # Errors
/// What the system says of either; both were tried then.
pub(super) fn flush_both(one: &File, other: &File) -> io::Result<()> {
    at_once(|| other.sync_data(), || one.sync_data())?
}

/// Returns when that directory's names are on the disk, with what `meanwhile` gives, which is done while they get there.
///
/// # Errors
/// What the system says; `meanwhile` was done then.
pub(super) fn flush_names<T>(directory: &File, meanwhile: impl FnOnce() -> T) -> io::Result<T> {
    at_once(|| directory.sync_data(), meanwhile)
}

/// Does the second on this thread while a thread of its own waits for the first; one after the other where there can be
/// no thread.
fn at_once<T>(wait: impl Fn() -> io::Result<()> + Sync, work: impl FnOnce() -> T) -> io::Result<T> {
    thread::scope(|scope| {
        let waiting = thread::Builder::new().spawn_scoped(scope, &wait);
        let done = work();
        match waiting {
            Ok(waiting) => waiting.join().unwrap_or_else(|_| Err(io::ErrorKind::Other.into()))?,
            Err(_) => wait()?,
        }
        Ok(done)
    })
}
