//! Chains: base chains, which the kernel hooks, and regular ones, which are jumped to.

use std::fmt;

use super::Rule;

/// A chain and its rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chain {
    /// The name, at most 127 bytes.
    pub name: String,
    /// Where it is hooked; none for a regular chain.
    pub base: Option<Base>,
    /// The comment in its userdata.
    pub comment: Option<String>,
    /// The rules, in the order in which packets meet them.
    pub rules: Vec<Rule>,
}

impl Chain {
    /// A regular chain.
    pub fn regular(name: &str, rules: Vec<Rule>) -> Self {
        Self { name: name.to_owned(), base: None, comment: None, rules }
    }

    /// A chain of type filter on `hook`, with policy accept.
    pub fn filter(name: &str, hook: Hook, priority: i32, rules: Vec<Rule>) -> Self {
        let base = Base { kind: "filter".to_owned(), hook, priority, policy: ChainPolicy::Accept };
        Self { name: name.to_owned(), base: Some(base), comment: None, rules }
    }
}

/// How a base chain is hooked into the stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Base {
    /// The chain type: `filter`, `nat` or `route`.
    pub kind: String,
    /// The hook of family `inet`.
    pub hook: Hook,
    /// Lower is earlier; `filter` is 0.
    pub priority: i32,
    /// What happens to a packet that no rule decides.
    pub policy: ChainPolicy,
}

impl Base {
    /// Whether the kernel can turn `self` into `other` in place: it changes a policy, and refuses
    /// to change type, hook or priority of a chain that exists.
    pub fn changes_in_place(&self, other: &Self) -> bool {
        (&self.kind, self.hook, self.priority) == (&other.kind, other.hook, other.priority)
    }
}

/// A hook number of the families ip, ip6 and inet (`enum nf_inet_hooks`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hook(pub u32);

impl Hook {
    /// Packets that came in, before they are routed (`NF_INET_PRE_ROUTING`).
    pub const PREROUTING: Self = Self(0);
    /// Packets for the host itself (`NF_INET_LOCAL_IN`).
    pub const INPUT: Self = Self(1);
    /// Packets that the host forwards (`NF_INET_FORWARD`).
    pub const FORWARD: Self = Self(2);
}

impl fmt::Display for Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => f.write_str("prerouting"),
            1 => f.write_str("input"),
            2 => f.write_str("forward"),
            3 => f.write_str("output"),
            4 => f.write_str("postrouting"),
            5 => f.write_str("ingress"),
            other => write!(f, "{other}"),
        }
    }
}

/// The policy of a base chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChainPolicy {
    /// The packet goes on.
    Accept,
    /// The packet is dropped.
    Drop,
}

impl fmt::Display for ChainPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Accept => "accept",
            Self::Drop => "drop",
        })
    }
}
