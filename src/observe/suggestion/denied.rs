//! From denied flows to the fewest and narrowest grants that would allow them.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipnet::IpNet;

use super::{Evidence, Goal, MOST_PORTS, Peer, Suggestion, Suggestions, is_own, protocol, ranges, risk};
use crate::config::{Destination, Grant, Origin, Ports, Protocol, Source, Target, suggest_grant_name};
use crate::host::{Container, Host};
use crate::observe::denied::PROJECT;
use crate::observe::{Denied, Names, protocol_name};
use crate::policy::Policy;

/// More destinations than this of one source, all asked for the same, are a scan too.
const MOST_DESTINATIONS: usize = 32;

/// What is wanted of the suggestions.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wish {
    /// Neighbours that were asked for the same are put together in networks of that length; of IPv6 in those with as
    /// many addresses.
    pub merge: Option<u8>,
    /// Scans are granted as well.
    pub scans: bool,
}

/// What is asked for: ports, or a protocol that has none.
type What = (Vec<Ports>, Option<Protocol>);

/// A grant to be.
struct Draft {
    peer: Asker,
    to: Destination,
    what: What,
    evidence: Evidence,
    risk: Option<String>,
}

/// Who asked.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Asker {
    source: Source,
    /// In a grant's name.
    name: String,
}

impl Suggestions {
    /// Those for flows that were denied, however long ago: what `policy` grants by now is only counted. `is_taken` says
    /// which names there are.
    pub fn for_denied(
        denied: &[Denied],
        policy: &Policy,
        host: &Host,
        wish: Wish,
        is_taken: impl Fn(&str) -> bool,
    ) -> Self {
        let mut all = Self::default();
        let asked = all.gather(denied, policy, host);
        let mut drafts = Vec::new();
        for ((asker, goal), wanted) in asked {
            all.draft(&mut drafts, &asker, goal, wanted, wish);
        }
        join_networks(&mut drafts, host);
        if let Some(length) = wish.merge {
            merge(&mut drafts, length);
        }
        if !wish.scans {
            all.leave_out_sweeps(&mut drafts);
        }
        // What carries a risk stands last.
        drafts.sort_by_key(|draft| (draft.risk.is_some(), Reverse((draft.evidence.packets, draft.evidence.flows))));
        for draft in drafts {
            all.take(draft, host, &is_taken);
        }
        all
    }

    /// What was asked of whom, without what is granted and what cannot be.
    fn gather(&mut self, denied: &[Denied], policy: &Policy, host: &Host) -> BTreeMap<(Asker, Goal), Wanted> {
        let names = Names::of(host);
        let mut asked: BTreeMap<(Asker, Goal), Wanted> = BTreeMap::new();
        let mut unclear: BTreeSet<String> = BTreeSet::new();
        for denied in denied {
            let flow = &denied.flow;
            let own = is_own(flow.destination, host);
            if policy.exceptions().any(|grant| grant.opens(flow, own)) {
                self.granted += 1;
                continue;
            }
            let Some(protocol) = protocol(flow).filter(|_| !is_for_everybody(flow.destination)) else {
                unclear.insert(format!("{} to {}: for everybody on the link", flow.source, flow.destination));
                continue;
            };
            let asker = Asker::of(flow.source, host);
            let (goal, port) = match names.published(flow) {
                Some(published) => (Goal::Published, Some(published)),
                None => (Goal::of(flow, protocol, host), flow.port),
            };
            let wanted = asked.entry((asker, goal)).or_default();
            let evidence = match port.filter(|port| *port != 0) {
                Some(port) if protocol.has_ports() => wanted.ports.entry((protocol, port)).or_default(),
                _ if !protocol.has_ports() => wanted.protocols.entry(protocol).or_default(),
                _ => {
                    let protocol = protocol_name(flow.protocol);
                    unclear.insert(format!(
                        "{} to {} by {protocol}: at which port was not told",
                        flow.source, flow.destination
                    ));
                    continue;
                }
            };
            evidence.take(denied);
        }
        asked.retain(|_, wanted| !wanted.ports.is_empty() || !wanted.protocols.is_empty());
        self.left_out.extend(unclear);
        asked
    }

    /// Adds what is wanted of one destination: the ports together, but for those that carry a risk.
    fn draft(&mut self, drafts: &mut Vec<Draft>, asker: &Asker, goal: Goal, wanted: Wanted, wish: Wish) {
        let to = goal.destination();
        let of_address = match goal {
            Goal::Address(address) => risk::of_address(address).map(str::to_owned),
            _ => None,
        };
        let mut push = |what: What, evidence: Evidence, risk: Option<String>| {
            drafts.push(Draft { peer: asker.clone(), to, what, evidence, risk: risk.or_else(|| of_address.clone()) });
        };
        if wanted.ports.len() > MOST_PORTS && !wish.scans {
            let scan = Evidence::all(wanted.ports.values());
            let packets = scan.packets.map(|packets| format!(", {packets} packets")).unwrap_or_default();
            self.left_out.push(format!("a scan: {} to {} ports of {to}{packets}", asker.source, wanted.ports.len(),));
        } else {
            let is_risky = |(protocol, port): &(Protocol, u16)| {
                goal == Goal::Host && risk::of_host_port(*protocol, *port).is_some()
            };
            let (risky, plain): (BTreeMap<_, _>, BTreeMap<_, _>) =
                wanted.ports.into_iter().partition(|(at, _)| is_risky(at));
            for ports in [plain, risky].into_iter().filter(|ports| !ports.is_empty()) {
                let runs = ranges(ports.keys().copied());
                let risks = if goal == Goal::Host { risk::of_host_ports(&runs) } else { Vec::new() };
                let risk = (!risks.is_empty()).then(|| risks.join("; "));
                push((runs, None), Evidence::all(ports.values()), risk);
            }
        }
        for (protocol, evidence) in wanted.protocols {
            push((Vec::new(), Some(protocol)), evidence, None);
        }
    }

    /// Takes out who asked so many destinations for the same.
    fn leave_out_sweeps(&mut self, drafts: &mut Vec<Draft>) {
        let mut counts: BTreeMap<(Asker, What), usize> = BTreeMap::new();
        for draft in drafts.iter() {
            *counts.entry((draft.peer.clone(), draft.what.clone())).or_default() += 1;
        }
        for ((asker, what), count) in counts.iter().filter(|(_, count)| **count > MOST_DESTINATIONS) {
            self.left_out.push(format!("a scan: {} to {count} destinations, {}", asker.source, said(what)));
        }
        drafts.retain(|draft| {
            counts.get(&(draft.peer.clone(), draft.what.clone())).is_none_or(|count| *count <= MOST_DESTINATIONS)
        });
    }

    fn take(&mut self, draft: Draft, host: &Host, is_taken: impl Fn(&str) -> bool) {
        let Draft { peer, to, what: (ports, protocol), evidence, risk } = draft;
        let words: Vec<String> = [peer.name.clone(), to.to_string()]
            .into_iter()
            .chain(protocol.map(|protocol| protocol.to_string()))
            .collect();
        let is_taken = |name: &str| is_taken(name) || self.grants.iter().any(|other| other.grant.name == name);
        let name = suggest_grant_name(&words, is_taken);
        let remark = remark(&peer.source, host);
        let whose = whose(&evidence.sources, host);
        let (from, until, required, comment) = (Some(peer.source), None, false, None);
        let grant = Grant { name, to, ports, protocol, from, until, required, comment, origin: Origin::BuiltIn };
        self.grants.push(Suggestion { grant, flows: evidence.flows, whose, evidence, risk, remark });
    }
}

/// What was asked of one destination.
#[derive(Debug, Default)]
struct Wanted {
    ports: BTreeMap<(Protocol, u16), Evidence>,
    protocols: BTreeMap<Protocol, Evidence>,
}

impl Evidence {
    fn take(&mut self, denied: &Denied) {
        self.add(&Self {
            flows: 1,
            packets: denied.packets,
            bytes: denied.bytes,
            first: denied.first,
            last: denied.last,
            sources: vec![denied.flow.source],
        });
    }

    fn add(&mut self, other: &Self) {
        let sum = |one: Option<u64>, other: Option<u64>| match (one, other) {
            (Some(one), Some(other)) => Some(one.saturating_add(other)),
            (one, other) => one.or(other),
        };
        self.flows += other.flows;
        self.packets = sum(self.packets, other.packets);
        self.bytes = sum(self.bytes, other.bytes);
        self.first = [self.first, other.first].into_iter().flatten().min();
        self.last = self.last.max(other.last);
        for source in &other.sources {
            if let Err(place) = self.sources.binary_search(source) {
                self.sources.reserve_exact(1);
                self.sources.insert(place, *source);
            }
        }
    }

    fn all<'e>(pieces: impl Iterator<Item = &'e Self>) -> Self {
        pieces.fold(Self::default(), |mut all, piece| {
            all.add(piece);
            all
        })
    }
}

impl Asker {
    /// The container, by its name; else the address, which may be one of a container that has ended.
    fn of(address: IpAddr, host: &Host) -> Self {
        let containers = host.docker.known().map(|docker| docker.containers.as_slice()).unwrap_or_default();
        let named = containers.iter().find_map(|container| Peer::container(container, address));
        named.map_or_else(
            || Self { source: Source::Addresses(address.into()), name: address.to_string() },
            |peer| Self { source: peer.source, name: peer.name },
        )
    }
}

fn is_for_everybody(destination: IpAddr) -> bool {
    destination.is_multicast() || destination == IpAddr::from([255; 4])
}

/// Where every container of a network that people made asks the same of the same, the network is granted it.
fn join_networks(drafts: &mut Vec<Draft>, host: &Host) {
    let Some(docker) = host.docker.known() else {
        return;
    };
    for network in
        docker.networks.iter().filter(|network| !matches!(network.name.as_str(), "bridge" | "docker_gwbridge"))
    {
        let in_it = |container: &&Container| container.addresses.iter().any(|(name, _)| *name == network.name);
        let members: BTreeSet<Source> =
            docker.containers.iter().filter(in_it).map(|container| Source::Container(container.name.clone())).collect();
        let Ok(source) = format!("network:{}", network.name).parse::<Source>() else {
            continue;
        };
        if members.len() < 2 {
            continue;
        }
        let is_inside = |draft: &Draft| {
            draft.evidence.sources.iter().all(|source| network.subnets.iter().any(|subnet| subnet.contains(source)))
        };
        let mut askers: BTreeMap<(Written, What), BTreeSet<Source>> = BTreeMap::new();
        for draft in drafts.iter().filter(|draft| members.contains(&draft.peer.source) && is_inside(draft)) {
            let key = (draft.to.to_string(), draft.what.clone());
            askers.entry(key).or_default().insert(draft.peer.source.clone());
        }
        let joined = Asker { source, name: network.name.clone() };
        for (key, _) in askers.into_iter().filter(|(_, askers)| *askers == members) {
            let is_of = |draft: &Draft| {
                members.contains(&draft.peer.source) && (draft.to.to_string(), draft.what.clone()) == key
            };
            unite(drafts, is_of, |draft| draft.peer = joined.clone());
        }
    }
}

/// A destination in words, by which it can be sorted.
type Written = String;

/// Puts neighbours together that one source asked for the same.
fn merge(drafts: &mut Vec<Draft>, length: u8) {
    let mut networks: BTreeMap<(Asker, What, Target), usize> = BTreeMap::new();
    let key = |draft: &Draft| Some((draft.peer.clone(), draft.what.clone(), around(draft, length)?));
    for draft in drafts.iter() {
        if let Some(key) = key(draft) {
            *networks.entry(key).or_default() += 1;
        }
    }
    for (network, _) in networks.into_iter().filter(|(_, count)| *count > 1) {
        unite(
            drafts,
            |draft| key(draft).as_ref() == Some(&network),
            |draft| draft.to = Destination::Addresses(network.2),
        );
    }
}

/// The network of that length around a draft's address; none where an address in it should stay closed.
fn around(draft: &Draft, length: u8) -> Option<Target> {
    let address = match draft.to {
        Destination::Addresses(Target::V4(interval)) if interval.first() == interval.last() => {
            IpAddr::V4(interval.first())
        }
        Destination::Addresses(Target::V6(interval)) if interval.first() == interval.last() => {
            IpAddr::V6(interval.first())
        }
        _ => return None,
    };
    let length = if address.is_ipv6() { 96 + length } else { length };
    let network = Target::from(IpNet::new(address, length).ok()?.trunc());
    (!risk::is_within(&network)).then_some(network)
}

/// Makes one of all that are meant.
fn unite(drafts: &mut Vec<Draft>, is_meant: impl Fn(&Draft) -> bool, change: impl FnOnce(&mut Draft)) {
    let (meant, rest): (Vec<Draft>, Vec<Draft>) = drafts.drain(..).partition(is_meant);
    *drafts = rest;
    let evidence = Evidence::all(meant.iter().map(|draft| &draft.evidence));
    if let Some(mut one) = meant.into_iter().next() {
        one.evidence = evidence;
        change(&mut one);
        drafts.push(one);
    }
}

fn said((ports, protocol): &What) -> String {
    match protocol {
        Some(protocol) => protocol.to_string(),
        None => ports.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
    }
}

/// Who the sources are, for people.
fn whose(sources: &[IpAddr], host: &Host) -> String {
    let names = Names::of(host);
    let said = |address: &IpAddr| {
        let place = names.place(*address);
        match (place.container, place.network) {
            (Some(container), Some(network)) => format!("{container} ({address} on {network})"),
            (None, Some(network)) => format!("{address} on {network}"),
            _ => address.to_string(),
        }
    };
    sources.iter().map(said).collect::<Vec<_>>().join(", ")
}

/// What should be known of a source that may not last.
fn remark(source: &Source, host: &Host) -> Option<String> {
    let docker = host.docker.known()?;
    match source {
        Source::Addresses(_) => {
            Some("no container has that address now; it may be another one's by the time".to_owned())
        }
        Source::Container(name) => {
            let container = docker.containers.iter().find(|container| container.name == *name)?;
            let is_made_up = is_of_dockers_making(name) && !container.labels.contains_key(PROJECT);
            is_made_up.then(|| {
                "Docker made that name up; give the container one of its own (--name) to keep the grant".to_owned()
            })
        }
        _ => None,
    }
}

/// `brave_euler`, `brave_euler3`: what `docker run` calls a container that nobody named.
fn is_of_dockers_making(name: &str) -> bool {
    let is_word = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase());
    name.trim_end_matches(|last: char| last.is_ascii_digit())
        .split_once('_')
        .is_some_and(|(one, two)| is_word(one) && is_word(two))
}

#[cfg(test)]
mod tests;
