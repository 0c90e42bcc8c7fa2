//! What shall hold on this host: the configuration with every word resolved. Pure data, which a
//! generation keeps and from which the ruleset is compiled.

mod interfaces;
mod networks;
mod text;

use serde::{Deserialize, Serialize};

pub use interfaces::InterfaceNames;
pub use networks::Networks;

use crate::config::{Action, Config, LogTarget, Mode, Rate};

/// A policy: two equal ones compile to equal rulesets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// Whether denied packets are dropped or only counted and logged.
    #[serde(with = "text")]
    pub mode: Mode,
    /// How they are dropped.
    #[serde(with = "text")]
    pub action: Action,
    /// The container interfaces: what comes in on them is policed.
    pub containers: InterfaceNames,
    /// The outgoing interfaces that are policed; none when it is any.
    pub uplinks: Option<InterfaceNames>,
    /// Where containers must not open flows to.
    pub denied: Networks,
    /// The exceptions, in the order in which they are written.
    pub grants: Vec<Grant>,
    /// What is logged of it.
    pub log: Log,
}

/// An exception: packets to these addresses return to Docker's own rules.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    /// Unique.
    pub name: String,
    /// The addresses.
    pub to: Networks,
}

/// What is logged of denied packets, and how long they are remembered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    /// Whether there is a log; denied flows are counted and remembered without one too.
    pub enabled: bool,
    /// Per source, destination, protocol and port.
    #[serde(with = "text")]
    pub rate: Rate,
    /// How many packets of one flow may be logged at once.
    pub burst: u32,
    /// Over all flows.
    #[serde(with = "text")]
    pub limit: Rate,
    /// What the lines begin with in this policy's mode.
    pub prefix: String,
    /// Where they go.
    #[serde(with = "text")]
    pub target: LogTarget,
    /// How long a denied flow stays listed after its last packet, in seconds.
    pub remember: u64,
}

impl Policy {
    /// Resolves what the configuration says; `mode` where the command line says otherwise.
    pub fn resolve(config: &Config, mode: Option<Mode>) -> Self {
        let mode = mode.unwrap_or(config.mode);
        let prefix = match mode {
            Mode::Audit => &config.log.audit_prefix,
            Mode::Enforce => &config.log.prefix,
        };
        Self {
            mode,
            action: config.action,
            containers: InterfaceNames::containers(&config.interfaces),
            uplinks: InterfaceNames::uplinks(&config.uplinks),
            denied: config.ranges.iter().flat_map(|range| range.targets().iter().copied()).collect(),
            grants: config
                .grants
                .iter()
                .map(|grant| Grant { name: grant.name.clone(), to: [grant.to].into_iter().collect() })
                .collect(),
            log: Log {
                enabled: config.log.enabled,
                rate: config.log.rate,
                burst: config.log.burst,
                limit: config.log.limit,
                prefix: prefix.as_str().to_owned(),
                target: config.log.target,
                remember: config.log.remember.duration().as_secs(),
            },
        }
    }

    /// The addresses of all grants, merged. Which grant they came from stays known in
    /// [`Policy::grants`], so that taking one away leaves what another one covers.
    pub fn granted(&self) -> Networks {
        self.grants.iter().map(|grant| grant.to.clone()).collect()
    }
}
