//! Do flows take a short cut past the wall?

use super::super::finding::{Check, Finding, Severity, listed};
use super::super::patient::Patient;

/// The check.
pub const CHECK: Check =
    Check { id: "flowtable", about: "a flowtable offloads flows of container interfaces past the wall", judge };

fn judge(patient: &Patient) -> Vec<Finding> {
    let tables = patient.ruleset().into_iter().flat_map(|ruleset| &ruleset.flowtables);
    let facts = &patient.host.facts;
    // The bridge itself, or a port of it: both are places where its packets come in.
    let is_containers = |device: &String| {
        let bridge = patient.link(device).and_then(|link| facts.links.iter().find(|other| Some(other.index) == link.master));
        patient.polices(device) || bridge.is_some_and(|bridge| patient.polices(&bridge.name))
    };
    let finding = |flowtable: &crate::netlink::Flowtable| {
        let devices: Vec<String> = flowtable.devices.iter().filter(|device| is_containers(device)).cloned().collect();
        (!devices.is_empty()).then(|| {
            CHECK.found(
                Severity::Warning,
                format!(
                    "flowtable {} of table {} {} takes flows of {} past the forward hook",
                    flowtable.name, flowtable.family, flowtable.table, listed(devices)
                ),
                "a new flow is judged as ever; one that is in the flowtable goes on when its grant is revoked or the wall \
                 begins to enforce, and is not counted",
                format!(
                    "nft list flowtable {} {} {}    # and take the container interfaces out of it",
                    flowtable.family, flowtable.table, flowtable.name
                ),
            )
        })
    };
    tables.filter_map(finding).collect()
}

#[cfg(test)]
mod tests {
    use super::super::super::tests::{fires, ruleset_of};
    use super::*;
    use crate::netlink::Flowtable;

    #[test]
    fn one_with_a_container_interface_is_told() {
        let with = |device: &str| {
            fires(&CHECK, |patient| {
                ruleset_of(patient).flowtables = vec![Flowtable {
                    family: "inet",
                    table: "fast".into(),
                    name: "ft".into(),
                    devices: vec!["eth0".into(), device.into()],
                }];
            })
        };
        assert!(with("docker0")[0].contains("takes flows of docker0 past"));
        assert_eq!(with("eth1").len(), 0);
    }
}
