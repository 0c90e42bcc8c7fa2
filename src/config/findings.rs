//! Everything found while reading, over all files.

use super::diagnostic::{Diagnostic, Severity};

/// How many errors are kept: a list of millions in which every entry is wrong must not fill the
/// memory with messages.
const KEPT: usize = 1000;

/// The errors and the warnings.
#[derive(Debug, Default)]
pub(super) struct Findings {
    pub(super) errors: Vec<Diagnostic>,
    pub(super) warnings: Vec<Diagnostic>,
    /// How many errors there were beyond those that are kept.
    pub(super) omitted: usize,
}

impl Findings {
    pub(super) fn add(&mut self, diagnostic: Diagnostic) {
        self.add_with(diagnostic.severity, || diagnostic);
    }

    /// Adds what `diagnose` finds, which is not asked beyond the limit: to find the place of each of
    /// a million errors in one long line would take hours.
    pub(super) fn add_with(&mut self, severity: Severity, diagnose: impl FnOnce() -> Diagnostic) {
        match severity {
            Severity::Warning => self.warnings.push(diagnose()),
            Severity::Error if self.errors.len() < KEPT => self.errors.push(diagnose()),
            Severity::Error => self.omitted += 1,
        }
    }

    /// Adds the findings of one more file, in the order of its lines.
    pub(super) fn append(&mut self, mut file: Self) {
        file.errors.sort_by_key(Diagnostic::start);
        file.warnings.sort_by_key(Diagnostic::start);
        self.omitted += file.omitted;
        file.errors.into_iter().chain(file.warnings).for_each(|diagnostic| self.add(diagnostic));
    }
}

impl Diagnostic {
    fn start(&self) -> usize {
        self.span.as_ref().map_or(0, |span| span.start)
    }
}
