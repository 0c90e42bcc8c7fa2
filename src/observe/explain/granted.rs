//! Which grants are for a packet, and which one comes nearest.

use std::cmp::Reverse;
use std::net::IpAddr;

use jiff::Timestamp;

use crate::policy::{Grant, Networks, Opening, Policy, Service};
use crate::ruleset::Hook;
use crate::ruleset::explain::{Flow, Packet};

/// What keeps a grant from being for a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Miss {
    /// It is for other containers.
    Source,
    /// It is for other addresses.
    Destination,
    /// It is for another port.
    Port,
    /// It is for another protocol.
    Protocol,
    /// It is for what is beyond the host, and the packet is for the host; or the other way round.
    Side,
    /// It has run out.
    Past,
}

impl Miss {
    /// What is different, in words.
    pub fn words(self) -> &'static str {
        match self {
            Self::Source => "for another source",
            Self::Destination => "to another address",
            Self::Port => "another port",
            Self::Protocol => "another protocol",
            Self::Side => "on the other side of the host",
            Self::Past => "has run out",
        }
    }
}

/// A grant that is for a packet, or nearly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Near {
    /// Its name.
    pub name: String,
    /// What keeps it from being for the packet; nothing where it is.
    pub misses: Vec<Miss>,
}

/// The grants and open resolvers that are for `packet`, in the order in which they are written.
pub fn matching(packet: &Packet, policy: &Policy, now: Timestamp) -> Vec<String> {
    let near = policy.exceptions().map(|grant| nearness(packet, &grant, now));
    near.filter(|(near, _)| near.misses.is_empty()).map(|(near, _)| near.name).collect()
}

/// The grant that comes nearest to `packet` without being for it; none where all of them are for something
/// else altogether.
pub fn nearest_grant(packet: &Packet, policy: &Policy, now: Timestamp) -> Option<Near> {
    const MOST_MISSES: usize = 2;
    // An address that has less in common is of another network altogether.
    const FEWEST_BITS: u32 = 8;
    let is_near = |(near, bits): &(Near, u32)| {
        let elsewhere = near.misses.contains(&Miss::Destination) && *bits < FEWEST_BITS;
        (1..=MOST_MISSES).contains(&near.misses.len()) && !elsewhere
    };
    let near = policy.grants.iter().map(|grant| nearness(packet, grant, now)).filter(is_near);
    near.min_by_key(|(near, bits)| (near.misses.len(), Reverse(*bits))).map(|(near, _)| near)
}

/// How near a grant is, with the number of bits that its nearest address shares with the packet's.
fn nearness(packet: &Packet, grant: &Grant, now: Timestamp) -> (Near, u32) {
    let from = grant.from.as_ref().is_none_or(|from| from.contains(packet.source));
    let past = grant.until.is_some_and(|until| until <= now);
    let general = [(!from, Miss::Source), (past, Miss::Past)];
    let general: Vec<Miss> = general.into_iter().filter(|(is, _)| *is).map(|(_, miss)| miss).collect();
    let each = grant
        .openings
        .iter()
        .flat_map(|opening| targets(packet).map(move |target| of_opening(packet, opening, target)));
    let (misses, bits) =
        each.min_by_key(|(misses, bits)| (misses.len(), Reverse(*bits))).unwrap_or((vec![Miss::Destination], 0));
    (Near { name: grant.name.clone(), misses: [general, misses].concat() }, bits)
}

/// A destination that grants are compared with.
#[derive(Clone, Copy)]
struct Asked {
    host: bool,
    address: IpAddr,
    port: Option<u16>,
}

/// What the packet goes to; for a translated one also what it was addressed to, on the host.
fn targets(packet: &Packet) -> impl Iterator<Item = Asked> + use<> {
    let as_it_is = Asked { host: packet.hook == Hook::INPUT, address: packet.destination, port: packet.port() };
    let original = match packet.flow {
        Flow::Tracked(flow) if flow.translated => {
            Some(Asked { host: true, address: flow.destination, port: Some(flow.port) })
        }
        _ => None,
    };
    std::iter::once(as_it_is).chain(original)
}

fn of_opening(packet: &Packet, opening: &Opening, asked: Asked) -> (Vec<Miss>, u32) {
    let mut misses = Vec::new();
    if !opening.to.contains(asked.address) {
        misses.push(Miss::Destination);
    }
    if opening.host != asked.host {
        misses.push(Miss::Side);
    }
    let ipv6 = asked.address.is_ipv6();
    let same_protocol = |service: &&Service| service.protocol(ipv6) == packet.protocol;
    let same_port = |service: &Service| match service {
        Service::Ports(ports) => asked.port.is_some_and(|port| (ports.first..=ports.last).contains(&port)),
        Service::Protocol(_) => true,
    };
    let of_protocol: Vec<&Service> = opening.services.iter().filter(same_protocol).collect();
    if !opening.services.is_empty() && of_protocol.is_empty() {
        misses.push(Miss::Protocol);
    } else if !opening.services.is_empty() && !of_protocol.into_iter().any(same_port) {
        misses.push(Miss::Port);
    }
    (misses, shared_bits(&opening.to, asked.address))
}

/// How many leading bits the address shares with the nearest of `networks`.
fn shared_bits(networks: &Networks, address: IpAddr) -> u32 {
    let bits = match address {
        _ if networks.contains(address) => Some(u128::BITS),
        IpAddr::V4(address) => {
            let ends = networks.ipv4.iter().flat_map(|interval| [interval.first(), interval.last()]);
            ends.map(|end| (u32::from(end) ^ u32::from(address)).leading_zeros()).max()
        }
        IpAddr::V6(address) => {
            let ends = networks.ipv6.iter().flat_map(|interval| [interval.first(), interval.last()]);
            ends.map(|end| (u128::from(end) ^ u128::from(address)).leading_zeros()).max()
        }
    };
    bits.unwrap_or_default()
}
