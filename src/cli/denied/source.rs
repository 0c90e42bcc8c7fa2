//! Where denied flows are read from: the kernel's meters, or a log.

use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal};
use std::path::Path;

use anyhow::Context as _;
use jiff::Timestamp;
use serde_json::json;

use super::selection::Selection;
use crate::cli::context::Context;
use crate::cli::exit::Outcome;
use crate::cli::progress::Progress;
use crate::cli::{page, paint};
use crate::config::{Config, Mode};
use crate::host::Host;
use crate::netlink::{Memory, Meter};
use crate::observe::{Clock, Count, Coverage, Denied, Log, NotCovered, Prefixes, Status};

/// The flows, and what is known of them together.
#[derive(Debug)]
pub struct Found {
    /// The flows, sorted by what they are.
    pub flows: Vec<Denied>,
    /// Where they are from.
    pub seen: Seen,
}

/// Where they are from.
#[derive(Debug)]
pub enum Seen {
    /// The kernel's own memory.
    Meters {
        /// The generation in force.
        generation: Option<u64>,
        /// Whether it drops.
        mode: Option<Mode>,
        /// All that was denied, whether it is listed or not.
        denied: Count,
        /// How full each meter is.
        meters: Vec<Meter>,
    },
    /// A log.
    Log {
        /// How many lines it has.
        lines: u64,
        /// How many denied packets they tell of.
        denied: u64,
        /// How many of them were not understood.
        broken: u64,
    },
}

/// Reads the meters; none where there is no wall.
pub fn read_meters(context: &Context) -> anyhow::Result<Option<Found>> {
    let _progress = Progress::start("reading what was denied");
    Ok(context.kernel()?.remembered()?.map(Found::of))
}

/// Reads a log, `-` for standard input.
pub fn read_log(context: &Context, path: &Path, selection: &Selection) -> anyhow::Result<Found> {
    let is_typed = path == Path::new("-") && io::stdin().is_terminal();
    let _progress = (!is_typed).then(|| Progress::start("reading the log"));
    let input: Box<dyn BufRead> = if path == Path::new("-") {
        Box::new(io::stdin().lock())
    } else {
        Box::new(BufReader::new(File::open(path).with_context(|| format!("cannot read the log {}", path.display()))?))
    };
    let log = Log::read(input, &prefixes(&context.load()?.config, selection), &Clock::of_this_machine());
    let Log { flows, lines, denied, broken } =
        log.with_context(|| format!("cannot read the log {}", path.display()))?;
    Ok(Found { flows, seen: Seen::Log { lines, denied, broken } })
}

/// The prefixes of the configuration and of the command line.
fn prefixes(config: &Config, selection: &Selection) -> Prefixes {
    let mut prefixes = Prefixes::default();
    prefixes.add(config.log.prefix.as_str(), Some(Mode::Enforce));
    prefixes.add(config.log.audit_prefix.as_str(), Some(Mode::Audit));
    selection.prefixes.iter().for_each(|prefix| prefixes.add(prefix.as_str(), None));
    prefixes
}

/// Says that nothing can have been denied.
pub fn no_wall(context: &Context) -> Outcome {
    if context.json {
        page::json(
            &json!({ "from": "meters", "generation": null, "mode": null, "denied": null, "meters": [], "flows": [] }),
        );
    } else {
        anstream::println!("no wall stands, so nothing is denied: `dockwall apply` raises it, in audit mode at first");
    }
    Outcome::NotSo
}

/// What is never among denied flows, since its packets come by no bridge. Which bridges are policed is in sets that
/// are not read here: `dockwall status` tells of those as well.
pub fn not_covered(host: &Host) -> Vec<NotCovered> {
    host.docker.known().map(|docker| Coverage::of(docker, |_| true).not_covered).unwrap_or_default()
}

impl Found {
    /// What the kernel told just now.
    pub fn of(memory: Memory) -> Self {
        let wall = Status::of(memory.frame.live()).wall;
        let (generation, mode) = wall.as_ref().map_or((None, None), |wall| (wall.generation, wall.mode));
        let now = Timestamp::now();
        let flows = memory.flows.iter().map(|remembered| Denied::remembered(remembered, mode, now)).collect();
        let denied = wall.map(|wall| wall.denied).unwrap_or_default();
        Self { flows, seen: Seen::Meters { generation, mode, denied, meters: memory.meters } }
    }

    /// Says to people what the list does not.
    pub fn notes(&self, context: &Context) {
        match &self.seen {
            Seen::Meters { mode, denied, meters, .. } => {
                // Rules that an apply makes anew, as for another mode, count anew; what is remembered stays.
                let many = page::grouped(denied.packets);
                let total = match mode {
                    Some(Mode::Audit) => format!("{many} packets met the rules in force, and passed: audit mode"),
                    _ => format!("{many} packets were denied by the rules in force"),
                };
                anstream::eprintln!("{}", paint::faint(total));
                meters.iter().filter(|meter| meter.is_full()).for_each(say_full);
                if self.flows.iter().any(|denied| denied.packets.is_none()) {
                    anstream::eprintln!(
                        "{}",
                        paint::faint("this kernel does not count packets by flow: that takes 5.11")
                    );
                }
            }
            Seen::Log { lines, denied, broken } => {
                let read = format!(
                    "{} of {} are about denied packets",
                    page::grouped(*denied),
                    page::counted(*lines, "line", "lines")
                );
                anstream::eprintln!("{}", paint::faint(read));
                if *broken > 0 && context.verbose {
                    let what = "not understood, since they are cut or written into each other";
                    anstream::eprintln!("{}: {} {what}", paint::notable("note"), page::grouped(*broken));
                }
            }
        }
    }
}

/// Says that a meter can take no more.
pub fn say_full(meter: &Meter) {
    anstream::eprintln!(
        "{}: the meter {} is full with {} flows: others are denied and counted all the same, but not listed until one of \
         these has been quiet for {} s (log.remember)",
        paint::notable("note"),
        meter.name,
        page::grouped(meter.flows as u64),
        meter.remember,
    );
}
