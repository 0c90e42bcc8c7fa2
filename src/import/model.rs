//! Rules as iptables, firewalld's direct interface and nft have them: what every parser makes, and what is
//! translated and evaluated. Pure data.

use super::span::{Family, Span};
use crate::config::{InterfacePattern, Rate};

/// All that a text says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RuleSet {
    /// Its chains.
    pub chains: Vec<Chain>,
    /// Lines that are no rule, and what they are.
    pub remarks: Vec<Remark>,
}

/// What is to be said of a line without its being a rule of a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remark {
    /// The line, counted from 1.
    pub line: usize,
    /// How it is accounted for.
    pub status: super::Status,
    /// What it is.
    pub said: String,
    /// What to do; none where nothing is to be done.
    pub cure: Option<String>,
}

/// A chain of one table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chain {
    /// Of iptables one family, of nft's `inet` both.
    pub families: Vec<Family>,
    /// The table, such as `filter`.
    pub table: String,
    /// The name.
    pub name: String,
    /// Where it is hooked, with its priority; none for one that is jumped to.
    pub hook: Option<(Hook, i32)>,
    /// Whether a packet that no rule decides about is dropped.
    pub drops: bool,
    /// The rules in the order in which they look at a packet.
    pub rules: Vec<Rule>,
}

/// Where a base chain is hooked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Hook {
    /// What the host forwards.
    Forward,
    /// What is for the host itself.
    Input,
    /// Anywhere else.
    Elsewhere,
}

/// One rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// The line that it begins on, counted from 1.
    pub line: usize,
    /// firewalld's priority: lower ones come first. 0 where the format has none.
    pub priority: i64,
    /// What a packet must be.
    pub matches: Vec<Match>,
    /// What becomes of it.
    pub target: Target,
    /// The comment in it, or beside it.
    pub comment: Option<String>,
}

/// One condition; a packet that meets all of a rule's is the rule's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Match {
    /// The interface that it came in by is one of these, or none of them.
    Incoming(Not, Vec<InterfacePattern>),
    /// The interface that it leaves by.
    Outgoing(Not, Vec<InterfacePattern>),
    /// Where it is from, in addresses of one family.
    Source(Not, Family, Vec<Span>),
    /// Where it goes.
    Destination(Not, Family, Vec<Span>),
    /// It is of that family at all.
    Family(Family),
    /// Its protocol is one of these numbers.
    Protocol(Not, Vec<u8>),
    /// Its destination port is in one of these ranges, both ends included.
    Ports(Not, Vec<(u16, u16)>),
    /// Its source port.
    SourcePorts(Not, Vec<(u16, u16)>),
    /// What connection tracking says of it: bits of [`State`].
    State(Not, u8),
    /// It answers a flow of the other end, or does not.
    Reply(bool),
    /// It opens a connection of TCP.
    Syn(Not),
    /// There is room for it below a rate.
    Limit(Limit),
    /// Something that dockwall has no word for.
    Other(Unsupported),
}

/// Whether a condition is turned round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Not(pub bool);

/// The bits of [`Match::State`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct State;

impl State {
    /// It opens a flow.
    pub const NEW: u8 = 1;
    /// An answer was seen.
    pub const ESTABLISHED: u8 = 2;
    /// It belongs to a flow of another kind, such as an error of ICMP.
    pub const RELATED: u8 = 4;
    /// It belongs to no flow.
    pub const INVALID: u8 = 8;
    /// It is not tracked.
    pub const UNTRACKED: u8 = 16;
    /// All of them.
    pub const ALL: u8 = 31;
}

/// A rate that a rule matches below.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limit {
    /// How many in how long; none where it is measured in something else.
    pub rate: Option<Rate>,
    /// How many at once beyond it.
    pub burst: Option<u32>,
    /// What each of which has a rate of its own, such as `srcip,dstip,dstport`; none for one rate over all.
    pub each: Option<String>,
    /// It matches above the rate, not below.
    pub above: bool,
}

/// A condition or a target that dockwall has no word for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsupported {
    /// It, as it is written.
    pub text: String,
    /// What to do.
    pub cure: String,
}

/// What becomes of a packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// Nothing; the rule counts.
    Nothing,
    /// It passes the whole hook.
    Accept,
    /// It is gone.
    Drop,
    /// It is gone, and its sender is told.
    Reject,
    /// It leaves the chain.
    Return,
    /// It goes through another chain and, where that has no verdict, on behind the rule.
    Jump(String),
    /// It goes on in another chain.
    Goto(String),
    /// It is logged.
    Log(Log),
    /// Something that dockwall has no word for.
    Other(Unsupported),
}

/// How a packet is logged.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Log {
    /// What its line begins with.
    pub prefix: Option<String>,
    /// The group of NFLOG; none for the kernel's log.
    pub group: Option<u16>,
}

impl RuleSet {
    /// The chain of that name.
    pub fn chain(&self, family: Family, table: &str, name: &str) -> Option<&Chain> {
        self.chains.iter().find(|chain| chain.is(family, table, name))
    }

    /// The same, made where it is missing.
    pub fn chain_mut(&mut self, family: Family, table: &str, name: &str) -> Option<&mut Chain> {
        if !self.chains.iter().any(|chain| chain.is(family, table, name)) {
            self.chains.push(Chain::of_iptables(family, table, name));
        }
        self.chains.iter_mut().find(|chain| chain.is(family, table, name))
    }

    /// Says what a line is that is no rule.
    pub fn remark(&mut self, line: usize, status: super::Status, said: impl Into<String>, cure: Option<&str>) {
        self.remarks.push(Remark { line, status, said: said.into(), cure: cure.map(str::to_owned) });
    }

    /// The rules of all chains.
    pub fn rules(&self) -> impl Iterator<Item = &Rule> {
        self.chains.iter().flat_map(|chain| &chain.rules)
    }
}

impl Chain {
    /// An empty one of iptables, hooked where its name says so.
    pub fn of_iptables(family: Family, table: &str, name: &str) -> Self {
        let hook = match (table, name) {
            ("filter", "FORWARD") => Some((Hook::Forward, 0)),
            ("filter", "INPUT") => Some((Hook::Input, 0)),
            (_, "FORWARD" | "INPUT" | "OUTPUT" | "PREROUTING" | "POSTROUTING") => Some((Hook::Elsewhere, 0)),
            _ => None,
        };
        let (table, name) = (table.to_owned(), name.to_owned());
        Self { families: vec![family], table, name, hook, drops: false, rules: Vec::new() }
    }

    fn is(&self, family: Family, table: &str, name: &str) -> bool {
        self.name == name && self.table == table && self.families.contains(&family)
    }
}
