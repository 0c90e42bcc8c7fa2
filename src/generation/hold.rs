//! What a table is made with, so that a guard can own it later.

use super::Store;
use crate::netlink::{self, Kernel};
use crate::policy::Policy;
use crate::ruleset::{Features, TABLE_PERSIST, Table};

/// The flags with which the table of `policy` is made where there is none: so that a guard of this state
/// directory can own it without making it anew. Where no guard ever ran it stays as `nft` before 1.1.0 lists
/// it: of a table that outlives its owners and has none that prints `flags` and nothing behind it, and JSON
/// with whatever is in memory there.
pub(super) fn flags(policy: &Policy, store: &Store, features: Features) -> u32 {
    if policy.own && features.owner && store.has_had_guard() { TABLE_PERSIST } else { 0 }
}

/// Makes a table anew, without a gap, that outlives its owners and is to have none any more. Where a guard owns
/// it, that does it.
pub(super) fn let_go(kernel: &mut Kernel, policy: &Policy) -> Result<(), netlink::Error> {
    let is_free = |table: Table| table.is_ours() && table.persists() && !table.is_owned();
    if !policy.own && kernel.read_head()?.table.is_some_and(is_free) {
        kernel.hand_over(0)?;
    }
    Ok(())
}
