//! The text of one file, and where in it a byte is.

use std::num::NonZeroU32;
use std::ops::Range;

use super::diagnostic::{Diagnostic, Kind, Severity};
use super::excerpt::{Excerpt, floor_boundary};
use super::invalid::{Invalid, shorten};
use super::lines::Lines;
use super::origin::Origin;

/// The text of a file with its lines.
pub(super) struct Source<'t> {
    /// The path as it was opened.
    path: String,
    /// The path as places show it.
    name: String,
    /// The index of the file among [`Files`](super::Files).
    file: u32,
    text: &'t str,
    lines: Lines<'t>,
}

impl<'t> Source<'t> {
    pub(super) fn new(path: String, name: String, file: u32, text: &'t str) -> Self {
        Self { path, name, file, text, lines: Lines::new(text) }
    }

    pub(super) fn text(&self) -> &'t str {
        self.text
    }

    /// The number of the line with the byte, from 1.
    pub(super) fn line(&self, offset: usize) -> u32 {
        self.lines.number(offset)
    }

    pub(super) fn origin(&self, offset: usize) -> Origin {
        Origin::Written { file: self.file, line: NonZeroU32::new(self.line(offset)).unwrap_or(NonZeroU32::MIN) }
    }

    /// The place as people read it: `dockwall.toml:9`.
    pub(super) fn place(&self, offset: usize) -> String {
        format!("{}:{}", self.name, self.line(offset))
    }

    /// What is written between two bytes, shortened.
    pub(super) fn shown(&self, span: &Range<usize>) -> String {
        shorten(self.text.get(span.clone()).unwrap_or_default())
    }

    /// A finding about the bytes `span`.
    pub(super) fn diagnostic(
        &self,
        severity: Severity,
        kind: Kind,
        span: Range<usize>,
        invalid: Invalid,
    ) -> Diagnostic {
        let start = floor_boundary(self.text, span.start);
        let line_start = self.lines.start(start);
        let line_text = self.text.get(line_start..).and_then(|rest| rest.lines().next()).unwrap_or_default();
        let column = self.text.get(line_start..start).map_or(1, |before| before.chars().count() + 1);
        let marked = (start - line_start)..span.end.saturating_sub(line_start);
        Diagnostic {
            severity,
            kind,
            file: self.path.clone(),
            line: Some(self.line(start)),
            column: Some(u32::try_from(column).unwrap_or(u32::MAX)),
            key: None,
            value: None,
            problem: invalid.problem,
            cure: invalid.cure,
            excerpt: Some(Excerpt::cut(line_text, self.line(start), marked)),
            span: Some(span),
        }
    }
}
