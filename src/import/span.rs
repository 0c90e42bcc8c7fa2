//! Arithmetic of addresses of one family: lists of intervals, as they are sorted and merged.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::config::Target;
use crate::interval::Interval;

/// The family of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
pub enum Family {
    /// IPv4.
    #[serde(rename = "ipv4")]
    V4,
    /// IPv6.
    #[serde(rename = "ipv6")]
    V6,
}

impl Family {
    /// Both.
    pub const BOTH: [Self; 2] = [Self::V4, Self::V6];

    /// The family of an address.
    pub fn of(address: IpAddr) -> Self {
        if address.is_ipv4() { Self::V4 } else { Self::V6 }
    }

    /// The highest address of the family as a number.
    pub fn highest(self) -> u128 {
        match self {
            Self::V4 => u32::MAX.into(),
            Self::V6 => u128::MAX,
        }
    }

    /// Every address of the family.
    pub fn everything(self) -> Span {
        Span { first: 0, last: self.highest() }
    }

    /// The address of that number.
    pub fn address(self, number: u128) -> IpAddr {
        match self {
            Self::V4 => Ipv4Addr::from(u32::try_from(number).unwrap_or(u32::MAX)).into(),
            Self::V6 => Ipv6Addr::from(number).into(),
        }
    }
}

/// The addresses from `first` to `last`, as numbers, both included; `first` is never above `last`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// The lowest.
    pub first: u128,
    /// The highest.
    pub last: u128,
}

impl Span {
    /// The span that a target is, with its family.
    pub fn of(target: Target) -> (Family, Self) {
        match target {
            Target::V4(interval) => {
                let number = |address: Ipv4Addr| u128::from(u32::from(address));
                (Family::V4, Self { first: number(interval.first()), last: number(interval.last()) })
            }
            Target::V6(interval) => (Family::V6, Self { first: interval.first().into(), last: interval.last().into() }),
        }
    }

    /// What it is in a configuration.
    pub fn target(self, family: Family) -> Option<Target> {
        match (family.address(self.first), family.address(self.last)) {
            (IpAddr::V4(first), IpAddr::V4(last)) => Interval::new(first, last).map(Target::V4),
            (IpAddr::V6(first), IpAddr::V6(last)) => Interval::new(first, last).map(Target::V6),
            _ => None,
        }
    }

    /// Whether the number is in it.
    pub fn contains(self, number: u128) -> bool {
        self.first <= number && number <= self.last
    }
}

/// An address as a number.
pub fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u32::from(address).into(),
        IpAddr::V6(address) => address.into(),
    }
}

/// Sorted, with what overlaps or touches merged.
pub fn merge(mut spans: Vec<Span>) -> Vec<Span> {
    spans.sort_unstable();
    spans.dedup_by(|next, merged| {
        let touches = merged.last.checked_add(1).is_none_or(|after| next.first <= after);
        if touches {
            merged.last = merged.last.max(next.last);
        }
        touches
    });
    spans
}

/// What is in both lists.
pub fn intersect(one: &[Span], other: &[Span]) -> Vec<Span> {
    let pairs = one.iter().flat_map(|one| other.iter().map(move |other| (one, other)));
    let common = pairs.map(|(one, other)| (one.first.max(other.first), one.last.min(other.last)));
    merge(common.filter(|(first, last)| first <= last).map(|(first, last)| Span { first, last }).collect())
}

/// What is in `spans` and not in `taken`.
pub fn subtract(spans: &[Span], taken: &[Span]) -> Vec<Span> {
    let mut left = Vec::new();
    let taken = merge(taken.to_vec());
    for span in merge(spans.to_vec()) {
        let mut next = Some(span.first);
        for hole in taken.iter().filter(|hole| hole.last >= span.first && hole.first <= span.last) {
            let Some(first) = next else { break };
            if first < hole.first {
                left.push(Span { first, last: hole.first - 1 });
            }
            next = hole.last.checked_add(1).filter(|next| *next <= span.last);
        }
        left.extend(next.map(|first| Span { first, last: span.last }));
    }
    left
}

/// The parts that spans have in which each of them is whole or not at all.
pub fn parts(spans: &[Span]) -> Vec<Span> {
    let mut starts: Vec<u128> = spans.iter().map(|span| span.first).collect();
    starts.extend(spans.iter().filter_map(|span| span.last.checked_add(1)));
    starts.sort_unstable();
    starts.dedup();
    let ends = starts.iter().skip(1).map(|next| next - 1).chain([u128::MAX]);
    let all = starts.iter().zip(ends).map(|(first, last)| Span { first: *first, last });
    all.filter(|part| spans.iter().any(|span| span.first <= part.first && part.last <= span.last)).collect()
}

/// Whether every address of `inner` is in `outer`.
pub fn covers(outer: &[Span], inner: &[Span]) -> bool {
    subtract(inner, outer).is_empty()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn spans() -> impl Strategy<Value = Vec<Span>> {
        // At both ends, so that the first and the last address are common.
        let bound = prop_oneof![0u128..20, (u128::MAX - 20)..=u128::MAX];
        prop::collection::vec((bound.clone(), bound), 0..6)
            .prop_map(|pairs| pairs.into_iter().map(|(a, b)| Span { first: a.min(b), last: a.max(b) }).collect())
    }

    proptest! {
        #[test]
        fn what_is_subtracted_or_common_is_what_a_look_at_each_address_says(one in spans(), other in spans()) {
            let holds = |spans: &[Span], number| spans.iter().any(|span| span.contains(number));
            let (rest, common) = (subtract(&one, &other), intersect(&one, &other));
            for number in (0u128..22).chain((u128::MAX - 22)..=u128::MAX) {
                let (in_one, in_other) = (holds(&one, number), holds(&other, number));
                prop_assert_eq!(holds(&rest, number), in_one && !in_other);
                prop_assert_eq!(holds(&common, number), in_one && in_other);
            }
            prop_assert_eq!(covers(&other, &one), rest.is_empty());
        }
    }
}
