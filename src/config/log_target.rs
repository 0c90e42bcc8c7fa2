//! Who gets the logged packets.

use std::fmt;
use std::str::FromStr;

use super::invalid::{Invalid, quote};

/// Where logged packets go. Written `"kernel"` or `"nflog:GROUP"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum LogTarget {
    /// The kernel's log: dmesg, the journal.
    #[default]
    Kernel,
    /// Whoever listens to this netlink group, such as ulogd.
    Nflog(u16),
}

impl FromStr for LogTarget {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        if text == "kernel" {
            return Ok(Self::Kernel);
        }
        let group = text.strip_prefix("nflog:").ok_or_else(|| {
            Invalid::new(format!("{} is no target of a log", quote(text)), "write \"kernel\" or \"nflog:1\"")
        })?;
        match group.parse() {
            Ok(group_number) if group.bytes().all(|byte| byte.is_ascii_digit()) => Ok(Self::Nflog(group_number)),
            _ => Err(Invalid::new(
                format!("{}: {} is not a group", quote(text), quote(group)),
                "write a number from 0 to 65535 behind the colon, such as \"nflog:1\"",
            )),
        }
    }
}

impl fmt::Display for LogTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kernel => f.write_str("kernel"),
            Self::Nflog(group) => write!(f, "nflog:{group}"),
        }
    }
}
