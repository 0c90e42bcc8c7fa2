//! `nft monitor`: every change of a namespace's ruleset, as it is made.

use std::fs::File;
use std::io::{Read, Seek};
use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::Netns;

/// A running `nft monitor`.
pub struct Monitor<'a> {
    netns: &'a Netns,
    child: Child,
    output: File,
}

impl<'a> Monitor<'a> {
    /// Starts one, and waits until it listens.
    pub fn start(netns: &'a Netns) -> Self {
        let output = tempfile::tempfile().unwrap();
        // Without buffering in between, so that what is seen is what was printed.
        let mut command = netns.command("stdbuf");
        command.args(["-oL", "nft", "monitor"]).stdin(Stdio::null()).stdout(output.try_clone().unwrap());
        let mut monitor = Self { netns, child: command.spawn().unwrap(), output };
        monitor.wait_for_mark("begin");
        monitor
    }

    /// Everything that was changed since it was started.
    pub fn finish(mut self) -> Vec<String> {
        let printed = self.wait_for_mark("end");
        let begin = printed.rfind("delete table ip begin").unwrap();
        let end = printed.find("add table ip end").unwrap();
        // A line says what, another one who did it: "# new generation 12 by process 34 (nft)".
        let changes = printed[begin..end].lines().skip(1).filter(|line| !line.starts_with('#'));
        changes.map(str::to_owned).collect()
    }

    fn wait_for_mark(&mut self, name: &str) -> String {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            self.netns.nft(&format!("add table ip {name}"));
            self.netns.nft(&format!("delete table ip {name}"));
            sleep(Duration::from_millis(20));
            let mut printed = Vec::new();
            self.output.rewind().unwrap();
            self.output.read_to_end(&mut printed).unwrap();
            let printed = super::netns::text(&printed);
            if printed.contains(&format!("delete table ip {name}")) {
                return printed;
            }
            assert!(Instant::now() < deadline, "nft monitor does not see changes");
        }
    }
}

impl Drop for Monitor<'_> {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
