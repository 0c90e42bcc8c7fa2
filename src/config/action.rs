//! How a denied packet is turned away.

use std::fmt;
use std::str::FromStr;

use super::choice::{choose, word_of};
use super::invalid::Invalid;

/// What enforcing does with a denied packet. Written `"drop"` or `"reject"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// It vanishes; the container waits until its own timeout.
    #[default]
    Drop,
    /// The container is told at once: a TCP reset, or ICMP "administratively prohibited".
    Reject,
}

impl Action {
    const WORDS: [(&'static str, Self); 2] = [("drop", Self::Drop), ("reject", Self::Reject)];
}

impl FromStr for Action {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        choose(text, &Self::WORDS)
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(word_of(*self, &Self::WORDS))
    }
}
