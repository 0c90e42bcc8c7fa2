//! A generation that is kept as what it changed in another one.
//!
//! A grant among a hundred thousand would else be a new file with all of them in it. What a `grant`, a `revoke` or a
//! change of the mode makes is kept as all that differs from the last generation that is kept whole, its base: never as
//! a difference to another difference, so that it takes two files to read one, however many came before it.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Author, Generation, Sources};
use crate::config::Mode;
use crate::policy::{Grant, Policy};
use crate::ruleset::SetSum;

/// The most that may differ from the base. What would differ by more is kept whole.
const MOST: usize = 256;

/// Such a generation, as it is kept on disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Amendment {
    /// Counted from 1.
    pub number: u64,
    /// When it was applied.
    pub applied: Timestamp,
    /// By whom.
    pub author: Author,
    /// The one that was in force before it.
    pub parent: Option<u64>,
    /// What it changed, in words, against the parent.
    pub changes: Vec<String>,
    /// What it is a difference to.
    pub base: Base,
    /// The difference.
    pub changed: Changed,
}

/// A generation that is kept whole, and by which it is told from another one of that number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Base {
    /// Its number.
    pub number: u64,
    /// When it was applied.
    pub applied: Timestamp,
    /// When a guard revised it last.
    pub revised: Option<Timestamp>,
}

impl Base {
    /// That generation.
    pub fn of(generation: &Generation) -> Self {
        let Generation { number, applied, revised, .. } = *generation;
        Self { number, applied, revised }
    }
}

/// All that was changed in a generation that is kept whole.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Changed {
    /// The grants that came, in this order behind the others.
    pub added: Vec<Grant>,
    /// Those of the base that went.
    pub removed: Vec<Grant>,
    /// The drop-ins that were written.
    pub written: Vec<Written>,
    /// Those of the base that were deleted.
    pub deleted: Vec<PathBuf>,
    /// Names that were revoked and may still stand in one of the files, in place of the base's.
    pub revoked: Vec<String>,
    /// What the sets hold, of which the digest is made.
    pub sums: BTreeMap<String, SetSum>,
    /// What holds besides denied networks and grants; none where that is as in the base.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settings: Option<Settings>,
}

/// What holds besides denied networks and grants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The mode of the command line, where it said one.
    pub mode: Option<Mode>,
    /// The policy, without denied networks and grants.
    pub policy: Policy,
}

/// A drop-in with its text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Written {
    /// Where it is.
    pub path: PathBuf,
    /// What is in it.
    pub text: String,
}

impl Amendment {
    /// The whole generation, where `base` is what it is a difference to.
    pub fn on(self, base: Generation) -> Option<Generation> {
        if Base::of(&base) != self.base {
            return None;
        }
        let Self { number, applied, author, parent, changes, changed, .. } = self;
        let Generation { mut policy, sources, .. } = base;
        let Changed { added, removed, written, deleted, revoked, settings, .. } = changed;
        let gone: HashSet<&str> = added.iter().chain(&removed).map(|grant| grant.name.as_str()).collect();
        policy.grants.retain(|grant| !gone.contains(grant.name.as_str()));
        policy.grants.extend(added);
        let mode = settings.as_ref().map(|settings| settings.mode);
        if let Some(Settings { policy: outline, .. }) = settings {
            policy = Policy { denied: policy.denied, grants: policy.grants, ..outline };
        }
        let sources = sources.map(|sources| {
            let mut texts = if deleted.is_empty() { sources.texts } else { sources.texts.without(&deleted) };
            written.into_iter().for_each(|Written { path, text }| texts.put_drop_in(&path, text));
            Sources { texts, revoked, mode: mode.unwrap_or(sources.mode) }
        });
        Some(Generation { number, applied, author, parent, changes, policy, sources, revised: None })
    }
}

impl Changed {
    /// What is in force in a base that has revoked these.
    pub fn nothing(revoked: Vec<String>, sums: BTreeMap<String, SetSum>) -> Self {
        Self { revoked, sums, ..Self::default() }
    }

    /// The same with what holds besides denied networks and grants, where that is not as in the base.
    pub fn with_settings(&self, settings: Settings, base: &Settings) -> Self {
        Self { settings: Some(settings).filter(|settings| settings != base), ..self.clone() }
    }

    /// The same and one more grant, in a file of its own.
    pub fn with_grant(&self, grant: Grant, path: &Path, text: String) -> Self {
        let mut changed = self.clone();
        changed.revoked.retain(|name| *name != grant.name);
        changed.added.push(grant);
        changed.written.push(Written { path: path.to_owned(), text });
        changed
    }

    /// The same without the grants of these names, of which the base had `removed`, each in the file beside it.
    pub fn without_grants(&self, revoked: &[(String, PathBuf)], removed: Vec<Grant>) -> Self {
        let mut changed = self.clone();
        let of_base = |path: &PathBuf| !self.written.iter().any(|written| written.path == *path);
        changed.added.retain(|grant| !revoked.iter().any(|(name, _)| *name == grant.name));
        changed.removed.extend(removed);
        changed.written.retain(|written| !revoked.iter().any(|(_, path)| *path == written.path));
        changed.deleted.extend(revoked.iter().map(|(_, path)| path.clone()).filter(of_base));
        let known = |name: &String| self.revoked.contains(name);
        changed.revoked.extend(revoked.iter().map(|(name, _)| name.clone()).filter(|name| !known(name)));
        changed
    }

    /// Whether it is little enough to be kept so, on a base that has revoked so many.
    pub fn is_small(&self, revoked: usize) -> bool {
        let Self { added, removed, written, deleted, .. } = self;
        let revoked = self.revoked.len().saturating_sub(revoked);
        added.len() + removed.len() + written.len() + deleted.len() + revoked <= MOST
    }
}
