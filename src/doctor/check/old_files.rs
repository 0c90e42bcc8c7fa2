//! Would rules of what dockwall takes the place of come back?

use super::super::finding::{Check, Finding, Severity, listed};
use super::super::patient::Patient;
use super::recipe;

/// The check.
pub const CHECK: Check = Check {
    id: "old-files",
    about: "files that would bring the rules of the firewalld recipe or of ufw-docker back",
    judge,
};

fn judge(patient: &Patient) -> Vec<Finding> {
    // Where they are in force, that is told, and what to do.
    let Some(ruleset) = patient.ruleset() else { return Vec::new() };
    let mut found = Vec::new();
    if let Some(path) = patient.leftovers.firewalld.as_ref().filter(|_| recipe::chains_of_recipe(ruleset).is_empty()) {
        found.push(CHECK.found(
            Severity::Notice,
            format!("{} still has rules of DOCKER-USER, which are not in force", path.display()),
            "the host is half-way: they come back with the next start of firewalld",
            "move the file away once `dockwall import` has carried it over, and `systemctl disable --now firewalld` where nothing else needs it",
        ));
    }
    if !patient.leftovers.ufw.is_empty() && recipe::chains_of_ufw(ruleset).is_empty() {
        let files: Vec<String> = patient.leftovers.ufw.iter().map(|path| path.display().to_string()).collect();
        found.push(CHECK.found(
            Severity::Notice,
            format!("the block of ufw-docker still stands in {}, and is not in force", listed(files)),
            "the host is half-way: it comes back with the next start or reload of ufw",
            "sudo ufw-docker uninstall    # or take the block out of the files",
        ));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::super::tests::{fires, head, ruleset_of};
    use super::*;

    #[test]
    fn files_are_told_as_long_as_their_rules_are_not_in_force() {
        let with = |chains: &[&str]| {
            fires(&CHECK, |patient| {
                patient.leftovers.firewalld = Some("/etc/firewalld/direct.xml".into());
                patient.leftovers.ufw = vec!["/etc/ufw/after.rules".into()];
                ruleset_of(patient).chains.extend(chains.iter().map(|chain| head("ip", "filter", chain)));
            })
        };
        let found = with(&[]);
        assert!(found[0].contains("direct.xml") && found[1].contains("after.rules"), "{found:?}");
        assert_eq!(with(&["DOCKER-USER-DENY-INTERNAL"]).len(), 1);
        assert_eq!(with(&["DOCKER-USER-DENY-INTERNAL", "ufw-docker-logging-deny"]).len(), 0);
    }
}
