//! Is there a wall, and does it see packets?

use super::super::finding::{Check, Finding, Severity};
use super::super::patient::{Netfilter, Patient};

/// The check.
pub const CHECK: Check =
    Check { id: "not-hooked", about: "there is no wall, or packets pass by it", judge };

fn judge(patient: &Patient) -> Vec<Finding> {
    let Netfilter::Seen(ruleset) = &patient.netfilter else {
        return Vec::new();
    };
    let error = |what: String, why: &str, cure: &str| vec![CHECK.found(Severity::Error, what, why, cure)];
    let open = "containers reach the host and the networks around it";
    match (&ruleset.live.table, &ruleset.wall) {
        (None, _) if patient.history.wanted.is_some() => {
            let number = patient.history.wanted.unwrap_or_default();
            let what = format!("generation {number} should be in force, and its table `inet dockwall` is gone");
            error(what, &format!("somebody took it away, as `nft flush ruleset` does: {open}"), "sudo dockwall apply")
        }
        (None, _) => error("there is no wall here".to_owned(), open, "sudo dockwall apply"),
        (Some(table), None) => {
            let comment = table.comment.as_deref().unwrap_or("none");
            let what = format!("the table `inet dockwall` is not dockwall's: its comment is {comment}");
            error(what, "dockwall leaves it alone and cannot raise its wall beside it", "nft list table inet dockwall")
        }
        (Some(table), Some(_)) if table.is_dormant() => error(
            "the table `inet dockwall` is put to sleep (dormant): its rules are listed and see no packet".to_owned(),
            open,
            "sudo dockwall apply",
        ),
        (_, Some(wall)) if !wall.hooked => {
            let hooks: Vec<&str> = wall.hooks.iter().map(|hook| hook.hook.as_str()).collect();
            let found = if hooks.is_empty() { "none".to_owned() } else { hooks.join(", ") };
            error(format!("the wall's base chains are not hooked as they must be; found: {found}"), open, "sudo dockwall apply")
        }
        (_, Some(wall)) if wall.mode.is_none() => {
            error("no rule of the wall decides: it neither drops nor audits".to_owned(), open, "sudo dockwall apply")
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::tests::{fires, rejudge, ruleset_of};
    use super::*;
    use crate::ruleset::TABLE_DORMANT;

    #[test]
    fn a_wall_that_is_gone_asleep_or_unhooked_is_an_error() {
        let never = fires(&CHECK, |patient| {
            ruleset_of(patient).live.table = None;
            patient.history.wanted = None;
        });
        assert!(never[0].contains("there is no wall"), "{never:?}");
        let gone = fires(&CHECK, |patient| {
            ruleset_of(patient).live.table = None;
            patient.history.wanted = Some(4);
        });
        assert!(gone[0].contains("generation 4 should be in force"), "{gone:?}");
        let asleep = fires(&CHECK, |patient| {
            ruleset_of(patient).live.table.as_mut().unwrap().flags = TABLE_DORMANT;
            rejudge(patient);
        });
        assert!(asleep[0].contains("dormant"), "{asleep:?}");
        let unhooked = fires(&CHECK, |patient| {
            ruleset_of(patient).live.table.as_mut().unwrap().chains.retain(|chain| chain.name != "forward");
            rejudge(patient);
        });
        assert!(unhooked[0].contains("found: input"), "{unhooked:?}");
        let foreign = fires(&CHECK, |patient| {
            ruleset_of(patient).live.table.as_mut().unwrap().comment = None;
            rejudge(patient);
        });
        assert!(foreign[0].contains("not dockwall's"), "{foreign:?}");
    }
}
