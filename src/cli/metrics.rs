//! `dockwall metrics`

use std::fs::Permissions;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;

use super::context::{Context, read_host};
use super::exit::Outcome;
use super::page;
use super::progress::Progress;
use crate::generation::{Trial, see};
use crate::netlink::{Meter, Remembered};
use crate::observe::{Coverage, Fill, FlowCount, Metrics as Numbers, Names, Sample, Status, shadows};

const EXAMPLES: &str = "\
Examples:
  dockwall metrics | promtool check metrics
  dockwall metrics --textfile /var/lib/prometheus/node-exporter/dockwall.prom";

/// Print the state and the counters of the wall for Prometheus.
///
/// It is the text format that node_exporter's textfile collector reads; nothing listens on a port. Counters are the
/// kernel's own: of every denied, granted and logged packet, by chain and family. What is told by container are the flows
/// that the kernel remembers now; the 20 containers with most of them have a number each, and all else is `other`.
///
/// Where the kernel cannot be read it tells `dockwall_up 0` and no more, and ends with the status of that failure.
///
/// With --json: a list of {name, type, help, samples: [{labels, value}]}.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Metrics {
    /// Write them to that file, whole or not at all, for everybody to read
    #[arg(long, value_name = "PATH")]
    textfile: Option<PathBuf>,
}

impl Metrics {
    /// Runs it.
    pub fn run(self, context: &Context) -> anyhow::Result<Outcome> {
        // On a thread of its own, which gives up all privileges but one. This one may need another to write into the
        // collector's directory, which belongs to a user of its own.
        let read = std::thread::scope(|scope| scope.spawn(|| read(context)).join());
        let read = read.unwrap_or_else(|_| Err(anyhow::anyhow!("reading the wall ended in a panic")));
        let down;
        let numbers = match &read {
            Ok(numbers) => numbers,
            Err(_) => {
                down = Numbers::down()?;
                &down
            }
        };
        match &self.textfile {
            Some(path) => write(path, &numbers.text()?)?,
            // The failure itself is JSON then.
            None if context.json && read.is_err() => {}
            None if context.json => page::json(&numbers.families()),
            None => page::unless_closed(std::io::stdout().write_all(numbers.text()?.as_bytes()))?,
        }
        read.map(|_| Outcome::Done)
    }
}

fn read(context: &Context) -> anyhow::Result<Numbers> {
    let _progress = Progress::start("reading the wall");
    let mut kernel = context.kernel()?;
    let host = read_host()?;
    let live = see(&mut kernel, &context.store, context.features())?;
    let found = Status::of(&live);
    let wall = found.wall.as_ref();
    let applied = wall.and_then(|wall| context.store.get(wall.generation?).ok());
    let shadows = match &applied {
        Some(generation) => Some(shadows(&generation.policy, &kernel.foreign_base_chains()?).len()),
        None => None,
    };
    let docker = host.docker.known();
    let coverage = wall.zip(docker).map(|(wall, docker)| Coverage::of(docker, |name| wall.polices(name)));
    let memory = if wall.is_some() { kernel.remembered()? } else { None };
    let names = Names::of(&host);
    let fill = |meter: &Meter| Fill { meter: meter.name.clone(), flows: meter.flows, size: meter.size };
    let container = |flow: &Remembered| names.place(flow.flow.source).container.map(ToOwned::to_owned);
    let count =
        |flow: &Remembered| FlowCount { container: container(flow), packets: flow.count.map(|(packets, _)| packets) };
    let meters = memory.iter().flat_map(|memory| &memory.meters).map(fill).collect();
    let flows = memory.iter().flat_map(|memory| &memory.flows).map(count).collect();
    let sample = Sample {
        enforced: found.enforced,
        wall,
        applied: applied.as_ref().map(|generation| generation.applied),
        unconfirmed: context.store.trial().unwrap_or_default().is_some_and(|trial| Trial::is_open(&trial)),
        shadows,
        coverage: coverage.as_ref(),
        meters,
        flows,
        has_guard: context.store.has_guard(),
        guarded: context.store.guard_record().unwrap_or_default(),
    };
    Ok(Numbers::of(&sample)?)
}

/// Writes the file under another name first, one that no collector reads, so that it is there whole or as it was.
fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let written = tempfile::Builder::new()
        .prefix(".dockwall-")
        .permissions(Permissions::from_mode(0o644))
        .tempfile_in(directory)
        .and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            // Whatever the umask took away.
            file.as_file().set_permissions(Permissions::from_mode(0o644))?;
            file.persist(path).map_err(|error| error.error)
        });
    written.map(|_| ()).with_context(|| {
        format!(
            "cannot write {}: make its directory, or name the one of node_exporter's --collector.textfile.directory",
            path.display()
        )
    })
}
