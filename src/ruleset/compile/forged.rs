//! Sources that are not the sender's own, which must not use a grant that is for certain containers.

use super::interfaces::link_messages;
use super::{chains, sets};
use crate::policy::Policy;
use crate::ruleset::{Family, Features, Rule, Side};

/// What must not use a grant that is for certain containers. Where [`forged_before_routing`] looks for it,
/// nothing forged is left, but for what came over an interface that is policed by its kind alone.
pub(super) fn forged(policy: &Policy, features: Features) -> Option<Rule> {
    let (rule, why) = match features.way_back_anywhere {
        true => (Rule::new().forged(), "a forged source: no grant for others"),
        false if policy.bridges => (unnamed(policy), "perhaps a forged source: no grant for others"),
        false => return None,
    };
    Some(rule.goto(chains::DROP).comment(why))
}

/// Packets of interfaces that have none of the policed names.
fn unnamed(policy: &Policy) -> Rule {
    let rule = Rule::new().interface_not_in(Side::Incoming, sets::CONTAINERS);
    let prefixes = policy.containers.prefixes.iter();
    prefixes.fold(rule, |rule, prefix| rule.interface_not_prefix(Side::Incoming, prefix))
}

/// The same for kernels that tell a forged source before routing only. The other interface is not known
/// there yet, so that it is decided by the destination; what is granted to everybody is not looked at,
/// since no answer would find its way to a forged source.
pub(super) fn forged_before_routing(policy: &Policy) -> Vec<Rule> {
    let mut rules = vec![
        Rule::new().reply().return_().comment("answers"),
        Rule::new().stays().return_().comment("on one and the same bridge"),
    ];
    rules.extend(link_messages());
    let drop = |rule: Rule| rule.forged().jump(chains::DROP).comment("a forged source");
    rules.extend(Family::BOTH.map(|family| drop(Rule::new().destination_in(family, &sets::deny(family)))));
    rules.extend(policy.host.then(|| drop(Rule::new().to_host())));
    rules
}
