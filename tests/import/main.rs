//! From the rules that people have to a configuration: every line is accounted for, and packets fare alike.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod alike;
mod formats;
mod hand;
mod whatever;

use dockwall::config::Config;
use dockwall::host::Host;
use dockwall::import::{Comparison, Kind, Source, Status, Translation, compare, read, translate, write};
use dockwall::policy::Policy;
use jiff::Timestamp;

/// The text of a file beside the tests.
pub fn rules(name: &str) -> String {
    let path = format!("{}/tests/import/rules/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// How many packets are asked about: a test is not optimised.
const MOST: usize = 12_000;

/// A text, read and translated.
pub struct Imported {
    pub source: Source,
    pub translation: Translation,
    pub config: Config,
    pub text: String,
}

/// Imports a text.
#[track_caller]
pub fn import(text: &str, kind: Option<Kind>, literal: bool) -> Imported {
    let named = |name: &str| (name == "ssh").then_some(22);
    let source = read(text, kind, &named).unwrap_or_else(|error| panic!("{error}\n{text}"));
    let translation = translate(&source, literal);
    let written = write(&translation.plan, "a test");
    let config =
        Config::parse("imported", &written).unwrap_or_else(|error| panic!("{error}\n{written}\n{text}")).config;
    let lines = source.text.lines().count();
    assert_eq!(translation.report.lines.len(), lines, "every line is accounted for: {text}");
    assert!(translation.report.lines.iter().all(|line| !line.said.is_empty()), "nothing is said: {text}");
    Imported { source, translation, config, text: written }
}

impl Imported {
    /// What becomes of a line, and what is said of it.
    #[track_caller]
    pub fn line(&self, number: usize) -> (Status, String) {
        let line = self.translation.report.line(number).unwrap_or_else(|| panic!("there is no line {number}"));
        (line.status, line.said.join("; "))
    }

    /// How packets fare on a host of which nothing is known.
    pub fn compare(&self) -> Comparison {
        let now = Timestamp::UNIX_EPOCH;
        let resolved = Policy::resolve(&self.config, &Host::default(), None, now).unwrap();
        compare(&self.source, &self.translation, &resolved, now, MOST)
    }
}
