//! Will there be a wall after the next boot, and before Docker?

use super::super::finding::{Check, Finding, Severity};
use super::super::patient::Patient;

/// The check.
pub const CHECK: Check =
    Check { id: "boot", about: "the unit for the boot is missing, disabled or too late", judge };

/// What must not be started before it.
const BEFORE: [&str; 2] = ["network-pre.target", "docker.service"];

fn judge(patient: &Patient) -> Vec<Finding> {
    let Some(units) = &patient.units else {
        return Vec::new();
    };
    let warning = |what: String, why: &str, cure: &str| vec![CHECK.found(Severity::Warning, what, why, cure)];
    let open = "after the next boot there is no wall until somebody applies it, and containers are started without";
    let Some(unit) = &units.boot else {
        return warning("there is no unit dockwall.service".to_owned(), open, "sudo scripts/install    # installs it; then sudo systemctl enable dockwall");
    };
    if unit.masked {
        return warning("dockwall.service is masked".to_owned(), open, "sudo systemctl unmask dockwall && sudo systemctl enable dockwall");
    }
    if !unit.enabled {
        return warning("dockwall.service is not enabled".to_owned(), open, "sudo systemctl enable dockwall");
    }
    let late: Vec<&str> =
        BEFORE.into_iter().filter(|wanted| !unit.before.iter().any(|before| before == wanted)).collect();
    if late.is_empty() {
        return Vec::new();
    }
    warning(
        format!("dockwall.service is not ordered before {} ({})", late.join(" and "), unit.path.display()),
        "at boot, containers may run before there is a wall",
        "systemctl cat dockwall    # and take away the drop-in that changes `Before=`",
    )
}

#[cfg(test)]
mod tests {
    use super::super::super::tests::fires;
    use super::*;

    #[test]
    fn a_unit_that_does_not_help_is_told() {
        let with = |change: fn(&mut super::super::super::patient::Units)| {
            fires(&CHECK, |patient| change(patient.units.as_mut().unwrap()))
        };
        assert!(with(|units| units.boot = None)[0].contains("there is no unit"));
        assert!(with(|units| units.boot.as_mut().unwrap().masked = true)[0].contains("masked"));
        assert!(with(|units| units.boot.as_mut().unwrap().enabled = false)[0].contains("not enabled"));
        let late = with(|units| units.boot.as_mut().unwrap().before = vec!["docker.service".into()]);
        assert!(late[0].contains("not ordered before network-pre.target"), "{late:?}");
        assert_eq!(fires(&CHECK, |patient| patient.units = None).len(), 0);
    }
}
