//! What the machine says: privileges, what its kernel can do, how it is networked, and what Docker
//! runs on it.

mod address;
mod capability;
mod docker;
mod facts;
mod facts_error;
mod flow;
mod flows_error;
mod kernel;
mod link;
mod machine;
mod netlink;
mod resolver;
mod route;
mod route_to;
mod service_manager;
mod services;
mod session;
mod watch;

pub use address::{Address, Scope};
pub use capability::{Missing, keep_net_admin};
pub use docker::{Container, Docker, DockerNetwork, DockerState, Published, Told, watch_docker};
pub use facts::Facts;
pub use facts_error::FactsError;
pub use flow::{Flow, open_flows};
pub use flows_error::FlowsError;
pub use kernel::{how_to_load, kernel_release};
pub use link::Link;
pub use machine::Host;
pub use resolver::{Resolver, ResolverOrigin, written_in};
pub use route::{Origin, Route};
pub use route_to::{answered_by, route_to};
pub use service_manager::{ServiceManager, Timer};
pub use services::Services;
pub use session::Session;
pub use watch::FactsWatch;
