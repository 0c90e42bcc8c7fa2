//! The programs.

use std::fmt;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::support::Netns;
use crate::support::netns::{NOT_SUPPORTED, text};

/// Where they are from, and their versions as far as those stay.
const SUITES: [(&str, &str); 3] = [("bookworm", "1.0.6"), ("trixie", "1.1.3"), ("sid", "1.")];
/// The one that the others are held against.
pub const REFERENCE: &str = "bookworm";

/// An `nft` of a distribution.
pub struct Nft {
    path: PathBuf,
    version: String,
}

impl Nft {
    /// All of them, oldest first.
    pub fn all() -> Vec<Self> {
        SUITES.iter().map(|(suite, _)| Self::of(suite)).collect()
    }

    fn path(suite: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("target/programs/nft-{suite}/nft"))
    }

    /// That of a suite.
    ///
    /// # Panics
    /// Where it was not unpacked, or is another than it should be.
    pub fn of(suite: &str) -> Self {
        let path = Self::path(suite);
        let said = Command::new(&path).arg("--version").output();
        let said = said.unwrap_or_else(|error| panic!("{}: {error}: scripts/unpack fetches it", path.display()));
        let said = text(&said.stdout);
        // `nftables v1.0.6 (Lester Gooch #5)`.
        let version = said.split(' ').nth(1).unwrap_or_default().trim_start_matches('v').to_owned();
        let (_, expected) = SUITES.iter().find(|(name, _)| *name == suite).unwrap();
        assert!(version.starts_with(expected), "nft of {suite} is {said}");
        Self { path, version }
    }

    /// Whether it knows the table flag `persist` by name.
    pub fn knows_persist(&self) -> bool {
        !self.version.starts_with("1.0.")
    }

    /// All that it lists.
    ///
    /// # Panics
    /// Where it says anything else.
    #[track_caller]
    pub fn list(&self, netns: &Netns) -> String {
        self.quietly(netns, &["list", "ruleset"])
    }

    /// The same as JSON.
    #[track_caller]
    pub fn list_json(&self, netns: &Netns) -> serde_json::Value {
        serde_json::from_str(&self.quietly(netns, &["--json", "list", "ruleset"])).unwrap()
    }

    #[track_caller]
    fn quietly(&self, netns: &Netns, arguments: &[&str]) -> String {
        let output = self.run(netns, arguments, "");
        assert!(output.status.success() && output.stderr.is_empty(), "{self}: {}", text(&output.stderr));
        text(&output.stdout)
    }

    /// Has it check a ruleset, whatever comes of it.
    pub fn check(&self, netns: &Netns, ruleset: &str) -> Output {
        self.run(netns, &["--check", "--file", "-"], ruleset)
    }

    /// Has it load one.
    pub fn load(&self, netns: &Netns, ruleset: &str) -> Output {
        self.run(netns, &["--file", "-"], ruleset)
    }

    fn run(&self, netns: &Netns, arguments: &[&str], input: &str) -> Output {
        let mut command = netns.command(self.path.to_str().unwrap());
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // One that does not read its input may be gone already.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        child.wait_with_output().unwrap()
    }

    /// Whether a ruleset was taken: without a word. It is not where this one and the kernel do not fit, and in no
    /// other case.
    #[track_caller]
    pub fn took(&self, netns: &Netns, output: &Output, what: &str) -> bool {
        let said = text(&output.stderr);
        if output.status.success() {
            assert_eq!(said, "", "{self}: {what}");
            return true;
        }
        let all_of_it =
            said.lines().filter(|line| line.contains(": Error: ")).all(|line| line.ends_with(NOT_SUPPORTED));
        assert!(all_of_it && self.writes_no_ops() && netns.refuses_no_ops(), "{self}: {said}\n{what}");
        false
    }

    /// What some kernels refuse: [`Netns::refuses_no_ops`].
    fn writes_no_ops(&self) -> bool {
        self.version.starts_with("1.0.")
    }
}

impl fmt::Display for Nft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "nft {}", self.version)
    }
}
