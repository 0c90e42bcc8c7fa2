//! One thing that is wrong with the configuration, or worth knowing about it.

use std::fmt;
use std::ops::Range;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet, renderer::DEFAULT_TERM_WIDTH};

use super::excerpt::Excerpt;
use super::invalid::Invalid;

/// One finding about the configuration: where, what, and what would be right.
///
/// Stands alone: it carries the excerpt of the file that its rendering shows, so that no file is
/// kept in memory. The JSON shape is the fields below, without the span and the excerpt.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Diagnostic {
    /// Whether it stops the configuration from being used.
    pub severity: Severity,
    /// What sort of finding it is.
    pub kind: Kind,
    /// The path of the file, as it was opened.
    pub file: String,
    /// The line, counted from 1; none when the file could not be read.
    pub line: Option<u32>,
    /// The column in characters, counted from 1.
    pub column: Option<u32>,
    /// The dotted name of the key; none when the finding is about the file or its syntax.
    pub key: Option<String>,
    /// The value seen, shortened; none when the finding is not about a value.
    pub value: Option<String>,
    /// What is wrong.
    pub problem: String,
    /// What would be right.
    pub cure: String,
    /// The bytes of the file that the finding is about.
    #[serde(skip)]
    pub span: Option<Range<usize>>,
    /// What the rendering shows of the file.
    #[serde(skip)]
    pub(super) excerpt: Option<Excerpt>,
}

/// How much a [`Diagnostic`] matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The configuration is refused.
    Error,
    /// The configuration is used.
    Warning,
}

/// What sort of finding a [`Diagnostic`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The file may not be read by this user.
    NotPermitted,
    /// The file cannot be read.
    Unreadable,
    /// The file is not TOML.
    Syntax,
    /// The key is none of dockwall's.
    UnknownKey,
    /// A key that must be there is not.
    MissingKey,
    /// The value is of another type.
    WrongType,
    /// The value is of the right type but impossible.
    Value,
    /// What is written has no effect.
    NoEffect,
}

impl Diagnostic {
    /// What is wrong and what would be right, without the place.
    pub fn invalid(&self) -> Invalid {
        Invalid::new(&self.problem, &self.cure)
    }

    /// The finding for people: the problem, the line it is on, and the cure.
    pub fn render(&self, colour: bool) -> String {
        let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
        let level = match self.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let title = level.primary_title(self.title());
        let help = Level::HELP.message(&self.cure);
        let report = match &self.excerpt {
            Some(excerpt) => title
                .element(
                    Snippet::source(&excerpt.text)
                        .path(&self.file)
                        .line_start(excerpt.line as usize)
                        .annotation(AnnotationKind::Primary.span(excerpt.span.clone())),
                )
                .element(help),
            None => title.element(help),
        };
        renderer.term_width(DEFAULT_TERM_WIDTH).render(&[report])
    }

    /// The key and the problem; the file too when no excerpt shows it.
    fn title(&self) -> String {
        let subject = match (&self.key, &self.excerpt) {
            (Some(key), _) => format!("{key}: "),
            (None, None) => format!("{}: ", self.file),
            (None, Some(_)) => String::new(),
        };
        format!("{subject}{}", self.problem)
    }
}

/// One line: `dockwall.toml:9:11: deny.ranges: problem; cure`.
impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.file)?;
        if let (Some(line), Some(column)) = (self.line, self.column) {
            write!(f, "{line}:{column}:")?;
        }
        if let Some(key) = &self.key {
            write!(f, " {key}:")?;
        }
        write!(f, " {}; {}", self.problem, self.cure)
    }
}
