//! (A13) Has Podman lost its rules?

use super::super::finding::{Check, Finding, Severity, listed};
use super::super::patient::Patient;

/// The check.
pub const CHECK: Check =
    Check { id: "podman-rules-missing", about: "Podman's table or chains are gone while its containers run", judge };

/// What the chains of iptables are called that Podman's network programs make.
const CHAINS: [&str; 2] = ["NETAVARK", "CNI-"];

fn judge(patient: &Patient) -> Vec<Finding> {
    let Some(ruleset) = patient.ruleset() else {
        return Vec::new();
    };
    let facts = &patient.host.facts;
    let is_podmans = |name: &str| name.starts_with("podman") || name.starts_with("cni-podman");
    let busy = facts.links.iter().filter(|link| {
        let has_port = facts.ports_of(link).any(|port| port.kind.as_deref() == Some("veth"));
        is_podmans(&link.name) && link.kind.as_deref() == Some("bridge") && has_port
    });
    let bridges: Vec<String> = busy.map(|link| link.name.clone()).collect();
    let there = ruleset.has_table("inet", "netavark")
        || ruleset.chains.iter().any(|head| CHAINS.iter().any(|prefix| head.name.starts_with(prefix)));
    if bridges.is_empty() || there || patient.has_legacy() {
        return Vec::new();
    }
    vec![CHECK.found(
        Severity::Warning,
        format!("Podman's rules are missing (table `inet netavark`), and containers run on {}", listed(bridges)),
        "somebody flushed them, and nothing restores them by itself: no port is published, nothing is masqueraded; the \
         wall is not the reason",
        "sudo podman network reload --all",
    )]
}

#[cfg(test)]
mod tests {
    use super::super::super::tests::{fires, link, ruleset_of};
    use super::*;

    #[test]
    fn a_busy_bridge_of_podman_needs_its_table() {
        let busy = |patient: &mut Patient| {
            patient.host.facts.links.push(link(20, "podman0", Some("bridge"), None));
            patient.host.facts.links.push(link(21, "veth7", Some("veth"), Some(20)));
        };
        assert!(fires(&CHECK, busy)[0].contains("run on podman0"));
        let whole = fires(&CHECK, |patient| {
            busy(patient);
            ruleset_of(patient).tables.push(("inet", "netavark".into()));
        });
        assert_eq!(whole.len(), 0);
        let idle = fires(&CHECK, |patient| patient.host.facts.links.push(link(20, "podman0", Some("bridge"), None)));
        assert_eq!(idle.len(), 0);
    }
}
