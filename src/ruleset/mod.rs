//! nftables objects as data: no I/O here.
//!
//! [`compile`] turns a policy into a [`Table`]; `Display` writes a table in `nft`'s syntax;
//! [`diff()`] finds the smallest change from one table to another; [`Marker`] names what is in force;
//! [`explain`] finds out what a table does to a packet.

mod build;
mod chain;
mod change;
mod compile;
mod datatype;
mod diff;
mod exceptions;
pub mod explain;
mod expr;
#[cfg(test)]
mod fake;
mod features;
mod marker;
mod pieces;
mod region;
mod rule;
mod set;
mod sum;
mod table;
#[cfg(test)]
mod tests;
mod text;

pub use build::{Destination, Family, FlowKey, Side};
pub use chain::{Base, Chain, ChainPolicy, Hook};
pub use change::{Change, Direction};
pub use compile::{chains, compile, compile_part, log_statement, sets};
pub use datatype::{ByteOrder, DataType, IFNAME_LEN, interface_key};
pub use diff::{diff, diff_into, stages};
pub use exceptions::{Part, sets_of};
pub use expr::{
    CT_STATE_INVALID, CT_STATUS_DNAT, CmpOp, CtKey, DynsetOp, Expr, FIB_OIF, FIB_PRESENT, FIB_STAYS, FIB_WAY_BACK,
    FIB_WAY_OUT, FlowDirection, LOG_LEVEL_WARNING, Limit, Log, LogTarget, MetaKey, PayloadBase, Register, Reject,
    Verdict,
};
pub use features::{Features, METER_COUNTERS, ONE_LOGGER, OWNED_TABLES, STEPS, Step, WAY_BACK_ANYWHERE};
pub use marker::{Digest, Marker};
pub use pieces::{PieceList, Pieces, Place};
pub use region::{Bounds, Region};
pub use rule::Rule;
pub use set::{
    DYNAMIC_SIZE, Elements, Expiry, KeyBox, SET_ANONYMOUS, SET_CONCAT, SET_CONSTANT, SET_DYNAMIC, SET_FOREIGN_ELEMENTS,
    SET_INTERVAL, SET_TIMEOUT, Set,
};
pub use sum::{SetSum, Sum};
pub use table::{TABLE_COMMENT, TABLE_DORMANT, TABLE_NAME, TABLE_OWNER, TABLE_PERSIST, Table};
