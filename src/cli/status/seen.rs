//! What is read for one status: the kernel, which alone is believed, and what its words mean.

use std::time::Instant;

use jiff::Timestamp;

use super::top::Top;
use crate::cli::context::{Context, read_host};
use crate::generation::{Generation, GuardRecord, Trial, see};
use crate::host::{DockerState, Host};
use crate::netlink::{Kernel, Live, Owned};
use crate::observe::{Coverage, GrantedBy, Hold, Reading, Shadow, Status as Found, Wall, granted_by, shadows};
use crate::policy::{UsedResolver, resolvers_under};
use crate::ruleset::{Change, compile, diff};

/// The host around the wall.
pub struct Around(Host);

impl Around {
    /// Reads it. Docker may take two seconds.
    pub fn read() -> anyhow::Result<Self> {
        Ok(Self(read_host()?))
    }
}

/// All that is known of the wall.
pub struct Seen {
    /// When the kernel was read.
    pub at: Instant,
    /// Whether a table has our name and is not ours.
    pub is_foreign: bool,
    pub found: Found,
    /// The generation that the kernel's mark names, as this disk has it.
    pub applied: Option<Generation>,
    pub trial: Option<Trial>,
    pub resolvers: Option<Vec<UsedResolver>>,
    pub has_guard: bool,
    /// What the guard has done, if there ever was one.
    pub guarded: Option<GuardRecord>,
    /// Who may change the table.
    pub hold: Option<Hold>,
    /// What would put a drifted table right.
    pub repairs: Option<Vec<Change>>,
    /// Who else drops what is granted; none where nothing is known of what is.
    pub shadows: Option<Vec<Shadow>>,
    pub granted_by: Option<Vec<GrantedBy>>,
    /// None where Docker is not there, or does not answer.
    pub coverage: Option<Coverage>,
    pub docker_problem: Option<String>,
    pub top: Option<Top>,
}

impl Seen {
    /// Reads it all.
    pub fn read(context: &Context, kernel: &mut Kernel, Around(host): &Around) -> anyhow::Result<Self> {
        let (live, at) = (see(kernel, &context.store, context.features())?, Instant::now());
        let found = Found::of(&live);
        let wall = found.wall.as_ref();
        let applied = wall.and_then(|wall| context.store.get(wall.generation?).ok());
        let repairs = wall.and_then(|wall| repairs(context, wall, &live, applied.as_ref()));
        let shadows = match &applied {
            Some(generation) => Some(shadows(&generation.policy, &kernel.foreign_base_chains()?)),
            None => None,
        };
        let granted_by = wall
            .zip(applied.as_ref())
            .map(|(wall, generation)| granted_by(&generation.policy, &wall.counters, Timestamp::now()));
        let wants = applied.as_ref().is_none_or(|generation| generation.policy.own);
        let owned = live.table.as_ref().and_then(Owned::of);
        let hold = live.table.as_ref().map(|table| Hold::of(table, owned, wants, || context.features().owner));
        let memory = if wall.is_some() { kernel.remembered()? } else { None };
        let top = wall.zip(memory).map(|(wall, memory)| Top::of(&memory, wall.mode, host));
        let docker = host.docker.known();
        let coverage = wall.zip(docker).map(|(wall, docker)| Coverage::of(docker, |name| wall.polices(name)));
        let docker_problem = match &host.docker {
            DockerState::Unreachable(reason) => Some(reason.clone()),
            DockerState::Absent | DockerState::Known(_) => None,
        };
        Ok(Self {
            at,
            is_foreign: live.table.is_some() && wall.is_none(),
            resolvers: applied.as_ref().map(|generation| resolvers_under(&generation.policy, host)),
            trial: context.store.trial().unwrap_or_default().filter(Trial::is_open),
            has_guard: context.store.has_guard(),
            guarded: context.store.guard_record().unwrap_or_default(),
            hold,
            repairs,
            shadows,
            granted_by,
            coverage,
            docker_problem,
            top,
            applied,
            found,
        })
    }

    /// The counters, for a rate.
    pub fn reading(&self) -> Option<Reading> {
        let wall = self.found.wall.as_ref()?;
        Some(Reading::of(wall.generation, &wall.counters, self.at))
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
