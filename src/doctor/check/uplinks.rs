//! Do the patterns of the policed uplinks match anything?

use super::super::finding::{Check, Finding, Severity};
use super::super::patient::Patient;

/// The check.
pub const CHECK: Check =
    Check { id: "uplinks", about: "`deny.uplinks` matches no link, or not the way out of the host", judge };

fn judge(patient: &Patient) -> Vec<Finding> {
    let Some(uplinks) = patient.policy().and_then(|policy| policy.uplinks.as_ref()) else {
        return Vec::new();
    };
    let links = || patient.host.facts.links.iter().filter(|link| !link.loopback);
    let cure = "write `deny.uplinks = \"any\"`, or the links that `ip link` lists; then `sudo dockwall apply`";
    if !links().any(|link| uplinks.contains(&link.name)) {
        return vec![CHECK.found(
            Severity::Error,
            format!("`deny.uplinks` ({uplinks}) matches no link of this host"),
            "nothing that leaves the host is denied",
            cure,
        )];
    }
    let ways_out = links().filter(|link| patient.host.facts.carries_default_route(link));
    let missed: Vec<String> =
        ways_out.filter(|link| !uplinks.contains(&link.name)).map(|link| link.name.clone()).collect();
    let finding = |missed: String| {
        CHECK.found(
            Severity::Warning,
            format!("the host goes out by {missed}, which `deny.uplinks` ({uplinks}) does not match"),
            "containers reach denied networks by it",
            cure,
        )
    };
    (!missed.is_empty()).then(|| finding(missed.join(", "))).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::super::super::tests::{fires, re_apply};
    use super::*;

    #[test]
    fn patterns_that_miss_are_told() {
        let with = |text: &str| fires(&CHECK, |patient| re_apply(patient, &format!("deny.uplinks = {text}")));
        assert!(with("['ens*']")[0].contains("(ens*) matches no link"));
        assert!(with("['docker0']")[0].starts_with("warning: the host goes out by eth0"));
        assert_eq!(with("['lo', 'eth*']").len(), 0);
        assert_eq!(with("'any'").len(), 0);
    }
}
