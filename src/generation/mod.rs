//! Generations: what was applied when and by whom, kept on disk, and the way back.
//!
//! A generation is written before the kernel is changed and names the one that was in force then.
//! It keeps the configuration that it was made from; a guard that follows the host revises it in place, so
//! that the list is of what people did.
//! Which one is in force now only the kernel knows; which one should be, where its table is gone, the
//! file `in-force`.

mod amend;
mod amendment;
mod apply;
mod aside;
mod boot;
mod difference;
mod file_state;
mod flush;
mod glance;
mod guard_record;
mod hold;
mod index;
mod known;
mod listed;
mod modes;
mod mute;
mod record;
mod remove;
mod revise;
mod rollback;
mod shelf;
mod sources;
mod store;
mod tidy;
mod trial;

pub use amend::{InForce, InForceError, amend, in_force};
pub use amendment::{Amendment, Base, Changed, Settings, Written};
pub use apply::{Applied, apply, next_number};
pub use boot::{Boot, raise};
pub use difference::difference;
pub use glance::{Glance, Revocable, Step, Turn, WayBack};
pub use guard_record::GuardRecord;
pub use known::{fingerprint, look, may_be_unchanged, note_moved, note_whole, see, unchanged};
pub use listed::{Entry, Listed};
pub use modes::Modes;
pub use mute::mute;
pub use record::{Author, Generation};
pub use remove::{Removed, remove};
pub use revise::revise;
pub use rollback::{RollbackError, rollback, rollback_target};
pub use sources::{Planned, Sources};
pub use store::{Draft, Lock, Store, StoreError};
pub use tidy::tidy;
pub use trial::{End, Trial, expire};

use crate::netlink;

/// Why a generation could not be put in force. The kernel holds what it held before.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The kernel did not take it.
    #[error(transparent)]
    Kernel(#[from] netlink::Error),
    /// It could not be kept on disk.
    #[error(transparent)]
    Store(#[from] StoreError),
}
