//! The report for people, on standard error: what became of each line.

use std::path::Path;

use crate::cli::page::{self, counted};
use crate::cli::paint;
use crate::config::Diagnostic;
use crate::import::{Kind, Line, Report, Status};
use crate::printable::is_unprintable;

/// How much of a line is shown.
const SHOWN: usize = 72;

/// Prints it. Lines that are no rule are shown with `verbose`, and else only counted.
pub fn print(report: &Report, kind: Kind, verbose: bool) {
    let is_shown = |line: &&Line| verbose || !matches!(line.status, Status::NoRule | Status::LeftAlone);
    let rows = report.lines.iter().filter(is_shown).map(|line| {
        let told = line.said.join("; ");
        let cures: Vec<String> = line.cures.iter().map(|cure| format!("→ {cure}")).collect();
        vec![line.line.to_string(), status(line.status), shorten(&line.text), [vec![told], cures].concat().join("\n")]
    });
    let rows: Vec<Vec<String>> = rows.collect();
    if !rows.is_empty() {
        anstream::eprintln!();
        page::row_lines(&["line", "what became of it", "as it was", "to what, or why"], rows)
            .iter()
            .for_each(|line| anstream::eprintln!("{line}"));
    }
    anstream::eprintln!();
    let counts = Status::ALL.iter().map(|status| (status, report.count(*status))).filter(|(_, count)| *count > 0);
    let counts: Vec<String> = counts.map(|(status, count)| format!("{count} {status}")).collect();
    let lines = counted(report.lines.len(), "line", "lines");
    anstream::eprintln!("{lines} of {}: {}", name(kind), counts.join(", "));
    for note in &report.notes {
        anstream::eprintln!("{}: {note}", paint::notable("changed"));
    }
}

/// Prints what the configuration warns of, and what is to be done next.
pub fn print_next(output: Option<&Path>, warnings: &[Diagnostic]) {
    for warning in warnings {
        anstream::eprint!("{}", warning.render(paint::stderr_has_colour()));
    }
    if let Some(output) = output {
        let file = output.display();
        anstream::println!("{}: {file}", paint::good("written"));
        anstream::println!(
            "next: dockwall check --config {file}, then sudo dockwall apply --config {file} --mode audit"
        );
    }
}

fn status(status: Status) -> String {
    match status {
        Status::Carried | Status::Implied => paint::good(status),
        Status::Changed => paint::notable(status),
        Status::NotCarried => paint::bad(status),
        Status::LeftAlone | Status::NoRule => paint::faint(status),
    }
}

fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::Direct => "firewalld's direct rules",
        Kind::DirectXml => "firewalld's direct.xml",
        Kind::Script => "a script",
        Kind::Save => "iptables-save",
        Kind::Ufw => "ufw's rules",
        Kind::Nft => "nft's listing",
        Kind::NftJson => "nft's listing in JSON",
    }
}

fn shorten(text: &str) -> String {
    let printable = |character: char| if is_unprintable(character) { ' ' } else { character };
    let mut shown: String = text.trim().chars().map(printable).take(SHOWN).collect();
    if text.trim().chars().count() > SHOWN {
        shown.push('…');
    }
    shown
}
