//! Docker's networks and running containers, as its daemon tells them.

mod container;
mod network;

pub use container::{Container, Published};
pub use network::DockerNetwork;

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
