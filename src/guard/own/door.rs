//! Where commands get the socket that owns the table: a Unix socket that only root can open.

use std::fs::{self, Permissions};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, Shutdown, sockopt};

use super::{NAME, with_address};

/// What comes with the descriptor: one byte has to.
pub(super) const GREETING: &[u8] = b"dockwall";

/// How long to wait where nobody can be let in, as without a free descriptor.
const PAUSE: Duration = Duration::from_millis(50);

/// An open door. It shuts when it is dropped.
pub struct Door {
    path: PathBuf,
    /// Device and inode, by which it is told from another one of that name.
    file: (u64, u64),
    listener: UnixListener,
    shut: Arc<AtomicBool>,
}

impl Door {
    /// Opens one in the state directory: a thread gives a duplicate of `owner` to whoever may have it. It
    /// waits for none of them.
    pub fn open(directory: &Path, owner: OwnedFd) -> io::Result<Self> {
        let path = directory.join(NAME);
        // In its place only when nobody else can open it any more; one of a guard that was killed is in the way.
        let draft = format!(".new-{NAME}");
        let draft_path = directory.join(&draft);
        match fs::remove_file(&draft_path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = with_address(directory, &draft, UnixListener::bind_addr)?;
        fs::set_permissions(&draft_path, Permissions::from_mode(0o600))?;
        fs::rename(&draft_path, &path)?;
        let file = identity(&path)?;
        let shut = Arc::new(AtomicBool::new(false));
        let (waiting, is_shut) = (listener.try_clone()?, Arc::clone(&shut));
        thread::spawn(move || serve(&waiting, &owner, &is_shut));
        Ok(Self { path, file, listener, shut })
    }

    /// Whether it can be found in that directory.
    pub fn is_in(&self, directory: &Path) -> bool {
        self.path == directory.join(NAME) && self.is_there()
    }

    fn is_there(&self) -> bool {
        identity(&self.path).is_ok_and(|file| file == self.file)
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.shut.store(true, Ordering::Relaxed);
        // Wakes the thread.
        rustix::net::shutdown(&self.listener, Shutdown::Both).unwrap_or_default();
        if self.is_there() {
            fs::remove_file(&self.path).unwrap_or_default();
        }
    }
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    let metadata = fs::symlink_metadata(path)?;
    Ok((metadata.dev(), metadata.ino()))
}

fn serve(listener: &UnixListener, owner: &OwnedFd, is_shut: &AtomicBool) {
    loop {
        let caller = listener.accept();
        if is_shut.load(Ordering::Relaxed) {
            return;
        }
        match caller {
            // Who has gone meanwhile needs it no more.
            Ok((stream, _)) => let_in(&stream, owner).unwrap_or_default(),
            Err(_) => thread::sleep(PAUSE),
        }
    }
}

/// Gives it to root and to the user who guards, and to nobody else.
fn let_in(stream: &UnixStream, owner: &OwnedFd) -> io::Result<()> {
    let caller = sockopt::socket_peercred(stream)?.uid;
    if !caller.is_root() && caller != rustix::process::geteuid() {
        return Ok(());
    }
    let descriptors = [owner.as_fd()];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut passed = SendAncillaryBuffer::new(&mut space);
    passed.push(SendAncillaryMessage::ScmRights(&descriptors));
    // There is room in a socket that nothing was written to, so it never waits.
    let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
    rustix::net::sendmsg(stream, &[io::IoSlice::new(GREETING)], &mut passed, flags)?;
    Ok(())
}
