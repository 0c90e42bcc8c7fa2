//! Why a packet passes or does not: the words of people on one side, the rules on the other.
//!
//! [`Target`] and [`Place`] read what people ask, [`find`] resolves it on this host, [`course`] says which
//! hook the packet comes to; [`crate::ruleset::explain`] walks it through the rules, and [`causes`],
//! [`nearest_grant`] and [`remedy`] say what in the configuration the rules come from. No I/O here: what
//! the kernel says of routes comes by [`Routes`].

mod cause;
mod course;
mod ends;
mod granted;
mod others;
mod question;
mod remedy;
#[cfg(test)]
mod tests;

pub use cause::{Cause, causes};
pub use course::{Asked, Met, Missed, Routes, course};
pub use ends::{End, Found, Unknown, Who, find, unknown_source};
pub use granted::{Miss, Near, matching, nearest_grant};
pub use others::{Isolation, Other, isolation, others};
pub use question::{Place, Service, Target};
pub use remedy::{arguments, remedy};
