//! Is the wall in audit mode for longer than it takes to look?

use super::super::finding::{Check, Finding, Severity};
use super::super::patient::Patient;
use crate::config::Mode;

/// The check.
pub const CHECK: Check = Check { id: "not-enforcing", about: "audit mode for more than 14 days", judge };

/// Long enough for what an application does once a week, twice.
const DAYS: i64 = 14;

fn judge(patient: &Patient) -> Vec<Finding> {
    let auditing = patient.wall().is_some_and(|wall| wall.mode == Some(Mode::Audit));
    let Some(since) = patient.history.audit_since.filter(|_| auditing) else {
        return Vec::new();
    };
    let days = patient.now.duration_since(since).as_hours() / 24;
    if days < DAYS {
        return Vec::new();
    }
    vec![CHECK.found(
        Severity::Warning,
        format!("the wall only audits, and has done so for {days} days"),
        "nothing is dropped: a container that is taken over reaches the host and the networks around it",
        "sudo dockwall apply --mode enforce --confirm 60s    # `mode = \"enforce\"` in the file makes it last",
    )]
}

#[cfg(test)]
mod tests {
    use super::super::super::tests::{audit, fires};
    use super::*;

    #[test]
    fn two_weeks_of_audit_are_enough() {
        let after = |days: i64| {
            fires(&CHECK, |patient| {
                audit(patient);
                patient.history.audit_since = Some(patient.now - jiff::SignedDuration::from_hours(24 * days));
            })
        };
        assert_eq!(after(13).len(), 0);
        assert!(after(15)[0].contains("for 15 days"));
    }
}
