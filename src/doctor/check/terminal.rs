//! (N5) Does somebody else's chain end in a drop or reject for every packet?

use super::super::finding::{Check, Finding, Severity};
use super::super::patient::{Patient, Ruleset};
use super::super::rules::{Fate, fate, is_dockers_chain, is_unconditional, terminal};
use crate::netlink::ChainHead;
use crate::ruleset::Hook;

/// The check.
pub const CHECK: Check = Check {
    id: "terminal-drop",
    about: "a foreign rule drops or rejects every packet that comes to it",
    judge,
};

fn judge(patient: &Patient) -> Vec<Finding> {
    let (Some(ruleset), Some(policy)) = (patient.ruleset(), patient.policy()) else {
        return Vec::new();
    };
    let on_host = policy.exceptions().any(|grant| grant.openings.iter().any(|opening| opening.host));
    let mut heads: Vec<&ChainHead> = ruleset.bases_on(Hook::FORWARD).collect();
    heads.extend(ruleset.bases_on(Hook::INPUT).filter(|_| on_host));
    heads.into_iter().filter_map(|head| finding(ruleset, head)).collect()
}

fn finding(ruleset: &Ruleset, head: &ChainHead) -> Option<Finding> {
    // Docker puts its bridges into a zone of firewalld's that accepts: see `firewalld-zone`.
    if head.table == "firewalld" {
        return None;
    }
    let (chain, base) = (ruleset.rules_of(head.family, &head.table, &head.name)?, head.base.as_ref()?);
    let index = terminal(ruleset, chain)?;
    let is_dockers = |rule: &crate::ruleset::Rule| matches!(fate(rule), Fate::Jumps(next) if is_dockers_chain(next));
    let (before, behind) = chain.rules.split_at(index);
    let cut_off = behind.iter().any(is_dockers);
    // Behind Docker's own rules it is for what Docker did not accept.
    if before.iter().any(is_dockers) && !cut_off {
        return None;
    }
    let jump = behind.first().filter(|rule| is_unconditional(rule)).map(fate);
    let by = match jump {
        Some(Fate::Jumps(next)) => format!("by a jump to {next}, "),
        _ => String::new(),
    };
    let what = format!(
        "rule {} of table {} {}, chain {} (hook {}, priority {}) drops or rejects, {by}every packet that comes to it",
        index + 1,
        head.family,
        head.table,
        head.name,
        base.hook,
        base.priority
    );
    let why = if cut_off {
        "Docker's own rules stand behind it and see no packet any more; so does whatever is granted"
    } else {
        "what none of the rules before it accepts is gone, whatever is granted here"
    };
    let cure = format!("nft -a list chain {} {} {}    # and accept before it what is granted", head.family, head.table, head.name);
    Some(CHECK.found(Severity::Warning, what, why, cure))
}

#[cfg(test)]
mod tests {
    use super::super::super::tests::{base, chain_rules, drop_all, fires, jump, oif, ruleset_of};
    use super::*;
    use crate::ruleset::{ChainPolicy, Rule, Verdict};

    fn with(family: &'static str, table: &str, chain: &str, rules: Vec<Rule>) -> Vec<String> {
        fires(&CHECK, |patient| {
            let ruleset = ruleset_of(patient);
            ruleset.chains.push(base(family, table, chain, Hook::FORWARD, ChainPolicy::Accept));
            ruleset.rules.retain(|rules| rules.chain != chain);
            ruleset.rules.push(chain_rules(family, table, chain, rules));
        })
    }

    #[test]
    fn a_final_reject_of_another_table_is_told() {
        let found = with("inet", "mine", "forward", vec![oif("eth0", Verdict::Accept), drop_all()]);
        assert!(found[0].contains("rule 2 of table inet mine, chain forward (hook forward, priority 0)"), "{found:?}");
        assert_eq!(with("inet", "mine", "forward", vec![oif("eth0", Verdict::Drop)]).len(), 0);
        assert_eq!(with("inet", "firewalld", "filter_FORWARD", vec![drop_all()]).len(), 0);
    }

    #[test]
    fn in_docker_s_chain_it_matters_where_it_stands() {
        let dockers = || jump("DOCKER-USER");
        assert!(with("ip", "filter", "FORWARD", vec![drop_all(), dockers()])[0].contains("rule 1"));
        assert_eq!(with("ip", "filter", "FORWARD", vec![dockers(), drop_all()]).len(), 0);
    }
}
