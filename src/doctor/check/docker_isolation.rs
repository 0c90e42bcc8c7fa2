//! (B3) Is something granted that Docker's isolation of networks still drops?

use std::net::IpAddr;

use super::super::finding::{Check, Finding, Severity};
use super::super::patient::Patient;
use crate::policy::Networks;

/// The check.
pub const CHECK: Check =
    Check { id: "docker-isolation", about: "a grant to containers, whose networks Docker keeps apart", judge };

fn judge(patient: &Patient) -> Vec<Finding> {
    let Some(policy) = patient.policy() else {
        return Vec::new();
    };
    let own: Vec<(&str, ipnet::IpNet)> = patient
        .docker_bridges()
        .flat_map(|(network, _)| network.subnets.iter().map(|subnet| (network.name.as_str(), *subnet)))
        .collect();
    let network_of = |to: &Networks| {
        let first = to.ipv4.iter().map(|interval| (IpAddr::V4(interval.first()), IpAddr::V4(interval.last())));
        let last = to.ipv6.iter().map(|interval| (IpAddr::V6(interval.first()), IpAddr::V6(interval.last())));
        let mut ends = first.chain(last).peekable();
        ends.peek()?;
        let inside = |(first, last): (IpAddr, IpAddr)| {
            own.iter().find(|(_, subnet)| subnet.contains(&first) && subnet.contains(&last)).map(|(name, _)| *name)
        };
        // A wide grant takes in container networks by the way.
        ends.map(inside).collect::<Option<Vec<_>>>()?.first().copied()
    };
    let to_containers = policy.grants.iter().filter_map(|grant| {
        let beyond = grant.openings.iter().filter(|opening| !opening.host);
        Some((&grant.name, beyond.map(|opening| network_of(&opening.to)).collect::<Option<Vec<_>>>()?.first().copied()?))
    });
    let cure = match patient.docker_is_native() {
        true => {
            "connect both to one network: docker network connect NETWORK CONTAINER    # or let marked packets pass: \
             dockerd --bridge-accept-fwmark"
        }
        false => "docker network connect NETWORK CONTAINER    # both in one network need no grant",
    };
    let finding = |(grant, network): (&String, &str)| {
        CHECK.found(
            Severity::Warning,
            format!("the grant `{grant}` leads to Docker's network {network}"),
            "the wall leaves flows between containers to Docker, and Docker drops those from one network to another: the \
             grant changes nothing",
            cure,
        )
    };
    to_containers.map(finding).collect()
}

#[cfg(test)]
mod tests {
    use super::super::super::tests::{fires, re_apply};
    use super::*;

    #[test]
    fn a_grant_into_a_container_network_is_told_and_a_wide_one_is_not() {
        let with = |to: &str, native: bool| {
            fires(&CHECK, |patient| {
                re_apply(patient, &format!("[[grant]]\nname = 'db'\nto = '{to}'\n"));
                patient.daemon.firewall_backend = native.then(|| "nftables".to_owned());
            })
        };
        let found = with("172.21.0.7", true);
        assert!(found[0].contains("`db` leads to Docker's network backend") && found[0].contains("fwmark"), "{found:?}");
        assert!(!with("172.21.0.7", false)[0].contains("fwmark"));
        assert_eq!(with("172.16.0.0/12", true).len() + with("10.1.2.3", true).len(), 0);
    }
}
