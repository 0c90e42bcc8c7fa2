//! What is printed.

use std::fs;
use std::path::Path;

use anyhow::Context;
use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use serde_json::json;

use crate::comparison::{Comparison, Unit};
use crate::machine::Machine;
use crate::samples::Samples;

/// Prints what it is measured on.
pub fn print_machine(machine: &Machine, runs: u16) {
    machine_lines(machine, runs).iter().for_each(|line| println!("{line}"));
    println!();
}

fn machine_lines(machine: &Machine, runs: u16) -> [String; 4] {
    [
        format!("{}, Linux {}, load {}", machine.processors, machine.kernel, machine.load),
        machine.versions.join(", "),
        format!("generations on {}", machine.file_system),
        format!("medians of {runs} runs in turns (lowest–highest), whole processes; memory of one more run each"),
    ]
}

/// Prints a line for each comparison.
pub fn print_table(comparisons: &[Comparison]) {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(["", "dockwall", "", "", "rival", "", "ratio", "bar", ""]);
    for comparison in comparisons {
        let unit = comparison.unit;
        let (bar, verdict) = match (comparison.bar, comparison.met()) {
            (Some(bar), Some(true)) => (short(bar), "met"),
            (Some(bar), _) => (short(bar), "missed"),
            (None, _) => (String::new(), ""),
        };
        table.add_row([
            comparison.what.clone(),
            middle(&comparison.ours, unit),
            spread(&comparison.ours),
            comparison.rival.to_owned(),
            middle(&comparison.theirs, unit),
            spread(&comparison.theirs),
            short(comparison.ratio()),
            bar,
            verdict.to_owned(),
        ]);
    }
    for index in [1, 4, 6, 7] {
        if let Some(column) = table.column_mut(index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    for line in table.lines() {
        println!("{}", line.trim_end());
    }
}

/// What stands before the results in a document.
pub const BEGIN: &str = "<!-- written by scripts/bench --write -->\n";
/// And behind them.
const END: &str = "<!-- end -->\n";

/// Puts `results` into the document, behind the line `begin`.
pub fn write(document: &Path, begin: &str, results: &str) -> anyhow::Result<()> {
    let text = fs::read_to_string(document).with_context(|| format!("cannot read {}", document.display()))?;
    let (before, rest) = text.split_once(begin).with_context(|| format!("no line `{}`", begin.trim()))?;
    let (_, after) = rest.split_once(END).with_context(|| format!("no line `{}`", END.trim()))?;
    Ok(fs::write(document, format!("{before}{begin}\n{results}\n{END}{after}"))?)
}

/// A ratio, small ones to three digits.
fn short(ratio: f64) -> String {
    if ratio < 0.1 { format!("{ratio:.3}") } else { format!("{ratio:.2}") }
}

/// The same as a part of a document: what it was measured on, and a table.
pub fn document(machine: &Machine, runs: u16, comparisons: &[Comparison]) -> String {
    let head = machine_lines(machine, runs).map(|line| line + "\n").concat();
    let mut text = format!("```text\n{head}```\n\n| what | dockwall | other | ratio | bar |\n|---|---|---|---|---|\n");
    for comparison in comparisons {
        let (ours, theirs) = (middle(&comparison.ours, comparison.unit), middle(&comparison.theirs, comparison.unit));
        let bar = match (comparison.bar, comparison.met()) {
            (Some(bar), Some(true)) => format!("{}, met", short(bar)),
            (Some(bar), _) => format!("{}, **missed**", short(bar)),
            (None, _) => String::new(),
        };
        let ratio = short(comparison.ratio());
        text += &format!("| {} | {ours} | {} {theirs} | {ratio} | {bar} |\n", comparison.what, comparison.rival);
    }
    text
}

fn middle(samples: &Samples, unit: Unit) -> String {
    let name = match unit {
        Unit::Milliseconds => "ms",
        Unit::Processor => "ms cpu",
        Unit::Mebibytes => "MiB",
    };
    format!("{:.1} {name}", samples.median())
}

fn spread(samples: &Samples) -> String {
    samples.spread().map_or_else(String::new, |(lowest, highest)| format!("({lowest:.1}–{highest:.1})"))
}

/// Prints it all as JSON.
pub fn print_json(machine: &Machine, runs: u16, comparisons: &[Comparison]) -> serde_json::Result<()> {
    let side = |samples: &Samples| json!({ "median": samples.median(), "sorted": samples });
    let listed: Vec<_> = comparisons
        .iter()
        .map(|comparison| {
            json!({
                "what": comparison.what,
                "rival": comparison.rival,
                "unit": comparison.unit,
                "dockwall": side(&comparison.ours),
                "other": side(&comparison.theirs),
                "ratio": comparison.ratio(),
                "bar": comparison.bar,
                "met": comparison.met(),
            })
        })
        .collect();
    println!("{}", serde_json::to_string_pretty(&json!({ "machine": machine, "runs": runs, "results": listed }))?);
    Ok(())
}
