//! Long lists of texts, which are kept from the TOML parser.
//!
//! It holds every item as tokens, events and a value at the same time, 250 bytes in all (measured
//! with toml 1.2), so that 100,000 networks take more memory there than in all that follows. A list
//! that is long and written plainly is blanked out of what it gets, and read where it is asked for.
//! Blanks take the room of what they stand for, so every place stays what it is in the file.

use std::borrow::Cow;
use std::ops::Range;

use toml_parser::Source;
use toml_parser::lexer::TokenKind;

/// From how many items on.
const LONG: usize = 1000;

/// `text` with the items of its long lists blanked out.
pub(super) fn blank_out(text: &str) -> Cow<'_, str> {
    let (mut blanked, mut copied) = (String::new(), 0);
    let mut before = TokenKind::Eof;
    for token in Source::new(text).lex() {
        if (before, token.kind()) == (TokenKind::Equals, TokenKind::LeftSquareBracket) {
            let mut count = 0;
            let end = read_plain(text, token.span().start(), |_, _| count += 1);
            if let Some(end) = end.filter(|_| count >= LONG) {
                // Of one length with the text, and never there twice.
                blanked.reserve_exact(text.len() - blanked.len());
                blanked.push_str(text.get(copied..token.span().end()).unwrap_or_default());
                blanked.extend(std::iter::repeat_n(' ', end - token.span().end()));
                copied = end;
            }
        }
        if token.kind() != TokenKind::Whitespace {
            before = token.kind();
        }
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    blanked.push_str(text.get(copied..).unwrap_or_default());
    Cow::Owned(blanked)
}

/// Hands out the items of the list that opens at byte `open`, each with where it is written, as long
/// as they are written plainly: texts without escapes, with blanks, line breaks and comments between
/// them. Gives the place of the closing bracket if all of the list is.
pub(super) fn read_plain(text: &str, open: usize, mut each: impl FnMut(&str, Range<usize>)) -> Option<usize> {
    let mut comma_is_next = false;
    for token in Source::new(text.get(open..)?).lex().skip(1) {
        let span = open + token.span().start()..open + token.span().end();
        let written = text.get(span.clone())?;
        match token.kind() {
            TokenKind::Whitespace => {}
            TokenKind::Newline if matches!(written, "\n" | "\r\n") => {}
            TokenKind::Comment if is_plain(written) => {}
            TokenKind::Comma if comma_is_next => comma_is_next = false,
            TokenKind::BasicString | TokenKind::LiteralString if !comma_is_next && is_plain(written) => {
                let mark = if token.kind() == TokenKind::BasicString { '"' } else { '\'' };
                each(written.strip_prefix(mark)?.strip_suffix(mark)?, span);
                comma_is_next = true;
            }
            TokenKind::RightSquareBracket => return Some(span.start),
            _ => return None,
        }
    }
    None
}

/// Whether it means what it says, letter by letter.
fn is_plain(written: &str) -> bool {
    !written.bytes().any(|byte| byte == b'\\' || (byte.is_ascii_control() && byte != b'\t'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn list(items: usize, item: &str) -> String {
        format!("# '\nx = 1\na = [ # \"\n{}] # ]\nb = ['q']\n", format!("  {item}, # [\n").repeat(items))
    }

    #[test]
    fn the_items_of_a_long_list_are_blanked_out_and_nothing_else() {
        let text = list(LONG, "\"10.0.0.1\"");
        let blanked = blank_out(&text);
        assert_eq!(blanked.len(), text.len());
        assert_eq!(blanked.split_whitespace().collect::<Vec<_>>().join(" "), "# ' x = 1 a = [ ] # ] b = ['q']");
        assert_eq!(blanked.find("] #"), text.rfind("] #"));
    }

    #[test]
    fn what_is_short_or_not_plain_stays() {
        let long = |item| list(LONG, item);
        let unclosed = long("'a'").replace("] #", "#");
        for text in [list(LONG - 1, "'a'"), long("1"), long("'a' 'b'"), long("\"\\u0061\""), long("['a']"), unclosed] {
            assert_eq!(blank_out(&text), text);
        }
    }

    #[test]
    fn plain_items_are_read_with_their_places() {
        let text = "a = ['x', # \"\n \"y\" ]";
        let mut items = Vec::new();
        assert_eq!(read_plain(text, 4, |item, span| items.push((item.to_owned(), span))), Some(text.len() - 1));
        assert_eq!(items, [("x".to_owned(), 5..8), ("y".to_owned(), 15..18)]);
    }

    #[test]
    fn a_long_list_reads_as_the_parser_reads_it() {
        let read = |item: &str, last: &str| {
            let items = format!("  \"10.0.0.0/8\",\t# here\n  {item},\n").repeat(LONG);
            Config::parse("dockwall.toml", &format!("mood = 1\n[deny]\nranges = [\n{items}{last}]\n"))
        };
        for item in ["'10.9.0.0/16'", "'10.9.0.0/8'", "''", "'iternal'"] {
            // An escape, so that the parser gets the second of the two as it is.
            assert_eq!(read(item, "'fe80::/10'"), read(item, "\"fe80::\\u002f10\""), "{item}");
        }
    }
}
