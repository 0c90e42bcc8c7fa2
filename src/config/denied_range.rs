//! An entry of `deny.ranges`.

use std::fmt;
use std::slice;

use super::invalid::{Invalid, quote};
use super::origin::Origin;
use super::preset::Preset;
use super::target::Target;

/// Destinations that containers must not open flows to: one entry of `deny.ranges`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeniedRange {
    /// What was written.
    pub written: Written,
    /// Where it was written.
    pub origin: Origin,
}

/// What stands in an entry of `deny.ranges`. Printed in the normal form, not letter by letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Written {
    /// The name of a list of networks.
    Preset(Preset),
    /// An address, a network or a range.
    Target(Target),
}

impl DeniedRange {
    /// Reads a preset's name, an address, a network or a range.
    ///
    /// # Errors
    ///
    /// What is wrong with `text`, and what would be right.
    pub fn read(text: &str, origin: Origin) -> Result<Self, Invalid> {
        let written =
            if is_word(text) { read_preset(text).map(Written::Preset) } else { text.parse().map(Written::Target) };
        Ok(Self { written: written?, origin })
    }

    /// The destinations, in the order of the preset's definition.
    pub fn targets(&self) -> &[Target] {
        match &self.written {
            Written::Preset(preset) => preset.targets(),
            Written::Target(target) => slice::from_ref(target),
        }
    }

    /// The preset that was named, if one was.
    pub fn preset(&self) -> Option<Preset> {
        match self.written {
            Written::Preset(preset) => Some(preset),
            Written::Target(_) => None,
        }
    }
}

/// Every address has a dot, a colon or a slash, no preset has.
fn is_word(text: &str) -> bool {
    text.starts_with(|first: char| first.is_alphabetic()) && !text.contains(['.', ':', '/', '%'])
}

fn read_preset(text: &str) -> Result<Preset, Invalid> {
    if text == "host" {
        let problem = format!("{} is neither a preset nor a network", quote(text));
        return Err(Invalid::new(problem, "write `deny.host = true`, which denies every address of the host"));
    }
    text.parse().map_err(|Invalid { cure, .. }| {
        Invalid::new(
            format!("{} is neither a preset nor a network", quote(text)),
            match cure.strip_prefix("write ") {
                Some(presets) => format!("write {presets}, or a network such as \"10.0.0.0/8\""),
                None => cure,
            },
        )
    })
}

impl fmt::Display for DeniedRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.written.fmt(f)
    }
}

impl fmt::Display for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Preset(preset) => preset.fmt(f),
            Self::Target(target) => target.fmt(f),
        }
    }
}
