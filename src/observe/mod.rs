//! What can be seen of the wall from outside, and of the host before there is one.

mod hold;
mod proposal;
mod shadow;
mod status;
mod suggestion;

pub use hold::{Hold, HoldState};
pub use proposal::Proposal;
pub use shadow::{Shadow, shadows};
pub use status::{Count, Hooked, Status, Wall};
pub use suggestion::{Suggestion, Suggestions};
