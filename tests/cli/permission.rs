//! What is missing is said, told apart, and found before anything changes.

use std::collections::BTreeMap;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;

use dockwall::ruleset::Features;

use crate::host::{Host, ended};

/// Who has no privilege: nobody's user and group.
const AS_NOBODY: [&str; 6] = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"];
/// Root without any capability, as in a container that was given none.
const AS_ROOT_WITHOUT: [&str; 5] = ["setpriv", "--bounding-set", "-all", "--inh-caps", "-all"];
/// Root of a user namespace that does not own the network namespace.
const IN_A_CHILD: [&str; 3] = ["unshare", "--user", "--map-root-user"];

/// The commands that read or change nf_tables.
const OF_THE_KERNEL: [&str; 16] = [
    "status",
    "explain 172.17.0.2 10.1.2.3 --live",
    "plan",
    "apply",
    "apply --confirm 60s",
    "confirm",
    "remove",
    "rollback --to 1",
    "grant 10.1.2.3 --port 5432/tcp",
    "revoke database",
    "guard",
    "boot",
    "denied",
    "denied --follow",
    "metrics",
    "suggest",
];
/// The commands that everybody may run.
/// That of a namespace other than the first the kernel logs nothing is true, and another matter.
const OF_EVERYBODY: [&str; 9] = [
    "check",
    "render",
    "init --stdout",
    "history",
    "explain 172.17.0.2 10.1.2.3",
    "denied /dev/null",
    "suggest /dev/null",
    "doctor --ignore log",
    "import RULES",
];
/// What stands for RULES.
const RULES: &str = include_str!("../import/rules/recipe.save");

/// A host that enforces, with a grant that may be revoked.
fn with_a_grant() -> Host {
    let host = Host::new("mode = \"enforce\"");
    let directory = host.directory.path().join("grants.d");
    std::fs::create_dir(&directory).unwrap();
    std::fs::write(directory.join("database.toml"), "[[grant]]\nname = \"database\"\nto = \"10.57.17.6\"\n").unwrap();
    host
}

/// Runs all commands under `starter`: those of the kernel say `said` and end with 5, though nothing in
/// the kernel or on the disk was changed, and those of everybody work.
fn refuses(host: &Host, starter: &[&str], said: &str) {
    let rules = host.directory.path().join("rules");
    std::fs::write(&rules, RULES).unwrap();
    std::fs::set_permissions(&rules, std::fs::Permissions::from_mode(0o644)).unwrap();
    let before = (host.netns.list(), files(host.directory.path()));
    for command in OF_THE_KERNEL {
        let refused = host.run_under(starter, command);
        assert_eq!(refused.status, 5, "{command}: {}", refused.stderr);
        assert!(refused.stderr.contains(said), "{command}: {}", refused.stderr);
    }
    for command in OF_EVERYBODY {
        let ended = host.run_under(starter, &command.replace("RULES", rules.to_str().unwrap()));
        assert_eq!(ended.status, 0, "{command}: {}", ended.stderr);
    }
    let after = (host.netns.list(), files(host.directory.path()));
    assert_eq!(after, before);
}

#[test]
fn l10_without_permission_the_wall_is_unknown_and_not_absent() {
    let host = with_a_grant();
    host.expect(0, "apply");
    open_to_all(&host);
    refuses(&host, &AS_NOBODY, "CAP_NET_ADMIN is missing: user 65534");
    host.expect(0, "status");
}

#[test]
fn every_command_is_tried_without_permission() {
    let help = Host::new("").expect(0, "--help").stdout;
    let commands = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    // What a command is for stands beside it, or below where there is no room.
    let names = commands.filter_map(|line| line.strip_prefix("  ").filter(|line| !line.starts_with(' ')));
    let names: Vec<&str> = names.filter_map(|line| line.split(' ').next()).filter(|name| *name != "help").collect();
    assert!(names.len() > 12, "{help}");
    for name in names {
        let tried = OF_THE_KERNEL.iter().chain(&OF_EVERYBODY).any(|command| command.split(' ').next() == Some(name));
        assert!(tried, "`{name}` belongs to one of the lists here");
    }
}

#[test]
fn root_of_a_container_without_net_admin_is_told_the_same() {
    refuses(&with_a_grant(), &AS_ROOT_WITHOUT, "CAP_NET_ADMIN is missing: user 0");
}

#[test]
fn l8_in_a_child_user_namespace_the_kernel_says_no() {
    refuses(&with_a_grant(), &IN_A_CHILD, "user namespace that owns this network namespace");
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
fn l9_a_service_user_with_net_admin_needs_no_more() {
    let host = with_a_grant();
    open_to_all(&host);
    std::fs::create_dir(host.state()).unwrap();
    for directory in [host.state(), host.directory.path().join("grants.d")] {
        chown(directory, Some(65534), Some(65534)).unwrap();
    }
    let ambient = ["--inh-caps", "+net_admin", "--ambient-caps", "+net_admin", "--bounding-set", "-all,+net_admin"];
    let service = [&AS_NOBODY[..], &ambient].concat();
    for command in ["apply", "status", "grant 10.1.2.3 --name site", "revoke site", "remove", "history"] {
        let ended = host.run_under(&service, command);
        assert_eq!(ended.status, 0, "{command}: {}", ended.stderr);
    }
}

#[test]
fn l11_where_only_the_state_directory_can_be_written_it_applies() {
    let host = Host::new("mode = \"enforce\"");
    std::fs::create_dir(host.state()).unwrap();
    // What ProtectSystem=strict, StateDirectory, CapabilityBoundingSet and NoNewPrivileges make of a service.
    let script = format!(
        "mount --bind {all} {all} && mount --bind {state} {state} && mount -o remount,bind,ro {all} && \
         mount -o remount,bind,ro / && ! touch {all}/new 2>/dev/null && exec \"$@\"",
        all = host.directory.path().display(),
        state = host.state().display(),
    );
    let only = ["setpriv", "--no-new-privs", "--bounding-set", "-all,+net_admin", "--inh-caps", "-all"];
    let sandboxed = [&["unshare", "--mount", "sh", "-c", &script, "sh"][..], &only].concat();
    for command in ["apply", "status", "apply --mode audit"] {
        let ended = host.run_under(&sandboxed, command);
        assert_eq!(ended.status, 0, "{command}: {}", ended.stderr);
    }
}

/// What a kernel without nf_tables answers when the socket to netfilter is made, from the `socket`th one on.
fn without_nf_tables(socket: usize) -> String {
    format!(
        "strace --quiet=all --output=/dev/null --trace=socket -e inject=socket:error=EPROTONOSUPPORT:when={socket}+"
    )
}

#[test]
fn l3_a_kernel_without_nf_tables_has_a_status_of_its_own() {
    let host = Host::new("");
    // The first socket of a command that asks the kernel alone, the second one where the host's networks
    // are read before.
    for (command, socket) in [("apply", 2), ("plan", 2), ("status", 1), ("remove", 1), ("guard", 1), ("boot", 1)] {
        let without = without_nf_tables(socket);
        let refused = host.run_under(&without.split(' ').collect::<Vec<_>>(), command);
        assert_eq!(refused.status, 6, "{command}: {}", refused.stderr);
        assert!(refused.stderr.contains("modprobe nf_tables"), "{}", refused.stderr);
    }
    assert!(!host.state().exists(), "a state directory was made all the same");
}

#[test]
fn l1_l2_l3_the_doctor_calls_a_kernel_without_nf_tables_an_unsupported_platform() {
    let host = Host::new("");
    // On older kernels the first socket finds out what the kernel can keep; the next one is for links and addresses, and
    // all later ones are refused.
    let is_asked = !Features::of_release(&dockwall::host::kernel_release()).owner;
    let without = without_nf_tables(if is_asked { 3 } else { 2 });
    let found = host.run_under(&without.split(' ').collect::<Vec<_>>(), "doctor");
    assert_eq!(found.status, 4, "{}{}", found.stdout, found.stderr);
    assert!(found.stdout.contains("unsupported platform: this kernel"), "{}", found.stdout);
    assert!(!host.state().exists(), "a state directory was made all the same");
}

#[test]
fn l10_the_doctor_says_what_it_could_not_look_at() {
    let host = with_a_grant();
    host.expect(0, "apply");
    open_to_all(&host);
    std::fs::set_permissions(host.state(), PermissionsExt::from_mode(0o700)).unwrap();
    let told = host.run_under(&AS_NOBODY, "doctor --ignore log");
    assert_eq!(told.status, 0, "{}", told.stderr);
    assert!(told.stdout.starts_with("● nothing is wrong, as far as it could be looked at"), "{}", told.stdout);
    for part in ["Not looked at", "CAP_NET_ADMIN is missing: user 65534", "state directory"] {
        assert!(told.stdout.contains(part), "{part} is missing in {}", told.stdout);
    }
    // A kernel that has no iptables-legacy loaded has no such tables, and nothing to look at.
    let has_legacy = ["ip", "ip6"].iter().any(|family| Path::new(&format!("/proc/net/{family}_tables_names")).exists());
    assert_eq!(told.stdout.contains("/proc/net/ip_tables_names"), has_legacy, "{}", told.stdout);
    let refused = host.run_under(&AS_NOBODY, "doctor --probe");
    assert_eq!(refused.status, 5, "{}", refused.stderr);
    assert!(refused.stderr.contains("CAP_SYS_ADMIN"), "{}", refused.stderr);
    let only = ["setpriv", "--bounding-set", "-all,+net_admin", "--inh-caps", "-all"];
    let refused = host.run_under(&only, "doctor --probe");
    assert_eq!(refused.status, 5, "{}", refused.stderr);
}

#[test]
fn l7_where_modules_are_disabled_the_cure_is_another_boot() {
    let host = Host::new("");
    let disabled = format!(
        "mount -t tmpfs tmpfs /proc/sys/kernel && echo 1 >/proc/sys/kernel/modules_disabled && exec {} \"$@\"",
        without_nf_tables(2)
    );
    let refused = host.run_under(&["unshare", "--mount", "sh", "-c", &disabled, "sh"], "apply");
    assert_eq!(refused.status, 6, "{}", refused.stderr);
    assert!(refused.stderr.contains("kernel.modules_disabled is 1"), "{}", refused.stderr);
    assert!(!refused.stderr.contains("modprobe"), "{}", refused.stderr);
    assert!(!host.state().exists(), "a state directory was made all the same");
}

#[test]
fn l7_where_modules_are_disabled_and_there_it_works() {
    let host = Host::new("");
    let disabled = "mount -t tmpfs tmpfs /proc/sys/kernel && echo 1 >/proc/sys/kernel/modules_disabled && exec \"$@\"";
    let applied = host.run_under(&["unshare", "--mount", "sh", "-c", disabled, "sh"], "apply --mode enforce");
    assert_eq!(applied.status, 0, "{}", applied.stderr);
    host.expect(0, "status");
}

#[test]
fn a_configuration_that_may_not_be_read_ends_with_5() {
    let host = Host::new("");
    open_to_all(&host);
    std::fs::set_permissions(host.configuration(), PermissionsExt::from_mode(0o600)).unwrap();
    let refused = host.run_under(&AS_NOBODY, "check");
    assert_eq!(refused.status, 5, "{}", refused.stderr);
    assert!(refused.stderr.contains("dockwall.toml"), "{}", refused.stderr);
}

#[test]
fn a_history_that_may_not_be_read_ends_with_5() {
    let host = Host::new("");
    host.expect(0, "apply");
    open_to_all(&host);
    std::fs::set_permissions(host.state(), PermissionsExt::from_mode(0o700)).unwrap();
    let refused = host.run_under(&AS_NOBODY, "history");
    assert_eq!(refused.status, 5, "{}", refused.stderr);
    assert!(refused.stderr.contains("state"), "{}", refused.stderr);
}

/// Lets everybody reach the configuration and the state directory.
fn open_to_all(host: &Host) {
    let opened = std::process::Command::new("chmod").args(["-R", "a+rX"]).arg(host.directory.path()).output().unwrap();
    assert_eq!(ended(opened).status, 0);
}

/// All files below, with what they hold; directories with nothing.
fn files(directory: &Path) -> BTreeMap<std::path::PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.append(&mut files(&path));
            found.insert(path, Vec::new());
        } else {
            found.insert(path.clone(), std::fs::read(&path).unwrap());
        }
    }
    found
}
