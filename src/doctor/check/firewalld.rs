//! (N8) Are Docker's bridges in firewalld's zone for them?

use super::super::finding::{Check, Finding, Severity, listed};
use super::super::patient::{Patient, Ruleset};
use super::super::rules::{Fate, fate, interface};
use crate::ruleset::MetaKey;

/// The check.
pub const CHECK: Check =
    Check { id: "firewalld-zone", about: "bridges of Docker's outside firewalld's docker zone", judge };

/// Where firewalld sends packets to the chains of their zones, by the interface that they came in by: 0.9 to
/// 1.x and from 1.2 on.
pub const DISPATCH: [&str; 2] = ["filter_INPUT_ZONES", "filter_INPUT_POLICIES"];

fn judge(patient: &Patient) -> Vec<Finding> {
    let Some(ruleset) = patient.ruleset().filter(|ruleset| ruleset.has_table("inet", "firewalld")) else {
        return Vec::new();
    };
    if !DISPATCH.iter().any(|chain| ruleset.rules_of("inet", "firewalld", chain).is_some()) {
        return Vec::new();
    }
    let outside =
        patient.docker_bridges().filter(|(_, bridge)| patient.link(bridge).is_some() && !is_in_zone(ruleset, bridge));
    let outside: Vec<String> = outside.map(|(network, bridge)| format!("{bridge} ({})", network.name)).collect();
    let finding = || {
        CHECK.found(
            Severity::Warning,
            format!("outside firewalld's docker zone: {}", listed(outside.clone())),
            "firewalld rejects what is forwarded from other zones: these containers reach neither each other nor the \
             Internet. The wall has nothing to do with it",
            "sudo systemctl restart docker    # Docker puts its bridges there when it starts; \
             or firewall-cmd --zone=docker --change-interface=BRIDGE",
        )
    };
    (!outside.is_empty()).then(finding).into_iter().collect()
}

fn is_in_zone(ruleset: &Ruleset, bridge: &str) -> bool {
    let chains = DISPATCH.iter().filter_map(|chain| ruleset.rules_of("inet", "firewalld", chain));
    chains.flat_map(|chain| &chain.rules).any(|rule| {
        let named = interface(rule, MetaKey::IIFNAME).is_some_and(|(is, name)| is && name == bridge);
        named && matches!(fate(rule), Fate::Jumps(chain) if chain.ends_with("_docker"))
    })
}

#[cfg(test)]
mod tests {
    use super::super::super::tests::{chain_rules, fires, iif, ruleset_of};
    use super::*;
    use crate::ruleset::{Rule, Verdict};

    #[test]
    fn a_bridge_in_another_zone_or_in_none_is_named() {
        let with = |rules: Vec<Rule>| {
            fires(&CHECK, |patient| {
                let ruleset = ruleset_of(patient);
                ruleset.tables.push(("inet", "firewalld".into()));
                ruleset.rules.push(chain_rules("inet", "firewalld", DISPATCH[0], rules));
            })
        };
        let to = |bridge: &str, zone: &str| iif(bridge, Verdict::Goto(format!("filter_IN_{zone}")));
        let found = with(vec![to("docker0", "docker"), to("br-abc", "public")]);
        assert!(found[0].contains("docker zone: br-abc (backend)"), "{found:?}");
        assert_eq!(with(vec![to("docker0", "docker"), to("br-abc", "docker")]).len(), 0);
    }
}
