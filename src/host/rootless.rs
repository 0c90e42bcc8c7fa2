//! Container runtimes of ordinary users. Their containers' packets leave the host as packets of a process of
//! its own, which no container interface sees.

use std::fs;
use std::path::Path;

use super::processes::processes;

/// The programs that carry the packets of such containers, by their names in `/proc`.
const CARRIERS: [(&str, &str); 6] = [
    ("rootlesskit", "rootless Docker"),
    ("slirp4netns", "rootless containers (slirp4netns)"),
    ("pasta", "rootless containers (pasta)"),
    ("pasta.avx2", "rootless containers (pasta)"),
    ("vpnkit", "rootless containers (vpnkit)"),
    ("lxc-user-nic", "rootless containers (lxc-user-nic)"),
];

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rootless {
    /// What it carries.
    pub what: &'static str,
    /// The number of its user.
    pub user: u32,
    /// The process.
    pub process: u32,
}

impl Rootless {
    /// Those of this network namespace, each user's kind once. What a user may not see of others' processes
    /// counts as of this one.
    pub fn find() -> Vec<Self> {
        Self::find_in(Path::new("/proc"))
    }

    fn find_in(proc: &Path) -> Vec<Self> {
        let found = processes(proc, |name| CARRIERS.iter().any(|(carrier, _)| *carrier == name));
        let found = found.into_iter().filter_map(|process| {
            let (_, what) = CARRIERS.iter().find(|(carrier, _)| *carrier == process.name)?;
            let status = fs::read_to_string(process.directory.join("status")).ok()?;
            let user = status.lines().find_map(|line| line.strip_prefix("Uid:"))?.split_whitespace().next()?;
            Some(Self { what, user: user.parse().ok()?, process: process.number })
        });
        let mut found: Vec<Self> = found.collect();
        found.sort();
        found.dedup_by_key(|one| (one.what, one.user));
        found
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn only_those_of_this_network_namespace_count_each_user_once() {
        let proc = tempfile::tempdir().unwrap();
        let process = |name: &str, comm: &str, netns: &str| {
            let directory = proc.path().join(name);
            fs::create_dir_all(directory.join("ns")).unwrap();
            fs::write(directory.join("comm"), format!("{comm}\n")).unwrap();
            fs::write(directory.join("status"), "Name:\tx\nUid:\t1000\t1000\t1000\t1000\n").unwrap();
            symlink(format!("net:[{netns}]"), directory.join("ns/net")).unwrap();
        };
        process("self", "dockwall", "1");
        process("10", "pasta", "1");
        process("11", "pasta", "1");
        process("12", "slirp4netns", "2");
        process("13", "bash", "1");
        let found = Rootless::find_in(proc.path());
        assert_eq!(found, [Rootless { what: "rootless containers (pasta)", user: 1000, process: 10 }]);
    }
}
