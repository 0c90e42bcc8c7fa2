//! (B10, B11) Do frames that stay on a bridge meet a chain that drops what is forwarded?

use super::super::finding::{Check, Finding, Severity};
use super::super::patient::Patient;
use super::super::rules::{is_dockers_chain, terminal};
use crate::netlink::ChainHead;
use crate::ruleset::{ChainPolicy, Hook};

/// The check.
pub const CHECK: Check = Check {
    id: "bridge-netfilter",
    about: "br_netfilter sends frames of one bridge to a foreign chain that drops",
    judge,
};

fn judge(patient: &Patient) -> Vec<Finding> {
    let Some(ruleset) = patient.ruleset() else {
        return Vec::new();
    };
    let calls = |family: &str| match family {
        "ip" => patient.settings.bridge_calls_ipv4 == Some(true),
        "ip6" => patient.settings.bridge_calls_ipv6 == Some(true),
        _ => patient.settings.bridge_calls_ipv4 == Some(true) || patient.settings.bridge_calls_ipv6 == Some(true),
    };
    // Docker accepts there what stays on one of its bridges; firewalld is told of them.
    let is_others = |head: &&ChainHead| {
        let rules = ruleset.rules_of(head.family, &head.table, &head.name);
        let dockers = rules.is_some_and(|rules| rules.rules.iter().any(|rule| rule.references().any(is_dockers_chain)));
        let is_docker_forward = head.family != "inet" && head.table == "filter" && head.name == "FORWARD";
        head.table != "firewalld" && head.table != "docker-bridges" && !dockers && !is_docker_forward
    };
    let drops = |head: &&ChainHead| {
        let rules = ruleset.rules_of(head.family, &head.table, &head.name);
        head.base.as_ref().is_some_and(|base| base.policy == ChainPolicy::Drop)
            || rules.is_some_and(|rules| terminal(ruleset, rules).is_some())
    };
    let heads = ruleset.bases_on(Hook::FORWARD).filter(|head| calls(head.family)).filter(is_others).filter(drops);
    let finding = |head: &ChainHead| {
        CHECK.found(
            Severity::Warning,
            format!(
                "frames that stay on one bridge go through table {} {}, chain {}, which drops",
                head.family, head.table, head.name
            ),
            "net.bridge.bridge-nf-call-iptables is 1 (Docker turns it on): containers of one network, and virtual machines \
             on one bridge, do not reach each other unless that chain accepts it. The wall leaves such frames alone",
            "sudo sysctl -w net.bridge.bridge-nf-call-iptables=0 net.bridge.bridge-nf-call-ip6tables=0    # not where Docker \
             networks have icc off, or in a swarm: accept them in that chain then",
        )
    };
    heads.map(finding).collect()
}

#[cfg(test)]
mod tests {
    use super::super::super::tests::{base, fires, ruleset_of};
    use super::*;

    #[test]
    fn a_foreign_chain_that_drops_matters_where_bridges_call_it() {
        let with = |calls: bool| {
            fires(&CHECK, |patient| {
                patient.settings.bridge_calls_ipv4 = Some(calls);
                patient.settings.bridge_calls_ipv6 = Some(calls);
                let ruleset = ruleset_of(patient);
                ruleset.chains.push(base("inet", "mine", "forward", Hook::FORWARD, ChainPolicy::Drop));
            })
        };
        assert!(with(true)[0].contains("table inet mine, chain forward"));
        assert_eq!(with(false).len(), 0);
    }
}
