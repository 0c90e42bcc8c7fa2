//! What in the configuration a destination is denied by.

use std::fmt;
use std::net::IpAddr;

use crate::config::{Config, Origin, Target, Written};
use crate::host::Host;
use crate::policy::{Networks, Policy};

/// Why a destination is denied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cause {
    /// A range of `deny.ranges`, or one of a preset's.
    Range {
        /// The range that has the destination in it.
        range: Target,
        /// The preset that it is of; none where it is written itself.
        preset: Option<String>,
        /// Where it is written.
        origin: Origin,
    },
    /// The host is attached to this network by a link that is no container's: `deny.on_link`.
    OnLink {
        /// The network.
        network: Target,
        /// The link.
        link: String,
    },
    /// It is a network of containers, in which published ports end: `deny.host`.
    Containers {
        /// The network.
        network: Target,
        /// The link.
        link: String,
    },
}

/// Everything that denies that destination, the narrowest first.
pub fn causes(destination: IpAddr, config: &Config, policy: &Policy, host: &Host) -> Vec<Cause> {
    let has = |target: &Target| Networks::from_iter([*target]).contains(destination);
    let mut causes: Vec<(u128, Cause)> = Vec::new();
    for denied in config.ranges.iter() {
        let preset = match denied.written {
            Written::Preset(preset) => Some(preset.to_string()),
            Written::Target(_) => None,
        };
        let ranges = denied.targets().iter().filter(|target| has(target));
        causes.extend(
            ranges.map(|range| {
                (size(range), Cause::Range { range: *range, preset: preset.clone(), origin: denied.origin })
            }),
        );
    }
    let is_policed = |name: &str| policy.containers.contains(name) && !policy.excluded.contains(name);
    for link in host.facts.links.iter().filter(|link| !link.loopback) {
        let policed = is_policed(&link.name);
        if !(if policed { config.host } else { config.on_link }) {
            continue;
        }
        let networks = host.facts.on_link_networks(|name| name != link.name).map(Target::from);
        let network = networks.filter(has).min_by_key(size);
        causes.extend(network.map(|network| {
            let link = link.name.clone();
            let cause = if policed { Cause::Containers { network, link } } else { Cause::OnLink { network, link } };
            (size(&network), cause)
        }));
    }
    causes.sort_by_key(|(size, _)| *size);
    causes.into_iter().map(|(_, cause)| cause).collect()
}

/// How many addresses are in it, but for one.
fn size(target: &Target) -> u128 {
    match target {
        Target::V4(interval) => u128::from(u32::from(interval.last()) - u32::from(interval.first())),
        Target::V6(interval) => u128::from(interval.last()) - u128::from(interval.first()),
    }
}

impl Cause {
    /// Where it is written; none for what the host has.
    pub fn origin(&self) -> Option<Origin> {
        match self {
            Self::Range { origin, .. } => Some(*origin),
            Self::OnLink { .. } | Self::Containers { .. } => None,
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Range { range, preset: Some(preset), .. } => write!(f, "{range}, preset {preset}"),
            Self::Range { range, preset: None, .. } => range.fmt(f),
            Self::OnLink { network, link } => write!(f, "{network} of {link}, deny.on_link"),
            Self::Containers { network, link } => write!(f, "{network} of the containers on {link}, deny.host"),
        }
    }
}
