//! Inclusive intervals of addresses, and the arithmetic that nf_tables' interval sets ask for.
//!
//! The kernel refuses overlapping elements (EEXIST), so whatever people wrote is brought into one
//! normal form first: sorted, disjoint, with neighbours merged.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use ipnet::{Ipv4Net, Ipv4Subnets, Ipv6Net, Ipv6Subnets};

/// An address of one family: what an interval is made of.
pub trait Address: Copy + Ord + fmt::Display + fmt::Debug {
    /// The lowest address of the family, all bits zero.
    const MIN: Self;
    /// The highest address of the family, all bits one.
    const MAX: Self;
    /// The address in network byte order: 4 or 16 bytes.
    type Octets: AsRef<[u8]>;

    /// The next higher address, none after [`Address::MAX`].
    fn successor(self) -> Option<Self>;
    /// The next lower address, none before [`Address::MIN`].
    fn predecessor(self) -> Option<Self>;
    /// The bytes as they stand in a packet.
    fn octets(self) -> Self::Octets;
    /// The address whose packet bytes are given; none when the length is another family's.
    fn from_octets(octets: &[u8]) -> Option<Self>;
    /// The single network that is exactly `first..=last`, where there is one.
    fn network(first: Self, last: Self) -> Option<Network<Self>>;
}

/// A network in CIDR notation, printed without its prefix length when it is a single address, as
/// `nft` does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network<A> {
    /// The lowest address.
    pub address: A,
    /// The number of leading bits that all its addresses share.
    pub prefix_len: u8,
    /// The bits of the family: 32 or 128.
    pub bits: u8,
}

impl<A: Address> fmt::Display for Network<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.prefix_len == self.bits {
            write!(f, "{}", self.address)
        } else {
            write!(f, "{}/{}", self.address, self.prefix_len)
        }
    }
}

impl Address for Ipv4Addr {
    const MIN: Self = Self::UNSPECIFIED;
    const MAX: Self = Self::BROADCAST;
    type Octets = [u8; 4];

    fn successor(self) -> Option<Self> {
        u32::from(self).checked_add(1).map(Self::from)
    }

    fn predecessor(self) -> Option<Self> {
        u32::from(self).checked_sub(1).map(Self::from)
    }

    fn octets(self) -> [u8; 4] {
        Ipv4Addr::octets(&self)
    }

    fn from_octets(octets: &[u8]) -> Option<Self> {
        <[u8; 4]>::try_from(octets).ok().map(Self::from)
    }

    fn network(first: Self, last: Self) -> Option<Network<Self>> {
        let mut subnets = Ipv4Subnets::new(first, last, 0);
        match (subnets.next(), subnets.next()) {
            (Some(net), None) => Some(Network { address: first, prefix_len: net.prefix_len(), bits: 32 }),
            _ => None,
        }
    }
}

impl Address for Ipv6Addr {
    const MIN: Self = Self::UNSPECIFIED;
    const MAX: Self = Self::new(0xffff, 0xffff, 0xffff, 0xffff, 0xffff, 0xffff, 0xffff, 0xffff);
    type Octets = [u8; 16];

    fn successor(self) -> Option<Self> {
        u128::from(self).checked_add(1).map(Self::from)
    }

    fn predecessor(self) -> Option<Self> {
        u128::from(self).checked_sub(1).map(Self::from)
    }

    fn octets(self) -> [u8; 16] {
        Ipv6Addr::octets(&self)
    }

    fn from_octets(octets: &[u8]) -> Option<Self> {
        <[u8; 16]>::try_from(octets).ok().map(Self::from)
    }

    fn network(first: Self, last: Self) -> Option<Network<Self>> {
        let mut subnets = Ipv6Subnets::new(first, last, 0);
        match (subnets.next(), subnets.next()) {
            (Some(net), None) => Some(Network { address: first, prefix_len: net.prefix_len(), bits: 128 }),
            _ => None,
        }
    }
}

/// The addresses from `first` to `last`, both included; `first` is never above `last`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(into = "String", try_from = "String")]
#[serde(bound(serialize = "A: Address", deserialize = "A: Address + std::str::FromStr"))]
pub struct Interval<A> {
    first: A,
    last: A,
}

impl<A: Address> Interval<A> {
    /// The interval from `first` to `last`; none when they are reversed.
    pub fn new(first: A, last: A) -> Option<Self> {
        (first <= last).then_some(Self { first, last })
    }

    /// The lowest address.
    pub fn first(&self) -> A {
        self.first
    }

    /// The highest address, included.
    pub fn last(&self) -> A {
        self.last
    }

    /// Whether `address` lies in the interval.
    pub fn contains(&self, address: A) -> bool {
        self.first <= address && address <= self.last
    }
}

impl<A> From<A> for Interval<A>
where
    A: Address,
{
    fn from(address: A) -> Self {
        Self { first: address, last: address }
    }
}

impl From<Ipv4Net> for Interval<Ipv4Addr> {
    fn from(net: Ipv4Net) -> Self {
        Self { first: net.network(), last: net.broadcast() }
    }
}

impl From<Ipv6Net> for Interval<Ipv6Addr> {
    fn from(net: Ipv6Net) -> Self {
        Self { first: net.network(), last: net.broadcast() }
    }
}

impl<A: Address> From<Interval<A>> for String {
    fn from(interval: Interval<A>) -> Self {
        interval.to_string()
    }
}

/// Reads what [`Interval`]'s `Display` writes: an address, a network or `first-last`.
impl<A: Address + std::str::FromStr> TryFrom<String> for Interval<A> {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let address = |part: &str| part.parse::<A>().map_err(|_| format!("`{part}` is not an address of this family"));
        if let Some((first, last)) = text.split_once('-') {
            return Self::new(address(first)?, address(last)?).ok_or_else(|| format!("`{text}` is reversed"));
        }
        let Some((first, prefix_len)) = text.split_once('/') else {
            return address(&text).map(Self::from);
        };
        let first = address(first)?;
        let prefix_len: usize = prefix_len.parse().map_err(|_| format!("`{text}` has no prefix length"))?;
        let mut last = Vec::from(first.octets().as_ref());
        for (index, octet) in last.iter_mut().enumerate() {
            let kept = prefix_len.saturating_sub(index * 8).min(8);
            *octet |= 0xff_u8.checked_shr(kept as u32).unwrap_or(0);
        }
        A::from_octets(&last)
            .and_then(|last| Self::new(first, last))
            .ok_or_else(|| format!("`{text}` is not a network"))
    }
}

/// As `nft` prints it: an address, a network, or `first-last` for what is no network.
impl<A: Address> fmt::Display for Interval<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match A::network(self.first, self.last) {
            Some(network) => write!(f, "{network}"),
            None => write!(f, "{}-{}", self.first, self.last),
        }
    }
}

impl<A: Address> fmt::Debug for Interval<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Sorts and merges overlapping, nested, duplicate and adjacent intervals: the form every set has
/// before it reaches the kernel. The same addresses are covered before and after.
pub fn normalise<A: Address>(mut intervals: Vec<Interval<A>>) -> Vec<Interval<A>> {
    intervals.sort_unstable();
    intervals.dedup_by(|next, merged| {
        let touches = merged.last.successor().is_none_or(|after| next.first <= after);
        if touches {
            merged.last = merged.last.max(next.last);
        }
        touches
    });
    intervals
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn v4(text: &str) -> Interval<Ipv4Addr> {
        Interval::try_from(text.to_owned()).unwrap()
    }

    #[test]
    fn j1_overlapping_nested_duplicate_and_adjacent_networks_merge() {
        let written = ["10.0.0.0/8", "10.1.0.0/16", "10.0.0.0-10.0.0.255", "10.1.2.3", "10.1.2.3", "11.0.0.0/8"];
        let merged = normalise(written.map(v4).to_vec());
        assert_eq!(merged, [v4("10.0.0.0-11.255.255.255")]);
        assert_eq!(merged[0].to_string(), "10.0.0.0/7");
    }

    #[test]
    fn the_last_address_has_no_neighbour() {
        let merged = normalise(vec![v4("255.255.255.255"), v4("255.255.255.0/24"), v4("0.0.0.0")]);
        assert_eq!(merged, [v4("0.0.0.0"), v4("255.255.255.0/24")]);
        assert_eq!(normalise(vec![v4("0.0.0.0/0"), v4("1.2.3.4")]), [v4("0.0.0.0/0")]);
    }

    fn small_intervals() -> impl Strategy<Value = Vec<Interval<Ipv4Addr>>> {
        // A small space at the top end, so that overlaps, neighbours and the last address are common.
        let bound = (u32::MAX - 64)..=u32::MAX;
        prop::collection::vec((bound.clone(), bound), 0..12).prop_map(|pairs| {
            pairs.into_iter().map(|(a, b)| Interval { first: a.min(b).into(), last: a.max(b).into() }).collect()
        })
    }

    proptest! {
        #[test]
        fn normalise_covers_the_same_addresses_in_disjoint_intervals(written in small_intervals()) {
            let merged = normalise(written.clone());
            for address in ((u32::MAX - 64)..=u32::MAX).map(Ipv4Addr::from) {
                prop_assert_eq!(
                    written.iter().any(|i| i.contains(address)),
                    merged.iter().any(|i| i.contains(address))
                );
            }
            for pair in merged.windows(2) {
                prop_assert!(pair[0].last.successor().unwrap() < pair[1].first);
            }
        }

        #[test]
        fn display_reads_back(a in any::<u128>(), b in any::<u128>(), prefix in 0u8..=128) {
            let range = Interval { first: Ipv6Addr::from(a.min(b)), last: Ipv6Addr::from(a.max(b)) };
            prop_assert_eq!(Interval::try_from(range.to_string()).unwrap(), range);
            let net = Interval::from(Ipv6Net::new(Ipv6Addr::from(a), prefix).unwrap().trunc());
            prop_assert_eq!(Interval::try_from(net.to_string()).unwrap(), net);
        }
    }
}
