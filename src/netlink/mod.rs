//! nf_tables over netlink: the codec, the socket, the transaction.
//!
//! Encoding and decoding stand side by side, one file per object and, in `expr/`, one per
//! expression. [`Kernel`] reads our table and changes it in one batch. With the feature
//! `libnftnl` the batch is encoded by netfilter's own library instead.

pub mod attribute;
mod batch;
mod chain;
pub mod element;
mod error;
pub mod expr;
mod kernel;
mod locate;
pub mod message;
mod rule;
mod set;
mod socket;
mod table;
mod userdata;

pub use batch::{Batch, Nack, nacks};
pub use error::{Error, Refusal, Refused, kernel_release};
pub use kernel::{Commit, Kernel, Live, Sent};

use crate::ruleset::Change;

/// Encodes changes as one batch, to be taken at that generation only.
fn encode(changes: &[Change], generation: u32) -> Batch {
    Batch::encode(changes, generation)
}
