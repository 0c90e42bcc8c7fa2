//! By which interfaces a packet comes and goes, and what no link does without.

use super::sets;
use crate::policy::Policy;
use crate::ruleset::{Rule, Side};

/// One rule for all container interfaces that have a whole name, and one for each prefix and for the
/// kind, but for what is excluded from it.
pub(super) fn container_rules(side: Side, policy: &Policy, by_kind: bool, decide: &dyn Fn(Rule) -> Rule) -> Vec<Rule> {
    let exact = Rule::new().interface_in(side, sets::CONTAINERS);
    let prefixes = policy.containers.prefixes.iter();
    let prefixes = prefixes.map(|prefix| not_excluded(side, policy, prefix).interface_prefix(side, prefix));
    let kind = by_kind.then(|| not_excluded(side, policy, "").bridge(side));
    std::iter::once(exact).chain(prefixes).chain(kind).map(decide).collect()
}

fn not_excluded(side: Side, policy: &Policy, prefix: &str) -> Rule {
    let within = |name: &&String| name.starts_with(prefix);
    let rule = match policy.excluded.exact.iter().any(|name| within(&name)) {
        true => Rule::new().interface_not_in(side, sets::EXCLUDED),
        false => Rule::new(),
    };
    let prefixes = policy.excluded.prefixes.iter().filter(within);
    prefixes.fold(rule, |rule, excluded| rule.interface_not_prefix(side, excluded))
}

/// Neighbour discovery (RFC 4861, hop limit 255) and multicast listeners (RFC 3810, hop limit 1).
pub(super) fn link_messages() -> [Rule; 3] {
    [(133..=136, 255), (130..=132, 1), (143..=143, 1)].map(|(types, hop_limit)| {
        let link = "without them there is no IPv6 on the link";
        Rule::new().link_message(types, hop_limit).return_().comment(link)
    })
}
