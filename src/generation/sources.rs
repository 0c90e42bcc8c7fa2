//! What a generation was made from: the configuration as it was then.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::Modes;
use crate::config::{Config, ConfigError, Mode, Texts};
use crate::policy::Policy;

/// The configuration that a generation was made from, so that a guard resolves what was applied and
/// never what somebody is writing since.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sources {
    /// The mode of the command line, where it said one.
    pub mode: Option<Mode>,
    /// The files.
    pub texts: Texts,
    /// Grants that were revoked since, and may still stand in one of the files.
    pub revoked: Vec<String>,
}

/// A policy that is to be put in force, with what it was made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    /// What shall hold.
    pub policy: Policy,
    /// What it was made from; none where nobody knows.
    pub sources: Option<Sources>,
    /// The fingerprint of the configuration and the host that it was made from; none where the same would give another
    /// plan some time later, or gives rise to warnings.
    pub inputs: Option<String>,
    /// The names of the configuration's grants that are not in the policy, such as those that stand for nothing on this
    /// host; none where nobody knows.
    pub beside: Option<Vec<String>>,
    /// What it would be in the other mode; none where that is not known, or the plan gives rise to warnings.
    pub modes: Option<Modes>,
}

impl Sources {
    /// The configuration that the files say, in the mode of the command line.
    pub fn new(texts: Texts, mode: Option<Mode>) -> Self {
        Self { mode, texts, revoked: Vec::new() }
    }

    /// The same with one more grant, in a file of its own.
    pub fn with_grant(&self, name: &str, file: &Path, text: String) -> Self {
        let revoked = self.revoked.iter().filter(|other| *other != name).cloned().collect();
        Self { texts: self.texts.with_drop_in(file, text), revoked, ..*self }
    }

    /// The same without the grants of these names, to which these files belong.
    pub fn without_grants(&self, names: &[String], files: &[PathBuf]) -> Self {
        let mut revoked = self.revoked.clone();
        revoked.extend(names.iter().filter(|name| !self.revoked.contains(name)).cloned());
        Self { texts: self.texts.without(files), revoked, ..*self }
    }

    /// The configuration that they say, for who follows it: a grant whose name stands for nothing any more
    /// is left out then, though it was required when it was applied.
    ///
    /// # Errors
    /// As when it was read from the files.
    pub fn config(&self) -> Result<Config, ConfigError> {
        let mut config = Config::load_texts(&self.texts)?.config;
        config.grants.retain(|grant| !self.revoked.contains(&grant.name));
        config.grants.iter_mut().for_each(|grant| grant.required = false);
        Ok(config)
    }
}
