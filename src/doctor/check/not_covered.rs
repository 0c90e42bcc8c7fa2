//! (H1, H2) Which containers' packets does the wall never see?

use super::super::finding::{Check, Finding, Severity};
use super::super::patient::Patient;
use crate::host::{Container, Docker};

/// The check.
pub const CHECK: Check = Check {
    id: "not-covered",
    about: "containers on macvlan, ipvlan or the host's network",
    judge,
};

/// The drivers whose packets leave below the host's own stack.
const DIRECT: [&str; 2] = ["macvlan", "ipvlan"];

fn judge(patient: &Patient) -> Vec<Finding> {
    let Some(docker) = patient.host.docker.known() else {
        return Vec::new();
    };
    let found = docker.containers.iter().filter_map(|container| Some((container, outside(docker, container)?)));
    let finding = |(container, network): (&Container, String)| {
        CHECK.found(
            Severity::Warning,
            format!("NOT COVERED: container {} ({network})", container.name),
            "its packets come in by no container interface, and the wall never sees them",
            format!("docker inspect {}    # give it a bridge network, or guard it by other means", container.name),
        )
    };
    found.map(finding).collect()
}

/// The network by which its packets pass by the wall.
fn outside(docker: &Docker, container: &Container) -> Option<String> {
    if container.network_mode == "host" {
        return Some("host network".to_owned());
    }
    if let Some(id) = container.network_mode.strip_prefix("container:") {
        let other = docker.containers.iter().find(|other| other.id.starts_with(id) || other.name == id)?;
        // One step: Docker follows none further either.
        return match other.network_mode.starts_with("container:") {
            true => None,
            false => outside(docker, other).map(|network| format!("{network}, of container {}", other.name)),
        };
    }
    let names = container.addresses.iter().map(|(name, _)| name).chain([&container.network_mode]);
    let direct = names.filter_map(|name| {
        docker.networks.iter().find(|network| network.name == *name && DIRECT.contains(&network.driver.as_str()))
    });
    direct.map(|network| format!("{} network {}", network.driver, network.name)).next()
}

#[cfg(test)]
mod tests {
    use super::super::super::tests::{docker_of, fires};
    use super::*;
    use crate::host::DockerNetwork;

    #[test]
    fn containers_past_the_wall_are_named() {
        let found = fires(&CHECK, |patient| {
            let docker = docker_of(patient);
            docker.networks.push(DockerNetwork { name: "lan".into(), driver: "macvlan".into(), ..DockerNetwork::default() });
            let container = |name: &str, mode: &str| Container {
                name: name.into(),
                id: format!("{name}0123"),
                network_mode: mode.into(),
                ..Container::default()
            };
            docker.containers.extend([
                container("vpn", "host"),
                container("cam", "lan"),
                container("side", "container:vpn0123"),
                container("fine", "backend"),
            ]);
        });
        let expected = ["vpn (host network)", "cam (macvlan network lan)", "side (host network, of container vpn)"];
        assert_eq!(found.len(), 3);
        for (found, expected) in found.iter().zip(expected) {
            assert!(found.contains(&format!("NOT COVERED: container {expected}")), "{found}");
        }
    }
}
