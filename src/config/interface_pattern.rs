//! The name of an interface, or the beginning of names.

use std::fmt;
use std::str::FromStr;

use super::invalid::{Invalid, quote};
use crate::printable::is_unprintable;

/// The longest name of an interface in bytes: IFNAMSIZ - 1 (`include/uapi/linux/if.h`).
const LONGEST: usize = 15;

/// Which interfaces are meant, by name: `docker0`, or `br-*` for every name that begins with `br-`.
///
/// Never matches everything: a pattern without a character would become a rule that polices the
/// whole host.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum InterfacePattern {
    /// This name, 1 to 15 bytes.
    Exact(String),
    /// Every name that begins with this, 1 to 14 bytes; without the asterisk.
    Prefix(String),
}

impl InterfacePattern {
    /// Whether an interface of this name is meant.
    pub fn matches(&self, interface: &str) -> bool {
        match self {
            Self::Exact(name) => interface == name,
            Self::Prefix(prefix) => interface.starts_with(prefix.as_str()),
        }
    }
}

impl FromStr for InterfacePattern {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        refuse_foreign_wildcards(text)?;
        match text.strip_suffix('*') {
            Some(prefix) => {
                let too_long = format!("a pattern has at most {} bytes before its asterisk", LONGEST - 1);
                check_name(text, prefix, LONGEST - 1, &too_long)?;
                Ok(Self::Prefix(prefix.to_owned()))
            }
            None => {
                check_name(text, text, LONGEST, "the kernel's names have at most 15 bytes")?;
                Ok(Self::Exact(text.to_owned()))
            }
        }
    }
}

/// Wildcards as a shell, nft's text or iptables would write them: here they would be read as part
/// of a name that no interface has, and the rule would never match.
fn refuse_foreign_wildcards(text: &str) -> Result<(), Invalid> {
    if text.is_empty() || text == "*" {
        return Err(Invalid::new(
            if text.is_empty() {
                "an empty name would match every interface"
            } else {
                "`*` alone would match every interface"
            },
            "write a name such as \"docker0\" or a prefix such as \"br-*\"",
        ));
    }
    if text.contains("\\*") {
        return Err(Invalid::new(
            format!("{} escapes its asterisk, and no interface has one in its name", quote(text)),
            format!("write {}", quote(text.replace("\\*", "*"))),
        ));
    }
    if let Some(prefix) = text.strip_suffix('+') {
        return Err(Invalid::new(
            format!("{} has iptables' wildcard", quote(text)),
            format!("write {}", quote(format_args!("{prefix}*"))),
        ));
    }
    if text.trim_end_matches('*').contains('*') || text.ends_with("**") {
        let prefix = text.split('*').next().unwrap_or_default();
        return Err(Invalid::new(
            format!("{} has an asterisk before its end", quote(text)),
            match prefix {
                "" => "write the names, or what they begin with and one asterisk".to_owned(),
                prefix => format!("write {} or the full names", quote(format_args!("{prefix}*"))),
            },
        ));
    }
    Ok(())
}

/// What the kernel accepts as a name (`dev_valid_name` in `net/core/dev.c`), less what could not be
/// written between the quotes of a ruleset's text.
fn check_name(text: &str, name: &str, longest: usize, too_long: &str) -> Result<(), Invalid> {
    let refused = |character: char| {
        character.is_whitespace() || is_unprintable(character) || matches!(character, '/' | ':' | '"' | '\\')
    };
    if name.len() > longest {
        Err(Invalid::new(format!("{} has {} bytes", quote(text), name.len()), format!("shorten it: {too_long}")))
    } else if let Some(character) = name.chars().find(|character| refused(*character)) {
        Err(Invalid::new(
            format!("{} has {}, which no interface may have in its name", quote(text), quote(character)),
            "write the name as `ip link` shows it, before the `@` and the colon",
        ))
    } else if matches!(text, "." | "..") {
        Err(Invalid::new(format!("{} is no name of an interface", quote(text)), "write the name as `ip link` shows it"))
    } else {
        Ok(())
    }
}

impl fmt::Display for InterfacePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(name) => f.pad(name),
            Self::Prefix(prefix) => f.pad(&format!("{prefix}*")),
        }
    }
}
