//! Which addresses a list of denied ranges covers.

use std::cell::OnceCell;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::denied_ranges::DeniedRanges;
use super::target::Target;
use crate::interval::{Address, Interval, normalise};

/// All denied destinations.
pub(super) struct Coverage<'c> {
    ranges: &'c DeniedRanges,
    /// Whether the host's own networks are denied too, which nothing here looks at.
    on_link: bool,
    /// Whether the host's own addresses are denied too.
    host: bool,
    /// The ranges in normal form, once somebody asks.
    normalised: OnceCell<Normalised>,
}

/// Denied ranges in normal form.
struct Normalised {
    v4: Vec<Interval<Ipv4Addr>>,
    v6: Vec<Interval<Ipv6Addr>>,
}

impl<'c> Coverage<'c> {
    pub(super) fn of(ranges: &'c DeniedRanges, on_link: bool, host: bool) -> Self {
        Self { ranges, on_link, host, normalised: OnceCell::new() }
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
                Target::V4(interval) => self.covers(&self.normalised().v4, interval),
                Target::V6(interval) => self.covers(&self.normalised().v6, interval),
            }
    }

    fn normalised(&self) -> &Normalised {
        self.normalised.get_or_init(|| Normalised::of(self.ranges))
    }

    fn covers<A: Address>(&self, denied: &[Interval<A>], wanted: Interval<A>) -> bool {
        (self.host && wanted.first() == wanted.last()) || overlaps(denied, wanted)
    }
}

impl Normalised {
    fn of(ranges: &DeniedRanges) -> Self {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for target in ranges.targets() {
            match target {
                Target::V4(interval) => v4.push(interval),
                Target::V6(interval) => v6.push(interval),
            }
        }
        Self { v4: normalise(v4), v6: normalise(v6) }
    }
}

/// Whether a normalised list shares an address with `wanted`.
fn overlaps<A: Address>(normalised: &[Interval<A>], wanted: Interval<A>) -> bool {
    let first_not_below = normalised.partition_point(|interval| interval.last() < wanted.first());
    normalised.get(first_not_below).is_some_and(|interval| interval.first() <= wanted.last())
}
