//! From flows that were seen to the grants that would keep them.

mod denied;
mod risk;

use std::collections::BTreeMap;
use std::net::IpAddr;

use jiff::Timestamp;

use crate::config::{Destination, Grant, Origin, Ports, Protocol, Source, suggest_grant_name};
use crate::host::{Container, Flow, Host};
use crate::policy::Policy;

pub use denied::Wish;

/// More separate ports than this at one destination are a scan, or a protocol that takes any port:
/// nothing to be granted port by port.
const MOST_PORTS: usize = 16;
/// From so many neighbours on, ports are taken for a range.
const SHORTEST_RANGE: u16 = 3;

/// A grant, and what speaks for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suggestion {
    /// The grant, with a name that no other suggestion has.
    pub grant: Grant,
    /// How many flows it would keep.
    pub flows: usize,
    /// Whose they are: `container web (backend)`, `172.17.0.2 on docker0`.
    pub whose: String,
    /// What was seen of them; nothing of flows that are only open.
    pub evidence: Evidence,
    /// Why it should not be granted without a thought.
    pub risk: Option<String>,
    /// What else is to be known of it.
    pub remark: Option<String>,
}

/// What was seen of denied flows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Evidence {
    /// How many flows.
    pub flows: usize,
    /// Packets, or lines of a log; none where they are not counted by flow.
    pub packets: Option<u64>,
    /// Their bytes.
    pub bytes: Option<u64>,
    /// The first, where that is known.
    pub first: Option<Timestamp>,
    /// The last.
    pub last: Option<Timestamp>,
    /// Where they came from; sorted, each once. Most often it is one, of each of the tens of thousands of flows that a
    /// scan leaves.
    pub sources: Vec<IpAddr>,
}

/// The suggestions for what `policy` would deny, those for most flows first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Suggestions {
    /// The grants.
    pub grants: Vec<Suggestion>,
    /// Who opened flows to so many ports of one destination that none is suggested, in words.
    pub left_out: Vec<String>,
    /// How many flows are granted already.
    pub granted: usize,
}

impl Suggestions {
    /// Those for `flows` of the containers of `host`. What another container, a resolver that is open
    /// or everybody on the link was asked needs no grant.
    pub fn of(flows: &[Flow], policy: &Policy, host: &Host) -> Self {
        let mut wanted: BTreeMap<(Peer, Goal), Wanted> = BTreeMap::new();
        for flow in flows.iter().filter(|flow| is_denied(flow, policy, host)) {
            let (Some(peer), Some(protocol)) = (Peer::of(flow.source, policy, host), protocol(flow)) else {
                continue;
            };
            let wanted = wanted.entry((peer, Goal::of(flow, protocol, host))).or_default();
            match flow.port.filter(|port| *port != 0 && protocol.has_ports()) {
                Some(port) => *wanted.ports.entry((protocol, port)).or_default() += 1,
                None => *wanted.protocols.entry(protocol).or_default() += 1,
            }
        }
        let mut all = Self::default();
        for ((peer, goal), wanted) in wanted {
            all.add(&peer, goal, &wanted);
        }
        all.grants.sort_by_key(|suggestion| std::cmp::Reverse(suggestion.flows));
        all
    }

    fn add(&mut self, peer: &Peer, goal: Goal, wanted: &Wanted) {
        let ports = ranges(wanted.ports.keys().copied());
        if ports.len() > MOST_PORTS {
            let count = wanted.ports.len();
            self.left_out.push(format!("{} to {count} ports of {}", peer.whose, goal.destination()));
        } else if !ports.is_empty() {
            self.push(peer, goal, ports, None, wanted.ports.values().sum());
        }
        for (protocol, flows) in &wanted.protocols {
            self.push(peer, goal, Vec::new(), Some(*protocol), *flows);
        }
    }

    fn push(&mut self, peer: &Peer, goal: Goal, ports: Vec<Ports>, protocol: Option<Protocol>, flows: usize) {
        let to = goal.destination();
        let words: Vec<String> = [peer.name.clone(), to.to_string()]
            .into_iter()
            .chain(protocol.map(|protocol| protocol.to_string()))
            .collect();
        let name = suggest_grant_name(&words, |name| self.grants.iter().any(|other| other.grant.name == name));
        let (from, until, required, comment) = (Some(peer.source.clone()), None, false, None);
        let grant = Grant { name, to, ports, protocol, from, until, required, comment, origin: Origin::BuiltIn };
        let (whose, evidence, risk, remark) = (peer.whose.clone(), Evidence::default(), None, None);
        self.grants.push(Suggestion { grant, flows, whose, evidence, risk, remark });
    }
}

/// What was asked of one destination, each in so many flows.
#[derive(Debug, Default)]
struct Wanted {
    ports: BTreeMap<(Protocol, u16), usize>,
    protocols: BTreeMap<Protocol, usize>,
}

fn is_denied(flow: &Flow, policy: &Policy, host: &Host) -> bool {
    let Flow { destination, protocol, port, .. } = *flow;
    let everybody = destination.is_multicast() || destination == IpAddr::from([255; 4]);
    let asks_resolver = port == Some(53)
        && [Protocol::Tcp, Protocol::Udp].iter().any(|asked| asked.number(false) == protocol)
        && policy.resolvers.iter().any(|resolver| resolver.address == destination);
    let denied = match is_own(destination, host) {
        true => policy.host,
        false => policy.denied.contains(destination) && container_link(destination, policy, host).is_none(),
    };
    denied && !everybody && !asks_resolver
}

fn is_own(address: IpAddr, host: &Host) -> bool {
    host.facts.own_addresses().any(|own| own == address)
}

/// The policed link in whose network the address is.
fn container_link<'h>(address: IpAddr, policy: &Policy, host: &'h Host) -> Option<&'h str> {
    let links = host.facts.links.iter().filter(|link| policy.polices(&link.name));
    let holds =
        |name: &str| host.facts.on_link_networks(|other| other != name).any(|network| network.contains(&address));
    links.map(|link| link.name.as_str()).find(|name| holds(name))
}

fn protocol(flow: &Flow) -> Option<Protocol> {
    if flow.protocol == Protocol::Icmp.number(true) {
        return Some(Protocol::Icmp);
    }
    Protocol::from_number(flow.protocol).ok()
}

/// Who opened a flow.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Peer {
    /// In a grant's name.
    name: String,
    /// For people.
    whose: String,
    source: Source,
}

impl Peer {
    /// None where it is no container's.
    fn of(address: IpAddr, policy: &Policy, host: &Host) -> Option<Self> {
        if is_own(address, host) {
            return None;
        }
        let link = container_link(address, policy, host)?;
        let containers = host.docker.known().map(|docker| docker.containers.as_slice()).unwrap_or_default();
        let named = containers.iter().find_map(|container| Self::container(container, address));
        named.or_else(|| {
            let source: Source = address.to_string().parse().ok()?;
            Some(Self { name: address.to_string(), whose: format!("{address} on {link}"), source })
        })
    }

    /// The container, where the address is its own and its name can be written.
    fn container(container: &Container, address: IpAddr) -> Option<Self> {
        let (network, _) = container.addresses.iter().find(|(_, own)| *own == address)?;
        let source = format!("container:{}", container.name).parse().ok()?;
        let whose = format!("container {} on network {network}", container.name);
        Some(Self { name: container.name.clone(), whose, source })
    }
}

/// Where a flow went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Goal {
    Host,
    Published,
    Address(IpAddr),
}

impl Goal {
    fn of(flow: &Flow, protocol: Protocol, host: &Host) -> Self {
        let containers = host.docker.known().map(|docker| docker.containers.as_slice()).unwrap_or_default();
        let is_published = containers
            .iter()
            .flat_map(|container| &container.published)
            .any(|published| published.protocol == protocol && Some(published.port) == flow.port);
        match is_own(flow.destination, host) {
            true if is_published => Self::Published,
            true => Self::Host,
            false => Self::Address(flow.destination),
        }
    }

    fn destination(self) -> Destination {
        match self {
            Self::Host => Destination::Host,
            Self::Published => Destination::Published,
            Self::Address(address) => Destination::Addresses(address.into()),
        }
    }
}

/// Single ports, and ranges of neighbours.
fn ranges(sorted: impl Iterator<Item = (Protocol, u16)>) -> Vec<Ports> {
    let mut runs: Vec<Ports> = Vec::new();
    for (protocol, port) in sorted {
        match runs.last_mut() {
            Some(run) if run.protocol == protocol && run.last.checked_add(1) == Some(port) => run.last = port,
            _ => runs.push(Ports { protocol, first: port, last: port }),
        }
    }
    let single = |run: Ports| (run.first..=run.last).map(move |port| Ports { first: port, last: port, ..run });
    let split = |run: Ports| match run.last - run.first + 1 < SHORTEST_RANGE {
        true => single(run).collect(),
        false => vec![run],
    };
    runs.into_iter().flat_map(split).collect()
}
