//! Grants as sets: of constant cost however many there are. A set that would be empty is not made.

use std::borrow::Cow;
use std::collections::BTreeSet;

use jiff::Timestamp;

use super::pieces::{Layout, Pieces, Place};
use super::{Destination, FlowKey, Rule, Set};
use crate::policy::{Grant, Policy};

/// The protocols of published ports that are looked up by what was asked for (IANA): tcp, udp, sctp, all that Docker publishes.
/// `nft` takes an original port only where the protocol is known, so each needs rules of its own.
pub const TRANSLATED: [u8; 3] = [6, 17, 132];

/// A set of exceptions.
#[derive(Debug, Clone)]
pub struct ExceptionSet {
    /// The set.
    pub set: Set,
    place: Place,
}

impl ExceptionSet {
    /// Whether it looks at where a packet came from.
    fn looks_at_source(&self) -> bool {
        !matches!(self.place.layout, Layout::Address | Layout::Port)
    }

    /// The match of the rule that looks into it.
    pub fn rule(&self) -> Rule {
        match self.place.layout {
            Layout::Address => Rule::new().destination_in(self.place.family, &self.set.name),
            _ => Rule::new().key_in(self.key(Destination::Packet), &self.set.name),
        }
    }

    /// The matches of the rules that look into it for what a flow was addressed to, before it was
    /// translated: `nft` knows an original port of one protocol at a time.
    pub fn original_rules(&self) -> Vec<Rule> {
        let rule = |rule: Rule| rule.key_in(self.key(Destination::Original), &self.set.name);
        match self.place.layout {
            Layout::Address | Layout::Protocol => vec![rule(Rule::new())],
            _ => TRANSLATED.map(|protocol| rule(Rule::new().protocol(protocol))).to_vec(),
        }
    }

    fn key(&self, from: Destination) -> FlowKey {
        let key = FlowKey::new(self.place.family);
        match self.place.layout {
            Layout::Address => key.destination(from),
            Layout::Port => key.destination(from).protocol().port(from),
            Layout::Flow | Layout::Range => key.source().destination(from).protocol().port(from),
            Layout::Protocol => key.source().destination(from).protocol(),
        }
    }
}

/// The names of the sets that `grant` has elements in at `now`.
pub fn sets_of(grant: &Grant, now: Timestamp) -> Vec<String> {
    Pieces::of([Cow::Borrowed(grant)], now).lists.keys().map(Place::name).collect()
}

/// What of the exceptions is looked at, where the rest stays as it is.
#[derive(Debug, Clone, Default)]
pub struct Part {
    /// The sets that there are.
    pub places: BTreeSet<Place>,
    /// What is looked at of what is in them.
    pub pieces: Pieces,
    /// Whether some of all is for certain containers only.
    pub by_source: bool,
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
        let pieces = Pieces::of(policy.exceptions(), now);
        let (places, by_source) = (pieces.lists.keys().copied().collect(), pieces.by_source > 0);
        Self::part(Part { places, pieces, by_source })
    }

    /// Those that are looked at, in all the sets that there are.
    pub fn part(part: Part) -> Self {
        let Part { places, mut pieces, by_source } = part;
        let set = |place: Place| {
            let list = pieces.lists.remove(&place).unwrap_or_else(|| place.no_pieces());
            ExceptionSet { set: place.set(list), place }
        };
        let (host, beyond) = places.into_iter().map(set).partition(|exception| exception.place.host);
        Self { beyond, host, by_source }
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
