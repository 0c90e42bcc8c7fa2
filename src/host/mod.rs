//! What the machine says: privileges and what its kernel can do.

mod capability;
mod kernel;

pub use capability::{Missing, keep_net_admin};
pub use kernel::features;
