//! What containers send to the host itself.

use super::chains;
use super::denied::by_family;
use super::forged::forged;
use super::forward::granted;
use super::interfaces::{container_rules, link_messages};
use crate::config::Mode;
use crate::policy::Policy;
use crate::ruleset::exceptions::Exceptions;
use crate::ruleset::{Features, Rule, Side};

/// What is for the host itself. By name only, not by kind: a bridge that is made later may be the
/// host's own way out.
pub(super) fn input(policy: &Policy) -> Vec<Rule> {
    container_rules(Side::Incoming, policy, false, &|rule| rule.jump(chains::HOST))
}

pub(super) fn host(policy: &Policy, features: Features, exceptions: &Exceptions) -> Vec<Rule> {
    let mut rules = vec![Rule::new().reply().return_().comment("answers to the host's own flows")];
    rules.extend(link_messages());
    rules.extend(exceptions.look(&exceptions.host, granted, forged(policy, features)));
    // Whatever is for everybody on the link is no attempt on the host, and comes all the time.
    let everybody = Rule::new().not_for_one_host().count();
    let everybody = if policy.mode == Mode::Audit { everybody.return_() } else { everybody.drop() };
    rules.push(everybody.comment("multicast and broadcast: not logged"));
    // What belongs to no flow is counted apart there, and not among what is denied.
    rules.push(Rule::new().invalid().goto(chains::DROP));
    // Said of each mode in its own way, so that this count begins anew with the one of all.
    let denied = if policy.mode == Mode::Audit { "to the host: would be dropped" } else { "to the host" };
    // Gone to and not jumped to: what comes back would be counted again by the rule behind.
    rules.extend(by_family(|rule| rule.count().goto(chains::DROP).comment(denied)));
    rules
}
