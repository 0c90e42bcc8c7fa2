//! (D11) Are ports published on the loopback reachable from the LAN?

use super::super::finding::{Check, Finding, Severity, listed};
use super::super::patient::Patient;

/// The check.
pub const CHECK: Check =
    Check { id: "loopback-published", about: "ports published on 127.0.0.1 by a Docker before 28", judge };

/// The first that drops what comes for them from outside (moby/moby#45610).
const SAFE: u32 = 28;

fn judge(patient: &Patient) -> Vec<Finding> {
    let (Some(docker), Some(major)) = (patient.host.docker.known(), patient.docker_major()) else {
        return Vec::new();
    };
    if major >= SAFE {
        return Vec::new();
    }
    let published: Vec<String> = docker
        .containers
        .iter()
        .flat_map(|container| container.published.iter().map(move |published| (container, published)))
        .filter(|(_, published)| published.address.is_some_and(|address| address.is_loopback()))
        .map(|(container, published)| format!("{}/{} of {}", published.port, published.protocol, container.name))
        .collect();
    let finding = || {
        CHECK.found(
            Severity::Warning,
            format!("published on 127.0.0.1, and reachable by neighbours: {}", listed(published.clone())),
            format!(
                "Docker {} lets a neighbour on the LAN reach them by a route to the container's network, or by a crafted \
                 frame. It is not what containers send, and the wall does not look at it",
                docker.version
            ),
            "sudo apt-get install docker-ce    # Docker 28 or newer closes that",
        )
    };
    (!published.is_empty()).then(finding).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::super::super::tests::{docker_of, fires};
    use super::*;

    #[test]
    fn only_before_28() {
        let with = |version: &str| {
            fires(&CHECK, |patient| {
                let docker = docker_of(patient);
                docker.version = version.into();
                docker.containers[0].published[0].address = Some("127.0.0.1".parse().unwrap());
            })
        };
        assert!(with("27.5.1")[0].contains("8080/tcp of web"));
        assert_eq!(with("28.0.0").len(), 0);
    }
}
