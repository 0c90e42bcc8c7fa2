//! Whether the wall stands, read from the kernel alone.

use serde::Serialize;

use crate::config::Mode;
use crate::netlink::Live;
use crate::ruleset::{
    Base, Chain, CmpOp, CtKey, Digest, Elements, Expr, Hook, MetaKey, Rule, Table, Verdict, chains, sets,
};

/// What the kernel says of our table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Status {
    /// Whether packets to denied ranges are dropped: the table is there, hooked, awake, as it was
    /// applied, and in mode enforce.
    pub enforced: bool,
    /// The table; none when there is none of ours.
    pub wall: Option<Wall>,
}

/// The table in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Wall {
    /// The generation that it says it is; none when that mark is gone.
    pub generation: Option<u64>,
    /// What the rule that decides does; none when there is no such rule.
    pub mode: Option<Mode>,
    /// The base chains that see packets.
    pub hooks: Vec<Hooked>,
    /// Whether the forward hook is ours and awake, and the input hook as well where the host is
    /// closed.
    pub hooked: bool,
    /// Whether the host itself is closed to containers.
    pub closes_host: bool,
    /// Whether somebody changed the table since it was applied, or took its mark away.
    pub drifted: bool,
    /// The digest that the mark says.
    pub applied: Option<Digest>,
    /// The digest of what is there.
    pub found: Digest,
    /// The container interfaces.
    pub policed: Vec<String>,
    /// What their prefixes take in and is left out.
    pub not_policed: Vec<String>,
    /// How many denied networks there are, in both families.
    pub denied_networks: usize,
    /// How many elements the sets of grants have, in both families.
    pub exceptions: usize,
    /// Packets that were dropped, or would have been.
    pub denied: Count,
    /// Those of them that were for the host itself.
    pub denied_to_host: Count,
    /// Packets of no flow that were dropped, or would have been, without a log.
    pub invalid: Count,
    /// Multicast and broadcast packets that were kept from the host without a log, or would have been.
    pub for_everybody: Count,
    /// Packets that a grant let through.
    pub granted: Count,
    /// Lines written to the log.
    pub logged: Count,
}

/// Where the kernel has a base chain hooked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Hooked {
    /// The chain's name.
    pub chain: String,
    /// The hook, in nft's words.
    pub hook: String,
    /// Lower is earlier; Docker's and everybody's filter chains are at 0.
    pub priority: i32,
}

impl Hooked {
    fn new(chain: &Chain, base: &Base) -> Self {
        Self { chain: chain.name.clone(), hook: base.hook.to_string(), priority: base.priority }
    }
}

/// What counters count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Count {
    /// Packets.
    pub packets: u64,
    /// Bytes.
    pub bytes: u64,
}

impl Status {
    /// Reads it off what the kernel holds.
    pub fn of(live: &Live) -> Self {
        let wall = live.table.as_ref().filter(|table| table.is_ours()).map(Wall::of);
        let enforced =
            wall.as_ref().is_some_and(|wall| wall.hooked && !wall.drifted && wall.mode == Some(Mode::Enforce));
        Self { enforced, wall }
    }
}

impl Wall {
    fn of(table: &Table) -> Self {
        let marker = table.marker();
        let found = table.digest();
        let bases = || table.chains.iter().filter_map(|chain| Some((chain, chain.base.as_ref()?)));
        let hooked = |hook| bases().any(|(_, base)| base.hook == hook && base.kind == "filter");
        let closes_host = table.chain(chains::HOST).is_some();
        let awake = !table.is_dormant();
        let (generation, applied) = marker.map(|marker| (marker.generation, marker.digest)).unzip();
        Self {
            generation,
            mode: mode(table),
            hooks: bases().map(|(chain, base)| Hooked::new(chain, base)).collect(),
            hooked: awake && hooked(Hook::FORWARD) && (!closes_host || hooked(Hook::INPUT)),
            closes_host,
            drifted: !applied.as_ref().is_some_and(|applied| applied.matches(&found)),
            applied,
            found,
            policed: interfaces(table, sets::CONTAINERS, CmpOp::Eq),
            not_policed: interfaces(table, sets::EXCLUDED, CmpOp::Neq),
            denied_networks: elements_in(table, sets::deny),
            exceptions: table
                .sets
                .iter()
                .filter(|set| sets::holds_exceptions(&set.name))
                .map(|set| set.elements.len())
                .sum(),
            denied: all_rules(table, &[chains::DROP, chains::PUBLISHED]).filter(|rule| is_last_word(rule)).sum(),
            denied_to_host: rules(table, chains::HOST).filter(|rule| jumps_to(rule, chains::DROP)).sum(),
            invalid: rules(table, chains::DROP).filter(|rule| loads_state(rule)).sum(),
            for_everybody: rules(table, chains::HOST).filter(|rule| loads_frame_type(rule)).sum(),
            granted: all_rules(table, &[chains::DENY, chains::PUBLISHED, chains::HOST])
                .filter(|rule| is_grant(rule))
                .sum(),
            logged: rules(table, chains::LOG).sum(),
        }
    }
}

fn rules<'a>(table: &'a Table, chain: &str) -> impl Iterator<Item = &'a Rule> {
    table.chain(chain).map(|chain| chain.rules.as_slice()).unwrap_or_default().iter()
}

fn all_rules<'a>(table: &'a Table, chains: &'a [&str]) -> impl Iterator<Item = &'a Rule> {
    chains.iter().flat_map(|chain| rules(table, chain))
}

fn decision(rule: &Rule) -> Option<Mode> {
    rule.expressions.iter().find_map(|expression| match expression {
        Expr::Verdict(Verdict::Drop) | Expr::Reject(_) => Some(Mode::Enforce),
        Expr::Verdict(Verdict::Return) => Some(Mode::Audit),
        _ => None,
    })
}

/// Whether the rule decides about all that come as far, or all of a protocol: not a grant, and not
/// what is dropped without a log.
fn is_last_word(rule: &Rule) -> bool {
    decision(rule).is_some() && !is_grant(rule) && !loads_state(rule)
}

fn is_grant(rule: &Rule) -> bool {
    rule.references().any(sets::holds_exceptions)
}

fn jumps_to(rule: &Rule, chain: &str) -> bool {
    rule.references().any(|name| name == chain)
}

fn loads_state(rule: &Rule) -> bool {
    rule.expressions.iter().any(|expression| matches!(expression, Expr::Ct { key: CtKey::STATE, .. }))
}

fn loads_frame_type(rule: &Rule) -> bool {
    rule.expressions.iter().any(|expression| matches!(expression, Expr::Meta { key: MetaKey::PKTTYPE, .. }))
}

/// Enforced when the last word of the chain is a drop or a reject, for every packet.
fn mode(table: &Table) -> Option<Mode> {
    decision(rules(table, chains::DROP).last()?)
}

/// The names in an interface set, and the prefixes that the rules compare with it by `op`.
fn interfaces(table: &Table, set: &str, op: CmpOp) -> Vec<String> {
    let exact = table.set(set).map(|set| match &set.elements {
        Elements::Exact(keys) => keys.iter().map(|key| text_of(key)).collect(),
        _ => Vec::new(),
    });
    let compares = rules(table, chains::USER).flat_map(|rule| rule.expressions.windows(2));
    let prefixes = compares.filter_map(|pair| match pair {
        [Expr::Meta { key: MetaKey::IIFNAME, .. }, Expr::Cmp { op: found, data, .. }] if *found == op => {
            Some(format!("{}*", text_of(data)))
        }
        [Expr::Meta { key: MetaKey::IIFKIND, .. }, Expr::Cmp { op: found, .. }] if *found == op => {
            Some("every bridge".to_owned())
        }
        _ => None,
    });
    let all: Vec<String> = exact.unwrap_or_default().into_iter().chain(prefixes).collect();
    all.into_iter().fold(Vec::new(), |mut names, name| {
        if !names.contains(&name) {
            names.push(name);
        }
        names
    })
}

fn text_of(name: &[u8]) -> String {
    String::from_utf8_lossy(name).trim_end_matches('\0').to_owned()
}

fn elements_in(table: &Table, name: impl Fn(crate::ruleset::Family) -> String) -> usize {
    crate::ruleset::Family::BOTH
        .iter()
        .filter_map(|family| table.set(&name(*family)))
        .map(|set| set.elements.len())
        .sum()
}

impl<'a> std::iter::Sum<&'a Rule> for Count {
    fn sum<I: Iterator<Item = &'a Rule>>(rules: I) -> Self {
        rules.filter_map(Rule::counter).fold(Self::default(), |sum, (packets, bytes)| Self {
            packets: sum.packets + packets,
            bytes: sum.bytes + bytes,
        })
    }
}
