//! Puts a policy in force as a new generation.

use std::cell::RefCell;
use std::collections::BTreeMap;

use jiff::Timestamp;

use super::aside::Aside;
use super::hold::{flags, let_go};
use super::known::{self, Inputs, Known, fingerprint, look};
use super::record::NewGeneration;
use super::store::Draft;
use super::{Author, Base, Error, Generation, Planned, Sources, Store, StoreError, difference, index};
use crate::netlink::{self, Kernel, Live, Sent};
use crate::policy::Policy;
use crate::ruleset::{Digest, Features, Marker, SetSum, Table, compile};

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

impl Applied {
    /// Nothing, since `generation` is in force and says all that it should.
    pub fn nothing(generation: u64) -> Self {
        Self { generation, unchanged_policy: true, sent: Sent { batches: 0, changes: 0, bytes: 0 } }
    }
}

/// A generation that is on disk, and not yet in force.
struct New {
    base: Base,
    parent: Option<u64>,
    /// What an index says of its sources; none where there can be none.
    made_from: Option<index::MadeFrom>,
    draft: Draft,
}

impl New {
    fn put(
        number: u64,
        parent: Option<u64>,
        store: &Store,
        policy: &Policy,
        sources: Option<&Sources>,
    ) -> Result<Self, StoreError> {
        let generation = record(number, parent, store, policy, sources);
        let draft = store.put_first(&generation)?;
        let base = Base { number, applied: generation.applied, revised: None };
        Ok(Self { base, parent, made_from: sources.and_then(index::MadeFrom::of), draft })
    }
}

/// Makes the kernel hold `policy`, by the smallest change in one batch. The generation is on disk
/// before the kernel is asked, and gone again when the kernel refuses.
///
/// A policy that is in force already makes no new generation; where somebody changed the table
/// meanwhile it is put right, and where it was made from something else since, that is noted.
///
/// What it was made from is in the file of the new generation then, and no more in `planned`.
///
/// # Errors
/// See [`Error`]; the kernel holds what it held before, and `planned` is as it was.
pub fn apply(kernel: &mut Kernel, store: &Store, planned: &mut Planned, features: Features) -> Result<Applied, Error> {
    let applied = apply_seen::<Error>(kernel, store, planned, features, |kernel, table, digest| {
        Ok(look(kernel, store, features, Some((table, digest)))?)
    })?;
    let_go(kernel, &planned.policy)?;
    Ok(applied)
}

/// As [`apply`], seeing what the kernel holds by `look`.
pub(super) fn apply_seen<E: From<netlink::Error> + From<StoreError>>(
    kernel: &mut Kernel,
    store: &Store,
    what: &mut Planned,
    features: Features,
    mut look: impl FnMut(&mut Kernel, &Table, &Digest) -> Result<Live, E>,
) -> Result<Applied, E> {
    let Planned { policy, sources, inputs, beside, modes } = what;
    let policy = &*policy;
    let flags = flags(policy, store, features);
    let now = Timestamp::now();
    let compiled = || Table { flags, ..compile(policy, features, now) };
    let table = compiled();
    let sums: BTreeMap<String, SetSum> = table.sets.iter().map(|set| (set.name.clone(), set.elements.sum())).collect();
    let digest = table.digest_by(|set| sums.get(&set.name).copied().unwrap_or_default());
    let last = store.last()?;
    // There is only one of a large table. What is tried again compiles it again.
    let table = RefCell::new(Some(table));
    let print = fingerprint(&(policy, &*sources));
    let asked = sources.as_ref().and_then(|sources| sources.mode);
    let mut sources = Aside::new(store, sources);
    // Whether the file of that number is known to say just this, so that there is no need to read it.
    let is_kept = |at, number| {
        let known = Known::read(store, at).zip(print.as_ref());
        known.is_some_and(|(known, print)| known.has_kept(store, number, print))
    };
    let mut number = 0;
    let mut kept = false;
    let mut planned: Option<New> = None;
    let want = |live: &Live| {
        kept = live.marker().is_some_and(|marker| is_kept(live.generation, marker.generation));
        number = number_for(live, &digest, last, |number| !kept && is_recorded_otherwise(store, number, policy));
        let in_force = live.marker().map(|marker| marker.generation);
        // A stage that is through, or a policy that is in force.
        if in_force != Some(number) && planned.as_ref().is_none_or(|planned| planned.base.number != number) {
            let new = New::put(number, in_force, store, policy, sources.fetch()?)?;
            if let Some(outrun) = planned.replace(new) {
                store.forget(outrun.base.number)?;
            }
            sources.lay_in(number);
        }
        let table = table.take().unwrap_or_else(compiled);
        Ok::<_, E>(table.carrying(&Marker { generation: number, digest: digest.clone() }))
    };
    let see = |kernel: &mut Kernel| {
        let mut table = table.borrow_mut();
        look(kernel, table.get_or_insert_with(compiled), &digest)
    };
    let sent = kernel.replace_seen(see, want);
    if sent.is_err() {
        sources.fetch()?;
    }
    let done = match (sent, planned) {
        (Ok(sent), Some(New { base, parent, made_from, draft })) => {
            draft.keep()?;
            store.prune(number)?;
            if let (Some(beside), Some(made_from)) = (&beside, made_from) {
                let kept = index::Kept { base, parent, policy, made_from, modes: modes.clone() };
                index::note(store, kept, sums, beside, now);
            }
            Ok(Applied { generation: number, unchanged_policy: false, sent })
        }
        (Ok(sent), None) => {
            let sources = sources.fetch()?;
            match (!kept).then(|| store.get(number)) {
                None => {}
                Some(Ok(kept)) if sources.is_some() && kept.sources.as_ref() != sources => {
                    store.put(&Generation { sources: sources.cloned(), ..kept })?;
                }
                Some(Ok(_)) => {}
                // In force from another state directory, or loaded by `nft -f`: adopt it.
                Some(Err(_)) => store.put(&record(number, None, store, policy, sources).whole())?,
            }
            if !matches!(store.wanted(), Ok(Some(wanted)) if wanted == number) {
                store.want(number)?;
            }
            Ok(Applied { generation: number, unchanged_policy: true, sent })
        }
        (Err(error), Some(planned)) if !is_in_force(kernel, planned.base.number) => {
            // The kernel's reason matters more than a file too many, which only `history` shows.
            store.forget(planned.base.number).unwrap_or_default();
            Err(error)
        }
        (Err(error), _) => Err(error),
    };
    if done.is_ok() {
        let inputs = inputs.clone().map(|print| Inputs { print, asked, mode: policy.mode });
        known::note(store, kernel.whole_at(), number, print.as_deref(), inputs);
    }
    done
}

/// Whether the kernel's mark says that number, as it does when the first stage of several was taken.
fn is_in_force(kernel: &mut Kernel, number: u64) -> bool {
    kernel.read_frame().is_ok_and(|frame| frame.marker().is_some_and(|marker| marker.generation == number))
}

/// The number that a policy with that digest has, or would get: the one in force, or one above all
/// on disk, of which `last` is the highest, and above the one in the kernel, whose state directory
/// may be another.
fn number_for(live: &Live, digest: &Digest, last: u64, is_recorded_otherwise: impl FnOnce(u64) -> bool) -> u64 {
    match live.marker() {
        Some(marker) if marker.digest == *digest && !is_recorded_otherwise(marker.generation) => marker.generation,
        marker => marker.map_or(0, |marker| marker.generation).max(last) + 1,
    }
}

/// As [`apply`] would number it.
pub fn next_number(live: &Live, digest: &Digest, policy: &Policy, store: &Store, last: u64) -> u64 {
    number_for(live, digest, last, |number| is_recorded_otherwise(store, number, policy))
}

/// Whether that generation says something else than `policy`, though the ruleset of both is the same,
/// as where one grant lies within another: it has to be known when the other is revoked.
fn is_recorded_otherwise(store: &Store, number: u64, policy: &Policy) -> bool {
    store.get(number).is_ok_and(|generation| !difference(&generation.policy, policy).is_empty())
}

fn record<'a>(
    number: u64,
    parent: Option<u64>,
    store: &Store,
    policy: &'a Policy,
    sources: Option<&'a Sources>,
) -> NewGeneration<'a> {
    let changes = match parent.and_then(|parent| store.get(parent).ok()) {
        Some(parent) => difference(&parent.policy, policy),
        None => vec![format!(
            "mode {}, {} denied networks, {} grants",
            policy.mode,
            policy.denied.len(),
            policy.grants.len()
        )],
    };
    let (applied, author) = (Timestamp::now(), Author::current());
    NewGeneration { number, applied, author, parent, changes, policy, sources }
}
