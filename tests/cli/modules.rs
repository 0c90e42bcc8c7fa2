//! A kernel whose modules are not there, for real. These unload modules and lock the loader, so that they run
//! only in a guest that nobody else uses, one after the other: `scripts/kernels` has them.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::host::{Ended, Host};

/// Where the kernel is told who loads modules.
const LOADER: &str = "/proc/sys/kernel/modprobe";
/// Nothing is loaded any more once it is 1, for as long as the kernel runs.
const DISABLED: &str = "/proc/sys/kernel/modules_disabled";
/// What modprobe is told not to load.
const FORBIDDEN: &str = "/etc/modprobe.d/forbidden.conf";

/// Nothing takes longer.
const PATIENCE: Duration = Duration::from_secs(30);

/// A host whose kernel has none of the modules.
fn without_modules() -> Host {
    let guest = fs::read_to_string("/proc/cmdline").unwrap();
    assert!(guest.contains("dockwall.guest"), "this is for guests of scripts/kernels only: it unloads modules");
    // A namespace that was deleted takes a moment to let go of them.
    let end = Instant::now() + PATIENCE;
    loop {
        let left: Vec<String> = loaded().into_iter().filter(|module| is_used(module)).collect();
        if left.is_empty() {
            break;
        }
        assert!(Instant::now() < end, "cannot be unloaded: {left:?}");
        // Some need others gone first, in the next round.
        for module in loaded().into_iter().filter(|module| module.starts_with("nf")) {
            let _ = Command::new("modprobe").args(["--remove", "--quiet", &module]).status();
        }
        sleep(Duration::from_millis(100));
    }
    assert!(!Path::new("/sys/module/nf_tables").exists(), "nf_tables is in the kernel itself");
    Host::new("mode = \"enforce\"\n")
}

/// Whether rules are of it, and the log.
fn is_used(module: &str) -> bool {
    ["nf_tables", "nft_", "nf_log_", "nfnetlink_log"].iter().any(|prefix| module.starts_with(prefix))
}

fn loaded() -> Vec<String> {
    let modules = fs::read_to_string("/proc/modules").unwrap();
    modules.lines().filter_map(|line| Some(line.split(' ').next()?.to_owned())).collect()
}

fn is_loaded(module: &str) -> bool {
    loaded().iter().any(|loaded| loaded == module)
}

/// Has the kernel load no modules until it is dropped.
struct NoLoader(String);

impl NoLoader {
    fn new() -> Self {
        let before = fs::read_to_string(LOADER).unwrap();
        fs::write(LOADER, "/bin/false").unwrap();
        Self(before.trim().to_owned())
    }
}

impl Drop for NoLoader {
    fn drop(&mut self) {
        let _ = fs::write(LOADER, &self.0);
    }
}

/// Keeps modprobe from loading some modules until it is dropped.
struct Forbidden;

impl Forbidden {
    fn new(modules: &[&str]) -> Self {
        fs::create_dir_all("/etc/modprobe.d").unwrap();
        let lines: String = modules.iter().map(|module| format!("install {module} /bin/false\n")).collect();
        fs::write(FORBIDDEN, lines).unwrap();
        Self
    }
}

impl Drop for Forbidden {
    fn drop(&mut self) {
        let _ = fs::remove_file(FORBIDDEN);
    }
}

fn table_is_there(host: &Host) -> bool {
    host.netns.nft("list tables").contains("inet dockwall")
}

/// That it was refused before anything was changed, for want of that module.
#[track_caller]
fn refused_for(host: &Host, module: &str) -> Ended {
    let refused = host.run("apply");
    assert_eq!(refused.status, 1, "{}", refused.stderr);
    assert!(refused.stderr.contains(module), "{module} is not named: {}", refused.stderr);
    assert!(!table_is_there(host), "{}", host.netns.list());
    refused
}

fn modprobe(arguments: &[&str]) -> bool {
    Command::new("modprobe").args(arguments).status().unwrap().success()
}

/// Does what `told` says is to be done: the words after `modprobe`.
#[track_caller]
fn cured_by(told: &str) {
    let (_, cure) = told.rsplit_once("`modprobe ").unwrap_or_else(|| panic!("no cure: {told}"));
    let words: Vec<&str> = cure.split('`').next().unwrap().split(' ').collect();
    assert!(modprobe(&words), "{told}");
}

#[test]
#[ignore = "unloads modules: scripts/kernels runs it in a guest"]
fn l2_l3_without_nf_tables_every_command_of_the_kernel_says_so_and_ends_with_6() {
    let host = without_modules();
    let _loader = NoLoader::new();
    let release = rustix::system::uname().release().to_string_lossy().into_owned();
    let said = format!(
        "this kernel ({release}) has no nf_tables: load it with `modprobe nf_tables`, or boot a kernel built with \
         CONFIG_NF_TABLES and CONFIG_NF_TABLES_INET"
    );
    for command in ["apply", "plan", "status", "remove", "rollback --to 1", "guard"] {
        let refused = host.run(command);
        assert_eq!(refused.status, 6, "{command}: {}", refused.stderr);
        assert!(refused.stderr.contains(&said), "{command}: {}", refused.stderr);
    }
    let told = host.expect(4, "doctor").stdout;
    assert!(told.contains(&format!("unsupported platform: this kernel ({release})")), "{told}");
    assert!(!host.state().exists(), "a state directory was made all the same");
    // Who asks for nothing of the kernel needs none.
    for command in ["check", "render"] {
        host.expect(0, command);
    }
}

#[test]
#[ignore = "unloads modules: scripts/kernels runs it in a guest"]
fn l4_l5_a_forbidden_module_is_named_and_nothing_is_changed() {
    for module in ["nft_ct", "nft_limit"] {
        let host = without_modules();
        let forbidden = Forbidden::new(&[module]);
        let refused = refused_for(&host, module);
        drop(forbidden);
        cured_by(&refused.stderr);
        assert!(is_loaded(module));
        host.expect(0, "apply");
        host.expect(0, "status");
        host.expect(0, "remove");
    }
}

#[test]
#[ignore = "unloads modules: scripts/kernels runs it in a guest"]
fn l1_l5_all_that_are_missing_come_at_once_with_a_cure_that_this_kernel_takes() {
    let configuration = "mode = \"enforce\"\ndeny.action = \"reject\"\n\
        [[grant]]\nname = \"db\"\nto = \"10.1.2.3\"\nfrom = \"172.18.0.0/16\"\n";
    let missing = ["nft_ct", "nft_limit", "nft_fib_inet", "nft_reject_inet"];
    let host = without_modules();
    host.configure(configuration);
    let forbidden = Forbidden::new(&missing);
    let refused = refused_for(&host, "missing in all: ");
    drop(forbidden);
    cured_by(&refused.stderr);
    for module in missing {
        assert!(is_loaded(module), "{module} was not in {}", refused.stderr);
    }
    host.expect(0, "apply");
    host.expect(0, "remove");
}

/// The one that writes the log has other names before Linux 5.13.
#[test]
#[ignore = "unloads modules: scripts/kernels runs it in a guest"]
fn k7_without_the_modules_for_it_there_is_no_log_and_the_cure_that_is_told_brings_it_back() {
    for (target, missing) in [
        ("kernel", &["nf_log_syslog", "nf_log_ipv4", "nf_log_ipv6"][..]),
        ("nflog:5", &["nfnetlink_log"]),
        ("kernel", &["nft_log"]),
    ] {
        let host = without_modules();
        host.configure(&format!("mode = \"enforce\"\nlog.target = \"{target}\"\n"));
        let forbidden = Forbidden::new(missing);
        let applied = host.expect(0, "apply").stderr;
        assert!(applied.contains("cannot log packets"), "{missing:?}: {applied}");
        assert!(host.expect(0, "status").stdout.contains("logging off"));
        let listed = host.netns.list();
        assert!(!listed.contains("log ") && listed.contains("drop"), "{missing:?}: {listed}");
        drop(forbidden);
        cured_by(&applied);
        host.expect(0, "apply");
        assert!(host.netns.list().contains("log prefix \"DOCKER_NET_DROP \""), "{missing:?}");
        host.expect(0, "remove");
    }
}

#[test]
#[ignore = "unloads modules: scripts/kernels runs it in a guest"]
fn l5_each_kernel_knows_all_that_is_to_be_loaded_at_boot() {
    let host = without_modules();
    let listed = include_str!("../../packaging/modules-load.d/dockwall.conf");
    for name in listed.lines().filter(|line| !line.starts_with('#')) {
        assert!(modprobe(&[name]), "{name} is no module of this kernel");
    }
    // Before 5.17 one more, which is in nf_tables since then: a list for every kernel cannot name it.
    let _ = modprobe(&["--quiet", "nft_counter"]);
    // Then nothing is missing any more, whatever may be loaded later.
    let loader = NoLoader::new();
    host.configure("mode = \"enforce\"\ndeny.action = \"reject\"\n");
    host.expect(0, "apply");
    host.expect(0, "status");
    host.expect(0, "remove");
    drop(loader);
}

#[test]
#[ignore = "unloads modules: scripts/kernels runs it in a guest"]
fn l11_where_only_the_kernel_loads_modules_it_applies() {
    let host = without_modules();
    let only = ["setpriv", "--bounding-set", "-all,+net_admin", "--inh-caps", "-all"];
    let applied = host.run_under(&only, "apply");
    assert_eq!(applied.status, 0, "{}", applied.stderr);
    assert!(is_loaded("nft_ct") && is_loaded("nft_limit"));
    host.expect(0, "remove");
}

#[test]
#[ignore = "locks the loader for good: scripts/kernels runs it last in a guest"]
fn l7_with_modules_disabled_and_only_some_there_it_is_refused_before_anything_changes() {
    let host = without_modules();
    assert!(modprobe(&["nf_tables"]));
    fs::write(DISABLED, "1").unwrap();
    let refused = refused_for(&host, "nft_ct");
    assert!(refused.stderr.contains("kernel.modules_disabled is 1"), "{}", refused.stderr);
    assert!(!refused.stderr.contains("modprobe"), "{}", refused.stderr);
}
