//! Does the wall hold what the configuration means now?

use super::super::finding::{Check, Finding, Severity, listed};
use super::super::patient::Patient;
use crate::generation::difference;

/// The check.
pub const CHECK: Check = Check {
    id: "not-applied",
    about: "the file, Docker or the host changed since the wall was applied",
    judge,
};

const SHOW: &str = "dockwall plan    # shows what `sudo dockwall apply` would change";

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
    let (why, cure) = match patient.history.edits.as_deref() {
        // What was kept is what the files say still: the rest is Docker's doing or the host's.
        Some([]) if !other_mode && is_unrevoked(patient) => {
            let why = "names, networks, resolvers or ranges stand for something else than when the wall was applied";
            let why = if patient.history.has_guard { "the guard has not followed yet what changed on the host" } else { why };
            (why.to_owned(), patient.cure_by_following())
        }
        Some(edits) if !edits.is_empty() => {
            let told = edits.iter().map(|(path, edit)| format!("{} {edit}", path.display()));
            (format!("{} since it was applied", listed(told)), SHOW)
        }
        _ => ("the file says something else, or names, networks and resolvers stand for something else since".to_owned(), SHOW),
    };
    let what = format!("what is in force is not what the configuration means now: {}", changes.join("; "));
    vec![CHECK.found(Severity::Notice, what, why, cure)]
}

/// Whether nothing was revoked that a file may still grant.
fn is_unrevoked(patient: &Patient) -> bool {
    let sources = patient.history.in_force.as_ref().and_then(|generation| generation.sources.as_ref());
    sources.is_none_or(|sources| sources.revoked.is_empty())
}

#[cfg(test)]
mod tests {
    use super::super::super::tests::{fires, healthy};
    use super::*;
    use crate::config::Edit;

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

    #[test]
    fn what_the_host_did_is_told_from_what_somebody_wrote() {
        let with = |edits: Option<&[(&str, Edit)]>, has_guard: bool| {
            let mut patient = healthy();
            patient.history.in_force.as_mut().unwrap().policy.resolvers = Vec::new();
            patient.history.has_guard = has_guard;
            patient.history.edits =
                edits.map(|edits| edits.iter().map(|(path, edit)| (path.into(), *edit)).collect());
            let found = judge(&patient);
            format!("{} → {}", found[0].why, found[0].cure)
        };
        let edit = with(Some(&[("/etc/dockwall/dockwall.toml", Edit::Changed)]), true);
        assert!(edit.starts_with("/etc/dockwall/dockwall.toml was edited since it was applied → dockwall plan"), "{edit}");
        assert!(with(Some(&[]), true).starts_with("the guard has not followed yet"));
        assert!(with(Some(&[]), true).contains("journalctl -u dockwall-guard"));
        assert!(with(Some(&[]), false).ends_with("a guard would have followed by itself"));
        assert!(with(None, false).contains("the file says something else, or"));
    }
}
