//! What other people named, made fit for a terminal.

/// Control characters, and the marks that reorder or hide what a terminal shows
/// (Unicode TR36, section 2.10; the set is rustc's `text_direction_codepoint_in_literal`).
pub(crate) fn is_unprintable(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// `text` with each unprintable character as `\u{1b}`; unchanged, as nearly always, where there is none.
pub(crate) fn printable(text: String) -> String {
    if !text.contains(is_unprintable) {
        return text;
    }
    let mut escaped = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        if is_unprintable(character) {
            escaped.extend(character.escape_unicode());
        } else {
            escaped.push(character);
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_moves_the_cursor_or_turns_the_text_is_escaped() {
        assert_eq!(printable("web-1".to_owned()), "web-1");
        assert_eq!(printable("größe/日本".to_owned()), "größe/日本");
        assert_eq!(printable("a\u{1b}[2J\nb\u{202e}c".to_owned()), "a\\u{1b}[2J\\u{a}b\\u{202e}c");
    }
}
