//! A policy as a ruleset. The order of the rules is the policy's meaning, so each says why it
//! stands where it stands.

use super::datatype::interface_key;
use super::{
    Chain, DataType, Expr, Family, Features, Hook, LOG_LEVEL_WARNING, Limit, Log, LogTarget, MeterKey, Reject, Rule,
};
use super::{DYNAMIC_SIZE, Set, Side, Table};
use crate::config::{self, Action, Mode, Rate};
use crate::policy::{InterfaceNames, Policy};

/// The chains, by the names that the recipe for firewalld gave them.
pub mod chains {
    /// The base chain that sees what the host forwards.
    pub const FORWARD: &str = "forward";
    /// Packets to a denied range.
    pub const USER: &str = "DOCKER-USER";
    /// Packets of containers to a denied range.
    pub const DENY: &str = "DOCKER-USER-DENY-INTERNAL";
    /// What nothing excepted.
    pub const DROP: &str = "DOCKER-USER-DROP";
    /// What of it comes into the log.
    pub const LOG: &str = "DOCKER-USER-LOG";
}

/// The sets. At most 15 bytes each, the limit of old kernels.
pub mod sets {
    /// The container interfaces that have a whole name.
    pub const CONTAINERS: &str = "containers";
    /// What a prefix of the container interfaces takes in and is not policed.
    pub const EXCLUDED: &str = "excluded";
    /// The policed uplinks that have a whole name.
    pub const UPLINKS: &str = "uplinks";
    /// The protocols that have ports where UDP has them.
    pub const PORT_PROTOCOLS: &str = "port-protocols";

    use super::Family;

    /// The denied ranges.
    pub fn deny(family: Family) -> String {
        format!("deny{}", family.digit())
    }

    /// The granted addresses.
    pub fn grant(family: Family) -> String {
        format!("grant{}", family.digit())
    }

    /// The meter of denied flows: per source, destination, protocol and port.
    pub fn denied(family: Family) -> String {
        format!("denied{}", family.digit())
    }

    /// The same for protocols without ports.
    pub fn denied_other(family: Family) -> String {
        format!("denied{}-other", family.digit())
    }
}

/// Earlier than Docker's and everybody's filter chains, which are at 0 (`filter`).
const PRIORITY: i32 = -20;

/// tcp, udp, dccp, sctp and udplite (IANA): their ports are the first two fields of their headers.
const PORT_PROTOCOLS: [u8; 5] = [TCP, 17, 33, 132, 136];
const TCP: u8 = 6;

/// The table that makes `policy` hold.
pub fn compile(policy: &Policy, features: Features) -> Table {
    Table { sets: compile_sets(policy), chains: compile_chains(policy, features), ..Table::new() }
}

fn compile_sets(policy: &Policy) -> Vec<Set> {
    let granted = policy.granted();
    let mut sets = vec![
        Set::ipv4_intervals(&sets::deny(Family::Ipv4), policy.denied.ipv4.clone()),
        Set::ipv6_intervals(&sets::deny(Family::Ipv6), policy.denied.ipv6.clone()),
        Set::ipv4_intervals(&sets::grant(Family::Ipv4), granted.ipv4),
        Set::ipv6_intervals(&sets::grant(Family::Ipv6), granted.ipv6),
        interface_set(sets::CONTAINERS, &policy.containers),
    ];
    sets.extend((!policy.excluded.exact.is_empty()).then(|| interface_set(sets::EXCLUDED, &policy.excluded)));
    sets.extend(policy.uplinks.as_ref().map(|uplinks| interface_set(sets::UPLINKS, uplinks)));
    let protocols = PORT_PROTOCOLS.iter().map(|protocol| vec![*protocol]).collect();
    sets.push(Set::exact(sets::PORT_PROTOCOLS, DataType::InetProto, protocols));
    let remember = policy.log.remember * 1000;
    // When a meter is full, further flows are dropped all the same, only not logged.
    for (family, address) in [(Family::Ipv4, DataType::Ipv4Addr), (Family::Ipv6, DataType::Ipv6Addr)] {
        let flow = vec![address, address, DataType::InetProto];
        let port = [flow.as_slice(), &[DataType::InetService]].concat();
        sets.push(Set::dynamic(&sets::denied(family), port, DYNAMIC_SIZE, remember));
        sets.push(Set::dynamic(&sets::denied_other(family), flow, DYNAMIC_SIZE, remember));
    }
    sets
}

/// Whole names only: in a set a pattern's asterisk would be a letter.
fn interface_set(name: &str, interfaces: &InterfaceNames) -> Set {
    let mut keys: Vec<Vec<u8>> = interfaces.exact.iter().map(|name| interface_key(name)).collect();
    keys.sort_unstable();
    Set::exact(name, DataType::IfName, keys)
}

fn compile_chains(policy: &Policy, features: Features) -> Vec<Chain> {
    let mut chains = vec![
        Chain::filter(chains::FORWARD, Hook::FORWARD, PRIORITY, forward()),
        Chain::regular(chains::USER, user(policy)),
        Chain::regular(chains::DENY, deny(policy)),
        Chain::regular(chains::DROP, drop(policy, features)),
    ];
    chains.extend(policy.log.enabled.then(|| Chain::regular(chains::LOG, vec![log(policy)])));
    chains
}

/// First of all the destination: a packet to the Internet pays one look-up, however many grants
/// and interfaces there are.
fn forward() -> Vec<Rule> {
    let denied = |family| Rule::new().destination_in(family, &sets::deny(family)).jump(chains::USER);
    Family::BOTH.map(denied).to_vec()
}

/// Then where it came from.
fn user(policy: &Policy) -> Vec<Rule> {
    container_rules(Side::Incoming, policy, &|rule| rule.jump(chains::DENY))
}

fn deny(policy: &Policy) -> Vec<Rule> {
    let between = "between containers: Docker's own isolation decides";
    // Before everything else, so that who uses a published port gets his answer; new flows are
    // still checked packet by packet, so that a grant which is taken away ends them.
    let mut rules = vec![Rule::new().reply().return_().comment("answers to flows from outside")];
    rules.extend(container_rules(Side::Outgoing, policy, &|rule| rule.return_().comment(between)));
    rules
        .extend(Family::BOTH.map(|family| {
            Rule::new().destination_in(family, &sets::grant(family)).count().return_().comment("grants")
        }));
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

/// One rule for all container interfaces that have a whole name, and one for each prefix, but for
/// what is excluded from it.
fn container_rules(side: Side, policy: &Policy, decide: &dyn Fn(Rule) -> Rule) -> Vec<Rule> {
    let exact = Rule::new().interface_in(side, sets::CONTAINERS);
    let prefixes = policy.containers.prefixes.iter();
    let prefixes = prefixes.map(|prefix| not_excluded(side, policy, prefix).interface_prefix(side, prefix));
    std::iter::once(exact).chain(prefixes).map(decide).collect()
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

/// Remember and log, then decide in a rule of its own: a full meter or an exceeded limit ends the
/// rule it is in, and must not end the drop.
fn drop(policy: &Policy, features: Features) -> Vec<Rule> {
    let each = meter_expressions(policy, features);
    let mut rules = Vec::new();
    for family in Family::BOTH {
        let ported = Rule::new().protocol_in(sets::PORT_PROTOCOLS);
        let key = MeterKey::flow(family).with_port();
        rules.push(ported.update(family, &sets::denied(family), key, each.clone()));
        let other = Rule::new().protocol_not_in(sets::PORT_PROTOCOLS);
        rules.push(other.update(family, &sets::denied_other(family), MeterKey::flow(family), each.clone()));
    }
    if policy.log.enabled {
        rules = rules.into_iter().map(|rule| rule.jump(chains::LOG)).collect();
    }
    match (policy.mode, policy.action) {
        (Mode::Audit, _) => rules.push(Rule::new().count().return_().comment("audit: would be dropped")),
        (Mode::Enforce, Action::Drop) => rules.push(Rule::new().count().drop()),
        (Mode::Enforce, Action::Reject) => {
            rules.push(Rule::new().protocol(TCP).count().reject(Reject::TcpReset));
            rules.push(Rule::new().count().reject(Reject::ADMIN_PROHIBITED));
        }
    }
    rules
}

/// What each remembered flow has for itself. The counter stands first, so that it counts what the
/// limit keeps out of the log as well.
fn meter_expressions(policy: &Policy, features: Features) -> Vec<Expr> {
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
fn log(policy: &Policy) -> Rule {
    let target = match policy.log.target {
        config::LogTarget::Kernel => LogTarget::Kernel { level: LOG_LEVEL_WARNING },
        config::LogTarget::Nflog(group) => LogTarget::Group(group),
    };
    let log = Log { prefix: Some(policy.log.prefix.clone()), target };
    Rule::new().limit(limit(policy.log.limit, policy.log.limit.count)).count().log(log)
}
