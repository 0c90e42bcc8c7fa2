//! A healthy host, and what the doctor says of it.

use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::lab::{Lab, Sender};

/// The host of a lab is no first network namespace, whose kernel log would be mute.
pub const CONFIG: &str = "log.target = \"nflog:5\"\n";

/// A lab, with somebody who listens to the log.
pub struct Stage {
    pub lab: Lab,
    /// What is not told.
    ignored: &'static str,
    _listener: Sender,
}

/// What `dockwall doctor` found.
pub struct Found {
    /// `severity id: what`, in its order.
    pub findings: Vec<String>,
    pub unseen: Vec<String>,
    pub status: i32,
    pub json: Value,
}

impl Stage {
    /// A host whose wall enforces, and that has no guard.
    pub fn new(options: &[&str]) -> Self {
        let stage = Self::without_wall(options);
        stage.enforce("");
        stage
    }

    pub fn without_wall(options: &[&str]) -> Self {
        let lab = Lab::up(options);
        // Until its standard input ends, which is with the test.
        let listen = lab.directory().join("listen");
        std::fs::write(&listen, "tcpdump -n -i nflog:5 -w /dev/null 2>/dev/null & cat; kill $!; wait; echo null\n")
            .unwrap();
        let listener = lab.start("host", &format!("sh {}", listen.display()));
        let end = Instant::now() + Duration::from_secs(10);
        while !lab.exec("host", "cat /proc/net/netfilter/nfnetlink_log").contains(" 5 ") {
            assert!(Instant::now() < end, "nobody listens to the log");
            sleep(Duration::from_millis(20));
        }
        Self { lab, ignored: "--ignore guard --ignore rootless", _listener: listener }
    }

    /// Applies, in enforce mode, the configuration with `more` in it.
    #[track_caller]
    pub fn enforce(&self, more: &str) {
        self.lab.apply(&format!("mode = \"enforce\"\n{CONFIG}{more}"));
    }

    /// Runs a script at the host.
    #[track_caller]
    pub fn sh(&self, script: &str) -> String {
        let mut command = self.lab.command("host", "sh -ec");
        let output = command.arg(script).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{script}: {said}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Also tells of rootless containers, which are processes anywhere on this machine: those that another test
    /// starts meanwhile are seen as well.
    pub fn seeing_rootless(self) -> Self {
        Self { ignored: "--ignore guard", ..self }
    }

    /// Examines the host; that it has no guard is not told.
    #[track_caller]
    pub fn examine(&self, options: &str) -> Found {
        let output = self.lab.try_dockwall(format!("--json doctor {} {options}", self.ignored).trim());
        let json: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let findings = json["findings"].as_array().unwrap_or_else(|| panic!("{json}")).iter();
        let findings = findings
            .map(|found| format!("{} {}: {}", text(&found["severity"]), text(&found["id"]), text(&found["what"])));
        Found {
            findings: findings.collect(),
            unseen: json["unseen"].as_array().unwrap().iter().map(|unseen| text(&unseen["what"])).collect(),
            status: output.status.code().unwrap(),
            json,
        }
    }

    /// That nothing is found.
    #[track_caller]
    pub fn expect_healthy(&self, when: &str) {
        let found = self.examine("");
        assert_eq!((found.findings, found.unseen, found.status), (Vec::new(), Vec::new(), 0), "{when}");
    }

    /// That this is found and nothing else: the ids with what is said, in any order. The status follows.
    #[track_caller]
    pub fn expect(&self, when: &str, expected: &[(&str, &str)]) {
        let found = self.examine("");
        assert_eq!(found.findings.len(), expected.len(), "{when}: {:#?}", found.findings);
        for (id, said) in expected {
            let told = found.findings.iter().any(|line| line.contains(&format!(" {id}: ")) && line.contains(said));
            assert!(told, "{when}: {id} with `{said}` is missing in {:#?}", found.findings);
        }
        let grave = found.findings.iter().any(|line| !line.starts_with("notice"));
        assert_eq!(found.status, if grave { 4 } else { 0 }, "{when}");
    }

    /// Makes something, expects it to be found, undoes it, and expects the host to be healthy again.
    #[track_caller]
    pub fn case(&self, make: &str, expected: &[(&str, &str)], undo: &str) {
        self.sh(make);
        self.expect(make, expected);
        self.sh(undo);
        self.expect_healthy(undo);
    }
}
