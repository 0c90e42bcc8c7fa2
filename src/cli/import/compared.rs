//! `dockwall import --compare`: packets that fare otherwise.

use jiff::Timestamp;
use serde_json::json;

use crate::cli::context::{Context, read_host};
use crate::cli::exit::Outcome;
use crate::cli::page::{self, counted, grouped};
use crate::cli::paint;
use crate::cli::progress::Progress;
use crate::config::{Config, Mode};
use crate::import::{Comparison, Fate, Group, MOST_COMPARED, Probe, Source, Translation, compare};
use crate::policy::Policy;

/// How many packets of a group are shown without `-v`.
const SHOWN: usize = 3;

/// Compares, and prints it.
pub fn run(context: &Context, source: &Source, translation: &Translation, config: &Config) -> anyhow::Result<Outcome> {
    let now = Timestamp::now();
    let resolved = Policy::resolve(config, &read_host()?, None, now)?;
    let ask = || compare(source, translation, &resolved, now, MOST_COMPARED);
    let comparison = Progress::of("asking both about the same packets", ask);
    if context.json {
        page::json(&json!({
            "kind": source.kind,
            "packets": comparison.packets,
            "whole": comparison.whole,
            "differing": comparison.differing(),
            "unexplained": comparison.unexplained(),
            "groups": comparison.groups,
        }));
    } else {
        print(&comparison, context.verbose);
        if resolved.policy.mode == Mode::Audit {
            anstream::eprintln!("{}: in audit mode dockwall drops nothing", paint::notable("note"));
        }
    }
    Ok(if comparison.unexplained() == 0 { Outcome::Done } else { Outcome::NotSo })
}

fn print(comparison: &Comparison, verbose: bool) {
    let Comparison { packets, whole, groups } = comparison;
    let asked = match packets < whole {
        true => format!("{} packets, of {} on the grid", grouped(*packets as u64), grouped(*whole as u64)),
        false => format!("{} packets", grouped(*packets as u64)),
    };
    let differing = comparison.differing();
    let same = grouped((packets - differing) as u64);
    anstream::println!("{asked}: {same} fare alike, {} otherwise", grouped(differing as u64));
    for group in groups {
        anstream::println!();
        print_group(group, if verbose { usize::MAX } else { SHOWN });
    }
}

fn print_group(group: &Group, most: usize) {
    let count = counted(group.packets.len(), "packet", "packets");
    let line = group.line.map(|line| format!(" (line {line})")).unwrap_or_default();
    let reason = match &group.reason {
        Some(reason) => reason.clone(),
        None => paint::bad("nothing of the report explains it"),
    };
    anstream::println!("{count}: {} before, {} by dockwall{line}", fate(group.theirs), fate(group.ours));
    anstream::println!("  {reason}");
    let shown = group.packets.iter().take(most).map(|probe| {
        let way = probe.outgoing.as_ref().map_or_else(|| "the host".to_owned(), Clone::clone);
        [
            format!("  {} → {way}", probe.incoming),
            format!("{} → {}", probe.source, destination(probe)),
            serde_json::json!(probe.flow).as_str().unwrap_or_default().to_owned(),
        ]
    });
    page::columns(shown);
    if group.packets.len() > most {
        let more = grouped((group.packets.len() - most) as u64);
        anstream::println!("{}", paint::faint(format!("  and {more} more, all with -v")));
    }
}

fn destination(probe: &Probe) -> String {
    let address = match probe.destination {
        std::net::IpAddr::V6(address) if probe.port > 0 => format!("[{address}]"),
        address => address.to_string(),
    };
    match probe.protocol {
        6 => format!("{address}:{}/tcp", probe.port),
        17 => format!("{address}:{}/udp", probe.port),
        1 | 58 => format!("{address}/icmp"),
        other => format!("{address}, protocol {other}"),
    }
}

fn fate(fate: Fate) -> &'static str {
    match fate {
        Fate::Passes => "passed",
        Fate::Dropped => "dropped",
        Fate::Rejected => "turned away",
        Fate::Unknown => "not known",
    }
}
