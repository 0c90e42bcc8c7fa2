//! What is carried in IP packets.

use std::fmt;
use std::str::FromStr;

use crate::config::choice::{choose, word_of};
use crate::config::invalid::{Invalid, quote};

/// A protocol above IP, by its name or its number (IANA's "Protocol Numbers").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Protocol {
    /// 6.
    Tcp,
    /// 17.
    Udp,
    /// 136.
    UdpLite,
    /// 33.
    Dccp,
    /// 132.
    Sctp,
    /// 1, and 58 (ICMPv6) in IPv6.
    Icmp,
    /// 2.
    Igmp,
    /// 47.
    Gre,
    /// 50.
    Esp,
    /// 51.
    Ah,
    /// One without a name here; never the number of one that has a name.
    Other(u8),
}

/// The number of ICMPv6, which is written as `icmp`.
const ICMPV6: u8 = 58;

impl Protocol {
    /// The protocols that have ports.
    pub(super) const WITH_PORTS: [(&'static str, Self); 5] = [
        ("tcp", Self::Tcp),
        ("udp", Self::Udp),
        ("udplite", Self::UdpLite),
        ("dccp", Self::Dccp),
        ("sctp", Self::Sctp),
    ];

    const WORDS: [(&'static str, Self); 10] = {
        let [tcp, udp, udplite, dccp, sctp] = Self::WITH_PORTS;
        let (icmp, igmp, gre) = (("icmp", Self::Icmp), ("igmp", Self::Igmp), ("gre", Self::Gre));
        [tcp, udp, udplite, dccp, sctp, icmp, igmp, gre, ("esp", Self::Esp), ("ah", Self::Ah)]
    };

    /// Whether its packets carry a source and a destination port where TCP has them.
    pub fn has_ports(self) -> bool {
        Self::WITH_PORTS.iter().any(|(_, protocol)| *protocol == self)
    }

    /// Its number in the IP header.
    pub fn number(self, ipv6: bool) -> u8 {
        match self {
            Self::Tcp => 6,
            Self::Udp => 17,
            Self::UdpLite => 136,
            Self::Dccp => 33,
            Self::Sctp => 132,
            Self::Icmp if ipv6 => ICMPV6,
            Self::Icmp => 1,
            Self::Igmp => 2,
            Self::Gre => 47,
            Self::Esp => 50,
            Self::Ah => 51,
            Self::Other(number) => number,
        }
    }

    /// The protocol of that number: the one with a name where there is one.
    ///
    /// # Errors
    ///
    /// ICMPv6 by its own number, and what to write instead.
    pub fn from_number(number: u8) -> Result<Self, Invalid> {
        if number == ICMPV6 {
            return Err(icmpv6(number));
        }
        let named = Self::WORDS.iter().find(|(_, protocol)| protocol.number(false) == number);
        Ok(named.map_or(Self::Other(number), |(_, protocol)| *protocol))
    }
}

fn icmpv6(text: impl fmt::Display) -> Invalid {
    Invalid::new(
        format!("{} has no word of its own", quote(text)),
        "write \"icmp\", which is ICMPv6 where the addresses are IPv6",
    )
}

impl FromStr for Protocol {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
            let out_of_bounds =
                |_| Invalid::new(format!("{} is no number of a protocol", quote(text)), "write a number from 0 to 255");
            return text.parse().map_err(out_of_bounds).and_then(Self::from_number);
        }
        match text {
            "icmpv6" | "icmp6" | "ipv6-icmp" => Err(icmpv6(text)),
            "any" | "all" | "ip" => Err(Invalid::new(
                format!("{} is no single protocol", quote(text)),
                "remove the key: without it every protocol is granted",
            )),
            _ => choose(text, &Self::WORDS).map_err(|Invalid { problem, cure }| {
                Invalid::new(problem, format!("{cure}; any other protocol goes by its number"))
            }),
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Other(number) => f.pad(&number.to_string()),
            named => f.pad(word_of(*named, &Self::WORDS)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_but_icmpv6_is_read_back() {
        for number in (0..=255).filter(|number| *number != ICMPV6) {
            let protocol: Protocol = number.to_string().parse().unwrap();
            assert_eq!(protocol.number(false), number);
            assert_eq!(protocol.to_string().parse(), Ok(protocol));
        }
        assert_eq!(Protocol::Icmp.number(true), ICMPV6);
    }

    #[test]
    fn named_protocols_have_iana_numbers() {
        let numbers = Protocol::WORDS.map(|(_, protocol)| protocol.number(false));
        assert_eq!(numbers, [6, 17, 136, 33, 132, 1, 2, 47, 50, 51]);
    }
}
