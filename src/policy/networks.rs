//! Networks of both families, in normal form.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::{Deserialize, Serialize};

use crate::config::Target;
use crate::interval::{Address, Interval, normalise};

/// Addresses of both families: sorted, disjoint, neighbours merged.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Networks {
    /// The IPv4 addresses.
    pub ipv4: Vec<Interval<Ipv4Addr>>,
    /// The IPv6 addresses.
    pub ipv6: Vec<Interval<Ipv6Addr>>,
}

impl Networks {
    /// Every address of both families.
    pub fn everything() -> Self {
        Self { ipv4: every().into_iter().collect(), ipv6: every().into_iter().collect() }
    }

    /// Whether that address is in it.
    pub fn contains(&self, address: IpAddr) -> bool {
        match address {
            IpAddr::V4(address) => holds(&self.ipv4, address),
            IpAddr::V6(address) => holds(&self.ipv6, address),
        }
    }

    /// Whether the two share an address.
    pub fn touches(&self, other: &Self) -> bool {
        touch(&self.ipv4, &other.ipv4) || touch(&self.ipv6, &other.ipv6)
    }

    /// Whether there is no address in it.
    pub fn is_empty(&self) -> bool {
        self.ipv4.is_empty() && self.ipv6.is_empty()
    }

    /// How many intervals it takes.
    pub fn len(&self) -> usize {
        self.ipv4.len() + self.ipv6.len()
    }

    fn normalised(self) -> Self {
        Self { ipv4: normalise(self.ipv4), ipv6: normalise(self.ipv6) }
    }
}

fn every<A: Address>() -> Option<Interval<A>> {
    Interval::new(A::MIN, A::MAX)
}

/// Whether one of the sorted, disjoint intervals has that address in it.
fn holds<A: Address>(intervals: &[Interval<A>], address: A) -> bool {
    let begun = intervals.partition_point(|interval| interval.first() <= address);
    begun.checked_sub(1).and_then(|last| intervals.get(last)).is_some_and(|interval| interval.contains(address))
}

/// Whether one of these shares an address with one of the sorted, disjoint `intervals`.
fn touch<A: Address>(intervals: &[Interval<A>], these: &[Interval<A>]) -> bool {
    these.iter().any(|this| {
        let not_below = intervals.partition_point(|interval| interval.last() < this.first());
        intervals.get(not_below).is_some_and(|interval| interval.first() <= this.last())
    })
}

impl FromIterator<Target> for Networks {
    fn from_iter<I: IntoIterator<Item = Target>>(targets: I) -> Self {
        let mut networks = Self::default();
        for target in targets {
            match target {
                Target::V4(interval) => networks.ipv4.push(interval),
                Target::V6(interval) => networks.ipv6.push(interval),
            }
        }
        networks.normalised()
    }
}

impl FromIterator<Networks> for Networks {
    fn from_iter<I: IntoIterator<Item = Networks>>(parts: I) -> Self {
        let mut parts = parts.into_iter();
        // The first is the large one most often, and stays where it is.
        let mut networks = parts.next().unwrap_or_default();
        for part in parts {
            networks.ipv4.extend(part.ipv4);
            networks.ipv6.extend(part.ipv6);
        }
        networks.normalised()
    }
}
