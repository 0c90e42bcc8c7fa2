//! What the machine says: privileges, what its kernel can do, and how it is networked.

mod address;
mod capability;
mod facts;
mod facts_error;
mod kernel;
mod link;
mod route;
mod rtnetlink;

pub use address::{Address, Scope};
pub use capability::{Missing, keep_net_admin};
pub use facts::Facts;
pub use facts_error::FactsError;
pub use kernel::kernel_release;
pub use link::Link;
pub use route::{Origin, Route};
