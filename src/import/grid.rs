//! The packets that two rule sets are compared by: around every boundary that either of them has.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::evaluate::{Flow, Probe, has_ports};
use super::model::{Hook, Match, RuleSet};
use super::plan::Plan;
use super::span::{Family, Span, number};
use crate::config::{Destination, InterfacePattern};

/// How many packets are enough for a comparison; of more, every n-th is taken.
pub const MOST: usize = 300_000;

/// What is asked whatever the rules say: an Internet's, a LAN's, a container's and a link's address.
const DESTINATIONS: [&str; 12] = [
    "198.51.100.10",
    "10.57.17.6",
    "172.17.0.3",
    "192.168.1.1",
    "100.64.0.1",
    "169.254.169.254",
    "2001:db8:100::10",
    "fd57:17::6",
    "fe80::1",
    "2001:db8:1::1",
    "ff02::1",
    "239.1.2.3",
];
const SOURCES: [&str; 4] = ["172.17.0.2", "10.57.17.6", "fd00:17::2", "fd57:17::6"];
const INTERFACES: [&str; 5] = ["docker0", "br-0123456789ab", "eth0", "ens3", "wg0"];
const SERVICES: [(u8, u16); 5] = [(6, 443), (17, 53), (1, 0), (58, 0), (47, 0)];

/// A grid, and how many packets the whole of it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grid {
    /// The packets.
    pub probes: Vec<Probe>,
    /// How many there were to be.
    pub whole: usize,
}

/// What packets may differ in.
#[derive(Debug, Default)]
struct Axes {
    interfaces: BTreeSet<String>,
    sources: BTreeSet<IpAddr>,
    destinations: BTreeSet<IpAddr>,
    services: BTreeSet<(u8, u16)>,
}

impl Axes {
    fn pattern(&mut self, pattern: &InterfacePattern) {
        match pattern {
            InterfacePattern::Exact(name) => self.interfaces.insert(name.clone()),
            InterfacePattern::Prefix(prefix) => self.interfaces.insert(format!("{prefix}0").chars().take(15).collect()),
        };
    }

    fn spans(set: &mut BTreeSet<IpAddr>, family: Family, spans: &[Span]) {
        for span in spans {
            let around = [span.first.checked_sub(1), Some(span.first), Some(span.last), span.last.checked_add(1)];
            let around = around.into_iter().flatten().filter(|number| *number <= family.highest());
            set.extend(around.map(|number| family.address(number)));
        }
    }

    fn ports(&mut self, protocol: u8, first: u16, last: u16) {
        for port in [first.checked_sub(1), Some(first), Some(last), last.checked_add(1)]
            .into_iter()
            .flatten()
            .filter(|port| *port > 0)
        {
            self.services.insert((protocol, port));
        }
    }
}

/// The grid of a text and of what was made of it, of about `most` packets at most.
pub fn grid(rules: &RuleSet, plan: &Plan, most: usize) -> Grid {
    let axes = axes(rules, plan);
    let flows = [Flow::New, Flow::Established, Flow::Reply];
    // Forwarded by each pair of interfaces, and for the host.
    let ways: Vec<(&String, Option<&String>)> = axes
        .interfaces
        .iter()
        .flat_map(|incoming| axes.interfaces.iter().map(Some).chain([None]).map(move |outgoing| (incoming, outgoing)))
        .collect();
    let ends: Vec<(IpAddr, IpAddr)> = axes
        .sources
        .iter()
        .flat_map(|source| axes.destinations.iter().map(move |destination| (*source, *destination)))
        .filter(|(source, destination)| source.is_ipv4() == destination.is_ipv4())
        .collect();
    let services: Vec<(u8, u16)> = axes.services.iter().copied().collect();
    let whole = ways.len() * ends.len() * services.len() * flows.len();
    // A step without a factor in common with an axis, so that each value of each comes up.
    let step = (whole / most.max(1) + 1) | 1;
    let pick = |mut index: usize| {
        let mut digit = |base: usize| {
            let digit = index % base.max(1);
            index /= base.max(1);
            digit
        };
        let flow = flows.get(digit(flows.len()))?;
        let (protocol, port) = services.get(digit(services.len()))?;
        let (incoming, outgoing) = ways.get(digit(ways.len()))?;
        let (source, destination) = ends.get(digit(ends.len()))?;
        let of_family = match protocol {
            1 => source.is_ipv4(),
            58 => source.is_ipv6(),
            _ => true,
        };
        of_family.then(|| Probe {
            hook: if outgoing.is_some() { Hook::Forward } else { Hook::Input },
            incoming: (*incoming).clone(),
            outgoing: outgoing.cloned(),
            source: *source,
            destination: *destination,
            protocol: *protocol,
            port: if has_ports(*protocol) { *port } else { 0 },
            flow: *flow,
        })
    };
    let probes: Vec<Probe> = (0..whole).step_by(step).filter_map(pick).collect();
    Grid { whole: if step == 1 { probes.len() } else { whole }, probes }
}

fn axes(rules: &RuleSet, plan: &Plan) -> Axes {
    let mut axes = Axes::default();
    axes.interfaces.extend(INTERFACES.map(str::to_owned));
    axes.sources.extend(SOURCES.iter().filter_map(|text| text.parse::<IpAddr>().ok()));
    axes.destinations.extend(DESTINATIONS.iter().filter_map(|text| text.parse::<IpAddr>().ok()));
    axes.services.extend(SERVICES);
    let of_protocols = |protocols: &[u8], axes: &mut Axes, ranges: &[(u16, u16)]| {
        for protocol in protocols.iter().filter(|protocol| has_ports(**protocol)) {
            ranges.iter().for_each(|(first, last)| axes.ports(*protocol, *first, *last));
        }
    };
    for rule in rules.rules() {
        let protocols: Vec<u8> = rule
            .matches
            .iter()
            .filter_map(|it| if let Match::Protocol(_, numbers) = it { Some(numbers.clone()) } else { None })
            .flatten()
            .collect();
        axes.services.extend(protocols.iter().map(|protocol| (*protocol, 443)));
        for condition in &rule.matches {
            match condition {
                Match::Incoming(_, patterns) | Match::Outgoing(_, patterns) => {
                    patterns.iter().for_each(|pattern| axes.pattern(pattern));
                }
                Match::Source(_, family, spans) => Axes::spans(&mut axes.sources, *family, spans),
                Match::Destination(_, family, spans) => Axes::spans(&mut axes.destinations, *family, spans),
                Match::Ports(_, ranges) => of_protocols(&protocols, &mut axes, ranges),
                _ => {}
            }
        }
    }
    for patterns in [&plan.interfaces, &plan.uplinks].into_iter().flatten() {
        patterns.iter().for_each(|pattern| axes.pattern(pattern));
    }
    for range in plan.ranges.iter().flatten() {
        let (family, span) = Span::of(range.to);
        Axes::spans(&mut axes.destinations, family, &[span]);
    }
    for grant in &plan.grants {
        if let Destination::Addresses(target) = grant.to {
            let (family, span) = Span::of(target);
            Axes::spans(&mut axes.destinations, family, &[span]);
        }
        for ports in &grant.ports {
            axes.ports(ports.protocol.number(false), ports.first, ports.last);
        }
    }
    axes.sources.retain(|address| !address.is_unspecified() && number(*address) != 0);
    axes
}
