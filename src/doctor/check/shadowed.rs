//! (B1) Who else drops what a grant lets through? An accept ends one base chain only, and a drop is final.

use super::super::finding::{Check, Finding, Severity};
use super::super::patient::Patient;
use crate::observe::shadows;

/// The check.
pub const CHECK: Check =
    Check { id: "shadowed", about: "a base chain of somebody else drops by policy what is granted", judge };

fn judge(patient: &Patient) -> Vec<Finding> {
    let (Some(ruleset), Some(policy)) = (patient.ruleset(), patient.policy()) else {
        return Vec::new();
    };
    let shadowing = shadows(policy, &ruleset.foreign_bases());
    let finding = |shadow: crate::observe::Shadow| {
        let on_host = shadow.hook == "input";
        let granted = policy.exceptions().filter(|grant| grant.openings.iter().any(|opening| opening.host == on_host));
        let names = super::super::finding::listed(granted.map(|grant| grant.name.clone()));
        CHECK.found(
            Severity::Warning,
            format!("granted here ({names}) and shadowed by {shadow}"),
            "that chain drops what none of its own rules accepts: a grant is not enough there",
            format!(
                "nft list chain {} {} {}    # and accept there what is granted here",
                shadow.family, shadow.table, shadow.chain
            ),
        )
    };
    shadowing.into_iter().map(finding).collect()
}

#[cfg(test)]
mod tests {
    use super::super::super::tests::{base, fires, ruleset_of};
    use super::*;
    use crate::ruleset::{ChainPolicy, Hook};

    #[test]
    fn a_drop_policy_on_the_hook_of_a_grant_is_told_and_an_accept_policy_is_not() {
        let with = |policy, hook| {
            fires(&CHECK, |patient| ruleset_of(patient).chains.push(base("inet", "mine", "chain", hook, policy)))
        };
        let found = with(ChainPolicy::Drop, Hook::FORWARD);
        assert!(found[0].contains("dns 10.57.17.5") && found[0].contains("table inet mine, chain chain"), "{found:?}");
        assert_eq!(with(ChainPolicy::Accept, Hook::FORWARD).len(), 0);
        // Nothing is granted on the host.
        assert_eq!(with(ChainPolicy::Drop, Hook::INPUT).len(), 0);
    }
}
