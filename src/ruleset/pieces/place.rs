//! The sets of exceptions.

use super::PieceList;
use crate::interval::normalise;
use crate::ruleset::region::disjoint;
use crate::ruleset::{DataType, Family, Set, sets};

/// What the keys of a set are made of, besides destination address and protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::ruleset) enum Layout {
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

impl Layout {
    const ALL: [Self; 5] = [Self::Address, Self::Port, Self::Flow, Self::Range, Self::Protocol];

    fn suffix(self) -> &'static str {
        match self {
            Self::Address => "",
            Self::Port => "-port",
            Self::Flow => "-flow",
            Self::Range => "-range",
            Self::Protocol => "-proto",
        }
    }
}

/// A set of exceptions, by what belongs in it; in the order in which the sets are declared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Whether they are the host's. There are few of those, and a set of boxes holds any of them.
    pub(in crate::ruleset) host: bool,
    pub(in crate::ruleset) family: Family,
    pub(in crate::ruleset) layout: Layout,
}

impl Place {
    /// The one whose set has that name.
    pub fn of_set(name: &str) -> Option<Self> {
        let families = |host| Family::BOTH.map(|family| (host, family));
        let each = [false, true].into_iter().flat_map(families);
        let mut all =
            each.flat_map(|(host, family)| Layout::ALL.into_iter().map(move |layout| Self { host, family, layout }));
        all.find(|place| place.name() == name)
    }

    /// The set's name.
    pub fn name(&self) -> String {
        let prefix = if self.host { sets::ON_HOST } else { sets::BEYOND };
        format!("{prefix}{}{}", self.family.digit(), self.layout.suffix())
    }

    /// A list with nothing in it, of the kind that belongs here.
    pub fn no_pieces(&self) -> PieceList {
        match (self.layout, self.family) {
            (Layout::Address, Family::Ipv4) => PieceList::Ipv4(Vec::new()),
            (Layout::Address, Family::Ipv6) => PieceList::Ipv6(Vec::new()),
            (Layout::Port | Layout::Flow, _) => PieceList::Keys(Vec::new()),
            (Layout::Range | Layout::Protocol, _) => PieceList::Boxes(Vec::new()),
        }
    }

    /// The set with these pieces, brought into its form.
    pub(in crate::ruleset) fn set(&self, pieces: PieceList) -> Set {
        let (name, key) = (self.name(), self.key());
        match pieces {
            PieceList::Ipv4(intervals) => Set::ipv4_intervals(&name, normalise(intervals)),
            PieceList::Ipv6(intervals) => Set::ipv6_intervals(&name, normalise(intervals)),
            PieceList::Keys(mut keys) => {
                keys.sort_unstable();
                keys.dedup();
                Set::exact_keys(&name, key, keys)
            }
            PieceList::Boxes(boxes) => {
                let elements = disjoint(boxes, &key);
                Set::boxes(&name, key, elements)
            }
        }
    }

    fn address(&self) -> DataType {
        match self.family {
            Family::Ipv4 => DataType::Ipv4Addr,
            Family::Ipv6 => DataType::Ipv6Addr,
        }
    }

    pub(super) fn key(&self) -> Vec<DataType> {
        let address = self.address();
        match self.layout {
            Layout::Address => vec![address],
            Layout::Port => vec![address, DataType::InetProto, DataType::InetService],
            Layout::Flow | Layout::Range => vec![address, address, DataType::InetProto, DataType::InetService],
            Layout::Protocol => vec![address, address, DataType::InetProto],
        }
    }
}
