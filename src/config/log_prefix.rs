//! What a line of the log begins with.

use std::fmt;
use std::str::FromStr;

use super::invalid::{Invalid, quote};

/// The longest prefix in bytes: NF_LOG_PREFIXLEN - 1 (`include/uapi/linux/netfilter/nf_log.h`).
const LONGEST: usize = 127;

/// The text before every logged packet, 1 to 127 bytes of printable ASCII without `"` and `\`,
/// which could not be written in a ruleset's text, and `$`, which `nft` reads as a variable there.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LogPrefix(String);

impl LogPrefix {
    /// The text, with its trailing space if it has one.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a reader of the log could not tell the two apart.
    pub fn looks_like(&self, other: &Self) -> bool {
        self.0.trim_end() == other.0.trim_end()
    }

    /// A prefix known to be valid.
    pub(super) fn constant(text: &'static str) -> Self {
        debug_assert!(text.parse::<Self>().is_ok());
        Self(text.to_owned())
    }
}

impl FromStr for LogPrefix {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let allowed = |character: char| matches!(character, ' '..='~') && !matches!(character, '"' | '\\' | '$');
        if text.trim().is_empty() {
            Err(Invalid::new(
                "a prefix without a visible character finds nothing again",
                "write a word such as \"DOCKER_NET_DROP \"",
            ))
        } else if text.len() > LONGEST {
            Err(Invalid::new(
                format!("the prefix has {} bytes", text.len()),
                format!("shorten it: the kernel keeps {LONGEST} bytes"),
            ))
        } else if let Some(character) = text.chars().find(|character| !allowed(*character)) {
            Err(Invalid::new(
                format!("{} has {}, which cannot stand in a ruleset's text", quote(text), quote(character)),
                "use printable ASCII characters without quotation marks, backslashes and dollar signs",
            ))
        } else {
            Ok(Self(text.to_owned()))
        }
    }
}

impl fmt::Display for LogPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}
