//! `dockwall denied`

mod follow;
mod json;
pub(super) mod selection;
pub(super) mod source;
mod table;

use std::io::{self, Write};
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use self::selection::Selection;
use self::source::{Found, Seen};
use super::context::{Context, read_host};
use super::exit::{Outcome, Usage};
use super::{page, paint};
use crate::config::Invalid;
use crate::host::{Host, Services};
use crate::observe::{self, Folded, Names, fold, group};

/// How many lines people are shown who did not say how many.
const LINES: usize = 50;

const EXAMPLES: &str = "\
Examples:
  dockwall denied                                  what was denied lately, most packets first
  dockwall denied --since 10m --by container       who tried how much
  dockwall denied --container web-1 --port 5432    what web-1 wanted of databases
  dockwall denied --to 10.57.17.0/24 --sort last   what was denied on the way to that network
  dockwall denied --follow                         each new flow at once; Ctrl-C ends it
  dockwall denied --follow --json                  the same as JSON lines, for Vector, Promtail or Alloy
  dmesg | dockwall denied -                        from the kernel's log, of this or another machine
  journalctl -k --since today | dockwall denied -
  dockwall suggest                                 what would allow it

With --json: {from, generation, mode, denied, meters, lines, not_understood, docker, not_covered, flows}. `from` is \"meters\" or
\"log\"; `denied` has the packets and bytes of all denied flows, also of those that are listed no more; `meters` say how full
each is (the four of them are null in a log, and `lines` and `not_understood` null in the meters). A flow is {source,
destination, protocol, port, service, packets, bytes, first_seen, last_seen, verdict, published, source_is, destination_is}:
`verdict` is \"dropped\", or \"audited\" for what passed in audit mode; `published` is the host's port where a log has a packet as
Docker translated it. source_is and destination_is are {container, image, network, project, service, host}, the last
true for the host's own addresses; `not_covered` is a list of containers whose packets the wall does not see, as in `dockwall --json status`. What nothing tells is null. With --by there are `groups` in the place of flows: {name, flows,
sources, destinations, ports, packets, bytes, first_seen, last_seen}.

With --follow --json each line is {time, source, destination, protocol, ports, more_ports, service, packets, bytes, verdict,
source_is, destination_is}, of new flows from one source to one destination; `ports` has 100 at most, and `more_ports` counts the rest.";

/// List the flows that were denied, or would be in enforce mode.
///
/// They are read from the kernel's own memory of them, so also where its log is mute or swallowed lines: each flow
/// stays listed for `log.remember` (10m) after its last packet. Of its first packet the kernel keeps no time. Names of
/// containers are those that have the addresses now. More than 16 ports of one destination that one source asked for
/// are one line, as of a scan; -v lists each.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Denied {
    /// A log to read in place of the kernel's memory, `-` for standard input: lines of the kernel with one of dockwall's
    /// prefixes or those of the recipe for firewalld. Their counts are of lines, which limits keep few
    #[arg(value_name = "-|FILE", conflicts_with = "follow")]
    log: Option<PathBuf>,
    #[command(flatten)]
    selection: Selection,
    /// Put them together
    #[arg(long, value_name = "WHAT", conflicts_with = "follow")]
    by: Option<By>,
    /// In this order
    #[arg(long, value_name = "ORDER", default_value = "packets", conflicts_with_all = ["follow", "by"])]
    sort: Sort,
    /// At most so many lines, or `all` [default: 50, with --json all]
    #[arg(long, value_name = "N|all", value_parser = read_limit, conflicts_with = "follow")]
    limit: Option<usize>,
    /// Go on, and tell each new flow at once
    #[arg(short, long)]
    follow: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum By {
    /// Who asked
    Container,
    /// What was asked
    Destination,
    /// By which port and protocol
    Port,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Sort {
    /// Most packets first
    Packets,
    /// Most bytes first
    Bytes,
    /// The latest first
    Last,
    /// By source, destination, protocol and port
    Flow,
}

impl Denied {
    /// Runs it.
    pub fn run(self, context: &Context) -> anyhow::Result<Outcome> {
        if self.follow {
            return follow::run(context, &self.selection);
        }
        if self.log.is_none() && !self.selection.prefixes.is_empty() {
            return Err(only_with_a_log().into());
        }
        let found = match &self.log {
            Some(path) => source::read_log(context, path, &self.selection)?,
            None => match source::read_meters(context)? {
                Some(found) => found,
                None => return Ok(source::no_wall(context)),
            },
        };
        let host = read_host()?;
        page::unless_closed(self.print(context, found, &host))?;
        Ok(Outcome::Done)
    }

    fn print(&self, context: &Context, mut found: Found, host: &Host) -> io::Result<()> {
        let (names, services) = (Names::of(host), Services::read());
        let filter = self.selection.filter();
        let all = found.flows.len();
        found.flows.retain(|denied| filter.takes(denied, &names));
        observe::sort(&mut found.flows, self.order());
        let groups = self.by.map(|by| (by.title(), group(&found.flows, by.of(), &names)));
        if context.json {
            // Not by way of what takes colours out: there are none, and megabytes to be looked through.
            let mut out = io::BufWriter::new(io::stdout().lock());
            let most = self.limit.unwrap_or(usize::MAX);
            let groups = groups.map(|(_, groups)| groups);
            let answer = json::Answer { found: &found, groups, host, names: &names, services: &services, most };
            serde_json::to_writer(&mut out, &answer)?;
            writeln!(out)?;
            return out.flush();
        }
        let mut out = io::BufWriter::new(anstream::stdout().lock());
        let most = self.limit.unwrap_or(LINES);
        let (lines, hidden) = match groups {
            Some((by, groups)) => (table::of_groups(by, &groups, most), groups.len().saturating_sub(most)),
            None => {
                let single = || found.flows.iter().copied().map(Folded::single).collect();
                let mut folded = if context.verbose { single() } else { fold(&found.flows) };
                observe::sort(&mut folded, self.order());
                (table::of_flows(&folded, most, &names, &services), folded.len().saturating_sub(most))
            }
        };
        if found.flows.is_empty() {
            writeln!(out, "{}", nothing(&found, all))?;
        } else {
            lines.iter().try_for_each(|line| writeln!(out, "{line}"))?;
        }
        out.flush()?;
        drop(out);
        notes(context, &found, hidden, host);
        Ok(())
    }

    fn order(&self) -> observe::Order {
        match self.sort {
            Sort::Packets => observe::Order::Packets,
            Sort::Bytes => observe::Order::Bytes,
            Sort::Last => observe::Order::Last,
            Sort::Flow => observe::Order::Flow,
        }
    }
}

impl By {
    fn of(self) -> observe::By {
        match self {
            Self::Container => observe::By::Container,
            Self::Destination => observe::By::Destination,
            Self::Port => observe::By::Port,
        }
    }

    /// What stands above the names.
    fn title(self) -> &'static str {
        match self {
            Self::Container => "from",
            Self::Destination => "to",
            Self::Port => "port",
        }
    }
}

fn only_with_a_log() -> Usage {
    Usage(vec![Invalid::new(
        "--prefix is about the lines of a log, and none is read",
        "write `-` or a file, or leave it out",
    )])
}

fn nothing(found: &Found, all: usize) -> String {
    match (&found.seen, all) {
        (_, 1..) => format!("none of the {} is meant", page::counted(all, "denied flow", "denied flows")),
        (Seen::Meters { .. }, _) => "nothing was denied lately".to_owned(),
        (Seen::Log { .. }, _) => "no line of it is about a denied packet".to_owned(),
    }
}

/// What is to be said beside the list, to people.
fn notes(context: &Context, found: &Found, hidden: usize, host: &Host) {
    if hidden > 0 {
        anstream::eprintln!(
            "{}",
            paint::faint(format!("and {} more lines: --limit all", page::grouped(hidden as u64)))
        );
    }
    found.notes(context);
    let not_covered: Vec<String> = source::not_covered(host).iter().map(ToString::to_string).collect();
    if !not_covered.is_empty() {
        anstream::eprintln!(
            "{}: not seen here, since the wall does not cover it: {}",
            paint::notable("note"),
            not_covered.join(" · ")
        );
    }
    if let crate::host::DockerState::Unreachable(reason) = &host.docker {
        anstream::eprintln!("{}", paint::faint(format!("without names: Docker does not answer ({reason})")));
    }
}

fn read_limit(text: &str) -> Result<usize, Invalid> {
    match text.parse() {
        _ if text == "all" => Ok(usize::MAX),
        Ok(number) if number > 0 => Ok(number),
        _ => Err(Invalid::new(format!("`{text}` is no number of lines"), "write a number from 1 on, or `all`")),
    }
}
