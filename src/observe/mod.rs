//! What can be seen of the wall from outside.

mod shadow;
mod status;

pub use shadow::{Shadow, shadows};
pub use status::{Count, Hooked, Status, Wall};
