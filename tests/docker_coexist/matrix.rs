//! What was seen, as a table: the one of `docs/compatibility.md`.

use std::fmt::Write as _;
use std::time::Duration;

/// One program.
pub struct Line {
    pub name: &'static str,
    pub version: String,
    /// What was seen of each act, in its order.
    pub cells: Vec<String>,
    pub took: Duration,
}

/// The acts.
pub const ACTS: [&str; 7] = [
    "started, then the wall",
    "reloads beside it",
    "stops beside it",
    "guarded: starts",
    "guarded: reloads",
    "guarded: stops",
    "the wall goes",
];

/// The table, as Markdown.
pub fn text(lines: &[Line]) -> String {
    let mut text = format!("| program | version | {} |\n", ACTS.join(" | "));
    writeln!(text, "|---|---|{}", "---|".repeat(ACTS.len())).unwrap();
    for Line { name, version, cells, .. } in lines {
        writeln!(text, "| {name} | {version} | {} |", cells.join(" | ")).unwrap();
    }
    let seconds: f64 = lines.iter().map(|line| line.took.as_secs_f64()).sum();
    for Line { name, took, .. } in lines {
        writeln!(text, "  {name}: {:.1} s", took.as_secs_f64()).unwrap();
    }
    write!(text, "{} programs, {seconds:.0} s one after the other", lines.len()).unwrap();
    text
}
