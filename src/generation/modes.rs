//! What the same configuration means in the other mode.

use serde::{Deserialize, Serialize};

use crate::config::Mode;
use crate::policy::{Log, Policy};

/// What the mode is to a policy that was resolved from a configuration on a host, without a warning: the rest of it is
/// the same in both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Modes {
    /// The fingerprint of the host, and of the program that resolved it.
    pub host: String,
    /// The mode that the configuration says.
    pub configured: Mode,
    /// What the lines of the log begin with in audit mode.
    pub audit_prefix: String,
    /// What they begin with in enforce mode.
    pub enforce_prefix: String,
}

impl Modes {
    /// The same policy in that mode.
    pub fn turn(&self, policy: &Policy, mode: Mode) -> Policy {
        let prefix = match mode {
            Mode::Audit => &self.audit_prefix,
            Mode::Enforce => &self.enforce_prefix,
        };
        Policy { mode, log: Log { prefix: prefix.clone(), ..policy.log.clone() }, ..policy.clone() }
    }
}
