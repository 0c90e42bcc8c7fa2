//! Is the bridge of each of Docker's networks policed?

use super::super::finding::{Check, Finding, Severity};
use super::super::patient::Patient;
use crate::policy::NoticeKind;

/// The check.
pub const CHECK: Check =
    Check { id: "unpoliced-network", about: "networks whose bridge is not policed, and bridges of nobody", judge };

fn judge(patient: &Patient) -> Vec<Finding> {
    let Some(resolved) = patient.resolved() else {
        return Vec::new();
    };
    let excluded = |bridge: &str| {
        patient.config().is_some_and(|config| config.exclude.iter().any(|pattern| pattern.matches(bridge)))
    };
    let mut found = Vec::new();
    for (network, bridge) in patient.docker_bridges().filter(|(_, bridge)| !patient.polices(bridge) && !excluded(bridge)) {
        let evident = resolved.evident.iter().find(|other| other.name == bridge);
        let would = resolved.policy.polices(bridge) || resolved.policy.bridges && evident.is_none();
        let (why, cure) = match evident {
            Some(evident) => (
                format!("it {}, and so is taken for no container's", evident.reason),
                "name it in `containers.interfaces`, and run `sudo dockwall apply`".to_owned(),
            ),
            None if would => ("it came after the wall was applied".to_owned(), patient.cure_by_following().to_owned()),
            None => (
                "it is not among `containers.interfaces`".to_owned(),
                format!("add \"{bridge}\" to `containers.interfaces`, and run `sudo dockwall apply`"),
            ),
        };
        let what = format!("NOT COVERED: network {} (bridge {bridge}) is not policed", network.name);
        found.push(CHECK.found(Severity::Error, what, format!("{why}: its containers reach everything"), cure));
    }
    let told = |kind: NoticeKind| matches!(kind, NoticeKind::UnpolicedBridge | NoticeKind::PolicedUplink);
    for notice in resolved.notices.iter().filter(|notice| told(notice.kind)) {
        let why = "what is on it is either a container that the wall does not see, or none of its business";
        let why = if notice.kind == NoticeKind::PolicedUplink { "the wall has a hole there" } else { why };
        found.push(CHECK.found(Severity::Warning, notice.problem.clone(), why, notice.cure.clone()));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::super::tests::{docker_of, fires, re_resolve};
    use super::*;
    use crate::host::DockerNetwork;

    #[test]
    fn a_network_that_came_later_is_named_and_one_that_was_excluded_is_not() {
        let with = |text: &str| {
            fires(&CHECK, |patient| {
                docker_of(patient).networks.push(DockerNetwork {
                    name: "late".into(),
                    driver: "bridge".into(),
                    bridge: Some("late0".into()),
                    ..DockerNetwork::default()
                });
                re_resolve(patient, text);
            })
        };
        let found = with("");
        assert!(found[0].starts_with("error: NOT COVERED: network late (bridge late0)"), "{found:?}");
        assert_eq!(with("containers.exclude = ['late*']").len(), 0);
    }
}
