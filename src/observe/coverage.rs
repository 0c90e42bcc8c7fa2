//! Which of Docker's networks and containers the wall is for, and which packets never come by it.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use crate::host::{Container, Docker, DockerNetwork};

/// Networks whose containers never cross a hook of the host's: their packets leave by the device below.
const PAST_THE_HOST: [&str; 2] = ["macvlan", "ipvlan"];
/// The network mode of a container in the host's own network.
const HOST_MODE: &str = "host";
/// How that of a container in another one's begins; behind it stands whose.
const SHARED_MODE: &str = "container:";

/// What is covered.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Coverage {
    /// The networks that are policed.
    pub networks: Vec<Covered>,
    /// How many containers are in one of them.
    pub containers: usize,
    /// What is not, and runs.
    pub not_covered: Vec<NotCovered>,
}

/// A policed network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Covered {
    /// Docker's name of it.
    pub network: String,
    /// Its bridge on this host.
    pub bridge: String,
    /// How many running containers have an address in it.
    pub containers: usize,
}

/// Containers past the wall.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NotCovered {
    /// The container.
    pub container: String,
    /// Why not.
    pub reason: Past,
    /// The network because of which.
    pub network: String,
    /// The container whose network it shares, where that is not its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shares: Option<String>,
}

impl fmt::Display for NotCovered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { container, reason, network, shares } = self;
        let shared = shares.as_ref().map(|other| format!(", of container {other}")).unwrap_or_default();
        match reason {
            Past::HostNetwork => write!(f, "{container} (host network{shared})"),
            Past::Below(driver) => write!(f, "{container} ({driver} network {network}{shared})"),
            Past::NotPoliced(bridge) => write!(f, "{container} (network {network}: {bridge} is not policed{shared})"),
        }
    }
}

/// How packets get past the wall.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Past {
    /// They are the host's own.
    HostNetwork,
    /// They leave by the link below, as `macvlan` or `ipvlan`.
    Below(String),
    /// Their bridge is none of the container interfaces.
    NotPoliced(String),
}

impl Coverage {
    /// What of `docker` the wall is for; `is_policed` tells of an interface.
    pub fn of(docker: &Docker, is_policed: impl Fn(&str) -> bool) -> Self {
        let mut inside: BTreeMap<&str, usize> = BTreeMap::new();
        for network in docker.containers.iter().flat_map(networks_of) {
            *inside.entry(network).or_default() += 1;
        }
        let networks = docker.networks.iter().filter_map(|network| {
            let bridge = network.bridge.clone().filter(|bridge| is_policed(bridge))?;
            let containers = inside.get(network.name.as_str()).copied().unwrap_or_default();
            Some(Covered { network: network.name.clone(), bridge, containers })
        });
        let networks: Vec<Covered> = networks.collect();
        let is_covered = |name: &str| networks.iter().any(|network| network.network == name);
        let covered = docker.containers.iter().filter(|container| networks_of(container).any(is_covered)).count();
        let past = |container: &Container| past(docker, container, &is_policed);
        let not_covered = docker.containers.iter().flat_map(past).collect();
        Self { containers: covered, networks, not_covered }
    }
}

/// The container whose network this one shares. One step: Docker follows none further either.
fn whose_network<'d>(docker: &'d Docker, container: &Container) -> Option<&'d Container> {
    let id = container.network_mode.strip_prefix(SHARED_MODE)?;
    let other = docker.containers.iter().find(|other| other.id.starts_with(id) || other.name == id)?;
    (!other.network_mode.starts_with(SHARED_MODE)).then_some(other)
}

/// The networks that a container has an address in, each once.
fn networks_of(container: &Container) -> impl Iterator<Item = &str> {
    let mut names: Vec<&str> = container.addresses.iter().map(|(network, _)| network.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    names.into_iter()
}

/// The networks whose containers' packets no wall on this host can see.
pub fn networks_past(docker: &Docker) -> impl Iterator<Item = &DockerNetwork> {
    docker.networks.iter().filter(|network| PAST_THE_HOST.contains(&network.driver.as_str()))
}

/// Every way in which a container's packets get past.
fn past(docker: &Docker, container: &Container, is_policed: impl Fn(&str) -> bool) -> Vec<NotCovered> {
    if let Some(other) = whose_network(docker, container) {
        let shares = |past: NotCovered| NotCovered {
            container: container.name.clone(),
            shares: Some(other.name.clone()),
            ..past
        };
        return past(docker, other, is_policed).into_iter().map(shares).collect();
    }
    let not_covered = |reason, network: &str| NotCovered {
        container: container.name.clone(),
        reason,
        network: network.to_owned(),
        shares: None,
    };
    if container.network_mode == HOST_MODE {
        return vec![not_covered(Past::HostNetwork, HOST_MODE)];
    }
    // Of a network whose addresses Docker does not give, only the mode tells.
    let mode =
        Some(container.network_mode.as_str()).filter(|mode| container.addresses.iter().all(|(name, _)| name != mode));
    let names = networks_of(container).chain(mode);
    let known = names.filter_map(|name| docker.networks.iter().find(|network| network.name == name));
    let reason = known.filter_map(|network| {
        let reason = match &network.bridge {
            Some(bridge) if is_policed(bridge) => return None,
            Some(bridge) => Past::NotPoliced(bridge.clone()),
            None if PAST_THE_HOST.contains(&network.driver.as_str()) => Past::Below(network.driver.clone()),
            // An overlay's containers leave by docker_gwbridge.
            None => return None,
        };
        Some(not_covered(reason, &network.name))
    });
    reason.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(name: &str, driver: &str, bridge: Option<&str>) -> DockerNetwork {
        let bridge = bridge.map(ToOwned::to_owned);
        DockerNetwork { name: name.to_owned(), driver: driver.to_owned(), bridge, ..DockerNetwork::default() }
    }

    fn container(name: &str, mode: &str, networks: &[&str]) -> Container {
        let address = |network: &&str| ((*network).to_owned(), [172, 17, 0, 2].into());
        let addresses = networks.iter().map(address).collect();
        Container { name: name.to_owned(), network_mode: mode.to_owned(), addresses, ..Container::default() }
    }

    #[test]
    fn each_container_past_the_wall_is_named_with_the_reason() {
        let docker = Docker {
            networks: vec![
                network("bridge", "bridge", Some("docker0")),
                network("cam", "macvlan", None),
                network("host", "host", None),
                network("lan", "bridge", Some("lan0")),
                network("swarm", "overlay", None),
            ],
            containers: vec![
                container("app", "bridge", &["bridge"]),
                container("both", "bridge", &["bridge", "cam"]),
                container("guest", "container:0123", &[]),
                container("lonely", "lan", &["lan"]),
                container("none", "none", &[]),
                container("task", "swarm", &["swarm"]),
                Container { id: "0a1b2c".to_owned(), ..container("vpn", "host", &[]) },
                container("beside", "container:0a1b2c", &[]),
                container("silent", "cam", &[]),
            ],
            ..Docker::default()
        };
        let coverage = Coverage::of(&docker, |name| name == "docker0");
        assert_eq!(coverage.networks, [Covered { network: "bridge".into(), bridge: "docker0".into(), containers: 2 }]);
        assert_eq!(coverage.containers, 2);
        let past: Vec<_> =
            coverage.not_covered.iter().map(|past| (past.container.as_str(), past.reason.clone())).collect();
        let expected = [
            ("both", Past::Below("macvlan".into())),
            ("lonely", Past::NotPoliced("lan0".into())),
            ("vpn", Past::HostNetwork),
            ("beside", Past::HostNetwork),
            ("silent", Past::Below("macvlan".into())),
        ];
        assert_eq!(past, expected);
        let told: Vec<String> = coverage.not_covered.iter().map(ToString::to_string).collect();
        let expected = [
            "both (macvlan network cam)",
            "lonely (network lan: lan0 is not policed)",
            "vpn (host network)",
            "beside (host network, of container vpn)",
            "silent (macvlan network cam)",
        ];
        assert_eq!(told, expected);
    }
}
