//! Changes the policy in force in one point, at a cost that does not grow with the rest of it.

use std::path::PathBuf;

use jiff::Timestamp;

use super::apply::apply_seen;
use super::known::Known;
use super::trial::follow;
use super::{Applied, Error, Generation, Planned, Store, StoreError, apply};
use crate::netlink::{self, Kernel, Live};
use crate::ruleset::{Digest, Features, Table, compile};

/// How often the kernel is asked without reading its elements, before they are read after all: once,
/// and again where another program's change came first.
const QUICK_LOOKS: usize = 3;

/// The generation in force, with what is known of the kernel by it.
#[derive(Debug)]
pub struct InForce {
    /// The generation, as it is on the disk.
    pub generation: Generation,
    /// What it put in the kernel.
    applied: Table,
    /// The kernel's table, with the elements taken from there; none where it has changed since.
    seen: Option<Live>,
}

/// Why the policy in force is not known, so that nothing in it can be changed.
#[derive(Debug, thiserror::Error)]
pub enum InForceError {
    /// The table has no mark.
    #[error(
        "somebody changed the table `inet dockwall`: it no longer says which generation it is; put it right with \
         `dockwall apply`, then try again"
    )]
    Unmarked,
    /// No record of it.
    #[error(
        "generation {number} is in force, and {} has no record of it: run `dockwall apply`, or name the state directory \
         with --state-dir, then try again", directory.display()
    )]
    NotRecorded {
        /// Its number.
        number: u64,
        /// The state directory.
        directory: PathBuf,
    },
    /// The record is of something else.
    #[error(
        "generation {number} in {} is not the one in force: run `dockwall apply`, or name the state directory with \
         --state-dir, then try again", directory.display()
    )]
    AnotherRecorded {
        /// The number of both.
        number: u64,
        /// The state directory.
        directory: PathBuf,
    },
    /// The kernel or the disk said no.
    #[error(transparent)]
    Failed(#[from] Error),
}

impl From<netlink::Error> for InForceError {
    fn from(error: netlink::Error) -> Self {
        Self::Failed(error.into())
    }
}

/// The generation in force; none where there is no table of ours. The disk is believed only where it
/// has the one that the kernel's mark names, to the digest: another state directory may have another
/// policy under that number.
///
/// # Errors
/// See [`InForceError`].
pub fn in_force(kernel: &mut Kernel, store: &Store, features: Features) -> Result<Option<InForce>, InForceError> {
    let frame = kernel.read_frame()?;
    if !frame.is_there() {
        return Ok(None);
    }
    let marker = frame.marker().ok_or(InForceError::Unmarked)?;
    let generation = match store.get(marker.generation) {
        Err(StoreError::Missing { number, directory }) => {
            return Err(InForceError::NotRecorded { number, directory });
        }
        generation => generation.map_err(Error::from)?,
    };
    let now = Timestamp::now();
    // As it was when it was applied, or as a rollback put it in force again, without what had run out.
    let mut tables = Vec::new();
    for instant in generation.instants(now) {
        let applied = compile(&generation.policy, features, instant);
        if let Some(seen) = frame.with_elements_of(&applied, now) {
            let whole = Known::read(store, frame.generation()).is_some_and(|known| known.is_of(generation.number));
            let seen = Live { whole, ..seen };
            return Ok(Some(InForce { generation, applied, seen: Some(seen) }));
        }
        tables.push(applied);
    }
    match tables.into_iter().find(|table| table.digest().matches(&marker.digest)) {
        Some(applied) => Ok(Some(InForce { generation, applied, seen: None })),
        None => {
            Err(InForceError::AnotherRecorded { number: marker.generation, directory: store.directory().to_owned() })
        }
    }
}

/// Puts a policy, which is the one in force but for a few words, in force as a new generation, without
/// reading the elements that are there. They are read where the table is not as it was applied, or the
/// kernel refuses a change that was made without having read them; then it is put right as by [`apply`].
///
/// # Errors
/// As [`apply`].
pub fn amend(
    kernel: &mut Kernel,
    store: &Store,
    in_force: InForce,
    planned: &mut Planned,
    features: Features,
) -> Result<Applied, Error> {
    let from = in_force.generation.number;
    let amended = amend_quickly(kernel, store, in_force, planned, features)?;
    // What is on trial goes back with what was added to it meanwhile.
    follow(store, from, amended.generation)?;
    Ok(amended)
}

fn amend_quickly(
    kernel: &mut Kernel,
    store: &Store,
    in_force: InForce,
    planned: &mut Planned,
    features: Features,
) -> Result<Applied, Error> {
    let mut quick = match QuickLook::of(in_force) {
        Some(quick) => quick,
        None => return apply(kernel, store, planned, features),
    };
    match apply_seen(kernel, store, planned, features, |kernel, _, _| quick.look(kernel)) {
        Ok(applied) => Ok(applied),
        Err(Quick::Blind | Quick::Failed(Error::Kernel(netlink::Error::Refused(_)))) => {
            apply(kernel, store, planned, features)
        }
        Err(Quick::Failed(error)) => Err(error),
    }
}

/// Sees what the kernel holds without reading its elements.
pub(super) struct QuickLook {
    applied: Table,
    /// That of `applied`, where it is known.
    digest: Option<Digest>,
    seen: Option<Live>,
    looks: usize,
}

impl QuickLook {
    /// None where they have to be read.
    pub(super) fn of(in_force: InForce) -> Option<Self> {
        let InForce { applied, seen, .. } = in_force;
        seen.map(|seen| Self { applied, digest: None, seen: Some(seen), looks: 0 })
    }

    /// What was `seen`, or what `applied` put there of what matters, and has that digest with all the rest.
    pub(super) fn new(applied: Table, digest: Digest, seen: Option<Live>) -> Self {
        Self { applied, digest: Some(digest), seen, looks: 0 }
    }

    /// What is there now.
    pub(super) fn look(&mut self, kernel: &mut Kernel) -> Result<Live, Quick> {
        self.looks += 1;
        match self.seen.take() {
            Some(live) => Ok(live),
            None if self.looks > QUICK_LOOKS => Err(Quick::Blind),
            None => {
                let digest = self.digest.get_or_insert_with(|| self.applied.digest());
                let frame = kernel.read_frame()?;
                frame.with_elements_as(&self.applied, digest, Timestamp::now()).ok_or(Quick::Blind)
            }
        }
    }
}

/// Why it was not done without reading the elements.
pub(super) enum Quick {
    /// What is there cannot be known without.
    Blind,
    /// The kernel or the disk said no.
    Failed(Error),
}

impl From<netlink::Error> for Quick {
    fn from(error: netlink::Error) -> Self {
        Self::Failed(error.into())
    }
}

impl From<StoreError> for Quick {
    fn from(error: StoreError) -> Self {
        Self::Failed(error.into())
    }
}
