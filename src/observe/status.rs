//! Whether the wall stands, read from the kernel alone.

use serde::Serialize;

use super::count::{Count, Counted, What, counted, decision};
use crate::config::Mode;
use crate::netlink::Live;
use crate::ruleset::{Base, Chain, CmpOp, Digest, Elements, Expr, Hook, MetaKey, Rule, Table, chains, sets};

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
    /// Whether there is a log at all.
    pub logs: bool,
    /// The same by chain and family.
    pub counters: Vec<Counted>,
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
    /// Whether what comes in on that interface is policed on its way through the host.
    pub fn polices(&self, interface: &str) -> bool {
        let takes = |names: &[String]| {
            names.iter().any(|name| match name.strip_suffix('*') {
                Some(prefix) => interface.starts_with(prefix),
                None => name == interface || name == EVERY_BRIDGE,
            })
        };
        takes(&self.policed) && !takes(&self.not_policed)
    }

    fn of(table: &Table) -> Self {
        let marker = table.marker();
        let found = table.digest();
        let bases = || table.chains.iter().filter_map(|chain| Some((chain, chain.base.as_ref()?)));
        let hooked = |hook| bases().any(|(_, base)| base.hook == hook && base.kind == "filter");
        let closes_host = table.chain(chains::HOST).is_some();
        let awake = !table.is_dormant();
        let counters = counted(table);
        let sum = |what| counters.iter().filter(|counted| counted.what == what).map(|counted| counted.count).sum();
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
            denied: sum(What::Denied),
            denied_to_host: sum(What::DeniedToHost),
            invalid: sum(What::Invalid),
            for_everybody: sum(What::ForEverybody),
            granted: sum(What::Granted),
            logged: sum(What::Logged),
            logs: table.chain(chains::LOG).is_some(),
            counters,
        }
    }
}

fn rules<'a>(table: &'a Table, chain: &str) -> impl Iterator<Item = &'a Rule> {
    table.chain(chain).map(|chain| chain.rules.as_slice()).unwrap_or_default().iter()
}

/// Enforced when the last word of the chain is a drop or a reject, for every packet.
fn mode(table: &Table) -> Option<Mode> {
    decision(rules(table, chains::DROP).last()?)
}

/// How every bridge is called, by whatever name.
const EVERY_BRIDGE: &str = "every bridge";

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
            Some(EVERY_BRIDGE.to_owned())
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
