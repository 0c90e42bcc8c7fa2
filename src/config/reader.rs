//! Reads one TOML file by hand, so that everything wrong with it is found at once, at its place.
//!
//! [`Section`](super::section::Section) is one table and knows which of its keys were asked for,
//! [`Field`](super::field::Field) is one value; both file what they find with the [`Reader`].

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::ops::Range;

use toml::Spanned;
use toml::de::DeTable;

use super::diagnostic::{Kind, Severity};
use super::findings::Findings;
use super::invalid::{Invalid, quote};
use super::long_list::Shortened;
use super::nearest::nearest;
use super::section::Section;
use super::source::Source;
use super::syntax;

/// One file being read, and what was found in it so far.
///
/// Collects behind a shared reference, so that sections and fields can be held side by side.
pub(super) struct Reader<'r> {
    pub(super) source: &'r Source<'r>,
    /// What the parser got of it.
    shortened: &'r Shortened<'r>,
    findings: RefCell<Findings>,
    /// The dotted names of all keys that were asked for.
    known: RefCell<BTreeSet<String>>,
    /// The keys that nobody asked for; judged at the end, when all known keys are known.
    unknown: RefCell<Vec<UnknownKey>>,
    /// The lines with a syntax error.
    broken_lines: BTreeSet<u32>,
}

struct UnknownKey {
    section: String,
    name: String,
    key: String,
    span: Range<usize>,
}

/// Reads `source` with `read`, which is handed the top of the file. What is found goes to
/// `findings`; `elsewhere` says where a key belongs that is unknown at the top of the file.
pub(super) fn read_document<T>(
    source: &Source<'_>,
    elsewhere: Option<&str>,
    findings: &mut Findings,
    read: impl FnOnce(&mut Section<'_>) -> T,
) -> T {
    let shortened = Shortened::of(source.text());
    let (document, syntax_errors) = DeTable::parse_recoverable(shortened.text());
    let mut reader = Reader {
        source,
        shortened: &shortened,
        findings: RefCell::default(),
        known: RefCell::default(),
        unknown: RefCell::default(),
        broken_lines: BTreeSet::new(),
    };
    for error in syntax_errors {
        reader.report_syntax(&error);
    }
    let value = Section::top(&reader, document.get_ref()).read(read);
    reader.judge_unknown_keys(elsewhere);
    findings.append(reader.findings.into_inner());
    value
}

impl Reader<'_> {
    /// The bytes of the file in which the parser found something.
    pub(super) fn span<T>(&self, found: &Spanned<T>) -> Range<usize> {
        self.shortened.in_whole(found.span())
    }

    fn report_syntax(&mut self, error: &toml::de::Error) {
        let end = self.source.text().len();
        let span = error.span().map_or(end..end, |span| self.shortened.in_whole(span));
        self.broken_lines.insert(self.source.line(span.start));
        self.findings.get_mut().add_with(Severity::Error, || {
            let written = self.source.text().get(span.clone()).unwrap_or_default();
            let invalid = syntax::explain(error.message(), written);
            self.source.diagnostic(Severity::Error, Kind::Syntax, span, invalid)
        });
    }

    /// Files a finding about `key` with the value seen.
    pub(super) fn report(&self, kind: Kind, key: &str, value: Option<String>, span: Range<usize>, invalid: Invalid) {
        if self.is_guesswork(kind, &span) {
            return;
        }
        let severity = if kind == Kind::NoEffect { Severity::Warning } else { Severity::Error };
        self.findings.borrow_mut().add_with(severity, || {
            let mut diagnostic = self.source.diagnostic(severity, kind, span, invalid);
            diagnostic.key = Some(key.to_owned());
            diagnostic.value = value;
            diagnostic
        });
    }

    /// Behind a syntax error the parser guesses where values end and which table they are in:
    /// values on other lines are still worth a judgement, the presence of keys is not.
    fn is_guesswork(&self, kind: Kind, span: &Range<usize>) -> bool {
        let structural = matches!(kind, Kind::UnknownKey | Kind::MissingKey | Kind::WrongType | Kind::NoEffect);
        !self.broken_lines.is_empty() && (structural || self.broken_lines.contains(&self.source.line(span.start)))
    }

    pub(super) fn remember_known(&self, key: String) {
        self.known.borrow_mut().insert(key);
    }

    pub(super) fn remember_unknown(&self, section: &str, name: &str, key: String, span: Range<usize>) {
        self.unknown.borrow_mut().push(UnknownKey { section: section.to_owned(), name: name.to_owned(), key, span });
    }

    fn judge_unknown_keys(&self, elsewhere: Option<&str>) {
        let known = self.known.borrow();
        for unknown in self.unknown.borrow().iter() {
            let cure = match (unknown.meant(&known), elsewhere) {
                (Some(key), _) => format!("did you mean {}?", quote(key)),
                (None, Some(elsewhere)) if unknown.section.is_empty() => elsewhere.to_owned(),
                (None, _) => format!("remove it; the keys here are {}", unknown.siblings(&known).join(", ")),
            };
            let invalid = Invalid::new("there is no such key", cure);
            self.report(Kind::UnknownKey, &unknown.key, None, unknown.span.clone(), invalid);
        }
    }
}

impl UnknownKey {
    /// The names of the keys that the section does have.
    fn siblings<'k>(&self, known: &'k BTreeSet<String>) -> Vec<&'k str> {
        let of_section = |key: &'k String| Some(split(key)).filter(|(section, _)| *section == self.section);
        known.iter().filter_map(of_section).map(|(_, name)| name).collect()
    }

    /// The key that was probably meant: a similar one of the same section, or the same one of
    /// another.
    fn meant<'k>(&self, known: &'k BTreeSet<String>) -> Option<&'k str> {
        let sibling = nearest(&self.name, self.siblings(known));
        known.iter().map(String::as_str).find(|key| match (split(key), sibling) {
            ((section, name), Some(sibling)) => section == self.section && name == sibling,
            ((_, name), None) => name == self.name,
        })
    }
}

/// The section and the name of a dotted key.
fn split(key: &str) -> (&str, &str) {
    key.rsplit_once('.').unwrap_or(("", key))
}
