//! (A2) Does anybody put the wall back when somebody takes it away?

use super::super::finding::{Check, Finding, Severity};
use super::super::patient::Patient;

/// The check.
pub const CHECK: Check = Check { id: "guard", about: "no guard runs, or its unit is enabled and it does not", judge };

fn judge(patient: &Patient) -> Vec<Finding> {
    // One that cannot be seen may run; without a wall there is nothing to guard.
    let unseen = patient.unseen.iter().any(|unseen| unseen.what == super::super::STATE);
    if patient.history.has_guard || unseen || patient.wall().is_none() {
        return Vec::new();
    }
    let enabled = patient.units.as_ref().and_then(|units| units.guard.as_ref()).is_some_and(|unit| unit.enabled);
    let why = "whoever flushes the ruleset, as a reload of nftables.service does, opens the wall until somebody applies it \
               again; and nobody follows Docker and the host: names of containers, networks, uplinks and resolvers stand for \
               what they stood for when that was done last";
    let finding = match enabled {
        true => CHECK.found(
            Severity::Warning,
            "dockwall-guard.service is enabled, and no guard runs",
            why,
            "sudo systemctl start dockwall-guard && systemctl status dockwall-guard",
        ),
        false => CHECK.found(
            Severity::Notice,
            "no guard runs",
            why,
            "sudo systemctl enable --now dockwall-guard    # or `dockwall guard` under what keeps services here",
        ),
    };
    vec![finding]
}

#[cfg(test)]
mod tests {
    use super::super::super::tests::fires;
    use super::*;
    use crate::host::Unit;

    #[test]
    fn no_guard_is_a_notice_and_a_dead_one_a_warning() {
        let without = |patient: &mut Patient| patient.history.has_guard = false;
        assert!(fires(&CHECK, without)[0].starts_with("notice: no guard runs"));
        let dead = fires(&CHECK, |patient| {
            without(patient);
            patient.units.as_mut().unwrap().guard = Some(Unit { enabled: true, ..Unit::default() });
        });
        assert!(dead[0].starts_with("warning: "), "{dead:?}");
    }
}
