//! (C13) Do Docker's networks share addresses with networks around the host, or with what is denied by name?

use std::net::IpAddr;

use super::super::finding::{Check, Finding, Severity};
use super::super::patient::Patient;
use crate::config::{DeniedRange, Preset};
use crate::policy::{Networks, NoticeKind};

/// The check.
pub const CHECK: Check = Check {
    id: "overlap",
    about: "a Docker network overlaps one around the host, or a denied range",
    judge,
};

fn judge(patient: &Patient) -> Vec<Finding> {
    let (Some(config), Some(resolved)) = (patient.config(), patient.resolved()) else {
        return Vec::new();
    };
    let overlaps = resolved.notices.iter().filter(|notice| notice.kind == NoticeKind::Overlap);
    let mut found: Vec<Finding> = overlaps
        .map(|notice| {
            let why = "what is meant for the one may go to the other, past Docker's rules or to the wrong host";
            CHECK.found(Severity::Warning, notice.problem.clone(), why, notice.cure.clone())
        })
        .collect();
    // A preset is as wide as it is, and takes in what Docker chooses by itself; so do its networks written one by one, as
    // `dockwall import` writes them.
    let of_preset = |range: &DeniedRange| range.targets().iter().all(|target| Preset::Internal.targets().contains(target));
    for range in config.ranges.iter().filter(|range| range.preset().is_none() && !of_preset(range)) {
        let denied: Networks = range.targets().iter().copied().collect();
        for (network, _) in patient.docker_bridges() {
            let Some(subnet) = network.subnets.iter().find(|subnet| touches(&denied, subnet)) else {
                continue;
            };
            found.push(CHECK.found(
                Severity::Warning,
                format!("{subnet} of Docker's network {} overlaps {range}, which is denied ({})", network.name, config.files.place(range.origin)),
                "within one network containers reach each other all the same, and what is meant by that range around the \
                 host is not reached by the host either",
                format!("docker network rm {0}; docker network create --subnet OTHER {0}", network.name),
            ));
        }
    }
    found
}

fn touches(denied: &Networks, subnet: &ipnet::IpNet) -> bool {
    let ends = [subnet.network(), subnet.broadcast()];
    let within = |first: IpAddr, last: IpAddr| subnet.contains(&first) || subnet.contains(&last);
    ends.iter().any(|end| denied.contains(*end))
        || denied.ipv4.iter().any(|interval| within(interval.first().into(), interval.last().into()))
        || denied.ipv6.iter().any(|interval| within(interval.first().into(), interval.last().into()))
}

#[cfg(test)]
mod tests {
    use super::super::super::tests::{fires, re_apply};
    use super::*;

    #[test]
    fn a_range_that_is_written_counts_and_a_preset_does_not() {
        let with = |ranges: &str| fires(&CHECK, |patient| re_apply(patient, &format!("deny.ranges = {ranges}")));
        assert!(with("['internal', '172.21.0.0/24']")[0].contains("172.21.0.0/16 of Docker's network backend overlaps"));
        assert_eq!(with("['internal', '172.30.0.0/24']").len(), 0);
        assert_eq!(with("['10.0.0.0/8', '172.16.0.0/12', 'fc00::/7']").len(), 0, "the preset's own networks");
    }

    #[test]
    fn an_overlap_with_the_lan_is_told() {
        let found = fires(&CHECK, |patient| {
            patient.host.facts.addresses[0].network = "172.21.5.1/24".parse().unwrap();
            re_apply(patient, "");
        });
        assert!(found[0].contains("172.21.0.0/16 of br-abc overlaps 172.21.5.0/24 of eth0"), "{found:?}");
    }
}
