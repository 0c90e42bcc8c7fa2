//! Which resolvers containers may ask.

use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr};

use super::field::Field;
use super::invalid::{Invalid, quote};
use super::target::Target;
use super::word_or_list::read_word_or_list;

/// The resolvers that containers may ask although they are denied: `dns.allow`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum DnsAllow {
    /// `"auto"`: those that Docker gives its containers.
    #[default]
    Auto,
    /// `"none"`: none but those that a grant opens.
    None,
    /// These, at least one, without duplicates, each an address that a container can send to.
    List(Vec<IpAddr>),
}

impl DnsAllow {
    pub(super) fn read(field: Field<'_>) -> Option<Self> {
        let words = [("auto", Self::Auto), ("none", Self::None)];
        let empty = Invalid::new("an empty list allows no resolver", "write \"none\" if that is meant");
        let mut read = read_word_or_list(&field, &words, "10.0.0.53", empty, read_resolver, Self::List)?;
        if let Self::List(addresses) = &mut read {
            let mut seen = HashSet::new();
            addresses.retain(|address| seen.insert(*address));
        }
        Some(read)
    }
}

fn read_resolver(text: &str) -> Result<IpAddr, Invalid> {
    let address = match text.parse::<Target>()? {
        Target::V4(interval) if interval.first() == interval.last() => IpAddr::V4(interval.first()),
        Target::V6(interval) if interval.first() == interval.last() => IpAddr::V6(interval.first()),
        _ => {
            return Err(Invalid::new(
                format!("{} is more than one address", quote(text)),
                "write the address of each resolver",
            ));
        }
    };
    let why_not = if address.is_loopback() {
        "is a container's own loopback, where the host does not answer"
    } else if address.is_unspecified() {
        "is the address of nobody"
    } else if address.is_multicast() || address == IpAddr::V4(Ipv4Addr::BROADCAST) {
        "is the address of no single resolver"
    } else {
        return Ok(address);
    };
    Err(Invalid::new(
        format!("{} {why_not}", quote(text)),
        "write the address at which containers reach the resolver, or \"auto\" instead of the list",
    ))
}
