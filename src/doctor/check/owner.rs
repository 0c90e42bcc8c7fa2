//! (A2) Is the table kept for the guard, as `guard.own` says?

use super::super::finding::{Check, Finding, Severity};
use super::super::patient::Patient;

/// The check.
pub const CHECK: Check = Check {
    id: "owner",
    about: "the table has no owner: its guard ended, or the kernel cannot keep it for one",
    judge,
};

fn judge(patient: &Patient) -> Vec<Finding> {
    let Some(ruleset) = patient.ruleset() else {
        return Vec::new();
    };
    let table = ruleset.live.table.as_ref().filter(|table| table.is_ours());
    let own = patient.policy().is_some_and(|policy| policy.own);
    let has_guard = patient.history.has_guard;
    let finding = match table {
        Some(table) if table.persists() && !table.is_owned() && !has_guard => CHECK.found(
            Severity::Notice,
            "the table `inet dockwall` is made for a guard to own, and none runs",
            "it is enforced, and anybody can change or flush it meanwhile. nft before 1.1.0 lists it with `flags` and \
             nothing behind it, which no nft can load again, and as JSON with something at random there",
            "sudo systemctl start dockwall-guard    # or `guard.own = false` and `sudo dockwall apply`, to have none",
        ),
        Some(_) if own && has_guard && !ruleset.can_own => CHECK.found(
            Severity::Notice,
            format!("the guard cannot own the table: Linux {} cannot keep one for its owner", patient.kernel_release),
            "anybody may change the table, and the guard puts it back, some milliseconds later",
            "a kernel that is newer (6.9 and later can); `guard.own = false` says that it is meant so",
        ),
        _ => return Vec::new(),
    };
    vec![finding]
}

#[cfg(test)]
mod tests {
    use super::super::super::tests::{fires, ruleset_of};
    use super::*;
    use crate::ruleset::{TABLE_OWNER, TABLE_PERSIST};

    fn with(flags: u32, has_guard: bool, can_own: bool) -> Vec<String> {
        fires(&CHECK, |patient| {
            let ruleset = ruleset_of(patient);
            ruleset.live.table.as_mut().unwrap().flags = flags;
            ruleset.can_own = can_own;
            patient.history.has_guard = has_guard;
        })
    }

    #[test]
    fn a_table_that_its_guard_left_behind_is_a_notice() {
        let left = with(TABLE_PERSIST, false, true);
        assert!(left[0].starts_with("notice: the table `inet dockwall` is made for a guard to own"), "{left:?}");
        for (flags, has_guard) in [(TABLE_PERSIST | TABLE_OWNER, true), (TABLE_PERSIST, true), (0, false), (0, true)] {
            assert_eq!(with(flags, has_guard, true), Vec::<String>::new(), "{flags}");
        }
    }

    #[test]
    fn a_guard_that_should_own_and_cannot_is_a_notice() {
        assert!(with(0, true, false)[0].contains("Linux 6.12.0 cannot keep one"));
        assert_eq!(with(0, false, false), Vec::<String>::new(), "without a guard nobody would own it");
        let meant = fires(&CHECK, |patient| {
            ruleset_of(patient).can_own = false;
            super::super::super::tests::re_apply(patient, "guard.own = false");
        });
        assert_eq!(meant, Vec::<String>::new());
    }
}
