//! What containers send past the host: to the networks around it, and to other containers.

use super::denied::{by_family, last_word, logged, meter_expressions};
use super::forged::forged;
use super::interfaces::container_rules;
use super::{chains, sets};
use crate::policy::Policy;
use crate::ruleset::exceptions::{ExceptionSet, Exceptions, TRANSLATED};
use crate::ruleset::{Destination, Family, Features, FlowKey, Rule, Side};

/// First of all the destination, and of that the first octet: a packet to the Internet pays a look-up or two,
/// however many grants and interfaces there are.
pub(super) fn forward() -> Vec<Rule> {
    let denied = |family| {
        let rule = Rule::new().destination_in_both(family, &sets::first(family), &sets::deny(family));
        rule.jump(chains::USER)
    };
    Family::BOTH.map(denied).to_vec()
}

/// Answers go first, so that who uses a published port gets his: half of all packets come here for that, since a
/// container's own address is a denied one. New flows are still checked packet by packet, so that a grant which is
/// taken away ends them.
///
/// Then where it came from. What comes back goes on behind this chain: a bridge with a name of ours is
/// one by its kind as well, and its packets would be counted and logged twice.
pub(super) fn user(policy: &Policy) -> Vec<Rule> {
    let policed = container_rules(Side::Incoming, policy, policy.bridges, &|rule| rule.goto(chains::DENY));
    let answers = Rule::new().reply().return_().comment("answers to flows from outside");
    std::iter::once(answers).chain(policed).collect()
}

pub(super) fn deny(policy: &Policy, features: Features, exceptions: &Exceptions) -> Vec<Rule> {
    let between = |rule: Rule| match policy.host {
        true => rule.goto(chains::BETWEEN),
        false => rule.return_(),
    };
    let mut rules = container_rules(Side::Outgoing, policy, policy.bridges, &|rule| {
        between(rule).comment("between containers: Docker's own isolation decides")
    });
    rules.extend(exceptions.look(&exceptions.beyond, granted, forged(policy, features)));
    match &policy.uplinks {
        None => rules.push(Rule::new().jump(chains::DROP)),
        Some(uplinks) => {
            rules.push(Rule::new().interface_in(Side::Outgoing, sets::UPLINKS).jump(chains::DROP));
            let prefixes = uplinks.prefixes.iter();
            rules
                .extend(prefixes.map(|prefix| Rule::new().interface_prefix(Side::Outgoing, prefix).jump(chains::DROP)));
        }
    }
    rules
}

pub(super) fn granted(exception: &ExceptionSet) -> Vec<Rule> {
    vec![grant(exception.rule())]
}

fn granted_as_asked(exception: &ExceptionSet) -> Vec<Rule> {
    exception.original_rules().into_iter().map(grant).collect()
}

fn grant(rule: Rule) -> Rule {
    rule.count().return_().comment("grants")
}

/// A flow that a container addressed to the host and Docker sent on to a container: what opens the
/// host's port opens it, by the port that was asked for, and what opens the container's by that. It is
/// remembered and turned away by what was asked for too, since that is what people know it by.
pub(super) fn published(policy: &Policy, features: Features, exceptions: &Exceptions) -> Vec<Rule> {
    let mut rules = exceptions.look(&exceptions.host, granted_as_asked, forged(policy, features));
    rules.extend(exceptions.look(&exceptions.beyond, granted, forged(policy, features)));
    for family in Family::BOTH {
        for protocol in TRANSLATED {
            let key = FlowKey::new(family).source().destination(Destination::Original).protocol();
            let key = key.port(Destination::Original);
            let each = meter_expressions(policy, features);
            rules.push(logged(policy, Rule::new().protocol(protocol).update(&sets::denied(family), key, each)));
        }
    }
    // No reset by TCP: where bridges pass netfilter, the kernel sends it past its own translation, from
    // the container's address, which the other end does not know.
    rules.extend(by_family(last_word(policy)));
    rules
}
