//! Both rule sets, asked about the same packets.

use std::net::IpAddr;

use jiff::Timestamp;

use super::evaluate::{Fate, Flow, Probe, SOURCE_PORT, evaluate, has_ports};
use super::grid::grid;
use super::model::Hook;
use super::read::Source;
use super::translate::{ANSWERS, Translation};
use crate::config::Protocol;
use crate::policy::Resolved;
use crate::ruleset::explain::{self, Addressee, Interface, Packet, Rates, Tracked, walk};
use crate::ruleset::{self, Features, FlowDirection, compile};

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Comparison {
    /// How many packets were asked about.
    pub packets: usize,
    /// How many the whole grid has; where it is larger than what was asked, every n-th packet was.
    pub whole: usize,
    /// Those whose fate differs, by the reason.
    pub groups: Vec<Group>,
}

/// Packets whose fate differs for one reason.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Group {
    /// Why; none where nothing of the report explains it.
    pub reason: Option<String>,
    /// The line of the text that the reason is about.
    pub line: Option<usize>,
    /// What becomes of them by the text.
    pub theirs: Fate,
    /// What becomes of them by dockwall.
    pub ours: Fate,
    /// They.
    pub packets: Vec<Probe>,
}

impl Comparison {
    /// How many packets differ.
    pub fn differing(&self) -> usize {
        self.groups.iter().map(|group| group.packets.len()).sum()
    }

    /// How many of them nothing explains.
    pub fn unexplained(&self) -> usize {
        let groups = self.groups.iter().filter(|group| group.reason.is_none());
        groups.map(|group| group.packets.len()).sum()
    }
}

/// Compares a text with what was made of it, as it resolves on a host, by about `most` packets at most.
pub fn compare(
    source: &Source,
    translation: &Translation,
    resolved: &Resolved,
    now: Timestamp,
    most: usize,
) -> Comparison {
    let table = compile(&resolved.policy, Features::ALL, now);
    let grid = grid(&source.rules, &translation.plan, most);
    let packets = grid.probes.len();
    let mut groups: Vec<Group> = Vec::new();
    for probe in grid.probes {
        let (theirs, decided) = evaluate(&source.rules, source.kind, &probe);
        let ours = match walk(&table, &packet(&probe), now, Rates::Within).fate {
            explain::Fate::Passes => Fate::Passes,
            explain::Fate::Dropped => Fate::Dropped,
            explain::Fate::Rejected(_) => Fate::Rejected,
            explain::Fate::Unknown => Fate::Unknown,
        };
        if theirs == ours {
            continue;
        }
        let explained = match (theirs, decided) {
            (Fate::Unknown, Some(line)) => {
                Some(("the line has a condition that is not understood".to_owned(), Some(line)))
            }
            _ => explanation(&probe, theirs, ours, translation, resolved),
        };
        let (reason, line) = match explained {
            Some((reason, line)) => (Some(reason), line),
            None => (None, None),
        };
        let is_of =
            |group: &&mut Group| (group.line, group.theirs, group.ours, &group.reason) == (line, theirs, ours, &reason);
        match groups.iter_mut().find(is_of) {
            Some(group) => group.packets.push(probe),
            None => groups.push(Group { reason, line, theirs, ours, packets: vec![probe] }),
        }
    }
    // What nothing explains comes first.
    groups.sort_by_key(|group| (group.reason.is_some(), group.line));
    Comparison { packets, whole: grid.whole, groups }
}

/// Why a packet's fate differs, and by which line.
fn explanation(
    probe: &Probe,
    theirs: Fate,
    ours: Fate,
    translation: &Translation,
    resolved: &Resolved,
) -> Option<(String, Option<usize>)> {
    let because = |text: &str| Some((text.to_owned(), None));
    let policy = &resolved.policy;
    if ours == Fate::Passes && probe.flow == Flow::Reply {
        return because(ANSWERS);
    }
    if probe.hook == Hook::Input && ours != Fate::Passes {
        return because("deny.host = true: what containers ask of the host is denied as well");
    }
    if ours == Fate::Passes && !policy.polices(&probe.incoming) {
        return because("only what comes from containers is denied");
    }
    if ours == Fate::Passes && probe.outgoing.as_ref().is_some_and(|name| policy.polices(name)) {
        return because("between containers Docker's own isolation decides");
    }
    let is_resolver = policy.resolvers.iter().any(|resolver| {
        let port =
            [Protocol::Tcp, Protocol::Udp].iter().any(|it| it.number(false) == probe.protocol) && probe.port == 53;
        port && resolver.grant().openings.iter().any(|opening| opening.to.contains(probe.destination))
    });
    if ours == Fate::Passes && is_resolver {
        return because("dns.allow: the resolvers that Docker uses are granted");
    }
    let deviation = translation.report.deviations.iter().find(|it| it.hook == probe.hook && it.space.contains(probe));
    if let Some(deviation) = deviation {
        let said = translation.report.line(deviation.line).map(|line| line.said.join("; ")).unwrap_or_default();
        return Some((said, Some(deviation.line)));
    }
    if ours != Fate::Passes && theirs == Fate::Passes && resolved.on_link.contains(probe.destination) {
        return because("deny.on_link = true: the networks that the host is attached to are denied as well");
    }
    let turned = [Fate::Dropped, Fate::Rejected];
    if turned.contains(&ours) && turned.contains(&theirs) {
        return because("deny.action: dockwall has one way to turn packets away");
    }
    None
}

/// The packet as dockwall's rules see it.
fn packet(probe: &Probe) -> Packet {
    let (source, destination, port) = (probe.source, probe.destination, probe.port);
    let direction = if probe.flow == Flow::Reply { FlowDirection::Reply } else { FlowDirection::Original };
    let first: IpAddr = if probe.flow == Flow::Reply { source } else { destination };
    let tracked = Tracked { direction, is_new: probe.flow == Flow::New, translated: false, destination: first, port };
    let interface = |name: &String| Interface { name: name.clone(), kind: None };
    let transport = match probe.protocol {
        // Echo requests (RFC 792, RFC 4443).
        1 => vec![8, 0, 0, 0, 0, 1, 0, 1],
        58 => vec![128, 0, 0, 0, 0, 1, 0, 1],
        protocol if has_ports(protocol) => [Packet::ports(SOURCE_PORT, port), vec![0; 16]].concat(),
        _ => vec![0; 20],
    };
    Packet {
        hook: if probe.hook == Hook::Input { ruleset::Hook::INPUT } else { ruleset::Hook::FORWARD },
        incoming: interface(&probe.incoming),
        outgoing: probe.outgoing.as_ref().map(interface),
        source,
        destination,
        hop_limit: 64,
        addressee: Addressee::of(destination),
        protocol: probe.protocol,
        transport,
        flow: explain::Flow::Tracked(tracked),
        way_back: true,
    }
}
