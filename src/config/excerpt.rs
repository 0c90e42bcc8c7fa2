//! The part of a line that a message shows.

use std::ops::Range;

use crate::printable::is_unprintable;

/// How many bytes before and after the start of the marked text are shown: a list may be written in
/// one line of megabytes.
const BEFORE: usize = 60;
const AFTER: usize = 80;

/// A part of one line of a file, and what in it is marked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Excerpt {
    /// The text, without line ends and control characters.
    pub(super) text: String,
    /// The line, counted from 1.
    pub(super) line: u32,
    /// The marked bytes of the text.
    pub(super) span: Range<usize>,
}

impl Excerpt {
    /// Cuts a window around `marked`, bytes of `line_text`, clipped to the line.
    pub(super) fn cut(line_text: &str, line: u32, marked: Range<usize>) -> Self {
        let start = floor_boundary(line_text, marked.start);
        let end = ceil_boundary(line_text, marked.end.max(start));
        let from = floor_boundary(line_text, start.saturating_sub(BEFORE));
        let to = ceil_boundary(line_text, start.saturating_add(AFTER));

        let mut text = String::with_capacity(to - from);
        if from > 0 {
            text.push('…');
        }
        push_printable(&mut text, line_text, from..start);
        let span_start = text.len();
        push_printable(&mut text, line_text, start..end.min(to));
        let span_end = text.len();
        push_printable(&mut text, line_text, end.min(to)..to);
        if to < line_text.len() {
            text.push('…');
        }
        Self { text, line, span: span_start..span_end }
    }
}

/// The start of the character that the byte is in, or the end of the text.
pub(super) fn floor_boundary(text: &str, offset: usize) -> usize {
    (0..=offset.min(text.len())).rev().find(|index| text.is_char_boundary(*index)).unwrap_or(0)
}

/// The end of the character that the byte is in, or the end of the text.
fn ceil_boundary(text: &str, offset: usize) -> usize {
    (offset..text.len()).find(|index| text.is_char_boundary(*index)).unwrap_or(text.len())
}

/// A tab is shown as a space and other control characters as `\u{fffd}`: the terminal must not obey them.
fn push_printable(text: &mut String, line_text: &str, part: Range<usize>) {
    let part = line_text.get(part).unwrap_or_default();
    text.extend(part.chars().map(|character| match character {
        '\t' => ' ',
        character if is_unprintable(character) => char::REPLACEMENT_CHARACTER,
        character => character,
    }));
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_line_of_megabytes_is_cut_around_the_mark() {
        let line = format!("{}MARK{}", "x".repeat(1_000_000), "y".repeat(1_000_000));
        let excerpt = Excerpt::cut(&line, 3, 1_000_000..1_000_004);
        assert_eq!(&excerpt.text[excerpt.span.clone()], "MARK");
        assert!(excerpt.text.len() < 200);
        assert!(excerpt.text.starts_with("…x") && excerpt.text.ends_with("y…"));
    }

    proptest! {
        #[test]
        fn the_mark_is_inside_the_text_on_character_boundaries(line in "\\PC{0,300}", a in 0usize..1300, b in 0usize..1300) {
            let excerpt = Excerpt::cut(&line, 1, a.min(b)..a.max(b));
            prop_assert!(excerpt.text.get(excerpt.span).is_some());
        }
    }
}
