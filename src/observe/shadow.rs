//! What else may drop a packet that a grant lets through: an accept, or a return, ends one base chain
//! only, and a drop is final.

use std::fmt;

use serde::Serialize;

use crate::netlink::ForeignChain;
use crate::policy::Policy;
use crate::ruleset::{ChainPolicy, Hook};

/// A base chain of somebody else's that drops whatever none of its rules accepts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Shadow {
    /// `inet`, `ip` or `ip6`.
    pub family: &'static str,
    /// Its table.
    pub table: String,
    /// Its name.
    pub chain: String,
    /// `forward`, or `input` for what is granted on the host.
    pub hook: String,
    /// Lower is earlier.
    pub priority: i32,
}

impl fmt::Display for Shadow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { family, table, chain, hook, priority } = self;
        write!(f, "table {family} {table}, chain {chain} (hook {hook}, priority {priority}, policy drop)")
    }
}

/// The chains that a granted packet of `policy` still has to get past.
pub fn shadows(policy: &Policy, chains: &[ForeignChain]) -> Vec<Shadow> {
    let opens = |host: bool| policy.exceptions().any(|grant| grant.openings.iter().any(|opening| opening.host == host));
    let (beyond, on_host) = (opens(false), opens(true));
    let shadowing = chains.iter().filter(|chain| {
        let looks = (chain.base.hook == Hook::FORWARD && beyond) || (chain.base.hook == Hook::INPUT && on_host);
        looks && chain.base.policy == ChainPolicy::Drop && !is_dockers(chain)
    });
    let shadow = |chain: &ForeignChain| Shadow {
        family: chain.family,
        table: chain.table.clone(),
        chain: chain.name.clone(),
        hook: chain.base.hook.to_string(),
        priority: chain.base.priority,
    };
    shadowing.map(shadow).collect()
}

/// Docker sets the policy of iptables' FORWARD chain to drop, and accepts there what leaves its
/// containers: what is returned to it passes.
fn is_dockers(chain: &ForeignChain) -> bool {
    chain.family != "inet" && chain.table == "filter" && chain.name == "FORWARD"
}

#[cfg(test)]
mod tests;
