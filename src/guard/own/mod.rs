//! Owning the table, so that nobody else can change, flush or delete it.
//!
//! The kernel knows the owner by its netlink socket. Other commands of this state directory get a
//! duplicate of it through a [`Door`], and use it one at a time, under the directory's lock.

mod ask;
mod door;
#[cfg(test)]
mod tests;

use std::os::unix::net::SocketAddr;
use std::path::{Path, PathBuf};

pub use ask::ask_owner;

use super::News;
use crate::generation::Store;
use crate::netlink::{self, Kernel, Live, Moved};
use crate::ruleset::{TABLE_OWNER, TABLE_PERSIST};
use door::Door;

/// How the table is held, from one look to the next.
#[derive(Default)]
pub struct Own {
    /// Where commands ask for the socket; open as long as the table is owned.
    door: Option<Door>,
    /// What there is to tell.
    news: Option<News>,
    /// Why it is not owned, as it was told last.
    problem: Option<String>,
}

/// With which flags an owner makes a table.
const OWNED: u32 = TABLE_OWNER | TABLE_PERSIST;

/// Why a kernel without the flags is of no use here: without the second one the table would go with a guard
/// that crashes.
const NO_FLAGS: &str = "this kernel cannot keep a table for its owner (Linux 6.9 and newer can)";

impl Own {
    /// What happened since it was asked last.
    pub fn news(&mut self) -> Option<News> {
        self.news.take()
    }

    /// The flags with which a table is made where there is none.
    pub fn flags(&mut self, kernel: &Kernel, store: &Store, owns: bool) -> u32 {
        if owns && self.open_door(kernel, store) { OWNED } else { 0 }
    }

    /// Makes the table owned, or not, as it should be: `owns`, which is less than it `wants` where the kernel
    /// cannot. To be called where it is whole. `see` tells what is in it; what is given is how the number of the ruleset
    /// moved by it.
    pub fn settle(
        &mut self,
        kernel: &mut Kernel,
        store: &Store,
        owns: bool,
        wants: bool,
        mut see: impl FnMut(&mut Kernel) -> Result<Live, netlink::Error>,
    ) -> Result<Option<Moved>, netlink::Error> {
        if wants && !owns {
            self.not_owning(NO_FLAGS.to_owned());
        }
        let Some(table) = kernel.read_head()?.table else {
            return Ok(None);
        };
        // Who cannot let commands at the table must not own it.
        if owns && !self.open_door(kernel, store) {
            return Ok(None);
        }
        let moved = match (owns, kernel.owns(&table)?) {
            (true, true) => None,
            (true, false) if table.persists() || table.is_owned() => kernel.own()?,
            // One that was made without the flags cannot get them.
            (true, false) => self.hand_over(kernel, OWNED, &mut see)?,
            // Nor can one lose them.
            (false, _) if table.persists() => self.hand_over(kernel, 0, &mut see)?,
            (false, _) => None,
        };
        if owns {
            self.problem = None;
        } else {
            self.let_go();
        }
        Ok(moved)
    }

    /// There is nothing to own.
    pub fn let_go(&mut self) {
        self.door = None;
    }

    fn hand_over(
        &mut self,
        kernel: &mut Kernel,
        flags: u32,
        see: impl FnMut(&mut Kernel) -> Result<Live, netlink::Error>,
    ) -> Result<Option<Moved>, netlink::Error> {
        let moved = kernel.hand_over_seen(flags, see)?;
        self.news = Some(News::HandedOver { owned: flags == OWNED });
        Ok(moved)
    }

    fn open_door(&mut self, kernel: &Kernel, store: &Store) -> bool {
        if self.door.as_ref().is_some_and(|door| door.is_in(store.directory())) {
            return true;
        }
        let opened = kernel.duplicate().map_err(|error| error.to_string()).and_then(|socket| {
            Door::open(store.directory(), socket)
                .map_err(|error| format!("cannot listen for commands in {}: {error}", store.directory().display()))
        });
        match opened {
            Ok(door) => self.door = Some(door),
            // An old one that nobody finds any more: what is owned stays owned.
            Err(_) if self.door.is_some() => {}
            Err(problem) => {
                self.not_owning(problem);
                return false;
            }
        }
        true
    }

    fn not_owning(&mut self, problem: String) {
        if self.problem.as_ref() != Some(&problem) {
            self.news = Some(News::NotOwning { problem: problem.clone() });
            self.problem = Some(problem);
        }
    }
}

/// The socket's name in the state directory.
const NAME: &str = "guard.sock";

/// Gives `work` an address for that file in `directory`, whose own path may be longer than the 108 bytes that
/// an address has room for (`man 7 unix`).
fn with_address<T>(
    directory: &Path,
    name: &str,
    work: impl FnOnce(&SocketAddr) -> std::io::Result<T>,
) -> std::io::Result<T> {
    if let Ok(address) = SocketAddr::from_pathname(directory.join(name)) {
        return work(&address);
    }
    use rustix::fs::{Mode, OFlags};
    use std::os::fd::AsRawFd;
    let open = rustix::fs::open(directory, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    let short = PathBuf::from(format!("/proc/self/fd/{}", open.as_raw_fd())).join(name);
    work(&SocketAddr::from_pathname(short)?)
}
