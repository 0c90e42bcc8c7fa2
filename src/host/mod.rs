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
mod leftover;
mod link;
mod machine;
mod netlink;
mod processes;
mod resolver;
mod rootless;
mod route;
mod route_to;
mod service_manager;
mod services;
mod session;
mod settings;
mod unit;
mod visitor;
mod watch;
mod way;

pub use address::{Address, Scope};
pub use capability::{Missing, keep_net_admin, keep_net_and_sys_admin, keep_nothing};
pub use docker::{
    Container, DaemonSettings, Docker, DockerNetwork, DockerState, Engine, Published, Told, watch_docker,
};
pub use facts::Facts;
pub use facts_error::FactsError;
pub use flow::{Flow, open_flows};
pub use flows_error::FlowsError;
pub use kernel::{how_to_load, kernel_release};
pub use leftover::Leftovers;
pub use link::Link;
pub use machine::Host;
pub use processes::has_firewalld;
pub use resolver::{Resolver, ResolverOrigin, written_in};
pub use rootless::Rootless;
pub use route::{Origin, Route};
pub use route_to::{answered_by, route_to};
pub use service_manager::{ServiceManager, Timer};
pub use services::Services;
pub use session::Session;
pub use settings::Settings;
pub use unit::{Unit, has_systemd};
pub use visitor::{Visitor, VisitorError};
pub use watch::FactsWatch;
pub use way::{Way, forwards, way};
