//! Does the wall hold what the configuration means now?

use super::super::finding::{Check, Finding, Severity};
use super::super::patient::Patient;
use crate::generation::difference;

/// The check.
pub const CHECK: Check = Check {
    id: "not-applied",
    about: "the file, Docker or the host changed since the wall was applied",
    judge,
};

fn judge(patient: &Patient) -> Vec<Finding> {
    let (Some(in_force), Some(resolved)) = (&patient.history.in_force, patient.resolved()) else {
        return Vec::new();
    };
    // With the mode goes the prefix of the log.
    let mut wanted = resolved.policy.clone();
    let other_mode = wanted.mode != in_force.policy.mode;
    if other_mode {
        wanted.log.prefix.clone_from(&in_force.policy.log.prefix);
        wanted.mode = in_force.policy.mode;
    }
    let mut changes = difference(&in_force.policy, &wanted);
    if wanted == in_force.policy {
        changes.clear();
    } else if changes.is_empty() {
        changes.push("details".to_owned());
    }
    if other_mode {
        changes.push(format!("mode {} in the file, {} in force", resolved.policy.mode, in_force.policy.mode));
    }
    if changes.is_empty() {
        return Vec::new();
    }
    vec![CHECK.found(
        Severity::Notice,
        format!("what is in force is not what the configuration means now: {}", changes.join("; ")),
        "the file was edited, or names, networks and resolvers stand for something else since",
        "dockwall plan    # shows what `sudo dockwall apply` would change",
    )]
}

#[cfg(test)]
mod tests {
    use super::super::super::tests::fires;
    use super::*;

    #[test]
    fn an_edit_that_is_not_applied_shows() {
        let found = fires(&CHECK, |patient| {
            patient.history.in_force.as_mut().unwrap().policy.host = false;
        });
        assert!(found[0].starts_with("notice: what is in force is not what"), "{found:?}");
        let found = fires(&CHECK, |patient| {
            patient.history.in_force.as_mut().unwrap().policy.mode = crate::config::Mode::Audit;
        });
        assert!(found[0].contains("mode enforce in the file, audit in force"), "{found:?}");
    }
}
