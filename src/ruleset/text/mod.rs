//! A ruleset in `nft`'s own syntax: `nft -f` of the text makes the same table.

mod rule;
#[cfg(test)]
mod tests;

use std::fmt::{self, Write};

use super::{Base, Chain, DataType, Elements, KeyBox, Set, Table};
use crate::ruleset::set::{SET_ANONYMOUS, SET_CONSTANT, SET_DYNAMIC, SET_FOREIGN_ELEMENTS, SET_INTERVAL, SET_TIMEOUT};

/// The whole table.
impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "table inet {} {{", self.name)?;
        if let Some(comment) = &self.comment {
            writeln!(f, "\tcomment \"{comment}\"")?;
        }
        if self.is_dormant() {
            writeln!(f, "\tflags dormant")?;
        }
        for set in &self.sets {
            writeln!(f, "\n{set}")?;
        }
        for chain in &self.chains {
            writeln!(f, "\n{chain}")?;
        }
        writeln!(f, "}}")
    }
}

/// The declaration with its elements, indented as inside its table.
impl fmt::Display for Set {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\tset {} {{", self.name)?;
        let key: Vec<String> = self.key.iter().map(|field| field.name()).collect();
        writeln!(f, "\t\ttype {}", key.join(" . "))?;
        if let Some(size) = self.size {
            writeln!(f, "\t\tsize {size}")?;
        }
        let flags = flag_names(self.flags);
        if !flags.is_empty() {
            writeln!(f, "\t\tflags {}", flags.join(","))?;
        }
        if let Some(timeout) = self.timeout {
            writeln!(f, "\t\ttimeout {}", Duration(timeout))?;
        }
        if !self.elements.is_empty() {
            f.write_str("\t\telements = { ")?;
            self.write_elements(f, ",\n\t\t             ")?;
            f.write_str(" }\n")?;
        }
        f.write_str("\t}")
    }
}

impl Set {
    /// The elements in nft's words, one by one.
    pub fn element_texts(&self) -> Vec<String> {
        match &self.elements {
            Elements::Ipv4(elements) => elements.iter().map(ToString::to_string).collect(),
            Elements::Ipv6(elements) => elements.iter().map(ToString::to_string).collect(),
            Elements::Exact(keys) => keys.iter().map(|key| self.key_text(key)).collect(),
            Elements::Boxes(boxes) => boxes.iter().map(|element| self.box_text(element)).collect(),
        }
    }

    /// The elements, with `separator` between them.
    pub(crate) fn write_elements(&self, f: &mut impl Write, separator: &str) -> fmt::Result {
        match &self.elements {
            Elements::Ipv4(elements) => write_separated(f, separator, elements),
            Elements::Ipv6(elements) => write_separated(f, separator, elements),
            Elements::Exact(keys) => write_separated(f, separator, keys.iter().map(|key| self.key_text(key))),
            Elements::Boxes(boxes) => write_separated(f, separator, boxes.iter().map(|one| self.box_text(one))),
        }
    }

    /// A key in nft's words.
    pub(crate) fn key_text(&self, key: &[u8]) -> String {
        if let [single] = self.key.as_slice() {
            return single.value(key);
        }
        let fields: Vec<String> = self.fields(key).map(|(field, value)| field.value(value)).collect();
        fields.join(" . ")
    }

    /// A box in nft's words, with the time that is left of it.
    fn box_text(&self, element: &KeyBox) -> String {
        let keys = self.keys_text(element);
        match element.expiry {
            Some(expiry) => format!("{keys} timeout {} comment \"{}\"", Duration(expiry.left), expiry.comment()),
            None => keys,
        }
    }

    /// The keys of a box in nft's words.
    pub(crate) fn keys_text(&self, element: &KeyBox) -> String {
        let pairs = self.fields(&element.first).zip(self.fields(&element.last));
        let fields: Vec<String> = pairs.map(|((field, first), (_, last))| field.interval(first, last)).collect();
        fields.join(" . ")
    }

    /// The fields of a concatenated key, without their padding.
    pub(in crate::ruleset) fn fields<'a>(&'a self, key: &'a [u8]) -> impl Iterator<Item = (DataType, &'a [u8])> {
        let mut rest = key;
        self.key.iter().map(move |field| {
            let (padded, others) = rest.split_at((field.len().next_multiple_of(4) as usize).min(rest.len()));
            rest = others;
            (*field, padded.get(..field.len() as usize).unwrap_or(padded))
        })
    }
}

fn write_separated<T: fmt::Display>(
    f: &mut impl Write,
    separator: &str,
    items: impl IntoIterator<Item = T>,
) -> fmt::Result {
    for (index, item) in items.into_iter().enumerate() {
        if index > 0 {
            f.write_str(separator)?;
        }
        write!(f, "{item}")?;
    }
    Ok(())
}

fn flag_names(flags: u32) -> Vec<&'static str> {
    let names = [
        (SET_CONSTANT, "constant"),
        (SET_DYNAMIC, "dynamic"),
        (SET_INTERVAL, "interval"),
        (SET_TIMEOUT, "timeout"),
        // No flags of nft's, so that a digest tells a set of somebody's from one of ours.
        (SET_ANONYMOUS, "anonymous"),
        (SET_FOREIGN_ELEMENTS, "foreign-elements"),
    ];
    names.into_iter().filter(|(bit, _)| flags & bit != 0).map(|(_, name)| name).collect()
}

/// The chain with its rules, indented as inside its table.
impl fmt::Display for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\tchain {} {{", self.name)?;
        if let Some(comment) = &self.comment {
            writeln!(f, "\t\tcomment \"{comment}\"")?;
        }
        if let Some(base) = &self.base {
            writeln!(f, "\t\t{base}")?;
        }
        for rule in &self.rules {
            writeln!(f, "\t\t{rule}")?;
        }
        f.write_str("\t}")
    }
}

impl fmt::Display for Base {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "type {} hook {} priority ", self.kind, self.hook)?;
        match self.priority {
            0 => f.write_str("filter")?,
            below @ -50..=-1 => write!(f, "filter - {}", -below)?,
            above @ 1..=50 => write!(f, "filter + {above}")?,
            other => write!(f, "{other}")?,
        }
        write!(f, "; policy {};", self.policy)
    }
}

/// A duration in milliseconds, as `nft` writes it: `1d2h3m4s5ms`. It reads no number of more than eight
/// digits, so a long one has to have its days.
pub(crate) struct Duration(pub u64);

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == 0 {
            return f.write_str("0s");
        }
        let mut rest = self.0;
        for (unit, name) in [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1000, "s"), (1, "ms")] {
            if rest >= unit {
                write!(f, "{}{name}", rest / unit)?;
                rest %= unit;
            }
        }
        Ok(())
    }
}
