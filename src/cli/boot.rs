//! `dockwall boot`

use std::path::PathBuf;

use clap::Args;
use jiff::Timestamp;
use serde_json::json;

use super::apply::apply_at_once;
use super::context::{Context, hold, read_host};
use super::exit::Outcome;
use super::progress::Progress;
use super::{page, paint};
use crate::config::{ConfigError, Edit, Loaded, Mode};
use crate::generation::{Boot, Generation, Sources, raise};
use crate::netlink::Sent;

const ORDER: &str = "\
What is brought back, the first of these that can be had:
  1. what was in force when the machine went down; where that was a change on trial, what it would have gone
     back to
  2. the newest generation that can be read and was confirmed
  3. what the configuration means now, as `dockwall apply` would have it
What could not be had is told. A wall that `dockwall remove` took away is brought back as well: to boot without,
disable the service.";

/// Bring back what was confirmed last: what dockwall.service runs at boot.
///
/// It needs neither Docker nor a network nor a configuration. Where the configuration is broken the wall stands all
/// the same, and the command ends with status 3, so that the service has failed; what was edited since the last
/// apply is not applied, only told. Ends with status 4 where no wall is right: a first apply was on trial when the
/// machine went down.
///
/// With --json: {generation, mode, batches, changes, went_back, tried, newer_files}; went_back is the generation that
/// was on trial, tried what could not be had, newer_files those of the configuration that were edited, added or removed
/// since. Where the configuration is broken it is the error, whose message names
/// the generation in force.
#[derive(Debug, Args)]
#[command(after_help = ORDER)]
pub struct BootCommand {}

/// What is in force now, of whatever source.
struct Raised {
    generation: u64,
    mode: Mode,
    /// What it was made from, and when; none where that was just now.
    made: Option<(Option<Sources>, Timestamp)>,
    sent: Sent,
}

impl BootCommand {
    /// Runs it.
    pub fn run(self, context: &Context) -> anyhow::Result<Outcome> {
        let loaded = context.load();
        let mut kernel = context.kernel()?;
        // The wall has to stand even where the state directory is full, read-only or another's at work for long:
        // the kernel takes one batch at a time by itself.
        let mut lock = context.lock().ok();
        let _held = lock.as_mut().and_then(|lock| hold(lock).ok());
        let raise = || raise(&mut kernel, &context.store, context.features());
        let boot = Progress::of("raising the wall", raise)?;
        warn(&boot, context);
        if boot.is_without_wall() {
            say_without(&boot, context);
            return Ok(Outcome::NotSo);
        }
        let (raised, loaded) = match &boot.raised {
            Some((generation, sent)) => (Raised::again(generation, *sent), loaded),
            None => {
                let loaded = loaded.map_err(|error| no_wall(error.into()))?;
                let planned = read_host().map_err(Into::into);
                let planned = planned.and_then(|host| context.plan_unasked(loaded.clone(), None, host));
                let mut planned = planned.map_err(no_wall)?;
                let apply = || apply_at_once(context, &mut kernel, &mut planned);
                let applied = Progress::of("applying", apply);
                let applied = applied.map_err(|error| no_wall(error.into()))?;
                let (generation, mode) = (applied.generation, planned.policy.mode);
                (Raised { generation, mode, made: None, sent: applied.sent }, Ok(loaded))
            }
        };
        judge(context, &boot, &raised, loaded)
    }
}

impl Raised {
    fn again(generation: &Generation, sent: Sent) -> Self {
        let (number, mode) = (generation.number, generation.policy.mode);
        Self { generation: number, mode, made: Some((generation.sources.clone(), generation.applied)), sent }
    }
}

/// Says what is in force, and what the configuration is like beside it.
fn judge(
    context: &Context,
    boot: &Boot,
    raised: &Raised,
    loaded: Result<Loaded, ConfigError>,
) -> anyhow::Result<Outcome> {
    let loaded = match loaded {
        Ok(loaded) => loaded,
        Err(error) => {
            if !context.json {
                say(boot, raised);
                anstream::eprintln!(
                    "{}: the configuration is wrong, and was not needed for that",
                    paint::bad("failed")
                );
            }
            let in_force = format!("generation {} is in force, but the configuration is wrong", raised.generation);
            return Err(anyhow::Error::from(error).context(in_force));
        }
    };
    let pending = pending(&loaded, raised);
    if context.json {
        page::json(&json!({
            "generation": raised.generation,
            "mode": raised.mode,
            "batches": raised.sent.batches,
            "changes": raised.sent.changes,
            "went_back": boot.went_back.as_ref().map(|trial| trial.generation),
            "tried": tried(boot),
            "newer_files": pending.iter().map(|(path, _)| path).collect::<Vec<_>>(),
        }));
        return Ok(Outcome::Done);
    }
    say(boot, raised);
    for (path, edit) in pending {
        anstream::println!(
            "{}: {} {edit} since generation {} was applied: see `dockwall plan`, then `dockwall apply`",
            paint::notable("not applied"),
            path.display(),
            raised.generation
        );
    }
    Ok(Outcome::Done)
}

/// The files of the configuration that are others than those which the generation was made from. One of before its
/// sources were kept is older than what was written since.
fn pending(loaded: &Loaded, raised: &Raised) -> Vec<(PathBuf, Edit)> {
    let applied = match &raised.made {
        None => return Vec::new(),
        Some((Some(sources), _)) => return loaded.texts.edits_since(&sources.texts),
        Some((None, applied)) => *applied,
    };
    let is_newer = |path: &&PathBuf| {
        let written = std::fs::metadata(path).and_then(|metadata| metadata.modified()).ok();
        written.and_then(|written| Timestamp::try_from(written).ok()).is_some_and(|written| written > applied)
    };
    loaded.config.files.paths().iter().filter(is_newer).map(|path| (path.clone(), Edit::Changed)).collect()
}

fn say(boot: &Boot, raised: &Raised) {
    if let Some(trial) = &boot.went_back {
        let number = trial.generation.map_or_else(|| "a change".into(), |number| format!("generation {number}"));
        anstream::println!("{}: {number} was on trial, and nobody confirmed it", paint::notable("went back"));
    }
    let Raised { generation, mode, sent, .. } = raised;
    if sent.batches == 0 {
        anstream::println!("{}: generation {generation} is in force already", paint::good("nothing to change"));
    } else {
        let (good, changes) = (paint::good("raised"), page::counted(sent.changes, "change", "changes"));
        anstream::println!("{good}: generation {generation} is in force, mode {mode} ({changes})");
    }
}

fn say_without(boot: &Boot, context: &Context) {
    let trial = boot.went_back.as_ref();
    if context.json {
        page::json(&json!({
            "generation": null, "mode": null, "batches": 0, "changes": 0,
            "went_back": trial.map(|trial| trial.generation), "tried": tried(boot), "newer_files": [],
        }));
    } else {
        anstream::println!(
            "{}: the first apply was on trial when the machine went down, and before it there was none; `dockwall apply` \
             raises it",
            paint::bad("no wall")
        );
    }
}

fn tried(boot: &Boot) -> Vec<String> {
    boot.tried.iter().map(ToString::to_string).collect()
}

/// Tells people what could not be had.
fn warn(boot: &Boot, context: &Context) {
    if context.json {
        return;
    }
    for error in &boot.tried {
        anstream::eprintln!("{}: {error}", paint::notable("warning"));
    }
    if let Some(error) = &boot.not_noted {
        anstream::eprintln!("{}: {error}; the wall stands all the same", paint::notable("warning"));
    }
}

fn no_wall(error: anyhow::Error) -> anyhow::Error {
    error.context("no wall was raised: no generation that was confirmed can be had, nor does the configuration serve")
}
