//! The SSH connection that this program is run over.

use std::env;
use std::fs::File;
use std::io::Read;
use std::net::{IpAddr, SocketAddr, SocketAddrV6};
use std::path::Path;

use rustix::net::{AddressFamily, SocketType, netdevice, socket};

/// What sshd leaves in the environment of a session: `10.0.0.9 53022 10.0.0.1 22`.
const VARIABLE: &str = "SSH_CONNECTION";

/// No chain of parents is longer; one that seems to be has changed while it was followed.
const MOST_ANCESTORS: usize = 64;

/// What is asked for at once.
const PIECE: usize = 4096;

/// An SSH connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Session {
    /// The other end.
    pub client: SocketAddr,
    /// This end.
    pub server: SocketAddr,
}

impl Session {
    /// The connection of this process, else of its nearest ancestor that has one: `sudo` takes it
    /// out of the environment. None where none has, or none that may be read. In a terminal that
    /// outlives its connection (tmux, screen) it is the one in which that was started.
    ///
    /// To be called before capabilities are dropped.
    pub fn current() -> Option<Self> {
        let own = env::var(VARIABLE).ok().and_then(|value| Self::parse(&value));
        own.or_else(|| Self::of_ancestors(Path::new("/proc"), std::process::id()))
    }

    fn of_ancestors(proc: &Path, process: u32) -> Option<Self> {
        let mut ancestors = std::iter::successors(parent(proc, process), |process| parent(proc, *process));
        ancestors.by_ref().take(MOST_ANCESTORS).find_map(|process| Self::of_environment(proc, process))
    }

    fn of_environment(proc: &Path, process: u32) -> Option<Self> {
        let environment = read(proc, process, "environ")?;
        environment.split(|byte| *byte == 0).find_map(|variable| {
            let value = std::str::from_utf8(variable).ok()?.strip_prefix(VARIABLE)?.strip_prefix('=')?;
            Self::parse(value)
        })
    }

    fn parse(value: &str) -> Option<Self> {
        let words: Vec<&str> = value.split_whitespace().collect();
        let [client, client_port, server, server_port] = words.as_slice() else {
            return None;
        };
        Some(Self { client: end(client, client_port)?, server: end(server, server_port)? })
    }
}

/// What `/proc` says of a process, most often in one piece. It tells no file's size, without which [`fs::read`] begins with
/// 32 bytes.
fn read(proc: &Path, process: u32, file: &str) -> Option<Vec<u8>> {
    let mut content = Vec::with_capacity(PIECE);
    File::open(proc.join(process.to_string()).join(file)).ok()?.read_to_end(&mut content).ok()?;
    Some(content)
}

/// The parent of a process; none of the first one.
fn parent(proc: &Path, process: u32) -> Option<u32> {
    let status = read(proc, process, "status")?;
    let status = String::from_utf8_lossy(&status);
    let parent = status.lines().find_map(|line| line.strip_prefix("PPid:"))?;
    parent.trim().parse().ok().filter(|process| *process != 0)
}

fn end(address: &str, port: &str) -> Option<SocketAddr> {
    let port = port.parse().ok()?;
    match address.split_once('%') {
        Some((address, link)) => Some(SocketAddrV6::new(address.parse().ok()?, port, 0, index(link)).into()),
        None => Some(SocketAddr::new(address.parse::<IpAddr>().ok()?.to_canonical(), port)),
    }
}

/// The index of a link by its name; 0, which is none, where it is gone.
fn index(link: &str) -> u32 {
    let index =
        socket(AddressFamily::UNIX, SocketType::DGRAM, None).and_then(|socket| netdevice::name_to_index(socket, link));
    index.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn what_sshd_writes_is_read() {
        for (value, expected) in [
            ("10.0.0.9 53022 10.0.0.1 22", Some(("10.0.0.9:53022", "10.0.0.1:22"))),
            ("fd00::9 53022 fd00::1 2222", Some(("[fd00::9]:53022", "[fd00::1]:2222"))),
            ("::ffff:10.0.0.9 53022 ::ffff:10.0.0.1 22", Some(("10.0.0.9:53022", "10.0.0.1:22"))),
            ("fe80::9%lo 53022 fe80::1%gone0 22", Some(("[fe80::9%1]:53022", "[fe80::1]:22"))),
            ("UNKNOWN 65535 UNKNOWN 65535", None),
            ("10.0.0.9 53022", None),
            ("10.0.0.9 70000 10.0.0.1 22", None),
            ("", None),
        ] {
            let expected = expected
                .map(|(client, server)| Session { client: client.parse().unwrap(), server: server.parse().unwrap() });
            assert_eq!(Session::parse(value), expected, "{value}");
        }
    }

    /// A process in `proc`: its parent, and its environment where it may be read.
    fn process(proc: &Path, process: u32, parent: u32, environment: Option<&str>) {
        let directory = proc.join(process.to_string());
        fs::create_dir(&directory).unwrap();
        fs::write(directory.join("status"), format!("Name:\tsudo\nPid:\t{process}\nPPid:\t{parent}\n")).unwrap();
        if let Some(environment) = environment {
            fs::write(directory.join("environ"), environment).unwrap();
        }
    }

    #[test]
    fn the_nearest_ancestor_that_has_one_says_it() {
        let proc = tempfile::tempdir().unwrap();
        let far = "SSH_CONNECTION=10.0.0.7 1 10.0.0.1 22\0";
        let near = "HOME=/\0SSH_CONNECTION_OLD=x\0SSH_CONNECTION=10.0.0.9 2 10.0.0.1 22\0";
        process(proc.path(), 1, 0, Some("HOME=/\0"));
        process(proc.path(), 20, 1, Some(far));
        process(proc.path(), 30, 20, Some(near));
        process(proc.path(), 40, 30, None);
        process(proc.path(), 50, 40, Some("HOME=/root\0"));
        process(proc.path(), 60, 1, Some("HOME=/root\0"));
        let client = |process| Session::of_ancestors(proc.path(), process).map(|session| session.client.to_string());
        assert_eq!(client(50).as_deref(), Some("10.0.0.9:2"));
        assert_eq!(client(30).as_deref(), Some("10.0.0.7:1"));
        assert_eq!(client(60), None);
        assert_eq!(client(99), None);
    }

    #[test]
    fn parents_that_go_in_a_circle_end() {
        let proc = tempfile::tempdir().unwrap();
        process(proc.path(), 70, 71, None);
        process(proc.path(), 71, 70, None);
        assert_eq!(Session::of_ancestors(proc.path(), 70), None);
    }
}
