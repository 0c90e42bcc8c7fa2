//! All that is wrong with the configuration.

use std::fmt;

use super::diagnostic::{Diagnostic, Kind};

/// How many errors are printed; who mends fifty runs the command again anyway.
const PRINTED: usize = 50;

/// The configuration is refused: every error of every file, in the order of the files and lines.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct ConfigError {
    /// The errors, at least one and at most a thousand.
    pub errors: Vec<Diagnostic>,
    /// How many more there are.
    pub omitted: usize,
}

impl ConfigError {
    /// The errors for people, each with its line of the file: the first fifty, then how many more.
    pub fn render(&self, colour: bool) -> String {
        let mut text: Vec<String> = self.errors.iter().take(PRINTED).map(|error| error.render(colour)).collect();
        let more = self.errors.len().saturating_sub(PRINTED) + self.omitted;
        if more > 0 {
            text.push(format!("and {more} more"));
        }
        text.join("\n\n")
    }

    /// Whether nothing is wrong but that this user may not read the configuration.
    pub fn is_not_permitted(&self) -> bool {
        self.errors.iter().all(|error| error.kind == Kind::NotPermitted)
    }
}

/// The rendering without colour.
impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(false))
    }
}

impl std::error::Error for ConfigError {}
