//! What a check finds.

use std::fmt;

use serde::Serialize;

/// How much it matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// The wall does not hold, or containers that should be behind it are not.
    Error,
    /// Something works otherwise than one would think.
    Warning,
    /// To know, and no fault: does not change the exit status.
    Notice,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Notice => "notice",
        })
    }
}

/// One thing that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The check that found it, which stays so for programs and for `--ignore`.
    pub id: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// What is so.
    pub what: String,
    /// Why it matters.
    pub why: String,
    /// What to do, as a command where one does it.
    pub cure: String,
}

/// A check: judges what was read of the machine, and reads nothing itself.
#[derive(Debug, Clone, Copy)]
pub struct Check {
    /// Its name for programs.
    pub id: &'static str,
    /// What it looks for, for `--help`.
    pub about: &'static str,
    /// What it finds.
    pub judge: fn(&super::Patient) -> Vec<Finding>,
}

impl Check {
    /// Something that it found.
    pub fn found(
        &self,
        severity: Severity,
        what: impl Into<String>,
        why: impl Into<String>,
        cure: impl Into<String>,
    ) -> Finding {
        Finding { id: self.id, severity, what: what.into(), why: why.into(), cure: cure.into() }
    }
}

/// A few names in a row, and how many more there are.
pub fn listed(names: impl IntoIterator<Item = String>) -> String {
    const MOST: usize = 8;
    let names: Vec<String> = names.into_iter().collect();
    let shown = names.iter().take(MOST).cloned().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(MOST) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}
