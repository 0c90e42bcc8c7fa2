//! (B4) Did a FORWARD policy of drop outlive the Docker that set it?

use super::super::finding::{Check, Finding, Severity};
use super::super::patient::{Patient, Ruleset};
use super::super::rules::is_dockers_chain;
use crate::ruleset::ChainPolicy;

/// The check.
pub const CHECK: Check =
    Check { id: "stale-forward-drop", about: "iptables' FORWARD drops without Docker's rules in it", judge };

fn judge(patient: &Patient) -> Vec<Finding> {
    let Some(ruleset) = patient.ruleset() else {
        return Vec::new();
    };
    if patient.docker_bridges().next().is_none() {
        return Vec::new();
    }
    let stale = ["ip", "ip6"].into_iter().filter(|family| is_stale(ruleset, family, patient.docker_is_native()));
    let finding = |family: &str| {
        let program = if family == "ip" { "iptables" } else { "ip6tables" };
        CHECK.found(
            Severity::Error,
            format!("table {family} filter, chain FORWARD has policy drop, and none of Docker's rules is in it"),
            "it is left over from a Docker that used iptables, or its rules were flushed: containers reach nothing and \
             published ports are dead. The wall drops none of that",
            format!("sudo {program} -P FORWARD ACCEPT    # where Docker uses iptables, restart it instead"),
        )
    };
    stale.map(finding).collect()
}

/// Docker below 27 makes rules of IPv6 only where it was told to; what it left it left in both.
fn is_stale(ruleset: &Ruleset, family: &str, native: bool) -> bool {
    let of_filter = || ruleset.chains.iter().filter(|head| head.family == family && head.table == "filter");
    let drops = of_filter().any(|head| {
        head.name == "FORWARD" && head.base.as_ref().is_some_and(|base| base.policy == ChainPolicy::Drop)
    });
    // Of a firewall of its own (ufw, a script) the other checks tell.
    let others = of_filter().any(|head| head.base.is_none() && !is_dockers_chain(&head.name));
    let rules = ruleset.rules_of(family, "filter", "FORWARD");
    let is_dockers_rule = |rule: &crate::ruleset::Rule| rule.references().any(is_dockers_chain);
    let used = rules.is_some_and(|rules| rules.rules.iter().any(is_dockers_rule));
    let empty = rules.is_some_and(|rules| rules.rules.is_empty());
    drops && !others && if native { !used || ruleset.has_table(family, "docker-bridges") } else { !used && empty }
}

#[cfg(test)]
mod tests {
    use super::super::super::tests::{fires, ruleset_of};
    use super::*;

    #[test]
    fn a_policy_of_drop_with_docker_s_rules_is_docker_s_and_one_without_is_left_over() {
        let flushed = fires(&CHECK, |patient| {
            let ruleset = ruleset_of(patient);
            ruleset.rules.iter_mut().filter(|rules| rules.chain == "FORWARD").for_each(|rules| rules.rules.clear());
        });
        assert!(flushed.len() == 2 && flushed[1].contains("ip6tables"), "{flushed:?}");
        let migrated = fires(&CHECK, |patient| ruleset_of(patient).tables.push(("ip", "docker-bridges".into())));
        assert!(migrated.len() == 1 && migrated[0].contains("table ip filter"), "{migrated:?}");
    }
}
