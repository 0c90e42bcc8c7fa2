//! A packet, as far as rules look at one.

use std::net::IpAddr;

use super::Flow;
use crate::ruleset::{Family, Hook};

/// A packet at a hook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packet {
    /// Where it is: forwarded, or for the host itself.
    pub hook: Hook,
    /// The interface that it came in by.
    pub incoming: Interface,
    /// The interface that it leaves by; none where it does not leave.
    pub outgoing: Option<Interface>,
    /// Where it says it is from.
    pub source: IpAddr,
    /// Where it goes, after any address translation; of the same family.
    pub destination: IpAddr,
    /// The time to live, or the hop limit.
    pub hop_limit: u8,
    /// Whom its frame is for.
    pub addressee: Addressee,
    /// The transport protocol's number.
    pub protocol: u8,
    /// The transport header, as far as it is known: a rule that looks beyond it does not match.
    pub transport: Vec<u8>,
    /// The flow that it belongs to.
    pub flow: Flow,
    /// Whether the route to its source leads over the interface that it came in by.
    pub way_back: bool,
}

/// A network interface.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Interface {
    /// Its name, at most 15 bytes.
    pub name: String,
    /// The driver of a virtual one, such as `bridge`; a physical one has none.
    pub kind: Option<String>,
}

/// Whom a frame is for (`meta pkttype`, `include/uapi/linux/if_packet.h`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Addressee {
    /// The host.
    Host = 0,
    /// Everybody on the link.
    Everybody = 1,
    /// A multicast group.
    Group = 2,
}

impl Addressee {
    /// Whom a frame is for that carries a packet to `destination`, other than the broadcast address of
    /// a network.
    pub fn of(destination: IpAddr) -> Self {
        match destination {
            IpAddr::V4(address) if address.is_broadcast() => Self::Everybody,
            _ if destination.is_multicast() => Self::Group,
            _ => Self::Host,
        }
    }
}

impl Packet {
    /// The destination's port of a transport header that has one.
    pub fn port(&self) -> Option<u16> {
        self.transport.get(2..4).and_then(|bytes| bytes.try_into().ok()).map(u16::from_be_bytes)
    }

    /// A transport header's first bytes: the ports, where there are any.
    pub fn ports(source: u16, destination: u16) -> Vec<u8> {
        [source.to_be_bytes(), destination.to_be_bytes()].concat()
    }

    pub(super) fn family(&self) -> Family {
        match self.destination {
            IpAddr::V4(_) => Family::Ipv4,
            IpAddr::V6(_) => Family::Ipv6,
        }
    }

    /// The network header's bytes (RFC 791, RFC 8200), without what no rule of ours looks at.
    pub(super) fn network_header(&self) -> Vec<u8> {
        match (self.source, self.destination) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => {
                let start = [0x45, 0, 0, 0, 0, 0, 0, 0, self.hop_limit, self.protocol, 0, 0];
                [start.as_slice(), &source.octets(), &destination.octets()].concat()
            }
            (IpAddr::V6(source), IpAddr::V6(destination)) => {
                let start = [0x60, 0, 0, 0, 0, 0, self.protocol, self.hop_limit];
                [start.as_slice(), &source.octets(), &destination.octets()].concat()
            }
            _ => Vec::new(),
        }
    }
}
