//! The table: the one thing in the kernel that is ours.

use super::{Chain, Set};

/// The family and name under which everything of ours lives: `inet dockwall`.
pub const TABLE_NAME: &str = "dockwall";

/// The table's comment, by which a table of our name is recognised as ours.
///
/// The kernel ignores a new comment for a table that exists (`nf_tables_updtable` reads only the
/// flags), so what changes from one apply to the next stands in [`super::Marker`]'s chain instead.
pub const TABLE_COMMENT: &str = "dockwall";

/// The table is known and its chains are not hooked (`NFT_TABLE_F_DORMANT`).
pub const TABLE_DORMANT: u32 = 1;

/// Only the netlink socket that set it may change the table, and the table goes with that socket
/// (`NFT_TABLE_F_OWNER`, Linux 5.12).
pub const TABLE_OWNER: u32 = 2;

/// The table stays when the socket that owned it is gone, and another one may own it then
/// (`NFT_TABLE_F_PERSIST`, Linux 6.9). Set when the table is made, or never.
pub const TABLE_PERSIST: u32 = 4;

/// A table of family `inet` with everything in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// The name, at most 255 bytes.
    pub name: String,
    /// The comment in its userdata.
    pub comment: Option<String>,
    /// The kernel's `NFT_TABLE_F_*` bits.
    pub flags: u32,
    /// The netlink port of the socket that owns it (`NFTA_TABLE_OWNER`).
    pub owner: Option<u32>,
    /// The sets, in the order in which they are declared.
    pub sets: Vec<Set>,
    /// The chains, in the order in which they are declared: a chain after those it jumps to.
    pub chains: Vec<Chain>,
}

impl Table {
    /// A table of ours with nothing in it.
    pub fn new() -> Self {
        Self {
            name: TABLE_NAME.to_owned(),
            comment: Some(TABLE_COMMENT.to_owned()),
            flags: 0,
            owner: None,
            sets: Vec::new(),
            chains: Vec::new(),
        }
    }

    /// The set of that name.
    pub fn set(&self, name: &str) -> Option<&Set> {
        self.sets.iter().find(|set| set.name == name)
    }

    /// The chain of that name.
    pub fn chain(&self, name: &str) -> Option<&Chain> {
        self.chains.iter().find(|chain| chain.name == name)
    }

    /// The same with nothing in its sets.
    pub fn without_elements(&self) -> Self {
        let sets = self.sets.iter().map(|set| set.with_elements(set.elements.none())).collect();
        let (name, comment, chains) = (self.name.clone(), self.comment.clone(), self.chains.clone());
        Self { name, comment, sets, chains, ..*self }
    }

    /// Whether the table carries our comment.
    pub fn is_ours(&self) -> bool {
        self.comment.as_deref() == Some(TABLE_COMMENT)
    }

    /// Whether a socket owns the table, so that nobody else can change it.
    pub fn is_owned(&self) -> bool {
        self.flags & TABLE_OWNER != 0
    }

    /// Whether the table outlives who owns it, and can be owned again.
    pub fn persists(&self) -> bool {
        self.flags & TABLE_PERSIST != 0
    }

    /// Whether somebody put the table to sleep: its rules are listed and see no packet.
    pub fn is_dormant(&self) -> bool {
        self.flags & TABLE_DORMANT != 0
    }
}

impl Default for Table {
    fn default() -> Self {
        Self::new()
    }
}
