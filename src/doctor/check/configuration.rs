//! Can the configuration be read and resolved, and does the kernel take what it means?

use super::super::finding::{Check, Finding, Severity};
use super::super::patient::{Configuration, Patient};

/// The check.
pub const CHECK: Check = Check {
    id: "configuration",
    about: "the configuration is wrong, or the kernel refuses what it means",
    judge,
};

fn judge(patient: &Patient) -> Vec<Finding> {
    let mut found = Vec::new();
    let stays = "the wall in force stays, and after the next boot or reload there may be none";
    match &patient.configuration {
        Configuration::Broken(reason) => {
            found.push(CHECK.found(Severity::Error, format!("the configuration is wrong: {reason}"), stays, "dockwall check"));
        }
        Configuration::Read { resolved: Err(reason), .. } => {
            found.push(CHECK.found(Severity::Error, format!("nothing can be applied: {reason}"), stays, "dockwall check"));
        }
        Configuration::Read { .. } | Configuration::Unseen => {}
    }
    if let Some(refusal) = patient.ruleset().and_then(|ruleset| ruleset.refusal.as_ref()) {
        let why = "`dockwall apply` would end with the same, and change nothing";
        found.push(CHECK.found(Severity::Error, refusal.clone(), why, "dockwall plan"));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::super::tests::{fires, ruleset_of};
    use super::*;

    #[test]
    fn what_cannot_be_applied_is_an_error() {
        for change in [
            (|patient| patient.configuration = Configuration::Broken("line 3".into())) as fn(&mut Patient),
            |patient| {
                if let Configuration::Read { resolved, .. } = &mut patient.configuration {
                    *resolved = Err("no such network".into());
                }
            },
            |patient| ruleset_of(patient).refusal = Some("the kernel has no `ct` expression".into()),
        ] {
            let found = fires(&CHECK, change);
            assert!(found.len() == 1 && found[0].starts_with("error: "), "{found:?}");
        }
    }
}
