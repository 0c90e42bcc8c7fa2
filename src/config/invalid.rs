//! Why a written value is refused, and what to write instead.

use std::fmt;

use crate::printable::is_unprintable;

/// How many characters of a value a message shows: enough to recognise it, and a value may be
/// megabytes long.
const SHOWN: usize = 60;

/// A refused value: what is wrong with it, and the cure.
///
/// Every `FromStr` of this module fails with it, so that a command-line flag says the same as the
/// file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem}; {cure}")]
pub struct Invalid {
    /// What is wrong, naming the value: "`10.1.2.3/8` has bits set behind its prefix".
    pub problem: String,
    /// What to do about it, as an imperative: "write `10.0.0.0/8` for the network".
    pub cure: String,
}

impl Invalid {
    /// A refusal with its two halves.
    pub fn new(problem: impl Into<String>, cure: impl Into<String>) -> Self {
        Self { problem: problem.into(), cure: cure.into() }
    }
}

/// `text` in backquotes: shortened, with control characters escaped, because it ends up on a
/// terminal.
pub(super) fn quote(text: impl fmt::Display) -> String {
    format!("`{}`", shorten(&text.to_string()))
}

/// At most 60 characters of `text`, control characters escaped, `…` for what is left out.
pub(super) fn shorten(text: &str) -> String {
    let mut shown = String::with_capacity(text.len().min(SHOWN) + '…'.len_utf8());
    for (count, character) in text.chars().enumerate() {
        if count == SHOWN {
            shown.push('…');
            break;
        }
        if is_unprintable(character) {
            shown.extend(character.escape_unicode());
        } else {
            shown.push(character);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quoted_value_cannot_move_the_cursor_or_flood_the_terminal() {
        assert_eq!(quote("a\u{1b}[2Jb"), "`a\\u{1b}[2Jb`");
        assert_eq!(quote("x".repeat(1_000_000)).chars().count(), SHOWN + 3);
    }
}
