//! (L1, L2, L3) Can this kernel do it, and what does it do worse than a newer one?

use super::super::finding::{Check, Finding, Severity};
use super::super::patient::{Netfilter, Patient};
use crate::host::how_to_load;
use crate::ruleset::Features;

/// The check.
pub const CHECK: Check =
    Check { id: "platform", about: "a kernel without nf_tables, or one that lacks a part of what is used", judge };

fn judge(patient: &Patient) -> Vec<Finding> {
    let release = &patient.kernel_release;
    if matches!(patient.netfilter, Netfilter::Missing) {
        return vec![CHECK.found(
            Severity::Error,
            format!("unsupported platform: this kernel ({release}) has no nf_tables"),
            "dockwall programs nothing else; kernels of NAS boxes and old WSL are built without it",
            format!("{}, or boot a kernel from 5.10 on with CONFIG_NF_TABLES and CONFIG_NF_TABLES_INET", how_to_load(&["nf_tables"])),
        )];
    }
    let features = Features::of_release(release);
    let finding = || {
        CHECK.found(
            Severity::Notice,
            format!("this kernel ({release}) counts no packets per denied flow, which takes 5.11"),
            "denied flows are listed without packets and bytes; what is dropped is the same",
            "boot a kernel from 5.11 on",
        )
    };
    (!features.meter_counters).then(finding).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::super::super::tests::fires;
    use super::*;

    #[test]
    fn no_nf_tables_is_an_unsupported_platform_and_an_old_kernel_a_notice() {
        let missing = fires(&CHECK, |patient| patient.netfilter = Netfilter::Missing);
        assert!(missing[0].starts_with("error: unsupported platform"), "{missing:?}");
        let old = fires(&CHECK, |patient| patient.kernel_release = "5.10.0-28-amd64".into());
        assert!(old[0].starts_with("notice: "), "{old:?}");
    }
}
