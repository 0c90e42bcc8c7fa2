//! One applied state.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Sources;
use crate::policy::Policy;

/// A generation, as it is kept on disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Generation {
    /// Counted from 1.
    pub number: u64,
    /// When it was applied.
    pub applied: Timestamp,
    /// By whom.
    pub author: Author,
    /// The one that was in force before it, where there was one: where `rollback` goes.
    pub parent: Option<u64>,
    /// What it changed, in words, against the parent.
    pub changes: Vec<String>,
    /// What holds.
    pub policy: Policy,
    /// What the policy was made from; none in one of before that was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sources: Option<Sources>,
    /// When a guard followed the host last, by another policy from the same sources.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revised: Option<Timestamp>,
}

impl Generation {
    /// When it may have been put in force, until now: what had run out by then was left out.
    pub fn instants(&self, now: Timestamp) -> [Timestamp; 3] {
        [self.revised.unwrap_or(self.applied), self.applied, now]
    }
}

/// A new generation, of what others have: of a large policy there is only one.
#[derive(Debug, Serialize)]
pub(super) struct NewGeneration<'a> {
    pub number: u64,
    pub applied: Timestamp,
    pub author: Author,
    pub parent: Option<u64>,
    pub changes: Vec<String>,
    pub policy: &'a Policy,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sources: Option<&'a Sources>,
}

impl NewGeneration<'_> {
    /// With all that it is of.
    pub fn whole(self) -> Generation {
        let Self { number, applied, author, parent, changes, policy, sources } = self;
        let (policy, sources) = (policy.clone(), sources.cloned());
        Generation { number, applied, author, parent, changes, policy, sources, revised: None }
    }
}

/// Who applied it: the user behind `sudo` where there is one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Author(String);

impl Author {
    /// Who runs this process.
    pub fn current() -> Self {
        let user = std::env::var("SUDO_USER").ok().filter(|name| !name.is_empty());
        Self(user.unwrap_or_else(|| match rustix::process::getuid().as_raw() {
            0 => "root".to_owned(),
            uid => format!("user {uid}"),
        }))
    }
}

impl fmt::Display for Author {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policies::{now, plain};

    #[test]
    fn a_new_one_is_kept_as_any_other() {
        let policy = plain();
        let new = || NewGeneration {
            number: 7,
            applied: now(),
            author: Author::current(),
            parent: Some(6),
            changes: vec!["log".to_owned()],
            policy: &policy,
            sources: None,
        };
        assert_eq!(serde_json::to_string(&new()).unwrap(), serde_json::to_string(&new().whole()).unwrap());
    }
}
