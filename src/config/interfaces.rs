//! Which interfaces are policed, on the way in and on the way out.

use std::collections::HashSet;

use super::field::Field;
use super::interface_pattern::InterfacePattern;
use super::invalid::Invalid;
use super::word_or_list::read_word_or_list;

/// The container interfaces: `containers.interfaces`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Interfaces {
    /// `"auto"`: Docker's and its relatives' own.
    #[default]
    Auto,
    /// `"bridges"`: every bridge, whatever its name and whenever it was made.
    Bridges,
    /// These, at least one, without duplicates.
    List(Vec<InterfacePattern>),
}

/// The outgoing interfaces that are policed: `deny.uplinks`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Uplinks {
    /// `"any"`: the destination alone decides.
    #[default]
    Any,
    /// Only what leaves by one of these, at least one, without duplicates.
    List(Vec<InterfacePattern>),
}

impl Interfaces {
    pub(super) fn read(field: Field<'_>) -> Option<Self> {
        let words = [("auto", Self::Auto), ("bridges", Self::Bridges)];
        read_word_or_list(&field, &words, "docker0", nothing_policed("auto"), str::parse, |list| {
            Self::List(without_duplicates(list))
        })
    }
}

impl Uplinks {
    pub(super) fn read(field: Field<'_>) -> Option<Self> {
        let words = [("any", Self::Any)];
        read_word_or_list(&field, &words, "eth*", nothing_policed("any"), str::parse, |list| {
            Self::List(without_duplicates(list))
        })
    }
}

fn nothing_policed(word: &str) -> Invalid {
    Invalid::new(
        "with an empty list nothing would be policed",
        format!("write \"{word}\", or take the wall away with `dockwall remove`"),
    )
}

fn without_duplicates(mut patterns: Vec<InterfacePattern>) -> Vec<InterfacePattern> {
    let mut seen = HashSet::new();
    patterns.retain(|pattern| seen.insert(pattern.clone()));
    patterns
}
