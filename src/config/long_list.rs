//! Long lists of texts, which are kept from the TOML parser.
//!
//! It holds every item as tokens, events and a value at the same time, 250 bytes in all (measured
//! with toml 1.2), so that 100,000 networks take more memory there than in all that follows. A list
//! that is long and written plainly is cut out of what it gets, and read where it is asked for.

use std::borrow::Cow;
use std::ops::Range;

use toml_parser::Source;
use toml_parser::lexer::TokenKind;

/// From how many items on.
const LONG: usize = 1000;

/// A text without the items of its long lists: of these there is nothing left but the brackets.
pub(super) struct Shortened<'t> {
    text: Cow<'t, str>,
    cuts: Vec<Cut>,
}

/// Where items were cut out.
struct Cut {
    /// The byte of the shortened text that is behind them.
    at: usize,
    /// How many bytes of the whole text are missing in front of it.
    missing: usize,
}

impl<'t> Shortened<'t> {
    pub(super) fn of(text: &'t str) -> Self {
        let (mut kept, mut cuts, mut copied) = (String::new(), Vec::new(), 0);
        while let Some(items) = find_long(text, copied) {
            kept.push_str(text.get(copied..items.start).unwrap_or_default());
            cuts.push(Cut { at: kept.len(), missing: items.end - kept.len() });
            copied = items.end;
        }
        if cuts.is_empty() {
            return Self { text: Cow::Borrowed(text), cuts };
        }
        kept.push_str(text.get(copied..).unwrap_or_default());
        Self { text: Cow::Owned(kept), cuts }
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Where in the whole text the bytes stand that have these places in the shortened one.
    pub(super) fn in_whole(&self, span: Range<usize>) -> Range<usize> {
        let start = self.place(span.start);
        // By its last byte: the one behind that may be behind a cut, too.
        let end = if span.is_empty() { start } else { self.place(span.end - 1) + 1 };
        start..end
    }

    fn place(&self, offset: usize) -> usize {
        let cuts = self.cuts.partition_point(|cut| cut.at <= offset);
        let last = cuts.checked_sub(1).and_then(|last| self.cuts.get(last));
        offset + last.map_or(0, |cut| cut.missing)
    }
}

/// Where the items of the first long list behind byte `from` stand.
fn find_long(text: &str, from: usize) -> Option<Range<usize>> {
    let mut before = TokenKind::Eof;
    for token in Source::new(text.get(from..)?).lex() {
        if (before, token.kind()) == (TokenKind::Equals, TokenKind::LeftSquareBracket) {
            let mut count = 0;
            let close = read_plain(text, from + token.span().start(), |_, _| count += 1);
            if let Some(close) = close.filter(|_| count >= LONG) {
                return Some(from + token.span().end()..close);
            }
        }
        if token.kind() != TokenKind::Whitespace {
            before = token.kind();
        }
    }
    None
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
    fn the_items_of_long_lists_are_cut_out_and_nothing_else() {
        let text = list(LONG, "\"10.0.0.1\"").repeat(2);
        let expected = "# '\nx = 1\na = [] # ]\nb = ['q']\n".repeat(2);
        assert_eq!(Shortened::of(&text).text(), expected);
    }

    #[test]
    fn what_is_short_or_not_plain_stays() {
        let long = |item| list(LONG, item);
        let unclosed = long("'a'").replace("] #", "#");
        for text in [list(LONG - 1, "'a'"), long("1"), long("'a' 'b'"), long("\"\\u0061\""), long("['a']"), unclosed] {
            assert_eq!(Shortened::of(&text).text(), text);
        }
    }

    #[test]
    fn what_is_left_is_found_in_the_whole_text() {
        let text = list(LONG, "'a'").repeat(3);
        let shortened = Shortened::of(&text);
        let mut behind = 0;
        for (start, letter) in shortened.text().char_indices() {
            let span = shortened.in_whole(start..start + 1);
            assert!(span.start >= behind, "{span:?}");
            assert_eq!(text[span.clone()], letter.to_string());
            behind = span.end;
        }
        let (open, end) = (shortened.text().rfind("[]").unwrap(), shortened.text().len());
        assert_eq!(shortened.in_whole(open..open + 1), text.rfind("[ #").map(|open| open..open + 1).unwrap());
        assert_eq!(shortened.in_whole(open..open + 2), text.rfind("[ #").unwrap()..text.rfind("] #").unwrap() + 1);
        assert_eq!(shortened.in_whole(end..end), text.len()..text.len());
    }

    #[test]
    fn plain_items_are_read_with_their_places() {
        let text = "a = ['x', # \"\n \"y\" ]";
        let mut items = Vec::new();
        assert_eq!(read_plain(text, 4, |item, span| items.push((item.to_owned(), span))), Some(text.len() - 1));
        assert_eq!(items, [("x".to_owned(), 5..8), ("y".to_owned(), 15..18)]);
    }

    /// Whatever is wrong in it or behind it, and wherever.
    #[test]
    fn a_long_list_reads_as_the_parser_reads_it() {
        let read = |item: &str, last: &str, behind: &str| {
            let items = format!("  \"10.0.0.0/8\",\t# here\n  {item},\n").repeat(LONG);
            Config::parse("dockwall.toml", &format!("mood = 1\n[deny]\nranges = [\n{items}{last}\n]{behind}"))
        };
        let unknown = "\nhots = true\nuplinks = []\n[[grant]]\nto = 'nowhere'\n[[grant]]\n[log]\nrate = 6\n";
        let items = ["'10.9.0.0/16'", "'10.9.0.0/8'", "''", "'iternal'"].map(|item| (item, unknown));
        let behind = [" x", "]", "\nhost =", "\nranges = 1", "\n[log\nrate = 6", "\nhost = 'yes"];
        for (item, behind) in items.into_iter().chain(behind.map(|behind| ("'10.9.0.0/16'", behind))) {
            // An escape, so that the parser gets the second of the two as it is.
            let (cut_out, parsed) = ("'fe80::/10'     ", "\"fe80::\\u002f10\"");
            assert_eq!(read(item, cut_out, behind), read(item, parsed, behind), "{item} {behind}");
            assert!(read(item, cut_out, behind).is_err());
        }
    }
}
