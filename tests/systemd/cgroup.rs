//! A control group for each machine: in one that they share, a machine's systemd removes the groups of another's units.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// Where systemd keeps its groups: beside the controllers of cgroup v1, or in the one hierarchy of v2.
const HYBRID: [&str; 2] = ["/sys/fs/cgroup/unified", "/sys/fs/cgroup/systemd"];
const UNIFIED: [&str; 1] = ["/sys/fs/cgroup"];

/// A control group in each of the hierarchies, gone with its value.
pub struct Cgroup(Vec<PathBuf>);

impl Cgroup {
    /// One of that name.
    pub fn new(name: &str) -> Self {
        let hybrid = HYBRID.iter().filter(|hierarchy| Path::new(hierarchy).is_dir());
        let mut groups: Vec<_> = hybrid.map(|hierarchy| Path::new(hierarchy).join(name)).collect();
        if groups.is_empty() {
            groups.extend(UNIFIED.map(|hierarchy| Path::new(hierarchy).join(name)));
        }
        for group in &groups {
            fs::create_dir(group).unwrap_or_else(|error| panic!("{}: {error}", group.display()));
        }
        Self(groups)
    }

    /// A command that runs in it.
    pub fn command(&self, program: &str) -> Command {
        let mut run = Command::new("sh");
        run.args(["-ec", "for group in $0; do echo $$ >\"$group/cgroup.procs\"; done; exec \"$@\""]);
        let groups: Vec<_> = self.0.iter().map(|group| group.to_string_lossy()).collect();
        run.arg(groups.join(" ")).arg(program);
        run
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        // The kernel takes a moment to let go of those that were killed.
        let deadline = Instant::now() + Duration::from_secs(5);
        while !self.0.iter().all(|group| remove(group)) && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// Whether a group and those below are gone. They are directories that cannot be emptied of their files.
fn remove(group: &Path) -> bool {
    for below in fs::read_dir(group).into_iter().flatten().flatten() {
        if below.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove(&below.path());
        }
    }
    fs::remove_dir(group).is_ok() || !group.exists()
}
