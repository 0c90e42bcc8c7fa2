//! What is missing is said, and told apart.

use crate::host::{Host, ended};

/// Who has no privilege: nobody's user and group.
const AS_NOBODY: [&str; 6] = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"];

#[test]
fn l10_without_permission_the_wall_is_unknown_and_not_absent() {
    let host = Host::new("mode = \"enforce\"");
    host.expect(0, "apply");
    open_to_all(&host);
    for command in ["status", "plan", "apply", "remove", "rollback"] {
        let refused = host.run_under(&AS_NOBODY, command);
        assert_eq!(refused.status, 5, "{command}: {}", refused.stderr);
        assert!(refused.stderr.contains("CAP_NET_ADMIN is missing: user 65534"), "{}", refused.stderr);
    }
    for command in ["check", "render"] {
        let ended = host.run_under(&AS_NOBODY, command);
        assert_eq!(ended.status, 0, "{command}: {}", ended.stderr);
    }
    host.expect(0, "status");
}

#[test]
fn net_admin_alone_is_enough() {
    let host = Host::new("");
    let only = ["setpriv", "--bounding-set", "-all,+net_admin", "--inh-caps", "-all"];
    let applied = host.run_under(&only, "apply");
    assert_eq!(applied.status, 0, "{}", applied.stderr);
    host.expect(4, "status");
}

#[test]
fn l8_in_a_child_user_namespace_the_kernel_says_no() {
    let host = Host::new("");
    let refused = host.run_under(&["unshare", "--user", "--map-root-user"], "status");
    assert_eq!(refused.status, 5, "{}", refused.stderr);
    assert!(refused.stderr.contains("user namespace that owns this network namespace"), "{}", refused.stderr);
}

#[test]
fn l3_a_kernel_without_nf_tables_has_a_status_of_its_own() {
    let host = Host::new("");
    // What such a kernel answers when the socket to netfilter is made: the first one of a command that
    // asks the kernel alone, the second one where the host's networks are read before.
    for (command, socket) in [("apply", 2), ("plan", 2), ("status", 1), ("remove", 1)] {
        let inject = format!("inject=socket:error=EPROTONOSUPPORT:when={socket}");
        let without = ["strace", "--quiet=all", "--output=/dev/null", "--trace=socket", "-e", &inject];
        let refused = host.run_under(&without, command);
        assert_eq!(refused.status, 6, "{command}: {}", refused.stderr);
        assert!(refused.stderr.contains("modprobe nf_tables"), "{}", refused.stderr);
    }
    assert!(!host.state().exists(), "a state directory was made all the same");
}

#[test]
fn a_configuration_that_may_not_be_read_ends_with_5() {
    let host = Host::new("");
    open_to_all(&host);
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(host.configuration(), mode).unwrap();
    let refused = host.run_under(&AS_NOBODY, "check");
    assert_eq!(refused.status, 5, "{}", refused.stderr);
    assert!(refused.stderr.contains("dockwall.toml"), "{}", refused.stderr);
}

/// Lets everybody reach the configuration.
fn open_to_all(host: &Host) {
    let opened = std::process::Command::new("chmod").args(["-R", "a+rX"]).arg(host.directory.path()).output().unwrap();
    assert_eq!(ended(opened).status, 0);
}
