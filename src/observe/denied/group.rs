//! Denied flows put together by what they have in common.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashSet};
use std::net::IpAddr;

use jiff::Timestamp;
use serde::Serialize;

use super::{Denied, Names, earliest, protocol_name, sum};

/// By what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum By {
    /// Who asked: a container, or an address that is none's.
    Container,
    /// What was asked: an address, or the host.
    Destination,
    /// The port and its protocol.
    Port,
}

/// Flows that have it in common.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Group {
    /// The container's name, the address, `host`, or the port as in `5432/tcp`.
    pub name: String,
    /// How many flows.
    pub flows: usize,
    /// From how many addresses.
    pub sources: usize,
    /// To how many addresses.
    pub destinations: usize,
    /// To how many ports and protocols.
    pub ports: usize,
    /// Their packets; none where the kernel does not count by flow.
    pub packets: Option<u64>,
    /// Their bytes.
    pub bytes: Option<u64>,
    /// The first packet, where that is known.
    pub first_seen: Option<Timestamp>,
    /// The last packet.
    pub last_seen: Option<Timestamp>,
}

#[derive(Default)]
struct Gathering {
    flows: usize,
    sources: HashSet<IpAddr>,
    destinations: HashSet<IpAddr>,
    ports: HashSet<(u8, Option<u16>)>,
    packets: Option<u64>,
    bytes: Option<u64>,
    first: Option<Timestamp>,
    last: Option<Timestamp>,
}

/// The groups, those with most packets first.
pub fn group(flows: &[Denied], by: By, names: &Names) -> Vec<Group> {
    let mut gathered: BTreeMap<String, Gathering> = BTreeMap::new();
    for denied in flows {
        let group = gathered.entry(name(denied, by, names)).or_default();
        group.flows += 1;
        group.sources.insert(denied.flow.source);
        group.destinations.insert(denied.flow.destination);
        group.ports.insert((denied.flow.protocol, denied.flow.port));
        group.packets = sum(group.packets, denied.packets);
        group.bytes = sum(group.bytes, denied.bytes);
        group.first = earliest(group.first, denied.first);
        group.last = group.last.max(denied.last);
    }
    let mut groups: Vec<Group> = gathered.into_iter().map(|(name, group)| group.finish(name)).collect();
    groups.sort_by_key(|group| Reverse((group.packets, group.flows)));
    groups
}

impl Gathering {
    fn finish(self, name: String) -> Group {
        Group {
            name,
            flows: self.flows,
            sources: self.sources.len(),
            destinations: self.destinations.len(),
            ports: self.ports.len(),
            packets: self.packets,
            bytes: self.bytes,
            first_seen: self.first,
            last_seen: self.last,
        }
    }
}

fn name(denied: &Denied, by: By, names: &Names) -> String {
    match by {
        By::Container => {
            let source = denied.flow.source;
            names.place(source).container.map_or_else(|| source.to_string(), str::to_owned)
        }
        By::Destination => {
            let destination = denied.flow.destination;
            if names.place(destination).host { "host".to_owned() } else { destination.to_string() }
        }
        By::Port => {
            let protocol = protocol_name(denied.flow.protocol);
            denied.flow.port.map_or_else(|| protocol.clone(), |port| format!("{port}/{protocol}"))
        }
    }
}
