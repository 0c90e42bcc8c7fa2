//! Pieces of one set.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::interval::Interval;
use crate::ruleset::{Expiry, Region};

/// Pieces of one set, as they were asked for: they may overlap, and be there twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PieceList {
    /// IPv4 addresses.
    Ipv4(Vec<Interval<Ipv4Addr>>),
    /// IPv6 addresses.
    Ipv6(Vec<Interval<Ipv6Addr>>),
    /// Keys that are matched exactly.
    Keys(Vec<Vec<u8>>),
    /// Boxes, and how long they stay.
    Boxes(Vec<(Region, Option<Expiry>)>),
}

impl PieceList {
    /// How many there are.
    pub fn len(&self) -> usize {
        match self {
            Self::Ipv4(list) => list.len(),
            Self::Ipv6(list) => list.len(),
            Self::Keys(list) => list.len(),
            Self::Boxes(list) => list.len(),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds those of another list of the same kind.
    pub fn append(&mut self, other: &Self) {
        match (self, other) {
            (Self::Ipv4(list), Self::Ipv4(other)) => list.extend(other),
            (Self::Ipv6(list), Self::Ipv6(other)) => list.extend(other),
            (Self::Keys(list), Self::Keys(other)) => list.extend_from_slice(other),
            (Self::Boxes(list), Self::Boxes(other)) => list.extend(other),
            _ => debug_assert!(false, "pieces of two kinds of sets"),
        }
    }

    /// Takes those of another list of the same kind away, each once.
    pub fn remove(&mut self, other: &Self) {
        match (self, other) {
            (Self::Ipv4(list), Self::Ipv4(other)) => remove_each(list, other),
            (Self::Ipv6(list), Self::Ipv6(other)) => remove_each(list, other),
            (Self::Keys(list), Self::Keys(other)) => remove_each(list, other),
            (Self::Boxes(list), Self::Boxes(other)) => remove_each(list, other),
            _ => debug_assert!(false, "pieces of two kinds of sets"),
        }
    }

    pub(super) fn push(&mut self, piece: Piece) {
        match (self, piece) {
            (Self::Ipv4(list), Piece::Ipv4(piece)) => list.push(piece),
            (Self::Ipv6(list), Piece::Ipv6(piece)) => list.push(piece),
            (Self::Keys(list), Piece::Key(piece)) => list.push(piece),
            (Self::Boxes(list), Piece::Box(piece)) => list.push(piece),
            _ => debug_assert!(false, "a piece of another kind of set"),
        }
    }
}

fn remove_each<T: PartialEq>(list: &mut Vec<T>, others: &[T]) {
    for other in others {
        if let Some(index) = list.iter().position(|one| one == other) {
            list.swap_remove(index);
        }
    }
}

/// One of them.
pub(super) enum Piece {
    Ipv4(Interval<Ipv4Addr>),
    Ipv6(Interval<Ipv6Addr>),
    Key(Vec<u8>),
    Box((Region, Option<Expiry>)),
}
