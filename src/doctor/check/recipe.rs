//! Are rules of what dockwall takes the place of still in force?

use super::super::finding::{Check, Finding, Severity, listed};
use super::super::patient::{Patient, Ruleset};
use crate::config::Mode;
use crate::ruleset::chains;

/// The check.
pub const CHECK: Check = Check {
    id: "old-rules",
    about: "rules of the firewalld recipe or of ufw-docker are still in force",
    judge,
};

fn judge(patient: &Patient) -> Vec<Finding> {
    let Some(ruleset) = patient.ruleset() else {
        return Vec::new();
    };
    let (of_recipe, of_ufw) = (chains_of_recipe(ruleset), chains_of_ufw(ruleset));
    let stands = patient.wall().is_some_and(|wall| wall.hooked);
    let audits = patient.policy().is_some_and(|policy| policy.mode == Mode::Audit);
    let half_way = match (stands, audits) {
        (true, true) => {
            "the host is half-way: the old rules still decide, and dockwall beside them counts what it would drop; of what they drop it \
             sees nothing to count where they come first. `dockwall import --compare` says what will differ"
        }
        (true, false) => {
            "the host is half-way: both walls stand, and what is granted here is dropped there, replies of published ports \
             among it"
        }
        (false, _) => "the host is half-way: the old rules are all there is, with the holes that dockwall was made for",
    };
    let mut found = Vec::new();
    if !of_recipe.is_empty() {
        found.push(CHECK.found(
            Severity::Warning,
            format!("chains of the recipe for firewalld are still there: {}", listed(of_recipe)),
            half_way,
            cure(patient),
        ));
    }
    if !of_ufw.is_empty() {
        found.push(CHECK.found(
            Severity::Warning,
            format!("chains of ufw-docker are still there: {}", listed(of_ufw)),
            "it closes published ports and opens them by rules of its own, and takes every private network for trusted: \
             what is denied here may be dropped there first, and what is granted here dropped there",
            "sudo ufw-docker uninstall    # or take its block out of /etc/ufw/after.rules, then sudo ufw reload",
        ));
    }
    found
}

/// How to take the recipe's rules away: by who holds them. Both leave Docker's own alone, which a reload or a stop of
/// firewalld flushes (`docs/switching-over.md`).
fn cure(patient: &Patient) -> &'static str {
    if patient.has_firewalld {
        "sudo firewall-cmd --direct --remove-rules ipv4 filter DOCKER-USER    # and so on, for ipv6 and the other chains \
         too; then move /etc/firewalld/direct.xml away"
    } else {
        "sudo iptables -F DOCKER-USER; sudo ip6tables -F DOCKER-USER    # firewalld does not run: nobody else takes them \
         away, until the machine restarts; then -F and -X for the other chains"
    }
}

/// The chains of the recipe, as `family table chain`.
pub fn chains_of_recipe(ruleset: &Ruleset) -> Vec<String> {
    named(ruleset, |name| name == chains::DENY || name.starts_with("DOCKER-USER-DENY") || name == chains::DROP)
}

/// The chains of ufw-docker.
pub fn chains_of_ufw(ruleset: &Ruleset) -> Vec<String> {
    named(ruleset, |name| name.starts_with("ufw-docker"))
}

fn named(ruleset: &Ruleset, is_meant: impl Fn(&str) -> bool) -> Vec<String> {
    let meant = ruleset.chains.iter().filter(|head| is_meant(&head.name));
    meant.map(|head| format!("{} {} {}", head.family, head.table, head.name)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::super::tests::{fires, head, ruleset_of};
    use super::*;

    #[test]
    fn both_are_known_by_their_chains() {
        let with = |chain: &str| fires(&CHECK, |patient| ruleset_of(patient).chains.push(head("ip", "filter", chain)));
        assert!(with("DOCKER-USER-DENY-INTERNAL")[0].contains("recipe"));
        assert!(with("ufw-docker-logging-deny")[0].contains("ufw-docker"));
        assert_eq!(with("ufw-user-forward").len(), 0);
    }

    #[test]
    fn who_holds_the_rules_takes_them_away() {
        let with = |has_firewalld: bool| {
            fires(&CHECK, |patient| {
                patient.has_firewalld = has_firewalld;
                ruleset_of(patient).chains.push(head("ip", "filter", "DOCKER-USER-DENY-INTERNAL"));
            })
        };
        assert!(with(true)[0].contains("→ sudo firewall-cmd --direct --remove-rules"));
        assert!(with(false)[0].contains("→ sudo iptables -F DOCKER-USER"));
    }
}
