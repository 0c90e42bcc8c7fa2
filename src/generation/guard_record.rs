//! What a guard has done, for those who only look.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What is known of the guard of a state directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuardRecord {
    /// When the last one began.
    pub started: Timestamp,
    /// How often it put the wall back, and those before it.
    pub repairs: u64,
    /// When it did so last.
    pub last: Option<Timestamp>,
}
