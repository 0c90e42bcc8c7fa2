//! `dockwall status`

use clap::Args;
use jiff::Timestamp;
use serde_json::json;

use super::context::Context;
use super::exit::Outcome;
use super::page::{self, Sheet, counted, grouped};
use super::{changes, paint, resolvers, trial};
use crate::config::Mode;
use crate::generation::{Generation, Trial};
use crate::host::Host;
use crate::netlink::{Live, Owned};
use crate::observe::{Count, Hold, Status as Found, Wall};
use crate::policy::{UsedResolver, resolvers_under};
use crate::ruleset::{Change, compile, diff};

/// Say whether the wall stands, as the kernel has it.
///
/// Ends with status 0 only when denied packets are really dropped: the table is there, hooked,
/// unchanged since it was applied, and in mode enforce.
///
/// With --json: {enforced, wall, applied_at, trial, resolvers, guard, hold, repairs}; the wall is {generation, mode, hooks, hooked,
/// drifted, closes_host, applied, found, policed, not_policed, denied_networks, exceptions, denied, denied_to_host, invalid,
/// for_everybody, granted, logged}, hold is {state, port, processes}, its state owned, without-owner, never-owned, cannot-be-owned or not-to-be-owned, with packets and bytes for the last six, or null without one.
#[derive(Debug, Args)]
pub struct Status {}

impl Status {
    /// Runs it.
    pub fn run(self, context: &Context) -> anyhow::Result<Outcome> {
        let live = context.kernel()?.read()?;
        let found = Found::of(&live);
        let applied = found.wall.as_ref().and_then(|wall| context.store.get(wall.generation?).ok());
        let resolvers = match &applied {
            Some(generation) => Some(resolvers_under(&generation.policy, &Host::read()?)),
            None => None,
        };
        let trial = context.store.trial().unwrap_or_default().filter(Trial::is_open);
        let has_guard = context.store.has_guard();
        let wants = applied.as_ref().is_none_or(|generation| generation.policy.own);
        let owned = live.table.as_ref().and_then(Owned::of);
        let hold = live.table.as_ref().map(|table| Hold::of(table, owned, wants, || context.features().owner));
        let repairs = found.wall.as_ref().and_then(|wall| repairs(context, wall, &live, applied.as_ref()));
        if context.json {
            page::json(&json!({
                "enforced": found.enforced,
                "wall": found.wall,
                "applied_at": applied.as_ref().map(|generation| generation.applied),
                "trial": trial.as_ref().map(trial::as_json),
                "resolvers": resolvers.as_deref().map(resolvers::as_json),
                "guard": has_guard,
                "hold": hold,
                "repairs": repairs.as_deref().map(changes::as_json),
            }));
        } else {
            let hold = hold.map(|hold| hold.text(has_guard));
            let guard = (has_guard, hold.as_deref());
            print(&live, &found, applied.as_ref(), trial.as_ref(), resolvers.as_deref(), guard, repairs.as_deref());
        }
        Ok(if found.enforced { Outcome::Done } else { Outcome::NotSo })
    }
}

/// What would put a drifted table right. The history is believed only where it is the generation
/// that the kernel's mark names, to the digest.
fn repairs(context: &Context, wall: &Wall, live: &Live, applied: Option<&Generation>) -> Option<Vec<Change>> {
    let generation = applied.filter(|_| wall.drifted)?;
    let table = compile(&generation.policy, context.features(), Timestamp::now());
    let matches = wall.applied.as_ref().is_some_and(|applied| applied.matches(&table.digest()));
    matches.then(|| diff(live.table.as_ref(), &table.marked(generation.number)))
}

fn print(
    live: &Live,
    found: &Found,
    applied: Option<&Generation>,
    trial: Option<&Trial>,
    resolvers: Option<&[UsedResolver]>,
    (has_guard, hold): (bool, Option<&str>),
    repairs: Option<&[Change]>,
) {
    let Some(wall) = &found.wall else {
        let why = if live.table.is_some() {
            "the table `inet dockwall` is not dockwall's: `nft list table inet dockwall`"
        } else {
            "there is no table `inet dockwall`: `dockwall apply` raises the wall"
        };
        anstream::println!("{} {}    {why}", paint::bad("○"), paint::bad("not enforced"));
        return;
    };
    let generation =
        wall.generation.map_or_else(|| "unknown generation".to_owned(), |number| format!("generation {number}"));
    anstream::println!("{}    {generation}{}", headline(wall), applied.map(when_and_who).unwrap_or_default());
    let mut sheet = Sheet::default();
    if let Some(trial) = trial {
        sheet.say("  on trial", paint::notable(trial::countdown(trial)));
    }
    sheet.say("  wall", hooks(wall));
    if has_guard {
        sheet.say("  guard", "at work: puts it back when somebody removes or changes it");
    }
    if let Some(hold) = hold {
        sheet.say("  owner", hold);
    }
    sheet.say("  policed", wall.policed.join(" · "));
    if !wall.not_policed.is_empty() {
        sheet.say("  not policed", wall.not_policed.join(" · "));
    }
    let exceptions = counted(wall.exceptions, "exception", "exceptions");
    let networks = counted(wall.denied_networks, "denied network", "denied networks");
    sheet.say("  networks", format!("{networks}, {exceptions}"));
    if let Some(resolvers) = resolvers.filter(|resolvers| !resolvers.is_empty()) {
        sheet.say("  resolvers", resolvers::text(resolvers));
    }
    let would = if wall.mode == Some(Mode::Audit) { "  (would be denied: audit mode drops nothing)" } else { "" };
    sheet.say("  denied", format!("{}{}", packets(wall.denied), paint::faint(would)));
    if wall.closes_host {
        sheet.say("  to the host", packets(wall.denied_to_host));
    }
    sheet.say(
        "  not logged",
        format!(
            "{} of no flow, {} for everybody on the link",
            grouped(wall.invalid.packets),
            grouped(wall.for_everybody.packets)
        ),
    );
    sheet.say("  granted", packets(wall.granted));
    sheet.say("  logged", counted(usize::try_from(wall.logged.packets).unwrap_or(usize::MAX), "line", "lines"));
    sheet.print();
    if wall.drifted {
        print_drift(wall, repairs);
    }
}

fn headline(wall: &Wall) -> String {
    match (wall.hooked, wall.drifted, wall.mode) {
        (false, _, _) => format!("{} {}", paint::bad("○"), paint::bad("not enforced: packets pass by it")),
        (true, true, _) => format!("{} {}", paint::bad("◐"), paint::bad("changed by somebody else")),
        (true, false, Some(Mode::Enforce)) => format!("{} {}", paint::good("●"), paint::good("enforcing")),
        (true, false, Some(Mode::Audit)) => {
            format!("{} {}", paint::notable("◐"), paint::notable("auditing, not enforced"))
        }
        (true, false, None) => format!("{} {}", paint::bad("○"), paint::bad("not enforced: no rule decides")),
    }
}

fn when_and_who(generation: &Generation) -> String {
    let ago = Timestamp::now().duration_since(generation.applied);
    let ago = jiff::SignedDuration::from_secs(ago.as_secs().max(0));
    paint::faint(format!(" · applied {ago:#} ago by {}", generation.author))
}

fn hooks(wall: &Wall) -> String {
    let hooks = if wall.hooks.is_empty() {
        "no base chain".to_owned()
    } else {
        wall.hooks.iter().map(|at| format!("{} {}", at.hook, at.priority)).collect::<Vec<_>>().join(", ")
    };
    match (wall.hooked, wall.drifted) {
        (true, false) => format!("{hooks} · intact"),
        (true, true) => format!("{hooks} · {}", paint::bad("drifted")),
        (false, _) => format!("{hooks} · {}", paint::bad("not hooked")),
    }
}

fn packets(count: Count) -> String {
    format!("{} packets, {} bytes", grouped(count.packets), grouped(count.bytes))
}

fn print_drift(wall: &Wall, repairs: Option<&[Change]>) {
    anstream::println!("\n{}", paint::bad("The table is not what was applied."));
    match repairs {
        Some(repairs) => {
            anstream::println!("`dockwall apply` would put it right:");
            changes::print(repairs);
        }
        None => {
            let applied = wall.applied.as_ref().map_or_else(|| "no mark".to_owned(), ToString::to_string);
            anstream::println!("applied was {applied}, found is {}; `dockwall apply` puts it right", wall.found);
        }
    }
}
