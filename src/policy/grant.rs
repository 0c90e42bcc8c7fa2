//! Exceptions with every word resolved to addresses, protocols and ports.

use std::net::IpAddr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Networks, text};
use crate::config::{Ports, Protocol};
use crate::host::Flow;

/// An exception: these packets return to Docker's own rules.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    /// Unique.
    pub name: String,
    /// Where from; none for any container. An empty list is no container at all.
    pub from: Option<Networks>,
    /// What is open.
    pub openings: Vec<Opening>,
    /// When it runs out; none for never.
    pub until: Option<Timestamp>,
}

/// Destinations, and what is open at each of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Opening {
    /// The destination addresses.
    pub to: Networks,
    /// Whether they are the host's own. What is the host's and what is beyond it are closed apart
    /// from each other, so a network that takes in an address of the host does not open the host.
    pub host: bool,
    /// What is open there; empty for everything.
    pub services: Vec<Service>,
}

/// What is open at a destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Service {
    /// Destination ports.
    Ports(#[serde(with = "text")] Ports),
    /// Everything of a protocol.
    Protocol(#[serde(with = "text")] Protocol),
}

impl Grant {
    /// Whether it lets anything pass at `now`.
    pub fn is_open(&self, now: Timestamp) -> bool {
        let some_source = self.from.as_ref().is_none_or(|from| !from.is_empty());
        some_source && !self.openings.is_empty() && self.until.is_none_or(|until| now < until)
    }

    /// Whether it opens that flow; `host` where its destination is the host's own.
    pub fn opens(&self, flow: &Flow, host: bool) -> bool {
        let from = self.from.as_ref().is_none_or(|from| from.contains(flow.source));
        let opens = |opening: &Opening| {
            let service = opening.services.iter().any(|service| service.covers(flow));
            opening.host == host && opening.to.contains(flow.destination) && (opening.services.is_empty() || service)
        };
        from && self.openings.iter().any(opens)
    }

    /// Whether it opens that port of the host, at this address of it, to that client.
    pub fn opens_host(&self, client: IpAddr, server: IpAddr, protocol: Protocol, port: u16) -> bool {
        self.opens(&to_port(client, server, protocol, port), true)
    }

    /// The same of what is beyond the host.
    pub fn opens_beyond(&self, client: IpAddr, server: IpAddr, protocol: Protocol, port: u16) -> bool {
        self.opens(&to_port(client, server, protocol, port), false)
    }
}

impl Service {
    /// The protocol's number in IPv4 or in IPv6.
    pub fn protocol(&self, ipv6: bool) -> u8 {
        match self {
            Self::Ports(ports) => ports.protocol.number(ipv6),
            Self::Protocol(protocol) => protocol.number(ipv6),
        }
    }

    fn covers(&self, flow: &Flow) -> bool {
        let is_of = self.protocol(flow.destination.is_ipv6()) == flow.protocol;
        is_of
            && match self {
                Self::Ports(ports) => flow.port.is_some_and(|port| (ports.first..=ports.last).contains(&port)),
                Self::Protocol(_) => true,
            }
    }
}

/// The flow of a client to a port.
fn to_port(source: IpAddr, destination: IpAddr, protocol: Protocol, port: u16) -> Flow {
    Flow { source, destination, protocol: protocol.number(destination.is_ipv6()), port: Some(port) }
}
