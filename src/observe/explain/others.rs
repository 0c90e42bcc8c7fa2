//! Who else decides about a packet that the wall lets pass: an accept, or a return, ends one base chain
//! only, and a drop by anybody is final.

use std::fmt;

use serde::Serialize;

use super::{Asked, Met};
use crate::host::{DockerNetwork, Host};
use crate::netlink::ForeignChain;
use crate::ruleset::{ChainPolicy, Hook};

/// Somebody else's base chain on the same hook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Other {
    /// `inet`, `ip` or `ip6`.
    pub family: &'static str,
    /// Its table.
    pub table: String,
    /// Its name.
    pub chain: String,
    /// `forward` or `input`.
    pub hook: String,
    /// Lower is earlier; dockwall's are at −20.
    pub priority: i32,
    /// Whether it drops what none of its rules accepts.
    pub drops: bool,
}

/// Those that a packet of that family meets at that hook, in their order.
pub fn others(hook: Hook, ipv6: bool, chains: &[ForeignChain]) -> Vec<Other> {
    let family = if ipv6 { "ip6" } else { "ip" };
    let meets = |chain: &&ForeignChain| chain.base.hook == hook && (chain.family == "inet" || chain.family == family);
    let mut others: Vec<Other> = chains
        .iter()
        .filter(meets)
        .map(|chain| Other {
            family: chain.family,
            table: chain.table.clone(),
            chain: chain.name.clone(),
            hook: chain.base.hook.to_string(),
            priority: chain.base.priority,
            drops: chain.base.policy == ChainPolicy::Drop,
        })
        .collect();
    others.sort_by_key(|other| other.priority);
    others
}

impl fmt::Display for Other {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { family, table, chain, priority, .. } = self;
        let policy = if self.drops { "policy drop: drops what none of its rules accepts" } else { "policy accept" };
        write!(f, "table {family} {table}, chain {chain} (priority {priority}, {policy})")
    }
}

/// What Docker itself keeps apart, whatever is granted here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Isolation {
    /// The two networks from each other.
    Between(String, String),
    /// This network, which is internal, from everything else.
    Internal(String),
}

/// Whether Docker drops it as well.
pub fn isolation(asked: &Asked, met: &Met, host: &Host) -> Option<Isolation> {
    if met.packet.hook != Hook::FORWARD || asked.answers {
        return None;
    }
    let docker = host.docker.known()?;
    let of = |bridge: &str| docker.networks.iter().find(|network| network.bridge.as_deref() == Some(bridge));
    let from = of(&met.packet.incoming.name)?;
    let to = met.packet.outgoing.as_ref().and_then(|link| of(&link.name));
    let internal = |network: &&DockerNetwork| network.internal;
    if let Some(network) = Some(from).filter(internal).or(to.filter(internal)) {
        return Some(Isolation::Internal(network.name.clone()));
    }
    // What is published Docker lets through.
    let to = to.filter(|to| to.name != from.name && met.published.is_none())?;
    Some(Isolation::Between(from.name.clone(), to.name.clone()))
}

impl fmt::Display for Isolation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Between(from, to) => write!(
                f,
                "Docker keeps its networks {from} and {to} apart, whatever is granted here: connect the container to \
                 {to} as well (`docker network connect {to} CONTAINER`), publish the port, or mark what shall pass (Docker \
                 29 and later, `bridge-accept-fwmark` in daemon.json)"
            ),
            Self::Internal(network) => write!(
                f,
                "Docker lets nothing out of its network {network}, which is internal, and nothing in, whatever is \
                 granted here"
            ),
        }
    }
}
