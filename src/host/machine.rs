//! The machine in one piece: its network, its Docker, its resolvers.

use std::path::Path;

use super::docker::DockerState;
use super::facts::Facts;
use super::facts_error::FactsError;
use super::resolver::Resolver;

/// Everything that a policy is resolved against.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Host {
    /// Links, addresses and routes.
    pub facts: Facts,
    /// What Docker says of its networks and containers.
    pub docker: DockerState,
    /// The resolvers that containers ask, or that Docker asks for them; each address once.
    pub resolvers: Vec<Resolver>,
    /// The container interfaces that were policed last, for as long as Docker does not tell its own. Nothing of the
    /// machine says them; who keeps them fills them in.
    pub remembered: Vec<String>,
}

impl Host {
    /// Reads the machine of this thread's network namespace. That Docker is not there, or does not
    /// answer within two seconds, is no error.
    ///
    /// # Errors
    /// [`FactsError`] where the kernel did not list its links, addresses or routes.
    pub fn read() -> Result<Self, FactsError> {
        // Docker first: the bridge of a network that it tells is then among the links.
        Self::with_docker(DockerState::read(), Path::new("/"))
    }

    /// Reads the rest of the machine beside what Docker told, its files from under `root`.
    ///
    /// # Errors
    /// As [`Host::read`].
    pub fn with_docker(mut docker: DockerState, root: &Path) -> Result<Self, FactsError> {
        let facts = Facts::read()?;
        if let DockerState::Known(docker) = &mut docker {
            docker.complete_gateways(&facts);
        }
        let resolvers = Resolver::find(root, &facts, docker.known());
        Ok(Self { facts, docker, resolvers, remembered: Vec::new() })
    }
}
