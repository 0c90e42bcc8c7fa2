//! Two sides, measured in turns.

use serde::Serialize;

use crate::samples::Samples;

/// What was compared, and how it came out.
#[derive(Debug)]
pub struct Comparison {
    /// What both did.
    pub what: String,
    /// Who the other side was.
    pub rival: &'static str,
    /// What is counted.
    pub unit: Unit,
    /// dockwall's measurements.
    pub ours: Samples,
    /// The other side's.
    pub theirs: Samples,
    /// What the ratio of the medians must not exceed, where there is such a bar.
    pub bar: Option<f64>,
}

/// What measurements count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Unit {
    /// Milliseconds of wall time.
    #[serde(rename = "ms")]
    Milliseconds,
    /// Milliseconds of processor time, the kernel's among it.
    #[serde(rename = "ms cpu")]
    Processor,
    /// Mebibytes of resident memory, at the peak.
    #[serde(rename = "MiB")]
    Mebibytes,
}

impl Comparison {
    /// dockwall's median, as a part of the other side's.
    pub fn ratio(&self) -> f64 {
        self.ours.median() / self.theirs.median()
    }

    /// Whether the bar is met, where there is one.
    pub fn met(&self) -> Option<bool> {
        self.bar.map(|bar| self.ratio() <= bar)
    }
}
