//! Whether a denied packet is dropped.

use std::fmt;
use std::str::FromStr;

use super::choice::{choose, word_of};
use super::invalid::Invalid;

/// What happens to a packet that the policy denies. Written `"audit"` or `"enforce"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// It is counted and logged, and goes on its way.
    #[default]
    Audit,
    /// It is counted, logged and dropped (or rejected, see [`Action`](super::Action)).
    Enforce,
}

impl Mode {
    const WORDS: [(&'static str, Self); 2] = [("audit", Self::Audit), ("enforce", Self::Enforce)];
}

impl FromStr for Mode {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        choose(text, &Self::WORDS)
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(word_of(*self, &Self::WORDS))
    }
}
