//! A kernel whose modules are not there, for real. These unload modules and lock the loader, so that they run
//! only in a guest that nobody else uses, one after the other: `scripts/kernels` has them.

use std::fs;
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
    while is_loaded("nf_tables") {
        assert!(Instant::now() < end, "nf_tables cannot be unloaded: is it in the kernel itself, or in use?");
        // Some need others gone first, in the next round.
        for module in loaded().into_iter().filter(|module| module.starts_with("nf")) {
            let _ = Command::new("modprobe").args(["--remove", "--quiet", &module]).status();
        }
        sleep(Duration::from_millis(100));
    }
    Host::new("mode = \"enforce\"\n")
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
    // Who asks for nothing of the kernel needs none.
    for command in ["check", "render"] {
        host.expect(0, command);
    }
}

#[test]
#[ignore = "unloads modules: scripts/kernels runs it in a guest"]
fn l4_l5_a_forbidden_module_is_named_and_nothing_is_changed() {
    for module in ["nft_ct", "nft_limit", "nft_log"] {
        let host = without_modules();
        let forbidden = Forbidden::new(&[module]);
        let refused = refused_for(&host, module);
        assert!(refused.stderr.contains("modprobe "), "{}", refused.stderr);
        drop(forbidden);
        host.expect(0, "apply");
        host.expect(0, "status");
        host.expect(0, "remove");
    }
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
    assert!(Command::new("modprobe").arg("nf_tables").status().unwrap().success());
    fs::write(DISABLED, "1").unwrap();
    let refused = refused_for(&host, "nft_ct");
    assert!(refused.stderr.contains("kernel.modules_disabled is 1"), "{}", refused.stderr);
    assert!(!refused.stderr.contains("modprobe"), "{}", refused.stderr);
}
