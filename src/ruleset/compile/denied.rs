//! What becomes of a denied packet: it is remembered, logged, and dropped.

use super::contents::TCP;
use super::{chains, sets};
use crate::config::{self, Action, Mode, Rate};
use crate::policy::{self, Policy};
use crate::ruleset::{
    Destination, Expr, Family, Features, FlowKey, LOG_LEVEL_WARNING, Limit, Log, LogTarget, Reject, Rule,
};

/// Remember and log, then decide in a rule of its own: a full meter or an exceeded limit ends the
/// rule it is in, and must not end the drop.
pub(super) fn drop(policy: &Policy, features: Features) -> Vec<Rule> {
    let each = meter_expressions(policy, features);
    // What belongs to no flow, such as the last packets of one that is forgotten, is nobody's attempt.
    let invalid = Rule::new().invalid().count();
    let invalid = if policy.mode == Mode::Audit { invalid.return_() } else { invalid.drop() };
    let mut rules = vec![invalid.comment("of no flow: not logged")];
    for family in Family::BOTH {
        let ported = Rule::new().protocol_in(sets::PORT_PROTOCOLS);
        let key = FlowKey::flow(family).port(Destination::Packet);
        rules.push(logged(policy, ported.update(&sets::denied(family), key, each.clone())));
        let other = Rule::new().protocol_not_in(sets::PORT_PROTOCOLS);
        rules.push(logged(policy, other.update(&sets::denied_other(family), FlowKey::flow(family), each.clone())));
        // Behind its own meters, so that no packet meets those of the other family first.
        rules.extend(decide(policy, family));
    }
    rules
}

pub(super) fn logged(policy: &Policy, rule: Rule) -> Rule {
    if policy.log.enabled { rule.jump(chains::LOG) } else { rule }
}

/// What becomes of a denied packet of `family`.
fn decide(policy: &Policy, family: Family) -> Vec<Rule> {
    let resets = (policy.mode, policy.action) == (Mode::Enforce, Action::Reject);
    let reset = resets.then(|| of_family(family).protocol(TCP).count().reject(Reject::TcpReset));
    reset.into_iter().chain([last_word(policy)(of_family(family))]).collect()
}

/// What becomes of one of any protocol.
pub(super) fn last_word(policy: &Policy) -> impl Fn(Rule) -> Rule {
    let (mode, action) = (policy.mode, policy.action);
    move |rule| match (mode, action) {
        (Mode::Audit, _) => rule.count().return_().comment("audit: would be dropped"),
        (Mode::Enforce, Action::Drop) => rule.count().drop(),
        (Mode::Enforce, Action::Reject) => rule.count().reject(Reject::ADMIN_PROHIBITED),
    }
}

/// The same for IPv4 and, behind it, for all that is left.
pub(super) fn by_family(decide: impl Fn(Rule) -> Rule) -> [Rule; 2] {
    Family::BOTH.map(of_family).map(decide)
}

/// A rule for IPv4 or, behind it, for all that is left: so that each family has a counter, and the last rule no
/// match that could fail.
fn of_family(family: Family) -> Rule {
    match family {
        Family::Ipv4 => Rule::new().family(family),
        Family::Ipv6 => Rule::new(),
    }
}

/// What each remembered flow has for itself. The counter stands first, so that it counts what the
/// limit keeps out of the log as well.
pub(super) fn meter_expressions(policy: &Policy, features: Features) -> Vec<Expr> {
    let limit = policy.log.enabled.then(|| Expr::Limit(limit(policy.log.rate, policy.log.burst)));
    let counter = (features.meter_counters || limit.is_none()).then_some(Expr::COUNTER);
    counter.into_iter().chain(limit).collect()
}

fn limit(rate: Rate, burst: u32) -> Limit {
    Limit { rate: u64::from(rate.count), unit: rate.unit.seconds(), burst, bytes: false, inverted: false }
}

/// One rule for all flows of both families, since a limit is the rule's own: four rules would let
/// four times as much through. What may come in one unit of time may come at once: with nft's burst
/// of 5 the first lines of one flow would hide another's.
pub(super) fn log(policy: &Policy) -> Rule {
    let log = log_statement(&policy.log);
    Rule::new().limit(limit(policy.log.limit, policy.log.limit.count)).count().log(log)
}

/// The statement by which a policy that logs does so.
pub fn log_statement(log: &policy::Log) -> Log {
    let target = match log.target {
        config::LogTarget::Kernel => LogTarget::Kernel { level: LOG_LEVEL_WARNING },
        config::LogTarget::Nflog(group) => LogTarget::Group(group),
    };
    Log { prefix: Some(log.prefix.clone()), target }
}
