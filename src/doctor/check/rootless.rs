//! (H4) Do ordinary users run containers?

use super::super::finding::{Check, Finding, Severity};
use super::super::patient::Patient;

/// The check.
pub const CHECK: Check =
    Check { id: "rootless", about: "container runtimes of ordinary users (rootless Docker or Podman)", judge };

fn judge(patient: &Patient) -> Vec<Finding> {
    let finding = |found: &crate::host::Rootless| {
        CHECK.found(
            Severity::Warning,
            format!("NOT COVERED: {} of user {}, process {}", found.what, found.user, found.process),
            "their packets leave as those of a process of the host: the wall does not see that they are containers'",
            format!("ps -fp {}    # run them by the host's own daemon, or limit the user", found.process),
        )
    };
    patient.rootless.iter().map(finding).collect()
}

#[cfg(test)]
mod tests {
    use super::super::super::tests::fires;
    use super::*;
    use crate::host::Rootless;

    #[test]
    fn a_rootless_runtime_is_named() {
        let found = fires(&CHECK, |patient| {
            patient.rootless.push(Rootless { what: "rootless Docker", user: 1000, process: 77 });
        });
        assert!(found[0].contains("NOT COVERED: rootless Docker of user 1000, process 77"), "{found:?}");
    }
}
