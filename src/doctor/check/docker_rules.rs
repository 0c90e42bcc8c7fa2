//! (A3, A11) Are Docker's own rules there, and a translation for each published port?

use super::super::finding::{Check, Finding, Severity, listed};
use super::super::patient::{Patient, Ruleset};
use super::super::rules::{port, target};
use crate::host::{Container, Published};

/// The check.
pub const CHECK: Check = Check {
    id: "docker-rules-missing",
    about: "Docker's own rules were flushed, or a published port has no DNAT",
    judge,
};

const CURE: &str = "sudo systemctl restart docker    # Docker makes its rules when it starts";

fn judge(patient: &Patient) -> Vec<Finding> {
    let (Some(ruleset), Some(docker)) = (patient.ruleset(), patient.host.docker.known()) else {
        return Vec::new();
    };
    let makes_none = patient.daemon.iptables == Some(false) || patient.docker_bridges().next().is_none();
    // What is in iptables-legacy is not seen.
    if makes_none || patient.has_legacy() || patient.settings.legacy_tables.is_none() {
        return Vec::new();
    }
    if patient.docker_is_native() {
        let there = ruleset.has_table("ip", "docker-bridges");
        let missing = (!there).then(|| missing("the table `ip docker-bridges`"));
        return missing.into_iter().collect();
    }
    let gone: Vec<&str> = ["filter", "nat"].into_iter().filter(|table| !ruleset.has_chain("ip", table, "DOCKER")).collect();
    if !gone.is_empty() {
        let tables: Vec<String> = gone.iter().map(|table| format!("ip {table}")).collect();
        return vec![missing(&format!("the chain DOCKER in {}", tables.join(" and ")))];
    }
    let unmatched: Vec<String> = docker.containers.iter().flat_map(|container| untranslated(ruleset, container)).collect();
    let finding = || {
        CHECK.found(
            Severity::Warning,
            format!("no DNAT leads to published ports: {}", listed(unmatched.clone())),
            "somebody reloaded the rules, and Docker put back only a part of its own; the wall is not the reason",
            CURE,
        )
    };
    (!unmatched.is_empty()).then(finding).into_iter().collect()
}

fn missing(what: &str) -> Finding {
    CHECK.found(
        Severity::Error,
        format!("Docker's own rules are missing: {what}"),
        "somebody flushed them: no port is published, nothing is masqueraded and networks are not kept apart; the wall is \
         not the reason, and denies what it did",
        CURE,
    )
}

/// The ports that Docker publishes by IPv4 and that no rule of its translates. Containers in no network of
/// their own publish nothing themselves.
fn untranslated(ruleset: &Ruleset, container: &Container) -> Vec<String> {
    let by_ipv4 = |published: &&Published| published.address.is_none_or(|address| address.is_ipv4());
    let ports = container.published.iter().filter(by_ipv4).filter(|_| container.has_own_network());
    let chains = ["DOCKER", "DOCKER-INGRESS"];
    let read: Vec<_> = chains.iter().filter_map(|chain| ruleset.rules_of("ip", "nat", chain)).collect();
    // Without the rules nothing can be said.
    if read.is_empty() {
        return Vec::new();
    }
    let translates = |wanted: u16| {
        read.iter().flat_map(|chain| &chain.rules).any(|rule| {
            port(rule) == Some(wanted)
                && rule.expressions.iter().any(|expression| target(expression).as_deref() == Some("DNAT"))
        })
    };
    let missing = ports.filter(|published| !translates(published.port));
    missing.map(|published| format!("{}/{} of {}", published.port, published.protocol, container.name)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::super::tests::{fires, ruleset_of};
    use super::*;

    #[test]
    fn flushed_rules_are_missing_unless_docker_makes_none() {
        let flush = |patient: &mut Patient| ruleset_of(patient).chains.retain(|head| head.name != "DOCKER");
        let found = fires(&CHECK, flush);
        assert!(found[0].contains("chain DOCKER in ip filter and ip nat"), "{found:?}");
        let told_so = fires(&CHECK, |patient| {
            flush(patient);
            patient.daemon.iptables = Some(false);
        });
        assert_eq!(told_so.len(), 0);
        let legacy = fires(&CHECK, |patient| {
            flush(patient);
            patient.settings.legacy_tables = Some(vec!["nat".into()]);
        });
        assert_eq!(legacy.len(), 0);
    }

    #[test]
    fn a_published_port_without_its_dnat_is_named() {
        let found = fires(&CHECK, |patient| {
            ruleset_of(patient).rules.iter_mut().find(|rules| rules.table == "nat").unwrap().rules.clear();
        });
        assert!(found[0].contains("8080/tcp of web"), "{found:?}");
    }

    #[test]
    fn docker_s_native_table_counts_where_docker_is_native() {
        let found = fires(&CHECK, |patient| patient.daemon.firewall_backend = Some("nftables".into()));
        assert!(found[0].contains("ip docker-bridges"), "{found:?}");
    }
}
