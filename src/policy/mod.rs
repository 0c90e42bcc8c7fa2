//! What shall hold on this host: the configuration with every word resolved. Pure data, which a
//! generation keeps and from which the ruleset is compiled.

mod evident;
mod interfaces;
mod networks;
#[cfg(test)]
mod tests;
mod text;

use serde::{Deserialize, Serialize};

pub use evident::{Evidence, Excluded, evidently_no_container_bridge};
pub use interfaces::InterfaceNames;
pub use networks::Networks;

use crate::config::{Action, Config, Destination, LogTarget, Mode, Rate, Target};
use crate::host::Facts;

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
    /// What the prefixes of the container interfaces take in and is not policed.
    pub excluded: InterfaceNames,
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

/// A policy, and what the host had to do with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// What shall hold.
    pub policy: Policy,
    /// The networks that are denied because the host is attached to them.
    pub on_link: Networks,
    /// What a pattern takes in and evidently is no container bridge.
    pub evident: Vec<Excluded>,
}

impl Policy {
    /// Resolves what the configuration says on a host with these facts; `mode` where the command
    /// line says otherwise.
    pub fn resolve(config: &Config, facts: &Facts, mode: Option<Mode>) -> Resolved {
        let mode = mode.unwrap_or(config.mode);
        let prefix = match mode {
            Mode::Audit => &config.log.audit_prefix,
            Mode::Enforce => &config.log.prefix,
        };
        let named = InterfaceNames::containers(&config.interfaces);
        let evident = evidently_no_container_bridge(facts, &named);
        let excluded = config.exclude.iter().collect::<InterfaceNames>().with_names(&evident);
        let (containers, excluded) = named.without(&excluded);
        let on_link: Networks = match config.on_link {
            true => {
                let is_policed = |name: &str| containers.contains(name) && !excluded.contains(name);
                facts.on_link_networks(is_policed).map(Target::from).collect()
            }
            false => Networks::default(),
        };
        let ranges: Networks = config.ranges.iter().flat_map(|range| range.targets().iter().copied()).collect();
        let policy = Self {
            mode,
            action: config.action,
            containers,
            excluded,
            uplinks: InterfaceNames::uplinks(&config.uplinks),
            denied: [ranges, on_link.clone()].into_iter().collect(),
            grants: config
                .grants
                .iter()
                .filter_map(|grant| match grant.to {
                    Destination::Addresses(to) => {
                        Some(Grant { name: grant.name.clone(), to: [to].into_iter().collect() })
                    }
                    Destination::Host | Destination::Published => None,
                })
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
        };
        Resolved { policy, on_link, evident }
    }

    /// The addresses of all grants, merged. Which grant they came from stays known in
    /// [`Policy::grants`], so that taking one away leaves what another one covers.
    pub fn granted(&self) -> Networks {
        self.grants.iter().map(|grant| grant.to.clone()).collect()
    }
}
