//! The packets that a rule is for: its conditions and those of the jumps that lead to it, put together.

use super::evaluate::{Flow, Probe, has_ports};
use super::model::{Limit, Match, Not, State, Unsupported};
use super::names::Names;
use super::span::{Family, Span, covers, intersect, number, subtract};

/// The packets of one family that meet several conditions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Space {
    /// The family.
    pub family: Family,
    /// By which interfaces they come in.
    pub incoming: Names,
    /// By which they leave.
    pub outgoing: Names,
    /// Where they are from.
    pub source: Vec<Span>,
    /// Where they go.
    pub destination: Vec<Span>,
    /// Their protocols; none for every one.
    pub protocols: Option<Vec<u8>>,
    /// Their destination ports; none for every one.
    pub ports: Option<Vec<(u16, u16)>>,
    /// Bits of [`State`].
    pub states: u8,
    /// Whether they answer; none for both.
    pub reply: Option<bool>,
    /// Below which rate.
    pub limit: Option<Limit>,
    /// What else they must be, which a configuration of dockwall has no word for.
    pub other: Vec<Unsupported>,
}

impl Space {
    /// Every packet of a family.
    pub fn all(family: Family) -> Self {
        Self {
            family,
            incoming: Names::Any,
            outgoing: Names::Any,
            source: vec![family.everything()],
            destination: vec![family.everything()],
            protocols: None,
            ports: None,
            states: State::ALL,
            reply: None,
            limit: None,
            other: Vec::new(),
        }
    }

    /// Those of them that meet one more condition; none where there are none.
    pub fn and(&self, condition: &Match) -> Option<Self> {
        let mut space = self.clone();
        let whole = [self.family.everything()];
        let turned = |not: &Not, spans: &[Span]| if not.0 { subtract(&whole, spans) } else { spans.to_vec() };
        match condition {
            Match::Incoming(not, patterns) => space.incoming = self.incoming.and(&Names::of(not.0, patterns))?,
            Match::Outgoing(not, patterns) => space.outgoing = self.outgoing.and(&Names::of(not.0, patterns))?,
            Match::Source(_, family, _) | Match::Destination(_, family, _) | Match::Family(family)
                if *family != self.family =>
            {
                return None;
            }
            Match::Source(not, _, spans) => space.source = intersect(&self.source, &turned(not, spans)),
            Match::Destination(not, _, spans) => {
                space.destination = intersect(&self.destination, &turned(not, spans));
            }
            Match::Family(_) => {}
            Match::Protocol(not, numbers) => {
                let is_of = |number: &u8| numbers.contains(number) != not.0;
                let old = self.protocols.clone().unwrap_or_else(|| (0..=u8::MAX).collect());
                space.protocols = Some(old.into_iter().filter(is_of).collect());
            }
            Match::Ports(not, ranges) => {
                let old = self.ports.clone().unwrap_or_else(|| vec![(0, u16::MAX)]);
                let spans = |ranges: &[(u16, u16)]| -> Vec<Span> {
                    ranges.iter().map(|(first, last)| Span { first: (*first).into(), last: (*last).into() }).collect()
                };
                let wanted = spans(ranges);
                let wanted = match not.0 {
                    true => subtract(&[Span { first: 0, last: u16::MAX.into() }], &wanted),
                    false => wanted,
                };
                let port = |number: u128| u16::try_from(number).unwrap_or(u16::MAX);
                let common = intersect(&spans(&old), &wanted);
                space.ports = Some(common.into_iter().map(|span| (port(span.first), port(span.last))).collect());
            }
            Match::State(not, bits) => space.states &= if not.0 { !bits & State::ALL } else { *bits },
            Match::Reply(reply) if self.reply.is_some_and(|old| old != *reply) => return None,
            Match::Reply(reply) => space.reply = Some(*reply),
            Match::Limit(limit) => space.limit = Some(limit.clone()),
            Match::SourcePorts(..) => space.other.push(unsupported("source ports", "a grant is for destination ports")),
            Match::Syn(_) => space.other.push(unsupported("flags of TCP", "a grant or a denied range has none")),
            Match::Other(other) => space.other.push(other.clone()),
        }
        let is_empty = space.source.is_empty()
            || space.destination.is_empty()
            || space.states == 0
            || space.protocols.as_ref().is_some_and(Vec::is_empty)
            || space.ports.as_ref().is_some_and(Vec::is_empty);
        (!is_empty).then_some(space)
    }

    /// Whether they are of every protocol and port.
    pub fn is_of_every_service(&self) -> bool {
        self.protocols.is_none() && self.ports.is_none()
    }

    /// Whether a packet is one of them, as far as it can be told: what is not understood is taken for met.
    pub fn contains(&self, probe: &Probe) -> bool {
        let within = |spans: &[Span], address| spans.iter().any(|span| span.contains(number(address)));
        let state = if probe.flow == Flow::New { State::NEW } else { State::ESTABLISHED };
        let port = |ranges: &Vec<(u16, u16)>| {
            has_ports(probe.protocol) && ranges.iter().any(|(first, last)| (*first..=*last).contains(&probe.port))
        };
        Family::of(probe.destination) == self.family
            && self.incoming.contains(&probe.incoming)
            && self.outgoing.contains(probe.outgoing.as_deref().unwrap_or_default())
            && within(&self.source, probe.source)
            && within(&self.destination, probe.destination)
            && self.protocols.as_ref().is_none_or(|protocols| protocols.contains(&probe.protocol))
            && self.ports.as_ref().is_none_or(port)
            && self.states & state != 0
            && self.reply.is_none_or(|reply| reply == (probe.flow == Flow::Reply))
    }

    /// Whether all packets of `inner` are certainly among them.
    pub fn covers(&self, inner: &Self) -> bool {
        let spans = |ranges: &Vec<(u16, u16)>| -> Vec<Span> {
            ranges.iter().map(|(first, last)| Span { first: (*first).into(), last: (*last).into() }).collect()
        };
        let ports = |outer| inner.ports.as_ref().is_some_and(|inner| covers(&spans(outer), &spans(inner)));
        let protocols = |outer: &Vec<u8>| {
            inner.protocols.as_ref().is_some_and(|inner| inner.iter().all(|protocol| outer.contains(protocol)))
        };
        self.family == inner.family
            && self.incoming.covers(&inner.incoming)
            && self.outgoing.covers(&inner.outgoing)
            && covers(&self.source, &inner.source)
            && covers(&self.destination, &inner.destination)
            && self.protocols.as_ref().is_none_or(protocols)
            && self.ports.as_ref().is_none_or(ports)
            && self.states & inner.states == inner.states
            && self.reply.is_none_or(|reply| inner.reply == Some(reply))
            && self.limit.is_none()
            && self.other.is_empty()
    }

    /// Whether some packet may be among both.
    pub fn meets(&self, other: &Self) -> bool {
        self.family == other.family
            && self.incoming.and(&other.incoming).is_some()
            && self.outgoing.and(&other.outgoing).is_some()
            && !intersect(&self.source, &other.source).is_empty()
            && !intersect(&self.destination, &other.destination).is_empty()
            && self.states & other.states != 0
    }

    /// Whether they go everywhere.
    pub fn is_to_everywhere(&self) -> bool {
        covers(&self.destination, &[self.family.everything()])
    }
}

fn unsupported(text: &str, cure: &str) -> Unsupported {
    Unsupported { text: text.to_owned(), cure: format!("{cure}; leave the rule to iptables") }
}
