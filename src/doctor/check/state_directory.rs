//! Is the history of use?

use super::super::finding::{Check, Finding, Severity};
use super::super::patient::Patient;

/// The check.
pub const CHECK: Check = Check {
    id: "state-directory",
    about: "the state directory cannot be used, or lacks the generation in force",
    judge,
};

fn judge(patient: &Patient) -> Vec<Finding> {
    let history = &patient.history;
    let why = "without it nothing can be rolled back, and a guard does not know what to put back";
    let mut found: Vec<Finding> = history
        .trouble
        .iter()
        .map(|trouble| CHECK.found(Severity::Warning, trouble.clone(), why, format!("ls -la {}", history.directory)))
        .collect();
    let wall = patient.wall().and_then(|wall| wall.generation);
    let seen = !patient.unseen.iter().any(|unseen| unseen.what == super::super::STATE);
    if let Some(number) = wall.filter(|_| seen && history.trouble.is_empty() && history.in_force.is_none()) {
        found.push(CHECK.found(
            Severity::Warning,
            format!("generation {number} is in force, and not in {}", history.directory),
            why,
            "sudo dockwall apply    # with the --state-dir that it was applied with, where it was another",
        ));
    }
    if let (Some(wall), Some(wanted)) = (wall, history.wanted)
        && wall != wanted
    {
        found.push(CHECK.found(
            Severity::Warning,
            format!("generation {wall} is in force, and {wanted} should be"),
            "a guard would put back another generation than the one in force",
            "sudo dockwall apply",
        ));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::super::tests::fires;
    use super::*;

    #[test]
    fn a_history_without_the_generation_in_force_is_told() {
        assert!(fires(&CHECK, |patient| patient.history.in_force = None)[0].contains("and not in"));
        assert!(fires(&CHECK, |patient| patient.history.wanted = Some(7))[0].contains("and 7 should be"));
        assert_eq!(fires(&CHECK, |patient| patient.history.trouble.push("damaged".into())).len(), 1);
    }
}
