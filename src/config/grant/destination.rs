//! Where a grant lets packets go.

use std::fmt;
use std::net::Ipv4Addr;
use std::str::FromStr;

use super::ports::Ports;
use crate::config::invalid::{Invalid, quote};
use crate::config::nearest::nearest;
use crate::config::target::Target;

/// The destinations of a grant. Written `"10.1.2.3"`, `"10.0.0.0/8"`, `"10.0.0.1-10.0.0.9"`,
/// `"host"` or `"host:published"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Destination {
    /// Addresses, be they of the network or of the host.
    Addresses(Target),
    /// Every address of the host itself.
    Host,
    /// The ports of the host that running containers publish.
    Published,
}

const HOST: &str = "host";
const PUBLISHED: &str = "host:published";

impl FromStr for Destination {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        match text {
            HOST => Ok(Self::Host),
            PUBLISHED => Ok(Self::Published),
            _ => match diagnose(text) {
                Some(invalid) => Err(invalid),
                None => text.parse().map(Self::Addresses),
            },
        }
    }
}

/// What an address by itself cannot be mistaken for: a slip of a word, or a port behind it, which is
/// not to be left out silently, because then every port would be granted.
fn diagnose(text: &str) -> Option<Invalid> {
    let problem = format!("{} is neither an address nor \"{HOST}\"", quote(text));
    if let Some((before, port)) = text.rsplit_once(':')
        && (before == HOST || before.parse::<Ipv4Addr>().is_ok())
        && let Ok(ports) = port.parse::<Ports>().or_else(|_| format!("{port}/tcp").parse())
    {
        return Some(Invalid::new(
            format!("{} carries a port", quote(text)),
            format!("write \"{before}\" here, and `ports = [\"{ports}\"]` beside it"),
        ));
    }
    if ["network:", "container:", "label:"].iter().any(|kind| text.starts_with(kind)) {
        return Some(Invalid::new(
            format!("{} names containers, which only `from` does", quote(text)),
            "write the address that they may reach",
        ));
    }
    if matches!(text, "localhost" | "localhost.localdomain") {
        return Some(Invalid::new(problem, format!("write \"{HOST}\" for the host that the containers run on")));
    }
    // No address looks like one of these words: each has a dot or two colons.
    let is_word = text.starts_with(|first: char| first.is_alphabetic()) && !text.contains(['.', '/', '%']);
    let meant = nearest(text, [HOST, PUBLISHED]).filter(|_| is_word && !text.contains("::"))?;
    Some(Invalid::new(problem, format!("did you mean \"{meant}\"?")))
}

impl From<Target> for Destination {
    fn from(target: Target) -> Self {
        Self::Addresses(target)
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Addresses(target) => target.fmt(f),
            Self::Host => f.write_str(HOST),
            Self::Published => f.write_str(PUBLISHED),
        }
    }
}
