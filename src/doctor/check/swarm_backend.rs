//! (B5) A swarm with Docker's nftables backend?

use super::super::finding::{Check, Finding, Severity};
use super::super::patient::Patient;

/// The check.
pub const CHECK: Check = Check { id: "swarm-backend", about: "a swarm with Docker's nftables backend", judge };

fn judge(patient: &Patient) -> Vec<Finding> {
    let in_swarm = patient.engine.as_ref().is_some_and(|engine| engine.in_swarm);
    let wants_native = patient.docker_is_native();
    let finding = || {
        CHECK.found(
            Severity::Error,
            "this host is in a swarm, and Docker's firewall backend is set to nftables",
            "Docker has no rules for overlay networks in that backend: it does not start, or the swarm's ports are dead",
            format!(
                "write `\"firewall-backend\": \"iptables\"` in {}, and restart Docker",
                patient.daemon.file.display()
            ),
        )
    };
    (in_swarm && wants_native).then(finding).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::super::super::tests::fires;
    use super::*;
    use crate::host::Engine;

    #[test]
    fn a_swarm_and_nftables_do_not_go_together() {
        let with = |in_swarm: bool, backend: &str| {
            fires(&CHECK, |patient| {
                patient.engine = Some(Engine { in_swarm, firewall: None });
                patient.daemon.firewall_backend = Some(backend.into());
            })
        };
        assert_eq!(with(true, "nftables").len(), 1);
        assert_eq!(with(true, "iptables").len() + with(false, "nftables").len(), 0);
    }
}
