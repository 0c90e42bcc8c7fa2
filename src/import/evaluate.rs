//! What the rules of a text do to one packet: iptables' chains, walked as the kernel walks them.

use std::net::IpAddr;

use super::flat::entries;
use super::model::{Chain, Hook, Match, Not, Rule, RuleSet, State, Target};
use super::names::Names;
use super::read::Kind;
use super::span::{Family, number};

/// The deepest jump, and the most rules that look at a packet: chains of a text may go round in circles.
const DEEPEST: usize = 16;
const MOST_LOOKS: usize = 100_000;

/// A packet, as far as rules look at one.
#[derive(Debug, Clone, PartialEq, Eq, Hash, serde::Serialize)]
pub struct Probe {
    /// Forwarded, or for the host.
    pub hook: Hook,
    /// The interface that it came in by.
    pub incoming: String,
    /// The interface that it leaves by; none where it is for the host.
    pub outgoing: Option<String>,
    /// Where from.
    pub source: IpAddr,
    /// Where to; of the same family.
    pub destination: IpAddr,
    /// The protocol's number.
    pub protocol: u8,
    /// The destination port, of a protocol that has one.
    pub port: u16,
    /// How it stands to its flow.
    pub flow: Flow,
}

/// How a packet stands to its flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Flow {
    /// It opens one.
    New,
    /// It goes the way of the first one, in a flow that was answered.
    Established,
    /// It answers the other end.
    Reply,
}

/// The source port of every packet.
pub const SOURCE_PORT: u16 = 50_000;

/// What becomes of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// It goes on to the other rules of the host.
    Passes,
    /// It is gone.
    Dropped,
    /// It is gone, and its sender is told.
    Rejected,
    /// Something that is not understood decides.
    Unknown,
}

/// What becomes of it, and by which line; none where no rule decides.
pub fn evaluate(rules: &RuleSet, kind: Kind, probe: &Probe) -> (Fate, Option<usize>) {
    let family = Family::of(probe.destination);
    let mut walker = Walker { rules, probe, family, looks: 0 };
    let mut last = None;
    for entry in entries(rules, kind, family, probe.hook) {
        match walker.chain(entry, 0) {
            End::Accepted(line) | End::Returned(line) => last = line.or(last),
            End::Gone(fate, line) => return (fate, Some(line)),
        }
    }
    (Fate::Passes, last)
}

enum End {
    /// Through this base chain.
    Accepted(Option<usize>),
    /// Through this chain alone, by a rule or by its end.
    Returned(Option<usize>),
    Gone(Fate, usize),
}

struct Walker<'r> {
    rules: &'r RuleSet,
    probe: &'r Probe,
    family: Family,
    looks: usize,
}

impl Walker<'_> {
    fn chain(&mut self, chain: &Chain, depth: usize) -> End {
        for rule in &chain.rules {
            self.looks += 1;
            if self.looks > MOST_LOOKS || depth > DEEPEST {
                return End::Gone(Fate::Unknown, rule.line);
            }
            match self.meets(rule) {
                Some(true) => {}
                Some(false) => continue,
                // What is not understood decides nothing where the rule only logs or counts.
                None if matches!(rule.target, Target::Log(_) | Target::Nothing) => continue,
                None => return End::Gone(Fate::Unknown, rule.line),
            }
            match &rule.target {
                Target::Nothing | Target::Log(_) => {}
                Target::Accept => return End::Accepted(Some(rule.line)),
                Target::Return => return End::Returned(Some(rule.line)),
                Target::Drop => return End::Gone(Fate::Dropped, rule.line),
                Target::Reject => return End::Gone(Fate::Rejected, rule.line),
                Target::Other(_) => return End::Gone(Fate::Unknown, rule.line),
                Target::Jump(name) | Target::Goto(name) => {
                    let goes = matches!(rule.target, Target::Goto(_));
                    let Some(next) = self.rules.chain(self.family, &chain.table, name) else { continue };
                    match self.chain(next, depth + 1) {
                        End::Returned(_) if !goes => {}
                        end => return end,
                    }
                }
            }
        }
        End::Returned(None)
    }

    /// Whether the packet meets all conditions; none where one is not understood and no other fails.
    fn meets(&self, rule: &Rule) -> Option<bool> {
        let mut all = Some(true);
        for condition in &rule.matches {
            match self.is_met(condition) {
                Some(false) => return Some(false),
                Some(true) => {}
                None => all = None,
            }
        }
        all
    }

    fn is_met(&self, condition: &Match) -> Option<bool> {
        let probe = self.probe;
        let turned = |not: &Not, is: bool| Some(is != not.0);
        let within = |ranges: &[(u16, u16)], port| ranges.iter().any(|(first, last)| (*first..=*last).contains(&port));
        match condition {
            Match::Incoming(not, patterns) => Some(Names::of(not.0, patterns).contains(&probe.incoming)),
            Match::Outgoing(not, patterns) => {
                Some(Names::of(not.0, patterns).contains(probe.outgoing.as_deref().unwrap_or_default()))
            }
            Match::Source(_, family, _) | Match::Destination(_, family, _) if *family != self.family => Some(false),
            Match::Source(not, _, spans) => turned(not, spans.iter().any(|span| span.contains(number(probe.source)))),
            Match::Destination(not, _, spans) => {
                turned(not, spans.iter().any(|span| span.contains(number(probe.destination))))
            }
            Match::Family(family) => Some(*family == self.family),
            Match::Protocol(not, numbers) => turned(not, numbers.contains(&probe.protocol)),
            Match::Ports(..) | Match::SourcePorts(..) if !has_ports(probe.protocol) => Some(false),
            Match::Ports(not, ranges) => turned(not, within(ranges, probe.port)),
            Match::SourcePorts(not, ranges) => turned(not, within(ranges, SOURCE_PORT)),
            Match::State(not, bits) => {
                let state = if probe.flow == Flow::New { State::NEW } else { State::ESTABLISHED };
                turned(not, bits & state != 0)
            }
            Match::Reply(reply) => Some((probe.flow == Flow::Reply) == *reply),
            // The first segment of a connection, which every new packet of TCP is here.
            Match::Syn(not) if probe.protocol == 6 => turned(not, probe.flow == Flow::New),
            Match::Syn(_) => Some(false),
            // One packet is below every rate.
            Match::Limit(limit) => Some(!limit.above),
            Match::Other(_) => None,
        }
    }
}

/// Whether packets of that protocol have ports where UDP has them.
pub fn has_ports(protocol: u8) -> bool {
    matches!(protocol, 6 | 17 | 33 | 132 | 136)
}
