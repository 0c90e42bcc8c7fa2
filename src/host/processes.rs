//! The processes of this network namespace, by their names.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// Its name, at most 15 bytes of it: `/proc/PID/comm` (proc_pid_comm(5)).
    pub name: String,
    /// Its number.
    pub number: u32,
    /// What `/proc` says of it.
    pub directory: PathBuf,
}

/// Those whose name `is_wanted` takes. What a user may not see of others' processes counts as of this namespace.
pub fn processes(proc: &Path, is_wanted: impl Fn(&str) -> bool) -> Vec<Process> {
    let own = fs::read_link(proc.join("self/ns/net")).ok();
    let entries = fs::read_dir(proc).into_iter().flatten().flatten();
    let numbers = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let found = numbers.filter_map(|number: u32| {
        let directory = proc.join(number.to_string());
        let name = fs::read_to_string(directory.join("comm")).ok()?.trim().to_owned();
        if !is_wanted(&name) {
            return None;
        }
        // One that ends has no namespace any more, and is nobody's.
        let elsewhere = match fs::read_link(directory.join("ns/net")) {
            Ok(other) => Some(other) != own,
            Err(error) => error.kind() != ErrorKind::PermissionDenied,
        };
        (!elsewhere).then_some(Process { name, number, directory })
    });
    found.collect()
}

/// Whether firewalld runs in this network namespace.
pub fn has_firewalld() -> bool {
    !processes(Path::new("/proc"), |name| name == "firewalld").is_empty()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn those_of_other_namespaces_and_those_that_end_are_left_out() {
        let proc = tempfile::tempdir().unwrap();
        for (name, comm, netns) in [
            ("self", "dockwall", Some("1")),
            ("10", "firewalld", Some("1")),
            ("11", "firewalld", Some("2")),
            ("12", "firewalld", None),
        ] {
            let directory = proc.path().join(name);
            fs::create_dir_all(directory.join("ns")).unwrap();
            fs::write(directory.join("comm"), format!("{comm}\n")).unwrap();
            if let Some(netns) = netns {
                symlink(format!("net:[{netns}]"), directory.join("ns/net")).unwrap();
            }
        }
        let found = processes(proc.path(), |name| name == "firewalld");
        assert_eq!(found.iter().map(|process| process.number).collect::<Vec<_>>(), [10]);
    }
}
