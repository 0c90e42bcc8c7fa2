//! What is printed.

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use serde_json::json;

use crate::comparison::{Comparison, Unit};
use crate::machine::Machine;
use crate::samples::Samples;

/// Prints what it is measured on.
pub fn print_machine(machine: &Machine, runs: u16) {
    println!("{}, Linux {}, load {}", machine.processors, machine.kernel, machine.load);
    println!("{}", machine.versions.join(", "));
    println!("generations on {} in {}", machine.file_system, machine.state.display());
    println!("medians of {runs} runs in turns (lowest–highest), whole processes; memory of one more run each\n");
}

/// Prints a line for each comparison.
pub fn print_table(comparisons: &[Comparison]) {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(["", "dockwall", "", "", "rival", "", "ratio", "bar", ""]);
    for comparison in comparisons {
        let unit = comparison.unit;
        let (bar, verdict) = match (comparison.bar, comparison.met()) {
            (Some(bar), Some(true)) => (format!("{bar:.2}"), "met"),
            (Some(bar), _) => (format!("{bar:.2}"), "missed"),
            (None, _) => (String::new(), ""),
        };
        table.add_row([
            comparison.what.clone(),
            middle(&comparison.ours, unit),
            spread(&comparison.ours),
            comparison.rival.to_owned(),
            middle(&comparison.theirs, unit),
            spread(&comparison.theirs),
            format!("{:.2}", comparison.ratio()),
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

fn middle(samples: &Samples, unit: Unit) -> String {
    let name = match unit {
        Unit::Milliseconds => "ms",
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
