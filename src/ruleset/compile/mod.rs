//! A policy as a ruleset. The order of the rules is the policy's meaning, so each says why it
//! stands where it stands.

mod contents;
mod denied;
mod forged;
mod forward;
mod host;
mod interfaces;
mod names;

use jiff::Timestamp;

pub use self::denied::log_statement;
pub use self::names::{chains, sets};

use super::exceptions::{Exceptions, Part};
use super::{Chain, Features, Hook, Rule, Side, Table};
use crate::policy::Policy;

/// Earlier than Docker's and everybody's filter chains, which are at 0 (`filter`).
const PRIORITY: i32 = -20;

/// Behind Docker's address translation (`dstnat`, -100), so that a destination is the one it is in the end.
const PREROUTING_PRIORITY: i32 = -90;

/// The table that makes `policy` hold, at `now`: without the grants that have run out by then.
pub fn compile(policy: &Policy, features: Features, now: Timestamp) -> Table {
    compile_with(policy, features, Exceptions::of(policy, now))
}

/// The same with no more in the sets than what is looked at: `policy` is one without denied networks and grants. Its
/// rules are those of the whole.
pub fn compile_part(policy: &Policy, features: Features, part: Part) -> Table {
    compile_with(policy, features, Exceptions::part(part))
}

fn compile_with(policy: &Policy, features: Features, exceptions: Exceptions) -> Table {
    let chains = compile_chains(policy, features, &exceptions);
    Table { sets: contents::sets_of(policy, exceptions), chains, ..Table::new() }
}

fn compile_chains(policy: &Policy, features: Features, exceptions: &Exceptions) -> Vec<Chain> {
    let mut chains = vec![
        Chain::filter(chains::FORWARD, Hook::FORWARD, PRIORITY, forward::forward()),
        Chain::regular(chains::USER, forward::user(policy)),
        Chain::regular(chains::DENY, forward::deny(policy, features, exceptions)),
    ];
    if exceptions.by_source && !features.way_back_anywhere {
        let rules = interfaces::container_rules(Side::Incoming, policy, false, &|rule| rule.jump(chains::FORGED));
        chains.push(Chain::filter(chains::PREROUTING, Hook::PREROUTING, PREROUTING_PRIORITY, rules));
        chains.push(Chain::regular(chains::FORGED, forged::forged_before_routing(policy)));
    }
    if policy.host {
        chains.push(Chain::regular(chains::BETWEEN, vec![Rule::new().translated().jump(chains::PUBLISHED)]));
        chains.push(Chain::regular(chains::PUBLISHED, forward::published(policy, features, exceptions)));
        chains.push(Chain::filter(chains::INPUT, Hook::INPUT, PRIORITY, host::input(policy)));
        chains.push(Chain::regular(chains::HOST, host::host(policy, features, exceptions)));
    }
    chains.push(Chain::regular(chains::DROP, denied::drop(policy, features)));
    chains.extend(policy.log.enabled.then(|| Chain::regular(chains::LOG, vec![denied::log(policy)])));
    chains
}
