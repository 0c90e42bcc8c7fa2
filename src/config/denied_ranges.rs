//! All entries of `deny.ranges`.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::denied_range::{DeniedRange, Written};
use super::origin::Origin;
use super::preset::Preset;
use super::target::Target;
use crate::interval::Interval;

/// The entries of `deny.ranges`, in the order as written.
///
/// Each takes the room that one of its kind needs: 17 bytes for IPv4, 41 for IPv6, since lists have hundreds of
/// thousands of entries.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DeniedRanges {
    kinds: Vec<Kind>,
    presets: Vec<(Preset, Origin)>,
    ipv4: Vec<(Interval<Ipv4Addr>, Origin)>,
    ipv6: Vec<(Interval<Ipv6Addr>, Origin)>,
}

/// In which of the lists the next entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Preset,
    Ipv4,
    Ipv6,
}

impl DeniedRanges {
    /// The entries.
    pub fn iter(&self) -> impl Iterator<Item = DeniedRange> + '_ {
        let (mut presets, mut ipv4, mut ipv6) = (self.presets.iter(), self.ipv4.iter(), self.ipv6.iter());
        self.kinds.iter().filter_map(move |kind| {
            let (written, origin) = match kind {
                Kind::Preset => presets.next().map(|(preset, origin)| (Written::Preset(*preset), origin)),
                Kind::Ipv4 => ipv4.next().map(|(interval, origin)| (Written::Target(Target::V4(*interval)), origin)),
                Kind::Ipv6 => ipv6.next().map(|(interval, origin)| (Written::Target(Target::V6(*interval)), origin)),
            }?;
            Some(DeniedRange { written, origin: *origin })
        })
    }

    /// The destinations, those of presets among them, in no certain order.
    pub fn targets(&self) -> impl Iterator<Item = Target> + '_ {
        let presets = self.presets.iter().flat_map(|(preset, _)| preset.targets().iter().copied());
        let ipv4 = self.ipv4.iter().map(|(interval, _)| Target::V4(*interval));
        presets.chain(ipv4).chain(self.ipv6.iter().map(|(interval, _)| Target::V6(*interval)))
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.kinds.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.kinds.is_empty()
    }

    fn push(&mut self, DeniedRange { written, origin }: DeniedRange) {
        self.kinds.push(match written {
            Written::Preset(preset) => {
                self.presets.push((preset, origin));
                Kind::Preset
            }
            Written::Target(Target::V4(interval)) => {
                self.ipv4.push((interval, origin));
                Kind::Ipv4
            }
            Written::Target(Target::V6(interval)) => {
                self.ipv6.push((interval, origin));
                Kind::Ipv6
            }
        });
    }
}

impl Extend<DeniedRange> for DeniedRanges {
    fn extend<I: IntoIterator<Item = DeniedRange>>(&mut self, entries: I) {
        entries.into_iter().for_each(|entry| self.push(entry));
    }
}

impl FromIterator<DeniedRange> for DeniedRanges {
    fn from_iter<I: IntoIterator<Item = DeniedRange>>(entries: I) -> Self {
        let mut ranges = Self::default();
        ranges.extend(entries);
        ranges
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_kept_in_the_order_as_written() {
        let written = ["10.0.0.0/8", "internal", "fd00::/8", "fd00::/8", "10.0.0.1-10.0.0.9", "recipe", "fe80::1"];
        let entries = written.map(|text| DeniedRange::read(text, Origin::BuiltIn).unwrap());
        let ranges = DeniedRanges::from_iter(entries);
        assert_eq!(ranges.iter().collect::<Vec<_>>(), entries);
        assert_eq!((ranges.len(), ranges.targets().count()), (7, 5 + 10 + 9));
    }

    #[test]
    fn an_entry_is_small_enough_for_long_lists() {
        assert_eq!(size_of::<Kind>() + size_of::<(Interval<Ipv4Addr>, Origin)>(), 17);
        assert_eq!(size_of::<Kind>() + size_of::<(Interval<Ipv6Addr>, Origin)>(), 41);
    }
}
