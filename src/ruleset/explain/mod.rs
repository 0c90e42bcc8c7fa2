//! What the rules do to a packet, found without sending one: the model that is compiled for the kernel,
//! or was read from it, evaluated as `nft_do_chain` (`net/netfilter/nf_tables_core.c`) does.
//!
//! [`walk()`] takes a [`Packet`] through the chains of its hook and tells of every rule that looked at
//! it. A new expression has its meaning in `machine.rs`; what has none there is said to be unknown, and
//! never taken for a match.

mod flow;
#[cfg(test)]
mod length;
mod machine;
mod packet;
mod registers;
mod subject;
#[cfg(test)]
mod tests;
mod walk;

pub use flow::{Flow, Tracked};
pub use machine::{Found, Rates};
pub use packet::{Addressee, Interface, Packet};
pub use subject::Subject;
pub use walk::{Fate, Look, Outcome, Trace, walk};
