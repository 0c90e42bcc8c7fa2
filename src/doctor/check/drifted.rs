//! Is the table what was applied?

use super::super::finding::{Check, Finding, Severity};
use super::super::patient::Patient;

/// The check.
pub const CHECK: Check = Check { id: "drifted", about: "somebody changed the wall since it was applied", judge };

fn judge(patient: &Patient) -> Vec<Finding> {
    let drifted = patient.wall().filter(|wall| wall.drifted);
    let finding = |_| {
        CHECK.found(
            Severity::Error,
            "the table `inet dockwall` is not what was applied",
            "somebody added, took away or changed rules or elements in it: what it drops is not known any more",
            "dockwall status    # shows what differs; `sudo dockwall apply` puts it right",
        )
    };
    drifted.map(finding).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::super::super::tests::{fires, rejudge, ruleset_of};
    use super::*;
    use crate::ruleset::Rule;

    #[test]
    fn a_rule_of_somebody_else_in_the_table_is_drift() {
        let found = fires(&CHECK, |patient| {
            ruleset_of(patient).live.table.as_mut().unwrap().chains[1].rules.push(Rule::default());
            rejudge(patient);
        });
        assert_eq!(found.len(), 1);
    }
}
