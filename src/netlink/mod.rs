//! nf_tables over netlink: the codec, the socket, the transaction.
//!
//! Encoding and decoding stand side by side, one file per object and, in `expr/`, one per
//! expression. [`Kernel`] reads our table and changes it in one batch, and
//! [`Watch`] hears of changes by others. With the feature
//! `libnftnl` netfilter's own libraries encode the batch and move it instead.

pub mod attribute;
mod batch;
mod chain;
pub mod element;
mod error;
pub mod expr;
mod foreign;
mod frame;
mod holders;
mod kernel;
#[cfg(feature = "libnftnl")]
pub mod libnftnl;
mod locate;
pub mod message;
mod module;
mod nflog;
mod owner;
mod peek;
mod preflight;
mod read;
mod remembered;
mod rule;
mod set;
mod socket;
mod table;
mod temporary;
#[cfg(test)]
mod tests;
mod userdata;
mod watch;

pub use batch::{Batch, Nack, nacks};
pub use error::{Error, Refusal, Refused};
pub use foreign::{ChainHead, ChainRules, Flowtable, foreign_rules};
pub use frame::Frame;
pub use kernel::{Commit, Kernel, Sent};
pub use module::{of as modules_of, syslog as syslog_modules};
pub use nflog::{Logged, Nflog};
pub use owner::{Ask, Moved, Owned};
pub use read::{ForeignChain, Live};
pub use remembered::{Memory, Meter, Remembered};
pub use temporary::Temporary;
pub use watch::{Process, Seen, Watch};

use crate::ruleset::Change;

/// Encodes changes as one batch, to be taken at that generation only.
fn encode(changes: &[Change], generation: u32) -> Batch {
    #[cfg(feature = "libnftnl")]
    use libnftnl::encode;
    #[cfg(not(feature = "libnftnl"))]
    let encode = Batch::encode;
    encode(changes, generation)
}

/// Reads `bytes` as everything that a kernel may send: what a fuzzer throws at the decoders.
#[doc(hidden)]
pub fn decode_any(bytes: &[u8]) {
    let attributes = attribute::Attributes::new(bytes);
    let _ = table::decode(attributes);
    let _ = chain::decode(attributes);
    let _ = rule::decode(attributes);
    let mut collector = element::Collector::new();
    let collected = collector.add(attributes);
    if let (Ok(set), Ok(())) = (set::decode(attributes), collected) {
        let _ = collector.finish(&set);
    }
    for attribute in attributes.flatten() {
        let _ = expr::decode(&attribute);
        let _ = element::decode(&attribute);
    }
    let _ = remembered::decode_any(attributes);
    let _ = nflog::Logged::decode(attributes);
    let _ = watch::Gathered::default().take(bytes);
    for message in message::Messages(bytes) {
        let _ = batch::read_nack(&message);
        let _ = table::decode(message.attributes());
    }
}
