//! The addresses that are special all over the Internet, and the ways to write them in IPv6.
//!
//! IANA's registries tell of every special block whether it is globally reachable:
//! <https://www.iana.org/assignments/iana-ipv4-special-registry> and
//! <https://www.iana.org/assignments/iana-ipv6-special-registry> (RFC 6890, RFC 8190; as of 2025).
//! Within a block, a more specific entry holds.

use std::net::{Ipv4Addr, Ipv6Addr};

use ipnet::{Ipv4Net, Ipv6Net};

use super::target::Target;
use crate::interval::{Address, Interval, normalise};

/// The blocks of the registry that are not globally reachable, and multicast (RFC 5771), which has a
/// registry of its own.
const V4: [Ipv4Net; 15] = [
    v4([0, 0, 0, 0], 8),
    v4([10, 0, 0, 0], 8),
    v4([100, 64, 0, 0], 10),
    v4([127, 0, 0, 0], 8),
    v4([169, 254, 0, 0], 16),
    v4([172, 16, 0, 0], 12),
    v4([192, 0, 0, 0], 24),
    v4([192, 0, 2, 0], 24),
    v4([192, 88, 99, 2], 32),
    v4([192, 168, 0, 0], 16),
    v4([198, 18, 0, 0], 15),
    v4([198, 51, 100, 0], 24),
    v4([203, 0, 113, 0], 24),
    v4([224, 0, 0, 0], 4),
    v4([240, 0, 0, 0], 4),
];

/// The entries within these blocks that are globally reachable: the anycast addresses of PCP and TURN.
const REACHABLE_V4: [Ipv4Net; 2] = [v4([192, 0, 0, 9], 32), v4([192, 0, 0, 10], 32)];

/// The same for IPv6. `::/128` and `::1/128` are IPv4-compatible forms of 0.0.0.0/8 too.
const V6: [Ipv6Net; 13] = [
    v6([0, 0, 0, 0, 0, 0, 0, 0], 128),
    v6([0, 0, 0, 0, 0, 0, 0, 1], 128),
    v6([0, 0, 0, 0, 0, 0xffff, 0, 0], 96),
    v6([0x64, 0xff9b, 1, 0, 0, 0, 0, 0], 48),
    v6([0x100, 0, 0, 0, 0, 0, 0, 0], 64),
    v6([0x100, 0, 0, 1, 0, 0, 0, 0], 64),
    v6([0x2001, 0, 0, 0, 0, 0, 0, 0], 23),
    v6([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32),
    v6([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20),
    v6([0x5f00, 0, 0, 0, 0, 0, 0, 0], 16),
    v6([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7),
    v6([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10),
    v6([0xff00, 0, 0, 0, 0, 0, 0, 0], 8),
];

/// The entries within 2001::/23 that are globally reachable: the anycast addresses of PCP, TURN and
/// DNS-SD, then AMT, AS112, ORCHIDv2 and drones. Of Teredo, 2001::/32, the registry does not say.
const REACHABLE_V6: [Ipv6Net; 7] = [
    v6([0x2001, 1, 0, 0, 0, 0, 0, 1], 128),
    v6([0x2001, 1, 0, 0, 0, 0, 0, 2], 128),
    v6([0x2001, 1, 0, 0, 0, 0, 0, 3], 128),
    v6([0x2001, 3, 0, 0, 0, 0, 0, 0], 32),
    v6([0x2001, 4, 0x112, 0, 0, 0, 0, 0], 48),
    v6([0x2001, 0x20, 0, 0, 0, 0, 0, 0], 28),
    v6([0x2001, 0x30, 0, 0, 0, 0, 0, 0], 28),
];

const fn v4(address: [u8; 4], prefix_len: u8) -> Ipv4Net {
    let [a, b, c, d] = address;
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix_len)
}

const fn v6(address: [u16; 8], prefix_len: u8) -> Ipv6Net {
    let [a, b, c, d, e, f, g, h] = address;
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, d, e, f, g, h), prefix_len)
}

/// A prefix of IPv6 addresses that hold an IPv4 address, to which a gateway passes them on.
struct Embedding {
    prefix: Ipv6Addr,
    /// How many bits follow the IPv4 address.
    behind: u8,
}

/// IPv4-mapped addresses are denied whole, as the registry has them, and so is 64:ff9b:1::/48, in
/// which networks choose the place of the IPv4 address themselves (RFC 8215).
const EMBEDDINGS: [Embedding; 3] = [
    // IPv4-compatible, deprecated (RFC 4291, section 2.5.5.1).
    Embedding { prefix: Ipv6Addr::UNSPECIFIED, behind: 0 },
    // NAT64 (RFC 6052, section 2.1).
    Embedding { prefix: Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0, 0), behind: 0 },
    // 6to4 (RFC 3056, section 2).
    Embedding { prefix: Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), behind: 80 },
];

impl Embedding {
    /// The IPv6 addresses that hold one of these IPv4 addresses.
    fn of(&self, interval: Interval<Ipv4Addr>) -> Option<Interval<Ipv6Addr>> {
        let place = |address| u128::from(self.prefix) | (u128::from(u32::from(address)) << self.behind);
        let behind = (1_u128 << self.behind) - 1;
        Interval::new(place(interval.first()).into(), (place(interval.last()) | behind).into())
    }
}

/// Everything special: IPv4, IPv6, and IPv4 in IPv6.
pub(super) fn special() -> Vec<Target> {
    let v4 = without(V4.map(Interval::from).to_vec(), &REACHABLE_V4.map(Interval::from));
    let embedded = EMBEDDINGS.iter().flat_map(|embedding| v4.iter().filter_map(|interval| embedding.of(*interval)));
    let embedded: Vec<_> = embedded.collect();
    let v6 = without(V6.map(Interval::from).to_vec(), &REACHABLE_V6.map(Interval::from));
    let v6 = normalise(v6.into_iter().chain(embedded).collect());
    v4.into_iter().map(Target::V4).chain(v6.into_iter().map(Target::V6)).collect()
}

/// The intervals in normal form, with the holes cut out of them.
fn without<A: Address>(intervals: Vec<Interval<A>>, holes: &[Interval<A>]) -> Vec<Interval<A>> {
    let mut left = normalise(intervals);
    for hole in holes {
        left = left.into_iter().flat_map(|interval| cut(interval, *hole)).flatten().collect();
    }
    left
}

/// What is left of an interval below and above the hole.
fn cut<A: Address>(interval: Interval<A>, hole: Interval<A>) -> [Option<Interval<A>>; 2] {
    let below = hole.first().predecessor().map(|end| end.min(interval.last()));
    let above = hole.last().successor().map(|start| start.max(interval.first()));
    [
        below.and_then(|end| Interval::new(interval.first(), end)),
        above.and_then(|start| Interval::new(start, interval.last())),
    ]
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;

    fn denies(address: &str) -> bool {
        let denied = special();
        match address.parse().unwrap() {
            IpAddr::V4(address) => denied.iter().any(|target| matches!(target, Target::V4(i) if i.contains(address))),
            IpAddr::V6(address) => denied.iter().any(|target| matches!(target, Target::V6(i) if i.contains(address))),
        }
    }

    #[test]
    fn what_is_not_globally_reachable_is_denied() {
        let special = [
            "0.0.0.0",
            "10.0.0.0",
            "10.255.255.255",
            "100.64.0.1",
            "127.0.0.1",
            "169.254.169.254",
            "172.31.255.255",
            "192.0.0.1",
            "192.0.0.8",
            "192.0.0.11",
            "192.0.0.170",
            "192.0.2.1",
            "192.88.99.2",
            "192.168.0.1",
            "198.19.0.1",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "239.255.255.250",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "64:ff9b:1::1",
            "100::1",
            "100:0:0:1::1",
            "2001::1",
            "2001:1::",
            "2001:2::1",
            "2001:1ff::1",
            "2001:db8::1",
            "3fff:fff::1",
            "5f00::1",
            "fc00::1",
            "fd00:ec2::254",
            "fe80::1",
            "ff02::1",
        ];
        for address in special {
            assert!(denies(address), "{address}");
        }
    }

    #[test]
    fn what_is_globally_reachable_is_not() {
        let global = [
            "1.1.1.1",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "172.32.0.0",
            "192.0.0.9",
            "192.0.0.10",
            "192.0.1.0",
            "192.31.196.1",
            "192.52.193.1",
            "192.88.99.1",
            "192.175.48.1",
            "198.20.0.0",
            "223.255.255.255",
            "2001:1::1",
            "2001:1::2",
            "2001:1::3",
            "2001:3::1",
            "2001:4:112::1",
            "2001:20::1",
            "2001:3f:ffff::1",
            "2001:200::1",
            "2001:4860:4860::8888",
            "2620:4f:8000::1",
            "2a00::1",
            "3ffe::1",
        ];
        for address in global {
            assert!(!denies(address), "{address}");
        }
    }

    #[test]
    fn an_ipv4_address_is_judged_alike_in_every_notation() {
        for (address, is_denied) in
            [("10.1.2.3", true), ("192.168.255.255", true), ("192.0.0.9", false), ("8.8.8.8", false)]
        {
            let [a, b, c, d] = address.parse::<Ipv4Addr>().unwrap().octets();
            assert_eq!(denies(&format!("64:ff9b::{address}")), is_denied, "NAT64 of {address}");
            assert_eq!(denies(&format!("::{address}")), is_denied, "IPv4-compatible {address}");
            for host in ["::1", ":ffff:ffff:ffff:ffff:ffff"] {
                let sixtofour = format!("2002:{a:02x}{b:02x}:{c:02x}{d:02x}{host}");
                assert_eq!(denies(&sixtofour), is_denied, "6to4 of {address}: {sixtofour}");
            }
            assert!(denies(&format!("::ffff:{address}")), "IPv4-mapped {address}");
            assert!(denies(&format!("64:ff9b:1:{a:x}{b:02x}:{c:x}{d:02x}::")), "local NAT64 of {address}");
        }
    }

    #[test]
    fn embedded_networks_are_networks() {
        let written: Vec<String> = special().iter().map(Target::to_string).collect();
        for network in ["64:ff9b::a00:0/104", "2002:a00::/24", "::a00:0/104", "64:ff9b::c0a8:0/112", "2002:c0a8::/32"] {
            assert!(written.iter().any(|target| target == network), "{network} in {written:?}");
        }
    }

    #[test]
    fn the_list_is_in_normal_form() {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for target in special() {
            match target {
                Target::V4(interval) => v4.push(interval),
                Target::V6(interval) => v6.push(interval),
            }
        }
        assert_eq!((normalise(v4.clone()), normalise(v6.clone())), (v4, v6));
    }
}
