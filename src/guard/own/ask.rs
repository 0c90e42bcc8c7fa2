//! How a command comes by the socket that owns the table.

use std::io::{self, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags};

use super::door::GREETING;
use super::{NAME, with_address};

/// How long a guard may take to answer; it does nothing else there.
const PATIENCE: Duration = Duration::from_secs(5);

/// A duplicate of the netlink socket with which the guard of that state directory owns the table; none where
/// no guard answers. To be used with the directory's lock held, and not longer.
pub fn ask_owner(directory: &Path) -> Option<OwnedFd> {
    let stream = with_address(directory, NAME, UnixStream::connect_addr).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    receive(&stream).ok().flatten()
}

fn receive(stream: &UnixStream) -> io::Result<Option<OwnedFd>> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut passed = RecvAncillaryBuffer::new(&mut space);
    let mut greeting = [0; GREETING.len()];
    let received = loop {
        let mut parts = [IoSliceMut::new(&mut greeting)];
        match rustix::net::recvmsg(stream, &mut parts, &mut passed, RecvFlags::CMSG_CLOEXEC) {
            Err(Errno::INTR) => {}
            received => break received?,
        }
    };
    let descriptor = passed.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut descriptors) => descriptors.next(),
        _ => None,
    });
    Ok(descriptor.filter(|_| received.bytes == GREETING.len() && greeting == GREETING))
}
