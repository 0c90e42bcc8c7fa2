//! (H1, H2) Which containers' packets does the wall never see?

use super::super::finding::{Check, Finding, Severity};
use super::super::patient::Patient;
use crate::observe::{Coverage, NotCovered};

/// The check.
pub const CHECK: Check = Check {
    id: "not-covered",
    about: "containers on macvlan, ipvlan or the host's network",
    judge,
};

fn judge(patient: &Patient) -> Vec<Finding> {
    let Some(docker) = patient.host.docker.known() else {
        return Vec::new();
    };
    let finding = |past: &NotCovered| {
        CHECK.found(
            Severity::Warning,
            format!("NOT COVERED: container {past}"),
            "its packets come in by no container interface, and the wall never sees them",
            format!("docker inspect {}    # give it a bridge network, or guard it by other means", past.container),
        )
    };
    // Of bridges that are not policed another check tells.
    Coverage::of(docker, |_| true).not_covered.iter().map(finding).collect()
}

#[cfg(test)]
mod tests {
    use super::super::super::tests::{docker_of, fires};
    use super::*;
    use crate::host::{Container, DockerNetwork};

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
