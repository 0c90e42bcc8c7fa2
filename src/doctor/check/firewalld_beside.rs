//! The recipe is gone: what of firewalld is left?

use super::super::finding::{Check, Finding, Severity};
use super::super::patient::Patient;
use super::recipe;

/// The check.
pub const CHECK: Check =
    Check { id: "firewalld-beside", about: "firewalld, or the table that it left behind, beside the wall", judge };

fn judge(patient: &Patient) -> Vec<Finding> {
    let Some(ruleset) = patient.ruleset().filter(|_| patient.wall().is_some_and(|wall| wall.hooked)) else {
        return Vec::new();
    };
    // As long as the recipe is in force, that is told, and what to do first.
    if !recipe::chains_of_recipe(ruleset).is_empty() {
        return Vec::new();
    }
    let finding = match (patient.has_firewalld, ruleset.has_table("inet", "firewalld")) {
        (true, _) => CHECK.found(
            Severity::Notice,
            "firewalld is up beside the wall, and has none of the recipe's rules",
            // Measured with 1.3.3, whose `flush()` is for all of iptables, whoever made the rules.
            "they get along. But with each reload and stop it flushes iptables, Docker's rules among it: after a reload Docker \
             puts them back, after a stop only its restart does",
            "firewall-cmd --list-all    # where something needs it, keep it; else end it without a flush: sudo systemctl kill \
             --signal=KILL firewalld; sudo nft delete table inet firewalld",
        ),
        (false, true) => CHECK.found(
            Severity::Warning,
            "firewalld does not run, and its table `inet firewalld` still filters",
            "nobody looks after it: a bridge that Docker makes from now on gets into no zone, and what comes from it is \
             rejected",
            "sudo nft delete table inet firewalld    # or sudo systemctl start firewalld",
        ),
        (false, false) => return Vec::new(),
    };
    vec![finding]
}

#[cfg(test)]
mod tests {
    use super::super::super::tests::{fires, head, ruleset_of};
    use super::*;

    fn with(runs: bool, has_table: bool, chain: &str) -> Vec<String> {
        fires(&CHECK, |patient| {
            patient.has_firewalld = runs;
            let ruleset = ruleset_of(patient);
            ruleset.chains.push(head("ip", "filter", chain));
            if has_table {
                ruleset.tables.push(("inet", "firewalld".into()));
            }
        })
    }

    #[test]
    fn firewalld_that_has_no_more_to_do_is_told_and_a_table_of_nobody_is_worse() {
        assert!(with(true, true, "other")[0].starts_with("notice: firewalld is up beside the wall"));
        assert!(with(false, true, "other")[0].starts_with("warning: firewalld does not run, and its table"));
        assert_eq!(with(false, false, "other").len(), 0);
    }

    #[test]
    fn as_long_as_the_recipe_is_in_force_it_is_needed() {
        assert_eq!(with(true, true, "DOCKER-USER-DENY-INTERNAL").len(), 0);
    }

    #[test]
    fn without_a_wall_nothing_is_said() {
        let found = fires(&CHECK, |patient| {
            patient.has_firewalld = true;
            ruleset_of(patient).wall = None;
        });
        assert_eq!(found.len(), 0);
    }
}
