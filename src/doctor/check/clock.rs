//! Is the clock right enough for grants that run out?

use jiff::Timestamp;

use super::super::finding::{Check, Finding, Severity, listed};
use super::super::patient::Patient;

/// The check.
pub const CHECK: Check =
    Check { id: "clock", about: "grants with an `until` while the clock is wrong or not set yet", judge };

/// 2026-01-01: older than any build of this program.
const BUILT_AFTER: i64 = 1_767_225_600;

fn judge(patient: &Patient) -> Vec<Finding> {
    let timed = patient.policy().into_iter().flat_map(|policy| &policy.grants).filter(|grant| grant.until.is_some());
    let timed: Vec<String> = timed.map(|grant| grant.name.clone()).collect();
    let earliest = Timestamp::from_second(BUILT_AFTER).unwrap_or_default();
    let newest = patient.history.newest.unwrap_or_default();
    let cure = "timedatectl    # set the clock, and keep it by NTP";
    if patient.now < earliest || patient.now < newest {
        let against = if patient.now < earliest { "this program was built" } else { "the newest generation was applied" };
        return vec![CHECK.found(
            Severity::Warning,
            format!("the clock says {:.0}, which is before {against}", patient.now),
            "grants with an `until` run out by the clock: too late by as much as it is behind",
            cure,
        )];
    }
    let finding = || {
        CHECK.found(
            Severity::Warning,
            format!("systemd-timesyncd has not set the clock yet, and grants run out by it: {}", listed(timed.clone())),
            "they run out too early or too late by as much as the clock is wrong",
            cure,
        )
    };
    (patient.clock_is_unset && !timed.is_empty()).then(finding).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::super::super::tests::{fires, re_apply};
    use super::*;

    #[test]
    fn a_clock_that_went_back_or_was_never_set_is_told() {
        let back = fires(&CHECK, |patient| patient.now = Timestamp::UNIX_EPOCH);
        assert!(back[0].contains("before this program was built"), "{back:?}");
        let unset = |text: &str| {
            fires(&CHECK, |patient| {
                re_apply(patient, text);
                patient.clock_is_unset = true;
            })
        };
        let until = "[[grant]]\nname = 'db'\nto = '10.1.2.3'\nuntil = 2090-01-31T18:00:00Z\n";
        assert!(unset(until)[0].contains("run out by it: db"));
        assert_eq!(unset("").len(), 0);
    }
}
