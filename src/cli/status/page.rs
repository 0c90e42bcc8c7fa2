//! The page for people.

use std::io::IsTerminal;

use indicatif::DecimalBytes;

use super::Seen;
use super::top::Flow;
use crate::cli::page::{Sheet, ago, counted, grouped};
use crate::cli::{changes, paint, resolvers, trial};
use crate::config::Mode;
use crate::generation::{Generation, GuardRecord};
use crate::observe::{Count, Coverage, GrantedBy, Rates, Shadow, Wall};

/// How many names of one kind are spelled out before the rest is only counted.
const SPELLED_OUT: usize = 8;

/// Whether somebody looks at it.
pub fn is_for_people() -> bool {
    std::io::stdout().is_terminal()
}

/// All of it.
pub fn lines(seen: &Seen, rates: Option<Rates>) -> Vec<String> {
    let Some(wall) = &seen.found.wall else {
        let why = match seen.is_foreign {
            true => "the table `inet dockwall` is not dockwall's: `nft list table inet dockwall`",
            false => "there is no table `inet dockwall`: `dockwall apply` raises the wall",
        };
        return vec![format!("{} {}    {why}", paint::bad("○"), paint::bad("not enforced"))];
    };
    let mut lines = vec![format!("{}    {}", headline(wall), in_force(seen, wall))];
    let mut sheet = Rows::default();
    if let Some(trial) = &seen.trial {
        sheet.say("on trial", paint::notable(trial::countdown(trial)));
    }
    sheet.say("wall", hooks(wall, seen.shadows.as_deref()));
    if seen.has_guard {
        sheet.say("guard", guard(seen.guarded.as_ref()));
    }
    if let Some(hold) = &seen.hold {
        sheet.say("owner", hold.text(seen.has_guard));
    }
    sheet.say("policed", policed(wall, seen.coverage.as_ref()));
    if !wall.not_policed.is_empty() {
        sheet.say("not policed", wall.not_policed.join(" · "));
    }
    if let Some(coverage) = seen.coverage.as_ref().filter(|coverage| !coverage.not_covered.is_empty()) {
        sheet.say("not covered", paint::notable(spelled_out(coverage.not_covered.iter().map(ToString::to_string))));
    }
    if let Some(problem) = &seen.docker_problem {
        sheet.say("docker", paint::notable(format!("does not answer, so its networks are not known: {problem}")));
    }
    let networks = counted(wall.denied_networks, "network", "networks");
    let exceptions = counted(wall.exceptions, "exception", "exceptions");
    let host = if wall.closes_host { " and the host" } else { "" };
    sheet.say("closed", format!("{networks}{host}, but for {exceptions}"));
    if let Some(resolvers) = seen.resolvers.as_deref().filter(|resolvers| !resolvers.is_empty()) {
        sheet.say("resolvers", resolvers::text(resolvers));
    }
    sheet.say("denied", denied(wall, rates));
    let granted = amount(wall.granted, rates.map(|rates| rates.granted));
    sheet.say("granted", granted + &by_name(seen.granted_by.as_deref().unwrap_or_default()));
    sheet.say("logged", logged(wall, rates));
    if let Some(top) = &seen.top {
        if !top.flows.is_empty() {
            sheet.say("top denied", top.flows.iter().map(Flow::line).collect::<Vec<_>>().join("\n"));
        }
        if !top.full.is_empty() {
            let full = top.full.join(", ");
            sheet.say("memory", paint::notable(format!("{full} full: what is new is denied and not listed")));
        }
    }
    lines.extend(sheet.0.lines());
    if wall.drifted {
        lines.extend(drift(wall, seen));
    }
    lines
}

/// Rows whose values stand in the same place whatever there is to say.
#[derive(Default)]
struct Rows(Sheet);

impl Rows {
    fn say(&mut self, name: &str, value: impl Into<String>) {
        self.0.say(&format!("  {name:<11}"), value);
    }
}

fn headline(wall: &Wall) -> String {
    let muted = if wall.logs { "" } else { ", logging off" };
    match (wall.hooked, wall.drifted, wall.mode) {
        (false, _, _) => format!("{} {}", paint::bad("○"), paint::bad("not enforced: packets pass by it")),
        (true, true, _) => format!("{} {}", paint::bad("◐"), paint::bad("changed by somebody else")),
        (true, false, Some(Mode::Enforce)) => {
            format!("{} {}", paint::good("●"), paint::good(format!("enforcing{muted}")))
        }
        (true, false, Some(Mode::Audit)) => {
            format!("{} {}", paint::notable("◐"), paint::notable(format!("auditing, not enforced{muted}")))
        }
        (true, false, None) => format!("{} {}", paint::bad("○"), paint::bad("not enforced: no rule decides")),
    }
}

/// Which generation, since when, by whom, and whether it stays.
fn in_force(seen: &Seen, wall: &Wall) -> String {
    let Some(number) = wall.generation else {
        return "unknown generation".to_owned();
    };
    let since = seen.applied.as_ref().map(when_and_who).unwrap_or_default();
    let stays = if seen.trial.is_some() { "" } else { " · confirmed" };
    format!("generation {number}{}", paint::faint(format!("{since}{stays}")))
}

fn when_and_who(generation: &Generation) -> String {
    format!(" · applied {} by {}", ago(generation.applied), generation.author)
}

fn hooks(wall: &Wall, shadows: Option<&[Shadow]>) -> String {
    let hooks = if wall.hooks.is_empty() {
        "no base chain".to_owned()
    } else {
        wall.hooks.iter().map(|at| format!("{} {}", at.hook, at.priority)).collect::<Vec<_>>().join(", ")
    };
    let intact = match (wall.hooked, wall.drifted) {
        (true, false) => "intact".to_owned(),
        (true, true) => paint::bad("drifted"),
        (false, _) => paint::bad("not hooked"),
    };
    let shadowed = match shadows {
        None => String::new(),
        Some([]) => " · nothing shadows it".to_owned(),
        Some(shadows) => shadows.iter().map(|shadow| format!("\n{}", shadowed(shadow))).collect(),
    };
    format!("{hooks} · {intact}{shadowed}")
}

fn shadowed(shadow: &Shadow) -> String {
    format!("{}: {shadow} drops what is granted here and not accepted there", paint::bad("shadowed"))
}

fn guard(record: Option<&GuardRecord>) -> String {
    let work = "at work: puts it back when somebody removes or changes it";
    match record {
        Some(GuardRecord { repairs, last: Some(last), .. }) => {
            let times = counted(*repairs, "time", "times");
            format!("{work} · did so {times}, last {}", ago(*last))
        }
        _ => work.to_owned(),
    }
}

/// The networks behind the names, where Docker tells them.
fn policed(wall: &Wall, coverage: Option<&Coverage>) -> String {
    let names = wall.policed.join(" · ");
    let Some(coverage) = coverage else {
        return names;
    };
    let network = |covered: &crate::observe::Covered| match covered.network.as_str() {
        name if name == covered.bridge => name.to_owned(),
        name => format!("{name} ({})", covered.bridge),
    };
    let networks = spelled_out(coverage.networks.iter().map(network));
    let count = counted(coverage.networks.len(), "network", "networks");
    let containers = counted(coverage.containers, "container", "containers");
    if coverage.networks.is_empty() {
        return format!("{names}\n{}", paint::faint("Docker has no network there"));
    }
    format!("{names}\n{networks}    {}", paint::faint(format!("{count}, {containers}")))
}

fn spelled_out(names: impl ExactSizeIterator<Item = String>) -> String {
    let more = names.len().saturating_sub(SPELLED_OUT);
    let mut shown: Vec<String> = names.take(SPELLED_OUT).collect();
    if more > 0 {
        shown.push(format!("and {more} more"));
    }
    shown.join(" · ")
}

fn denied(wall: &Wall, rates: Option<Rates>) -> String {
    let mut parts = Vec::new();
    if wall.closes_host && wall.denied.packets > 0 {
        let beyond = wall.denied.packets.saturating_sub(wall.denied_to_host.packets);
        parts.push(format!("beyond the host {} · host {}", grouped(beyond), grouped(wall.denied_to_host.packets)));
    }
    let silent = wall.invalid.packets + wall.for_everybody.packets;
    if silent > 0 {
        parts.push(format!(
            "and without a log {} of no flow, {} for everybody on the link",
            grouped(wall.invalid.packets),
            grouped(wall.for_everybody.packets)
        ));
    }
    let mut text = amount(wall.denied, rates.map(|rates| rates.denied));
    for part in parts {
        text = format!("{text}    {part}");
    }
    if wall.mode == Some(Mode::Audit) {
        text = format!("{text}\n{}", paint::faint("would be denied: audit mode drops nothing"));
    }
    text
}

fn amount(count: Count, rate: Option<f64>) -> String {
    let packets = counted(count.packets, "packet", "packets");
    let bytes = if count.bytes == 0 { String::new() } else { format!(" · {}", DecimalBytes(count.bytes)) };
    format!("{packets}{bytes}{}", per_second(rate))
}

/// Nothing where nothing came: in so short a time that says little.
fn per_second(rate: Option<f64>) -> String {
    match rate {
        Some(rate) if rate >= 10.0 => format!(" · {rate:.0}/s"),
        Some(rate) if rate > 0.0 => format!(" · {rate:.1}/s"),
        _ => String::new(),
    }
}

/// Which grants it was, those that let most through first.
fn by_name(by: &[GrantedBy]) -> String {
    let used: Vec<&GrantedBy> = by.iter().filter(|by| by.count.packets > 0).collect();
    let each = used.iter().map(|by| {
        let names = spelled_out(by.grants.iter().cloned()).replace(" · ", ", ");
        let together = if by.grants.len() > 1 { " together" } else { "" };
        format!("{names} {}{together}", grouped(by.count.packets))
    });
    let text = spelled_out(each);
    if text.is_empty() { text } else { format!("    {text}") }
}

fn logged(wall: &Wall, rates: Option<Rates>) -> String {
    if !wall.logs {
        return paint::notable("off: denied packets are counted and remembered all the same");
    }
    let lines = counted(wall.logged.packets, "line", "lines");
    format!("{lines}{}", per_second(rates.map(|rates| rates.logged)))
}

fn drift(wall: &Wall, seen: &Seen) -> Vec<String> {
    let mut lines = vec![String::new(), paint::bad("The table is not what was applied.")];
    match &seen.repairs {
        Some(repairs) => {
            lines.push("`dockwall apply` would put it right:".to_owned());
            lines.extend(repairs.iter().map(changes::line));
        }
        None => {
            let applied = wall.applied.as_ref().map_or_else(|| "no mark".to_owned(), ToString::to_string);
            lines.push(format!("applied was {applied}, found is {}; `dockwall apply` puts it right", wall.found));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_of_nothing_is_not_told() {
        assert_eq!([None, Some(0.0), Some(0.4), Some(12.3)].map(per_second), ["", "", " · 0.4/s", " · 12/s"]);
    }
}
