//! Which interfaces are policed, on the way in and on the way out.

use std::collections::HashSet;

use toml::de::DeValue;

use super::field::Field;
use super::interface_pattern::InterfacePattern;
use super::invalid::{Invalid, quote, shorten};

/// The container interfaces: `containers.interfaces`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Interfaces {
    /// `"auto"`: Docker's and its relatives' own.
    #[default]
    Auto,
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
        let cure = "write \"auto\", or take the wall away with `dockwall remove`";
        read_word_or_list(&field, "auto", "docker0", cure).map(|list| list.map_or(Self::Auto, Self::List))
    }
}

impl Uplinks {
    pub(super) fn read(field: Field<'_>) -> Option<Self> {
        let cure = "write \"any\", or take the wall away with `dockwall remove`";
        read_word_or_list(&field, "any", "eth*", cure).map(|list| list.map_or(Self::Any, Self::List))
    }
}

/// The list; an inner none for the word that stands for all of them.
fn read_word_or_list(
    field: &Field<'_>,
    word: &str,
    example: &str,
    cure: &str,
) -> Option<Option<Vec<InterfacePattern>>> {
    match field.value() {
        DeValue::String(text) if text == word => return Some(None),
        DeValue::String(text) => {
            let invalid = Invalid::new(
                format!("{} is neither \"{word}\" nor a list", quote(text)),
                format!(
                    "write \"{word}\" or a list, such as [\"{}\"]",
                    if text.is_empty() { example.to_owned() } else { shorten(text) }
                ),
            );
            return field.accept(Err(invalid));
        }
        DeValue::Array(items) if items.is_empty() => {
            return field.accept(Err(Invalid::new("with an empty list nothing would be policed", cure)));
        }
        _ => {}
    }
    let mut patterns = field.items(example, |text, _| read_pattern(text, word))?;
    let mut seen = HashSet::new();
    patterns.retain(|pattern| seen.insert(pattern.clone()));
    Some(Some(patterns))
}

fn read_pattern(text: &str, word: &str) -> Result<InterfacePattern, Invalid> {
    if text == word {
        let problem = format!("{} in a list would be the name of an interface", quote(text));
        return Err(Invalid::new(problem, format!("write \"{word}\" alone, without the list")));
    }
    text.parse()
}
