//! Are the sets that packets fill near their size?

use super::super::finding::{Check, Finding, Severity};
use super::super::patient::Patient;

/// The check.
pub const CHECK: Check = Check { id: "meters-full", about: "the memory of denied flows is full, or nearly", judge };

/// In hundredths of the size.
const NEARLY: usize = 90;

fn judge(patient: &Patient) -> Vec<Finding> {
    let meters = patient.ruleset().into_iter().flat_map(|ruleset| &ruleset.meters);
    let near = meters.filter(|meter| meter.used.saturating_mul(100) >= NEARLY * meter.size as usize);
    let finding = |meter: &super::super::patient::Meter| {
        CHECK.found(
            Severity::Warning,
            format!("the set {} has {} of {} elements", meter.name, meter.used, meter.size),
            "further denied flows are dropped as ever, but neither listed nor logged one by one: somebody scans, or \
             `log.remember` is long",
            "dockwall status    # and look at which container scans; a shorter `log.remember` forgets sooner",
        )
    };
    near.map(finding).collect()
}

#[cfg(test)]
mod tests {
    use super::super::super::patient::Meter;
    use super::super::super::tests::{fires, ruleset_of};
    use super::*;

    #[test]
    fn nine_tenths_are_nearly_full() {
        let with = |used| {
            fires(&CHECK, |patient| {
                ruleset_of(patient).meters = vec![Meter { name: "denied4".into(), used, size: 65_535 }];
            })
        };
        assert!(with(60_000)[0].contains("denied4 has 60000 of 65535"));
        assert_eq!(with(50_000).len(), 0);
    }
}
