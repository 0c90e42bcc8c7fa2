//! Puts a policy in force as a new generation.

use jiff::Timestamp;

use super::{Author, Error, Generation, Store, difference};
use crate::netlink::{Kernel, Live, Sent};
use crate::policy::Policy;
use crate::ruleset::{Features, compile};

/// What [`apply`] did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// The generation in force now.
    pub generation: u64,
    /// Whether it was in force before already.
    pub unchanged_policy: bool,
    /// What was sent to the kernel; nothing when it held all of it.
    pub sent: Sent,
}

/// Makes the kernel hold `policy`, by the smallest change in one batch. The generation is on disk
/// before the kernel is asked, and gone again when the kernel refuses.
///
/// A policy that is in force already makes no new generation; where somebody changed the table
/// meanwhile it is put right.
///
/// # Errors
/// See [`Error`]; the kernel holds what it held before.
pub fn apply(kernel: &mut Kernel, store: &Store, policy: &Policy, features: Features) -> Result<Applied, Error> {
    let table = compile(policy, features);
    let digest = table.digest();
    let mut planned: Option<Generation> = None;
    let mut unchanged_policy = false;
    let sent = kernel.replace::<Error>(|live| {
        let marker = live.table.as_ref().and_then(|table| table.marker());
        unchanged_policy = marker.as_ref().is_some_and(|marker| marker.digest == digest);
        let number = match (&marker, unchanged_policy) {
            (Some(marker), true) => marker.generation,
            _ => next_number(live, store)?,
        };
        // A competitor may have taken the number since it was planned.
        if planned.as_ref().is_none_or(|planned| planned.number != number) {
            if let Some(planned) = planned.take() {
                store.forget(planned.number)?;
            }
            if !unchanged_policy || store.get(number).is_err() {
                let parent = marker.map(|marker| marker.generation).filter(|parent| *parent != number);
                let generation = generation(number, parent, store, policy);
                store.put(&generation)?;
                planned = Some(generation);
            }
        }
        Ok(table.clone().marked(number))
    });
    match (sent, planned) {
        (Ok(sent), planned) => {
            let generation = match planned {
                Some(planned) => planned.number,
                None => in_force(kernel)?.unwrap_or_default(),
            };
            store.prune(generation)?;
            Ok(Applied { generation, unchanged_policy, sent })
        }
        (Err(error), planned) => {
            if let Some(planned) = planned {
                store.forget(planned.number)?;
            }
            Err(error)
        }
    }
}

/// The number of the next generation: above all on disk and the one in the kernel, whose state
/// directory may be another.
fn next_number(live: &Live, store: &Store) -> Result<u64, Error> {
    let in_force = live.table.as_ref().and_then(|table| table.marker()).map_or(0, |marker| marker.generation);
    Ok(store.last()?.max(in_force) + 1)
}

fn in_force(kernel: &mut Kernel) -> Result<Option<u64>, Error> {
    let table = kernel.read()?.table;
    Ok(table.and_then(|table| table.marker()).map(|marker| marker.generation))
}

fn generation(number: u64, parent: Option<u64>, store: &Store, policy: &Policy) -> Generation {
    let changes = match parent.and_then(|parent| store.get(parent).ok()) {
        Some(parent) => difference(&parent.policy, policy),
        None => vec![format!(
            "mode {}, {} denied networks, {} grants",
            policy.mode,
            policy.denied.len(),
            policy.grants.len()
        )],
    };
    Generation { number, applied: Timestamp::now(), author: Author::current(), parent, changes, policy: policy.clone() }
}
