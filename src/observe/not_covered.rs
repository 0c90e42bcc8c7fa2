//! Containers and networks whose packets the wall does not see: they come by none of its hooks as a container's.

use crate::host::Host;

/// Each, and why: its network's driver, or where it runs.
pub fn not_covered(host: &Host) -> Vec<[String; 2]> {
    let Some(docker) = host.docker.known() else {
        return Vec::new();
    };
    let networks = docker.networks.iter().filter(|network| matches!(network.driver.as_str(), "macvlan" | "ipvlan"));
    let networks = networks.map(|network| [format!("network {}", network.name), network.driver.clone()]);
    let containers = docker.containers.iter().filter(|container| container.network_mode == "host");
    networks
        .chain(
            containers.map(|container| [format!("container {}", container.name), "the host's own network".to_owned()]),
        )
        .collect()
}
