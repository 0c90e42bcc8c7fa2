//! What a packet's destination is compared with: an address, a network, or a range.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::address::{read_address, read_network};
use super::invalid::{Invalid, quote};
use crate::interval::Interval;

/// Destination addresses of one family: `10.1.2.3`, `10.0.0.0/8`, `10.0.0.10-10.0.0.20`,
/// `fd00::/8`.
///
/// Printed in the normal form: as a network where it is one, as `first-last` otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Target {
    /// IPv4 destinations.
    V4(Interval<Ipv4Addr>),
    /// IPv6 destinations.
    V6(Interval<Ipv6Addr>),
}

impl FromStr for Target {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        refuse_what_is_no_address(text)?;
        // A host name may have a hyphen too; only what starts like an address is a range.
        match text.split_once('-') {
            Some((first, last))
                if first.parse::<IpAddr>().is_ok() || first.starts_with(|c: char| c.is_ascii_digit()) =>
            {
                read_range(first, last)
            }
            _ if text.contains('/') => read_network(text),
            _ => read_address(text).map(Self::from),
        }
    }
}

/// The mistakes that have nothing to do with which notation was meant.
fn refuse_what_is_no_address(text: &str) -> Result<(), Invalid> {
    if text.is_empty() {
        return Err(Invalid::new(
            "an empty text is no address",
            "write an address, a network such as 10.0.0.0/8, or first-last",
        ));
    }
    if text.contains(char::is_whitespace) {
        let without: String = text.split_whitespace().collect();
        return Err(Invalid::new(format!("{} has a space in it", quote(text)), format!("write {}", quote(without))));
    }
    if let Some((address, _)) = text.split_once('%') {
        return Err(Invalid::new(
            format!("{} names a zone, and packets carry none", quote(text)),
            format!("write {}, which is meant on every interface", quote(address)),
        ));
    }
    Ok(())
}

fn read_range(first: &str, last: &str) -> Result<Target, Invalid> {
    match (read_address(first)?, read_address(last)?) {
        (IpAddr::V4(first), IpAddr::V4(last)) => {
            Interval::new(first, last).map(Target::V4).ok_or_else(|| reversed(first, last))
        }
        (IpAddr::V6(first), IpAddr::V6(last)) => {
            Interval::new(first, last).map(Target::V6).ok_or_else(|| reversed(first, last))
        }
        (first, last) => Err(Invalid::new(
            format!("{} mixes IPv4 and IPv6", quote(format_args!("{first}-{last}"))),
            "write one range for each family",
        )),
    }
}

fn reversed(first: impl fmt::Display, last: impl fmt::Display) -> Invalid {
    Invalid::new(
        format!("{} ends before it starts", quote(format_args!("{first}-{last}"))),
        format!("write `{last}-{first}`"),
    )
}

impl From<IpAddr> for Target {
    fn from(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => Self::V4(address.into()),
            IpAddr::V6(address) => Self::V6(address.into()),
        }
    }
}

impl From<Ipv4Net> for Target {
    fn from(net: Ipv4Net) -> Self {
        Self::V4(net.into())
    }
}

impl From<Ipv6Net> for Target {
    fn from(net: Ipv6Net) -> Self {
        Self::V6(net.into())
    }
}

impl From<IpNet> for Target {
    fn from(net: IpNet) -> Self {
        match net {
            IpNet::V4(net) => net.into(),
            IpNet::V6(net) => net.into(),
        }
    }
}

impl From<Target> for String {
    fn from(target: Target) -> Self {
        target.to_string()
    }
}

impl TryFrom<String> for Target {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        text.parse()
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::V4(interval) => interval.fmt(f),
            Self::V6(interval) => interval.fmt(f),
        }
    }
}
