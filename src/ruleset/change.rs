//! One step from a table to another, as the kernel takes it.

use std::fmt;

use super::{Chain, Rule, Set};

/// One change, in the order in which a batch must hold it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Creates the table, empty.
    AddTable {
        /// Its comment.
        comment: Option<String>,
        /// The kernel's `NFT_TABLE_F_*` bits.
        flags: u32,
    },
    /// Wakes the table, which somebody put to sleep.
    Wake {
        /// The kernel's other `NFT_TABLE_F_*` bits, which stay.
        flags: u32,
    },
    /// Makes the sender's socket the owner of the table, which nobody owns and which outlives its owners.
    Own,
    /// Deletes the table with all that is in it.
    DeleteTable,
    /// Creates a set, empty.
    AddSet(Set),
    /// Deletes a set.
    DeleteSet(String),
    /// Adds elements to a set.
    AddElements(Set),
    /// Deletes elements from a set.
    DeleteElements(Set),
    /// Creates a chain without rules.
    AddChain(Chain),
    /// Changes the policy of a base chain.
    SetPolicy(Chain),
    /// Deletes a chain, which has no rules by then.
    DeleteChain(String),
    /// Adds a rule at the end of a chain, or in front of the rule with that handle.
    AddRule {
        /// The chain.
        chain: String,
        /// The rule.
        rule: Rule,
        /// Which rule of the chain it will be, counted from 1.
        number: usize,
        /// The handle of the rule that it goes in front of.
        before: Option<u64>,
    },
    /// Deletes the rule; it carries its handle.
    DeleteRule {
        /// The chain.
        chain: String,
        /// The rule as it was read.
        rule: Rule,
    },
}

/// Which way a change goes, for the sign and colour in front of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Something comes.
    Adds,
    /// Something goes.
    Removes,
}

impl Change {
    /// Whether something comes or goes.
    pub fn direction(&self) -> Direction {
        match self {
            Self::DeleteTable
            | Self::DeleteSet(_)
            | Self::DeleteElements(_)
            | Self::DeleteChain(_)
            | Self::DeleteRule { .. } => Direction::Removes,
            _ => Direction::Adds,
        }
    }

    /// The chain whose rules it changes.
    pub fn chain(&self) -> Option<&str> {
        match self {
            Self::AddRule { chain, .. } | Self::DeleteRule { chain, .. } => Some(chain),
            Self::AddChain(chain) | Self::SetPolicy(chain) => Some(&chain.name),
            Self::DeleteChain(chain) => Some(chain),
            _ => None,
        }
    }
}

/// What is changed, in `nft`'s words.
impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AddTable { .. } | Self::DeleteTable => f.write_str("table inet dockwall"),
            Self::Wake { .. } => f.write_str("table inet dockwall awake"),
            Self::Own => f.write_str("table inet dockwall owned"),
            Self::AddSet(Set { name, .. }) | Self::DeleteSet(name) => write!(f, "set {name}"),
            Self::AddElements(set) | Self::DeleteElements(set) => {
                let mut listed = String::new();
                set.write_elements(&mut listed, ", ")?;
                write!(f, "element {} {{ {} }}", set.name, shortened(&listed, set.elements.len()))
            }
            Self::AddChain(Chain { name, base: Some(base), .. }) => write!(f, "chain {name} {{ {base} }}"),
            Self::AddChain(Chain { name, .. }) | Self::DeleteChain(name) => {
                write!(f, "chain {name}")
            }
            Self::SetPolicy(Chain { name, base, .. }) => {
                let policy = base.as_ref().map_or_else(String::new, |base| format!(" policy {}", base.policy));
                write!(f, "chain {name}{policy}")
            }
            Self::AddRule { chain, rule, .. } | Self::DeleteRule { chain, rule } => {
                write!(f, "rule {chain} {rule}")
            }
        }
    }
}

/// A long list of elements cut at its last whole one, and how many there are.
fn shortened(listed: &str, count: usize) -> String {
    const WIDEST: usize = 240;
    match listed.get(..WIDEST).and_then(|start| start.rfind(", ")) {
        Some(end) if listed.len() > WIDEST => format!("{}, … {count} in all", listed.get(..end).unwrap_or_default()),
        _ => listed.to_owned(),
    }
}
