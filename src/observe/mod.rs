//! What can be seen of the wall from outside.

mod status;

pub use status::{Count, Hooked, Status, Wall};
