//! A machine with systemd: `systemd-nspawn` over the programs of this one, in a network namespace of its own.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::cgroup::Cgroup;
use crate::support::{Netns, listing};

/// Nothing takes longer than this.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// Where it is installed.
const PREFIX: &str = "/opt/wall";
/// What stands for Docker: it notes what the kernel holds when it starts.
const DOCKER: &str = "[Service]\nExecStart=/bin/sh -c 'nft list ruleset >/run/seen-by-docker; exec sleep infinity'\n\
                      [Install]\nWantedBy=multi-user.target\n";
/// What stands for whatever makes the network, such as systemd-networkd.
const NETWORK: &str = "[Unit]\nDefaultDependencies=no\nAfter=network-pre.target\nBefore=network.target\n\
                       [Service]\nType=oneshot\nExecStart=/bin/sh -c 'nft list ruleset >/run/seen-by-network'\n\
                       [Install]\nWantedBy=multi-user.target\n";

/// A machine, off or on.
pub struct Machine {
    root: TempDir,
    running: Option<Running>,
}

struct Running {
    netns: Netns,
    nspawn: Child,
    name: String,
    /// Its process 1, as this machine numbers it.
    first: Pid,
    _cgroup: Cgroup,
}

/// Numbers the machines of this process.
static NEXT: AtomicU32 = AtomicU32::new(0);

impl Machine {
    /// One that is off, with dockwall installed as `scripts/install` does it.
    ///
    /// # Panics
    /// Says what is missing. A test that cannot prove anything must not pass.
    pub fn new(configuration: &str, install: &[&str]) -> Self {
        let found = Command::new("systemd-nspawn").arg("--version").output().is_ok();
        assert!(found, "this test boots systemd: apt-get install systemd-container dbus");
        let machine = Self { root: TempDir::new().unwrap(), running: None };
        machine.furnish();
        machine.install(install);
        machine.write("etc/dockwall/dockwall.toml", configuration);
        machine.write("etc/systemd/system/docker.service", DOCKER);
        machine.write("etc/systemd/system/network-stand-in.service", NETWORK);
        machine.enable(&["docker", "network-stand-in", "dockwall"]);
        machine
    }

    /// The programs are this machine's, the rest its own.
    fn furnish(&self) {
        let root = self.root.path();
        for directory in ["usr", "etc/systemd/system", "var", "run", "tmp", "root", "proc", "sys", "dev", "opt"] {
            fs::create_dir_all(root.join(directory)).unwrap();
        }
        for link in ["bin", "sbin", "lib", "lib64"].iter().filter(|link| Path::new("/").join(link).is_symlink()) {
            symlink(Path::new("usr").join(link), root.join(link)).unwrap();
        }
        for file in ["passwd", "group", "nsswitch.conf", "protocols", "pam.d", "ld.so.cache", "os-release"] {
            let copied =
                Command::new("cp").args(["-rL"]).arg(Path::new("/etc").join(file)).arg(root.join("etc")).status();
            assert!(copied.unwrap().success(), "/etc/{file}");
        }
        self.write("etc/machine-id", "");
        symlink("/usr/lib/systemd/system/multi-user.target", root.join("etc/systemd/system/default.target")).unwrap();
    }

    fn install(&self, options: &[&str]) {
        let built = TempDir::new().unwrap();
        fs::copy(env!("CARGO_BIN_EXE_dockwall"), built.path().join("dockwall")).unwrap();
        fs::create_dir(built.path().join("manual")).unwrap();
        for file in ["dockwall.1", "dockwall.bash", "_dockwall", "dockwall.fish"] {
            fs::write(built.path().join("manual").join(file), "").unwrap();
        }
        let mut install = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/install"));
        install.args(["--prefix", PREFIX]).arg("--destdir").arg(self.root.path()).arg("--built").arg(built.path());
        succeed(install.args(options));
    }

    /// Has units started at boot.
    pub fn enable(&self, units: &[&str]) {
        succeed(Command::new("systemctl").arg("--quiet").arg("--root").arg(self.root.path()).arg("enable").args(units));
    }

    /// Writes a file of the machine, whether it is on or off.
    pub fn write(&self, path: &str, text: &str) {
        let path = self.root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Where a file of the machine is, unless that is made anew with each boot, as /run is.
    pub fn path(&self, path: &str) -> PathBuf {
        self.root.path().join(path)
    }

    /// Where a file of the machine that is on is.
    pub fn path_inside(&self, path: &str) -> PathBuf {
        Path::new("/proc").join(self.on().first.as_raw_nonzero().to_string()).join("root").join(path)
    }

    /// Switches it on, with a kernel that has forgotten all, and returns when it has booted.
    #[track_caller]
    pub fn boot(&mut self) {
        assert!(self.running.is_none(), "it is on");
        let netns = Netns::new();
        let name = format!("dw-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let cgroup = Cgroup::new(&name);
        let mut nspawn = cgroup.command("systemd-nspawn");
        nspawn.args(["--quiet", "--boot", "--register=no", "--keep-unit", "--console=pipe", "--bind-ro=/usr"]);
        nspawn.args(["--resolv-conf=off", "--timezone=off", "--link-journal=no"]).arg(format!("--machine={name}"));
        nspawn.arg("--directory").arg(self.root.path());
        nspawn.arg("--capability=CAP_NET_ADMIN").arg(format!("--network-namespace-path=/run/netns/{}", netns.name()));
        let log = fs::File::create(self.root.path().join("../").join(format!("{name}.log"))).unwrap();
        nspawn.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        let mut nspawn = nspawn.spawn().unwrap();
        let first = await_some("process 1", || {
            assert!(nspawn.try_wait().unwrap().is_none(), "systemd-nspawn ended: {}", self.log(&name));
            first_of(nspawn.id())
        });
        self.running = Some(Running { netns, nspawn, name, first, _cgroup: cgroup });
        await_that("a booted system", || {
            let state = text(self.command("systemctl is-system-running").output().unwrap());
            ["running", "degraded"].contains(&state.trim())
        });
    }

    fn log(&self, name: &str) -> String {
        fs::read_to_string(self.root.path().join("../").join(format!("{name}.log"))).unwrap_or_default()
    }

    /// Takes the power away.
    pub fn cut(&mut self) {
        if let Some(mut running) = self.running.take() {
            // Process 1 takes all with it.
            let _ = kill_process(running.first, Signal::KILL);
            let _ = running.nspawn.wait();
            let _ = fs::remove_file(self.root.path().join("../").join(format!("{}.log", running.name)));
            // Left behind where /run is no tmpfs.
            for left in ["propagate", "unix-export"] {
                let _ = fs::remove_dir(format!("/run/systemd/nspawn/{left}/{}", running.name));
            }
        }
    }

    fn on(&self) -> &Running {
        self.running.as_ref().expect("it is off")
    }

    /// A command of the machine, split at spaces.
    pub fn command(&self, command: &str) -> Command {
        let mut run = Command::new("timeout");
        run.args(["--kill-after=5", "60", "nsenter", "--target"]).arg(self.on().first.as_raw_nonzero().to_string());
        run.args(["--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup", "--wd=/", "--", "env", "-i"]);
        run.arg(format!("PATH={PREFIX}/bin:/usr/sbin:/usr/bin:/sbin:/bin")).args(command.split(' '));
        run
    }

    /// What a command of the machine prints.
    ///
    /// # Panics
    /// When it does not end with `status`.
    #[track_caller]
    pub fn expect(&self, status: i32, command: &str) -> String {
        let output = self.command(command).output().unwrap();
        assert_eq!(output.status.code(), Some(status), "{command}: {}", text(output));
        text(output)
    }

    /// The same, as JSON.
    #[track_caller]
    pub fn json(&self, status: i32, command: &str) -> serde_json::Value {
        serde_json::from_str(&self.expect(status, command)).unwrap()
    }

    /// What systemd says of a unit, such as its `ActiveState`.
    #[track_caller]
    pub fn show(&self, unit: &str, property: &str) -> String {
        self.expect(0, &format!("systemctl show --value --property={property} {unit}")).trim().to_owned()
    }

    /// The units of ours that failed. What else does in so bare a machine is no matter here.
    pub fn failed(&self) -> Vec<String> {
        let listed = self.expect(0, "systemctl list-units --failed --plain --no-legend");
        let units = listed.lines().filter_map(|line| line.split(' ').next());
        units.filter(|unit| unit.starts_with("dockwall")).map(str::to_owned).collect()
    }

    /// What a unit and its processes said.
    pub fn journal(&self, unit: &str) -> String {
        self.expect(0, &format!("journalctl --no-pager --output=cat --unit={unit}"))
    }

    /// What the kernel holds.
    pub fn dump(&self) -> Vec<String> {
        blocks(&self.on().netns.list())
    }

    /// What it held when `who` looked at boot.
    #[track_caller]
    pub fn seen_by(&self, who: &str) -> Vec<String> {
        let path = self.path_inside(&format!("run/seen-by-{who}"));
        blocks(&fs::read_to_string(path).unwrap_or_else(|error| panic!("{who} did not start: {error}")))
    }

    /// Loads a ruleset.
    pub fn load(&self, ruleset: &str) {
        self.on().netns.load(ruleset);
    }

    /// Waits until the kernel holds that.
    #[track_caller]
    pub fn await_dump(&self, expected: &[String]) {
        await_that(&format!("{expected:#?}"), || self.dump() == expected);
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        if let Some(running) = self.running.as_ref().filter(|_| std::thread::panicking()) {
            eprintln!("{}", self.log(&running.name));
            eprintln!("{}", text(self.command("journalctl --no-pager --lines=80 --output=short").output().unwrap()));
        }
        self.cut();
    }
}

fn blocks(listing: &str) -> Vec<String> {
    if listing.is_empty() { Vec::new() } else { listing::blocks(listing) }
}

/// The child of that process which is the first one of a namespace. Before that there is one which makes it.
fn first_of(process: u32) -> Option<Pid> {
    let children = fs::read_to_string(format!("/proc/{process}/task/{process}/children")).ok()?;
    let is_first = |child: &&str| {
        let status = fs::read_to_string(format!("/proc/{child}/status")).unwrap_or_default();
        status.lines().any(|line| line.starts_with("NSpid:") && line.ends_with("\t1"))
    };
    children.split_whitespace().find(is_first)?.parse().ok().and_then(Pid::from_raw)
}

#[track_caller]
pub fn await_that(what: &str, is_so: impl Fn() -> bool) {
    await_some(what, || is_so().then_some(()));
}

#[track_caller]
fn await_some<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < end, "never: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[track_caller]
fn succeed(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", text(output));
}

fn text(output: Output) -> String {
    let said = [output.stdout, output.stderr].concat();
    String::from_utf8_lossy(&said).into_owned()
}
