//! The generation in force at a glance: changed in one point at a cost that does not grow with what is in it.
//!
//! Nothing of it is read but what the change is about. Which elements of the sets that is, and what becomes of them, is
//! looked up in the index; the rest of the table is compiled without elements, and its digest from what the sets are
//! known to hold. Where that is the one in the kernel's mark, and the frame of the kernel's table the compiled one, it is
//! as sure as if all had been read from the disk.

mod back;
mod put;
mod step;
#[cfg(test)]
mod tests;
mod turn;

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

pub use back::WayBack;
pub use step::Step;
pub use turn::Turn;

use super::amendment::{Changed, Settings};
use super::file_state::FileState;
use super::hold::flags;
use super::index::{Head, Index};
use super::known::Known;
use super::{Amendment, Store};
use crate::config::{self, Config};
use crate::netlink::{Frame, Kernel};
use crate::policy::{Grant, Policy};
use crate::ruleset::{Features, Pieces};

/// The generation in force, by its index.
#[derive(Debug)]
pub struct Glance {
    index: Index,
    number: u64,
    /// The one that was in force before it.
    parent: Option<u64>,
    changed: Changed,
    /// What the grants ask for that came since.
    added: Pieces,
    /// What those asked for that went.
    removed: Pieces,
    frame: Frame,
    features: Features,
    /// What the table is made with.
    flags: u32,
    now: Timestamp,
}

/// A grant that can be taken back, and the file that holds nothing else.
#[derive(Debug, Clone)]
pub struct Revocable {
    /// The grant.
    pub grant: Grant,
    /// Its file.
    pub path: PathBuf,
    is_of_base: bool,
}

impl Glance {
    /// The generation in force; none where all has to be read.
    pub fn find(kernel: &mut Kernel, store: &Store, features: Features) -> Option<Self> {
        let index = Index::open(store)?;
        let frame = kernel.read_frame().ok()?;
        let (marker, now) = (frame.marker()?, Timestamp::now());
        let (parent, changed) = changed_in(&index.head, store, marker.generation, now)?;
        let flags = flags(&settings(&index.head, &changed).policy, store, features);
        let glance = Self { parent, ..Self::new(index, changed, frame, features, flags, now)? };
        let table = glance.table(glance.policy(), &Pieces::default(), &Pieces::default(), Pieces::default());
        let digest = glance.digest(&table, &glance.changed);
        glance.frame.with_elements_as(&table, &digest, now)?;
        Some(glance)
    }

    fn new(
        index: Index,
        changed: Changed,
        frame: Frame,
        features: Features,
        flags: u32,
        now: Timestamp,
    ) -> Option<Self> {
        let [added, removed] = [&changed.added, &changed.removed].map(|grants| pieces(grants, now));
        let number = frame.marker()?.generation;
        Some(Self { index, number, parent: None, changed, added, removed, frame, features, flags, now })
    }

    /// Whether the files of the configuration are the very ones that it was made of.
    pub fn is_of_files(&self, configuration: Option<&Path>) -> bool {
        let Some(found) = Config::list(configuration) else {
            return false;
        };
        let (head, changed) = (&self.index.head, &self.changed);
        let configuration = configuration.unwrap_or(Path::new(config::DEFAULT_PATH));
        let is_written = |path: &PathBuf| changed.written.iter().any(|written| written.path == *path);
        let stays = |path: &PathBuf| !is_written(path) && !changed.deleted.contains(path);
        let kept: Vec<&(PathBuf, FileState)> = head.files.iter().filter(|(path, _)| stays(path)).collect();
        let written = || changed.written.iter().map(|written| (&written.path, written.text.as_bytes()));
        let expected: BTreeSet<&PathBuf> =
            kept.iter().map(|(path, _)| path).chain(written().map(|(path, _)| path)).collect();
        configuration == head.configuration
            && found.iter().collect::<BTreeSet<_>>() == expected
            && kept.iter().all(|(path, state)| FileState::of(path).as_ref() == Some(state))
            && written().all(|(path, text)| std::fs::read(path).is_ok_and(|found| found == text))
    }

    /// What is in force now, with what the kernel holds of it; none where that is another generation. To be called with the
    /// state directory's lock held, since another may have been at work until then.
    pub fn again(&self, kernel: &mut Kernel, store: &Store) -> Option<Self> {
        let found = Self::find(kernel, store, self.features)?;
        let is_same = (self.number, self.index.head.base) == (found.number, found.index.head.base);
        (is_same && self.changed == found.changed).then_some(found)
    }

    /// What holds, without denied networks and grants.
    pub fn policy(&self) -> &Policy {
        &self.settings().policy
    }

    fn settings(&self) -> &Settings {
        settings(&self.index.head, &self.changed)
    }

    /// Whether the kernel is known to hold it to the last element, and it is what should be in force.
    fn is_whole(&self, store: &Store) -> bool {
        Known::read(store, self.frame.generation()).is_some_and(|known| known.is_of(self.number))
            && matches!(store.wanted(), Ok(Some(wanted)) if wanted == self.number)
    }

    /// The configuration, as far as it is known.
    pub fn configuration(&self) -> Config {
        Config::outline(&self.index.head.configuration, self.policy().host)
    }

    /// Whether a grant may have that name, also one that stands for nothing here; none where that cannot be told.
    pub fn has_name(&self, name: &str) -> Option<bool> {
        let is_it = |grant: &Grant| grant.name == name;
        Some(self.changed.added.iter().any(is_it) || self.index.has_name(name)?)
    }

    /// Whether anything that `grant` opens would be closed without it and the others; none where that cannot be told.
    pub fn closes_some_of(&self, grant: &Grant) -> Option<bool> {
        let mut closes = false;
        for opening in &grant.openings {
            closes |= if opening.host { self.policy().host } else { self.index.denies(&opening.to)? };
        }
        Some(closes)
    }

    /// The grant of that name, where it has a file of its own and the same name; none where that has to be looked into.
    pub fn revocable(&self, name: &str) -> Option<Revocable> {
        let path = self.configuration().drop_in(name);
        if let Some(grant) = self.changed.added.iter().find(|grant| grant.name == name) {
            let is_written = self.changed.written.iter().any(|written| written.path == path);
            return is_written.then(|| Revocable { grant: grant.clone(), path, is_of_base: false });
        }
        let is_gone = self.changed.removed.iter().any(|grant| grant.name == name);
        let grant = self.index.grant(name).filter(|_| !is_gone)?;
        let grants = Config::grants_in(&path, &std::fs::read_to_string(&path).ok()?)?;
        let is_alone = grants.len() == 1 && grants.iter().all(|grant| grant.name == name);
        is_alone.then_some(Revocable { grant, path, is_of_base: true })
    }
}

/// What generation `number` changed in the one that the index is of, and the one before it; none where it is no
/// difference to that, or another table by now, since something in it has run out.
fn changed_in(head: &Head, store: &Store, number: u64, now: Timestamp) -> Option<(Option<u64>, Changed)> {
    let (parent, changed) = if number == head.base.number {
        (head.parent, Changed::nothing(head.revoked.clone(), head.sums.clone()))
    } else if store.whole_path(number).exists() {
        return None;
    } else {
        let Amendment { base, parent, changed, .. } = store.amendment(number).ok()??;
        (base == head.base).then_some((parent, changed))?
    };
    let ends = changed.added.iter().filter_map(|grant| grant.until).chain(head.ends).min();
    ends.is_none_or(|ends| ends > now).then_some((parent, changed))
}

/// What holds besides denied networks and grants.
fn settings<'a>(head: &'a Head, changed: &'a Changed) -> &'a Settings {
    changed.settings.as_ref().unwrap_or(&head.settings)
}

fn pieces(grants: &[Grant], now: Timestamp) -> Pieces {
    Pieces::of(grants.iter().map(Cow::Borrowed), now)
}
