use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

use rustix::net::getsockname;
use tempfile::TempDir;

use super::door::Door;
use super::{NAME, ask_owner, with_address};

/// A socket that can be told from others.
fn socket(directory: &TempDir) -> OwnedFd {
    std::os::unix::net::UnixDatagram::bind(directory.path().join("known")).unwrap().into()
}

/// Whether that is it.
fn is_known(socket: &OwnedFd) -> bool {
    format!("{:?}", rustix::net::SocketAddrUnix::try_from(getsockname(socket).unwrap()).unwrap()).contains("known")
}

#[test]
fn who_asks_gets_a_duplicate_that_stays_open_when_the_door_shuts() {
    let directory = TempDir::new().unwrap();
    assert!(ask_owner(directory.path()).is_none());
    let door = Door::open(directory.path(), socket(&directory)).unwrap();
    let mode = directory.path().join(NAME).metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let first = ask_owner(directory.path()).unwrap();
    assert!(is_known(&first) && is_known(&ask_owner(directory.path()).unwrap()));
    drop(door);
    assert!(ask_owner(directory.path()).is_none());
    assert!(!directory.path().join(NAME).exists());
    assert!(is_known(&first));
}

/// `man 7 unix` has room for 107 bytes.
#[test]
fn a_state_directory_with_a_long_path_has_a_door_as_well() {
    let directory = TempDir::new().unwrap();
    let long: PathBuf = (0..20).fold(directory.path().to_owned(), |path, _| path.join("a-rather-long-name"));
    std::fs::create_dir_all(&long).unwrap();
    let door = Door::open(&long, socket(&directory)).unwrap();
    assert!(door.is_in(&long));
    assert!(is_known(&ask_owner(&long).unwrap()));
}

#[test]
fn who_asks_and_never_listens_keeps_nobody_waiting() {
    let directory = TempDir::new().unwrap();
    let _door = Door::open(directory.path(), socket(&directory)).unwrap();
    let idle: Vec<UnixStream> =
        (0..200).map(|_| with_address(directory.path(), NAME, UnixStream::connect_addr).unwrap()).collect();
    assert!(is_known(&ask_owner(directory.path()).unwrap()));
    drop(idle);
    assert!(is_known(&ask_owner(directory.path()).unwrap()));
}

#[test]
fn a_door_that_was_taken_away_or_left_behind_is_opened_anew() {
    let directory = TempDir::new().unwrap();
    let door = Door::open(directory.path(), socket(&directory)).unwrap();
    std::fs::remove_file(directory.path().join(NAME)).unwrap();
    assert!(!door.is_in(directory.path()));
    // As one of a guard that was killed: the file is there, and nobody behind it.
    drop(std::os::unix::net::UnixListener::bind(directory.path().join(NAME)).unwrap());
    assert!(ask_owner(directory.path()).is_none());
    std::fs::remove_file(directory.path().join("known")).unwrap();
    let another = Door::open(directory.path(), socket(&directory)).unwrap();
    drop(door);
    assert!(another.is_in(directory.path()), "the old one took the new one away");
    assert!(is_known(&ask_owner(directory.path()).unwrap()));
}
