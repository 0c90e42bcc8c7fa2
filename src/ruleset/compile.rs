//! A policy as a ruleset. The order of the rules is the policy's meaning, so each says why it
//! stands where it stands.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::datatype::interface_key;
use super::exceptions::{ExceptionSet, Exceptions, TRANSLATED};
use super::{
    Chain, DYNAMIC_SIZE, DataType, Destination, Expr, Family, Features, FlowKey, Hook, LOG_LEVEL_WARNING, Limit, Log,
    LogTarget, Reject, Rule, Set, Side, Table,
};
use crate::config::{self, Action, Mode, Rate};
use crate::interval::{Address, Interval};
use crate::policy::{self, InterfaceNames, Policy};

/// The chains, by the names that the recipe for firewalld gave them.
pub mod chains {
    /// The base chain that sees what came in before it is routed, where the kernel can tell a forged source
    /// only there.
    pub const PREROUTING: &str = "prerouting";
    /// Packets of containers, of which those with a forged source go no further.
    pub const FORGED: &str = "DOCKER-USER-FORGED";
    /// The base chain that sees what the host forwards.
    pub const FORWARD: &str = "forward";
    /// Packets to a denied range.
    pub const USER: &str = "DOCKER-USER";
    /// Packets of containers to a denied range.
    pub const DENY: &str = "DOCKER-USER-DENY-INTERNAL";
    /// Packets of containers to another container.
    pub const BETWEEN: &str = "DOCKER-USER-BETWEEN";
    /// Those of them that were addressed to a published port of the host.
    pub const PUBLISHED: &str = "DOCKER-USER-PUBLISHED";
    /// The base chain that sees what is for the host itself.
    pub const INPUT: &str = "input";
    /// Packets of containers to the host.
    pub const HOST: &str = "DOCKER-USER-HOST";
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

    /// Whether a set of that name holds exceptions.
    pub fn holds_exceptions(name: &str) -> bool {
        [BEYOND, ON_HOST].iter().any(|prefix| name.starts_with(prefix))
    }

    /// What the names of the sets begin with that hold what is granted beyond the host.
    pub(in crate::ruleset) const BEYOND: &str = "grant";
    /// What those begin with that hold what is granted on the host.
    pub(in crate::ruleset) const ON_HOST: &str = "host";

    /// The denied ranges.
    pub fn deny(family: Family) -> String {
        format!("deny{}", family.digit())
    }

    /// The first octets of what is denied, each as the lowest address that begins with it.
    pub fn first(family: Family) -> String {
        format!("first{}", family.digit())
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

/// Behind Docker's address translation (`dstnat`, -100), so that a destination is the one it is in the end.
const PREROUTING_PRIORITY: i32 = -90;

/// tcp, udp, dccp, sctp and udplite (IANA): their ports are the first two fields of their headers.
const PORT_PROTOCOLS: [u8; 5] = [TCP, 17, 33, 132, 136];
const TCP: u8 = 6;

/// How many there can be.
const FIRST_OCTETS: u32 = 256;

/// The table that makes `policy` hold, at `now`: without the grants that have run out by then.
pub fn compile(policy: &Policy, features: Features, now: Timestamp) -> Table {
    let exceptions = Exceptions::of(policy, now);
    let chains = compile_chains(policy, features, &exceptions);
    Table { sets: compile_sets(policy, exceptions), chains, ..Table::new() }
}

fn compile_sets(policy: &Policy, exceptions: Exceptions) -> Vec<Set> {
    let mut sets = vec![
        Set::ipv4_intervals(&sets::deny(Family::Ipv4), policy.denied.ipv4.clone()),
        Set::ipv6_intervals(&sets::deny(Family::Ipv6), policy.denied.ipv6.clone()),
    ];
    sets.push(first_octets(Family::Ipv4, DataType::Ipv4Addr, &policy.denied.ipv4));
    sets.push(first_octets(Family::Ipv6, DataType::Ipv6Addr, &policy.denied.ipv6));
    sets.extend(exceptions.beyond.into_iter().map(|exception| exception.set));
    // Without a chain that looks into them they would say what does not hold.
    sets.extend(exceptions.host.into_iter().filter(|_| policy.host).map(|exception| exception.set));
    sets.push(interface_set(sets::CONTAINERS, &policy.containers));
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

/// With its size told, the kernel takes a table that is never resized, and the cheapest look-up it has but for the
/// compare of a constant (`nft_hash_estimate` in `net/netfilter/nft_set_hash.c`).
fn first_octets<A: Address>(family: Family, key: DataType, denied: &[Interval<A>]) -> Set {
    let octet = |address: A| address.octets().as_ref().first().copied().unwrap_or_default();
    let octets: BTreeSet<u8> =
        denied.iter().flat_map(|interval| octet(interval.first())..=octet(interval.last())).collect();
    let address = |octet: u8| std::iter::once(octet).chain(std::iter::repeat_n(0, key.len() as usize - 1)).collect();
    let keys = octets.into_iter().map(address).collect();
    Set { size: Some(FIRST_OCTETS), ..Set::exact(&sets::first(family), key, keys) }
}

/// Whole names only: in a set a pattern's asterisk would be a letter.
fn interface_set(name: &str, interfaces: &InterfaceNames) -> Set {
    let mut keys: Vec<Vec<u8>> = interfaces.exact.iter().map(|name| interface_key(name)).collect();
    keys.sort_unstable();
    Set::exact(name, DataType::IfName, keys)
}

fn compile_chains(policy: &Policy, features: Features, exceptions: &Exceptions) -> Vec<Chain> {
    let mut chains = vec![
        Chain::filter(chains::FORWARD, Hook::FORWARD, PRIORITY, forward()),
        Chain::regular(chains::USER, user(policy)),
        Chain::regular(chains::DENY, deny(policy, features, exceptions)),
    ];
    if exceptions.by_source && !features.way_back_anywhere {
        let rules = container_rules(Side::Incoming, policy, false, &|rule| rule.jump(chains::FORGED));
        chains.push(Chain::filter(chains::PREROUTING, Hook::PREROUTING, PREROUTING_PRIORITY, rules));
        chains.push(Chain::regular(chains::FORGED, forged_before_routing(policy)));
    }
    if policy.host {
        chains.push(Chain::regular(chains::BETWEEN, vec![Rule::new().translated().jump(chains::PUBLISHED)]));
        chains.push(Chain::regular(chains::PUBLISHED, published(policy, features, exceptions)));
        chains.push(Chain::filter(chains::INPUT, Hook::INPUT, PRIORITY, input(policy)));
        chains.push(Chain::regular(chains::HOST, host(policy, features, exceptions)));
    }
    chains.push(Chain::regular(chains::DROP, drop(policy, features)));
    chains.extend(policy.log.enabled.then(|| Chain::regular(chains::LOG, vec![log(policy)])));
    chains
}

/// First of all the destination, and of that the first octet: a packet to the Internet pays a look-up or two,
/// however many grants and interfaces there are.
fn forward() -> Vec<Rule> {
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
fn user(policy: &Policy) -> Vec<Rule> {
    let policed = container_rules(Side::Incoming, policy, policy.bridges, &|rule| rule.goto(chains::DENY));
    let answers = Rule::new().reply().return_().comment("answers to flows from outside");
    std::iter::once(answers).chain(policed).collect()
}

fn deny(policy: &Policy, features: Features, exceptions: &Exceptions) -> Vec<Rule> {
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

fn granted(exception: &ExceptionSet) -> Vec<Rule> {
    vec![grant(exception.rule())]
}

fn granted_as_asked(exception: &ExceptionSet) -> Vec<Rule> {
    exception.original_rules().into_iter().map(grant).collect()
}

fn grant(rule: Rule) -> Rule {
    rule.count().return_().comment("grants")
}

/// What must not use a grant that is for certain containers. Where [`forged_before_routing`] looks for it,
/// nothing forged is left, but for what came over an interface that is policed by its kind alone.
fn forged(policy: &Policy, features: Features) -> Option<Rule> {
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
fn forged_before_routing(policy: &Policy) -> Vec<Rule> {
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

/// A flow that a container addressed to the host and Docker sent on to a container: what opens the
/// host's port opens it, by the port that was asked for, and what opens the container's by that. It is
/// remembered and turned away by what was asked for too, since that is what people know it by.
fn published(policy: &Policy, features: Features, exceptions: &Exceptions) -> Vec<Rule> {
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

/// What is for the host itself. By name only, not by kind: a bridge that is made later may be the
/// host's own way out.
fn input(policy: &Policy) -> Vec<Rule> {
    container_rules(Side::Incoming, policy, false, &|rule| rule.jump(chains::HOST))
}

fn host(policy: &Policy, features: Features, exceptions: &Exceptions) -> Vec<Rule> {
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

/// Neighbour discovery (RFC 4861, hop limit 255) and multicast listeners (RFC 3810, hop limit 1).
fn link_messages() -> [Rule; 3] {
    [(133..=136, 255), (130..=132, 1), (143..=143, 1)].map(|(types, hop_limit)| {
        let link = "without them there is no IPv6 on the link";
        Rule::new().link_message(types, hop_limit).return_().comment(link)
    })
}

/// One rule for all container interfaces that have a whole name, and one for each prefix and for the
/// kind, but for what is excluded from it.
fn container_rules(side: Side, policy: &Policy, by_kind: bool, decide: &dyn Fn(Rule) -> Rule) -> Vec<Rule> {
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

/// Remember and log, then decide in a rule of its own: a full meter or an exceeded limit ends the
/// rule it is in, and must not end the drop.
fn drop(policy: &Policy, features: Features) -> Vec<Rule> {
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

fn logged(policy: &Policy, rule: Rule) -> Rule {
    if policy.log.enabled { rule.jump(chains::LOG) } else { rule }
}

/// What becomes of a denied packet of `family`.
fn decide(policy: &Policy, family: Family) -> Vec<Rule> {
    let resets = (policy.mode, policy.action) == (Mode::Enforce, Action::Reject);
    let reset = resets.then(|| of_family(family).protocol(TCP).count().reject(Reject::TcpReset));
    reset.into_iter().chain([last_word(policy)(of_family(family))]).collect()
}

/// What becomes of one of any protocol.
fn last_word(policy: &Policy) -> impl Fn(Rule) -> Rule {
    let (mode, action) = (policy.mode, policy.action);
    move |rule| match (mode, action) {
        (Mode::Audit, _) => rule.count().return_().comment("audit: would be dropped"),
        (Mode::Enforce, Action::Drop) => rule.count().drop(),
        (Mode::Enforce, Action::Reject) => rule.count().reject(Reject::ADMIN_PROHIBITED),
    }
}

/// The same for IPv4 and, behind it, for all that is left.
fn by_family(decide: impl Fn(Rule) -> Rule) -> [Rule; 2] {
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
