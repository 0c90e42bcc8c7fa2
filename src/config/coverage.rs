//! Which addresses a list of denied ranges covers.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::denied_range::DeniedRange;
use super::target::Target;
use crate::interval::{Address, Interval, normalise};

/// All denied destinations, in normal form.
pub(super) struct Coverage {
    /// Whether the host's own networks are denied too, which nothing here looks at.
    on_link: bool,
    /// Whether the host's own addresses are denied too.
    host: bool,
    v4: Vec<Interval<Ipv4Addr>>,
    v6: Vec<Interval<Ipv6Addr>>,
}

impl Coverage {
    pub(super) fn of(ranges: &[DeniedRange], on_link: bool, host: bool) -> Self {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for target in ranges.iter().flat_map(DeniedRange::targets) {
            match target {
                Target::V4(interval) => v4.push(*interval),
                Target::V6(interval) => v6.push(*interval),
            }
        }
        Self { on_link, host, v4: normalise(v4), v6: normalise(v6) }
    }

    /// Whether the host's own addresses are denied.
    pub(super) fn host(&self) -> bool {
        self.host
    }

    /// Whether any address of `target` is denied, or may be. A single one may be the host's own;
    /// a network that one of them is in grants nothing on the host.
    pub(super) fn touches(&self, target: Target) -> bool {
        self.on_link
            || match target {
                Target::V4(interval) => self.covers(&self.v4, interval),
                Target::V6(interval) => self.covers(&self.v6, interval),
            }
    }

    fn covers<A: Address>(&self, denied: &[Interval<A>], wanted: Interval<A>) -> bool {
        (self.host && wanted.first() == wanted.last()) || overlaps(denied, wanted)
    }
}

/// Whether a normalised list shares an address with `wanted`.
fn overlaps<A: Address>(normalised: &[Interval<A>], wanted: Interval<A>) -> bool {
    let first_not_below = normalised.partition_point(|interval| interval.last() < wanted.first());
    normalised.get(first_not_below).is_some_and(|interval| interval.first() <= wanted.last())
}
