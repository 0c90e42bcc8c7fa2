//! Grants as sets: of constant cost however many there are, each in the cheapest kind of set that
//! can hold it.
//!
//! An address or a network that is granted whole goes into an interval set; an exact port, or an
//! exact flow, into a hash set; everything else, and what runs out, into a set with an interval in
//! each field of its key (`pipapo`, Linux 5.6). A set that would be empty is not made.

use std::borrow::Cow;
use std::net::{Ipv4Addr, Ipv6Addr};

use jiff::Timestamp;

use super::compile::sets;
use super::region::{Bounds, Region, disjoint, field_bytes};
use super::{DataType, Destination, Expiry, Family, FlowKey, Rule, Set};
use crate::interval::{Address, Interval, normalise};
use crate::policy::{Grant, Policy, Service};

/// The protocols of published ports that are looked up by what was asked for (IANA): tcp, udp, sctp, all that Docker publishes.
/// `nft` takes an original port only where the protocol is known, so each needs rules of its own.
pub const TRANSLATED: [u8; 3] = [6, 17, 132];

/// What the keys of a set are made of, besides destination address and protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Layout {
    /// The destination address alone.
    Address,
    /// Protocol and port.
    Port,
    /// Source, protocol and port, each one value.
    Flow,
    /// Source, protocol and port.
    Range,
    /// Source and protocol.
    Protocol,
}

/// A set of exceptions.
#[derive(Debug, Clone)]
pub struct ExceptionSet {
    /// The set.
    pub set: Set,
    family: Family,
    layout: Layout,
}

impl ExceptionSet {
    /// Whether it looks at where a packet came from.
    fn looks_at_source(&self) -> bool {
        !matches!(self.layout, Layout::Address | Layout::Port)
    }

    /// The match of the rule that looks into it.
    pub fn rule(&self) -> Rule {
        match self.layout {
            Layout::Address => Rule::new().destination_in(self.family, &self.set.name),
            _ => Rule::new().key_in(self.key(Destination::Packet), &self.set.name),
        }
    }

    /// The matches of the rules that look into it for what a flow was addressed to, before it was
    /// translated: `nft` knows an original port of one protocol at a time.
    pub fn original_rules(&self) -> Vec<Rule> {
        let rule = |rule: Rule| rule.key_in(self.key(Destination::Original), &self.set.name);
        match self.layout {
            Layout::Address | Layout::Protocol => vec![rule(Rule::new())],
            _ => TRANSLATED.map(|protocol| rule(Rule::new().protocol(protocol))).to_vec(),
        }
    }

    fn key(&self, from: Destination) -> FlowKey {
        let key = FlowKey::new(self.family);
        match self.layout {
            Layout::Address => key.destination(from),
            Layout::Port => key.destination(from).protocol().port(from),
            Layout::Flow | Layout::Range => key.source().destination(from).protocol().port(from),
            Layout::Protocol => key.source().destination(from).protocol(),
        }
    }
}

/// The names of the sets that `grant` has elements in at `now`.
pub fn sets_of(grant: &Grant, now: Timestamp) -> Vec<String> {
    let grants: Vec<Cow<Grant>> = grant.is_open(now).then_some(Cow::Borrowed(grant)).into_iter().collect();
    let sets = |host, prefix| {
        let v4 = Collected::<Ipv4Addr>::of(&grants, host, now).sets(prefix);
        v4.into_iter()
            .chain(Collected::<Ipv6Addr>::of(&grants, host, now).sets(prefix))
            .map(|exception| exception.set.name)
    };
    sets(false, sets::BEYOND).chain(sets(true, sets::ON_HOST)).collect()
}

/// All exceptions of a policy.
#[derive(Debug, Clone)]
pub struct Exceptions {
    /// What containers may open flows to beyond the host.
    pub beyond: Vec<ExceptionSet>,
    /// What they may open flows to on the host itself.
    pub host: Vec<ExceptionSet>,
    /// Whether some of it is for certain containers only, so that it matters who a packet is from.
    pub by_source: bool,
}

impl Exceptions {
    /// Those of `policy` that have not run out at `now`.
    pub fn of(policy: &Policy, now: Timestamp) -> Self {
        let grants: Vec<Cow<Grant>> = policy.exceptions().filter(|grant| grant.is_open(now)).collect();
        let by_source = grants.iter().any(|grant| grant.from.is_some());
        let sets = |host: bool, prefix| {
            let v4 = Collected::<Ipv4Addr>::of(&grants, host, now).sets(prefix);
            v4.into_iter().chain(Collected::<Ipv6Addr>::of(&grants, host, now).sets(prefix)).collect()
        };
        Self { beyond: sets(false, sets::BEYOND), host: sets(true, sets::ON_HOST), by_source }
    }

    /// The rules that look into `sets`, each made by `rules`. What a container may write into its packets
    /// for a source is not yet where they are from: before the sets that look at it stands the rule `forged`,
    /// for packets that nobody on their interface can have sent.
    pub fn look(
        &self,
        sets: &[ExceptionSet],
        rules: impl Fn(&ExceptionSet) -> Vec<Rule>,
        forged: Option<Rule>,
    ) -> Vec<Rule> {
        let (by_source, plain): (Vec<_>, Vec<_>) = sets.iter().partition(|set| set.looks_at_source());
        let check = forged.filter(|_| self.by_source && !by_source.is_empty());
        let plain = plain.into_iter().flat_map(&rules);
        plain.chain(check).chain(by_source.into_iter().flat_map(&rules)).collect()
    }
}

/// An address as a type of keys.
trait Field: Address {
    const FAMILY: Family;
    const TYPE: DataType;
    fn intervals(networks: &crate::policy::Networks) -> &[Interval<Self>];
    fn set(name: &str, elements: Vec<Interval<Self>>) -> Set;
    fn protocol(service: &Service) -> u8;
}

impl Field for Ipv4Addr {
    const FAMILY: Family = Family::Ipv4;
    const TYPE: DataType = DataType::Ipv4Addr;

    fn intervals(networks: &crate::policy::Networks) -> &[Interval<Self>] {
        &networks.ipv4
    }

    fn set(name: &str, elements: Vec<Interval<Self>>) -> Set {
        Set::ipv4_intervals(name, elements)
    }

    fn protocol(service: &Service) -> u8 {
        service.protocol(false)
    }
}

impl Field for Ipv6Addr {
    const FAMILY: Family = Family::Ipv6;
    const TYPE: DataType = DataType::Ipv6Addr;

    fn intervals(networks: &crate::policy::Networks) -> &[Interval<Self>] {
        &networks.ipv6
    }

    fn set(name: &str, elements: Vec<Interval<Self>>) -> Set {
        Set::ipv6_intervals(name, elements)
    }

    fn protocol(service: &Service) -> u8 {
        service.protocol(true)
    }
}

/// The exceptions of one family, by the kind of set that holds them.
struct Collected<A> {
    /// Whether they are the host's. There are few of those, and a set of boxes holds any of them.
    host: bool,
    addresses: Vec<Interval<A>>,
    ports: Vec<Vec<u8>>,
    flows: Vec<Vec<u8>>,
    ranges: Vec<(Region, Option<Expiry>)>,
    protocols: Vec<(Region, Option<Expiry>)>,
}

/// Where from and where to, and how long.
#[derive(Clone, Copy)]
struct Way<A> {
    from: Option<Interval<A>>,
    to: Interval<A>,
    expiry: Option<Expiry>,
}

impl<A: Address> Way<A> {
    fn source(&self) -> Bounds {
        numbers(self.from.or(Interval::new(A::MIN, A::MAX)).unwrap_or(self.to))
    }

    fn destination(&self) -> Bounds {
        numbers(self.to)
    }
}

const EVERY_PROTOCOL: Bounds = (0, u8::MAX as u128);

impl<A: Field> Collected<A> {
    fn of(grants: &[Cow<Grant>], host: bool, now: Timestamp) -> Self {
        let mut all = Self {
            host,
            addresses: Vec::new(),
            ports: Vec::new(),
            flows: Vec::new(),
            ranges: Vec::new(),
            protocols: Vec::new(),
        };
        for grant in grants {
            let expiry = grant.until.and_then(|until| Expiry::new(until, now));
            let sources: Vec<Option<Interval<A>>> = match &grant.from {
                Some(networks) => A::intervals(networks).iter().copied().map(Some).collect(),
                None => vec![None],
            };
            for opening in grant.openings.iter().filter(|opening| opening.host == host) {
                for to in A::intervals(&opening.to) {
                    let ways = sources.iter().map(|from| Way { from: *from, to: *to, expiry });
                    ways.for_each(|way| all.add(&opening.services, way));
                }
            }
        }
        all
    }

    fn add(&mut self, services: &[Service], way: Way<A>) {
        if services.is_empty() {
            self.add_everything(way);
        }
        for service in services {
            let protocol = u128::from(A::protocol(service));
            match service {
                Service::Ports(ports) => self.add_ports(protocol, (ports.first.into(), ports.last.into()), way),
                Service::Protocol(_) => self.add_protocols((protocol, protocol), way),
            }
        }
    }

    fn add_everything(&mut self, way: Way<A>) {
        match way {
            Way { from: None, to, expiry: None } if !self.host => self.addresses.push(to),
            _ => self.add_protocols(EVERY_PROTOCOL, way),
        }
    }

    fn add_protocols(&mut self, protocols: Bounds, way: Way<A>) {
        self.protocols.push((Region([way.source(), way.destination(), protocols, (0, 0)]), way.expiry));
    }

    fn add_ports(&mut self, protocol: u128, ports: Bounds, way: Way<A>) {
        let single = |bounds: Bounds| bounds.0 == bounds.1;
        let (source, destination) = (way.source(), way.destination());
        let exact = single(ports) && single(destination) && way.expiry.is_none() && !self.host;
        if exact && way.from.is_none() {
            self.ports.push(key(&Self::port_key(), &[destination.0, protocol, ports.0]));
        } else if exact && single(source) {
            self.flows.push(key(&Self::flow_key(), &[source.0, destination.0, protocol, ports.0]));
        } else {
            self.ranges.push((Region([source, destination, (protocol, protocol), ports]), way.expiry));
        }
    }

    fn port_key() -> Vec<DataType> {
        vec![A::TYPE, DataType::InetProto, DataType::InetService]
    }

    fn flow_key() -> Vec<DataType> {
        vec![A::TYPE, A::TYPE, DataType::InetProto, DataType::InetService]
    }

    fn protocol_key() -> Vec<DataType> {
        vec![A::TYPE, A::TYPE, DataType::InetProto]
    }

    /// The sets, named after `prefix`, that are not empty.
    fn sets(self, prefix: &str) -> Vec<ExceptionSet> {
        let named = |suffix: &str| format!("{prefix}{}{suffix}", A::FAMILY.digit());
        let exact = |name: String, key, mut keys: Vec<Vec<u8>>| {
            keys.sort_unstable();
            keys.dedup();
            Set::exact_keys(&name, key, keys)
        };
        let boxes = |name: String, key: Vec<DataType>, regions| {
            let elements = disjoint(regions, &key);
            Set::boxes(&name, key, elements)
        };
        let sets = [
            (Layout::Address, A::set(&named(""), normalise(self.addresses))),
            (Layout::Port, exact(named("-port"), Self::port_key(), self.ports)),
            (Layout::Flow, exact(named("-flow"), Self::flow_key(), self.flows)),
            (Layout::Range, boxes(named("-range"), Self::flow_key(), self.ranges)),
            (Layout::Protocol, boxes(named("-proto"), Self::protocol_key(), self.protocols)),
        ];
        let filled = sets.into_iter().filter(|(_, set)| !set.elements.is_empty());
        filled.map(|(layout, set)| ExceptionSet { set, family: A::FAMILY, layout }).collect()
    }
}

fn numbers<A: Address>(interval: Interval<A>) -> Bounds {
    let number =
        |address: A| address.octets().as_ref().iter().fold(0, |number, octet| number << 8 | u128::from(*octet));
    (number(interval.first()), number(interval.last()))
}

fn key(fields: &[DataType], numbers: &[u128]) -> Vec<u8> {
    fields.iter().zip(numbers).flat_map(|(field, number)| field_bytes(*number, *field)).collect()
}
