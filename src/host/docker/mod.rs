//! Docker's networks and running containers, as its daemon tells them.

mod client;
mod container;
mod daemon;
mod engine;
mod network;
mod published;
mod swarm;
mod watch;

use std::net::IpAddr;

pub use container::Container;
pub use daemon::DaemonSettings;
pub use engine::Engine;
pub use network::DockerNetwork;
pub use published::Published;
pub use watch::{Told, watch_docker};

use super::facts::Facts;

/// What is known of Docker.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum DockerState {
    /// There is no socket of a daemon.
    #[default]
    Absent,
    /// There is one, and it did not answer; with the reason.
    Unreachable(String),
    /// What it answered.
    Known(Docker),
}

impl DockerState {
    /// What the daemon answered, where it did.
    pub fn known(&self) -> Option<&Docker> {
        match self {
            Self::Known(docker) => Some(docker),
            Self::Absent | Self::Unreachable(_) => None,
        }
    }
}

/// A daemon with what it runs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Docker {
    /// The daemon's version, such as `28.5.2`.
    pub version: String,
    /// Its networks, by name.
    pub networks: Vec<DockerNetwork>,
    /// Its running containers, by name.
    pub containers: Vec<Container>,
}

impl Docker {
    /// Adds the gateways that the daemon does not tell: where only the subnet was written, 20.10
    /// takes an address of it and keeps that to itself.
    pub(super) fn complete_gateways(&mut self, facts: &Facts) {
        for network in &mut self.networks {
            let link = facts.links.iter().find(|link| network.bridge.as_deref() == Some(&link.name));
            let addresses =
                facts.addresses.iter().filter(|address| link.is_some_and(|link| link.index == address.link));
            let own = addresses.map(|address| address.network.addr());
            let inside = own.filter(|own| network.subnets.iter().any(|subnet| subnet.contains(own)));
            let missing: Vec<IpAddr> = inside.filter(|own| !network.gateways.contains(own)).collect();
            network.gateways.extend(missing);
        }
    }
}
