//! A network namespace that a test makes for itself, and removes.

use std::fs::File;
use std::io::Write;
use std::os::fd::AsFd;
use std::panic::resume_unwind;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::Once;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use dockwall::netlink::{Error, Kernel, Live, Sent};
use dockwall::ruleset::Table;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// A namespace of its own, gone when it is dropped.
pub struct Netns {
    name: String,
}

/// What `nft` says where the kernel answers EOPNOTSUPP.
pub const NOT_SUPPORTED: &str = "Error: Could not process rule: Operation not supported";

/// What their names begin with, before the number of the process that made them.
const PREFIX: &str = "dw-t-";

/// Whether those of killed processes are removed.
static SWEPT: Once = Once::new();
/// Numbers the namespaces of this process.
static NEXT: AtomicU32 = AtomicU32::new(0);

/// Removes those of processes that were killed.
fn sweep() {
    for entry in std::fs::read_dir("/run/netns").into_iter().flatten().flatten() {
        let name = entry.file_name();
        let process = name.to_str().and_then(|name| name.strip_prefix(PREFIX)?.split('-').next());
        if process.is_some_and(|process| !Path::new("/proc").join(process).exists()) {
            let _ = Command::new("ip").args(["netns", "delete"]).arg(&name).output();
        }
    }
}

impl Netns {
    /// Makes one.
    ///
    /// # Panics
    /// Says what is missing when the test does not run as root, or without `ip` or `nft`. A test
    /// that cannot prove anything must not pass.
    pub fn new() -> Self {
        assert!(
            rustix::process::geteuid().is_root(),
            "this test programs a kernel: run it as root (sudo -E cargo test)"
        );
        for program in ["ip", "nft"] {
            let found = Command::new(program).arg("-V").output().is_ok_and(|output| output.status.success());
            assert!(found, "this test needs the program `{program}`: apt-get install iproute2 nftables");
        }
        SWEPT.call_once(sweep);
        let name = format!("{PREFIX}{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let output = Command::new("ip").args(["netns", "add", &name]).output().unwrap();
        assert!(output.status.success(), "cannot make a network namespace: {}", text(&output.stderr));
        Self { name }
    }

    /// Its name, as `ip netns` lists it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Runs `work` on a thread inside, and gives what it gave or panics as it panicked.
    pub fn enter<R: Send>(&self, work: impl FnOnce() -> R + Send) -> R {
        let namespace = File::open(format!("/run/netns/{}", self.name)).unwrap();
        let inside = move || {
            move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
            work()
        };
        thread::scope(|scope| scope.spawn(inside).join()).unwrap_or_else(|panic| resume_unwind(panic))
    }

    /// A program, to be run inside.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name, program]);
        command
    }

    /// What `nft` prints for `arguments`.
    ///
    /// # Panics
    /// When it fails, with what it says.
    #[track_caller]
    pub fn nft(&self, arguments: &str) -> String {
        let output = self.command("nft").args(arguments.split(' ')).output().unwrap();
        assert!(output.status.success(), "nft {arguments}: {}", text(&output.stderr));
        text(&output.stdout)
    }

    /// Loads a ruleset as `nft -f` does.
    ///
    /// # Panics
    /// When `nft` refuses it, with what it says and the ruleset.
    #[track_caller]
    pub fn load(&self, ruleset: &str) {
        let output = self.try_load(ruleset);
        assert!(output.status.success(), "nft -f: {}\n{ruleset}", text(&output.stderr));
    }

    /// As [`Netns::load`]; false where this `nft` is too old to load it into this kernel.
    ///
    /// # Panics
    /// When `nft` refuses it for another reason.
    #[track_caller]
    pub fn loads(&self, ruleset: &str) -> bool {
        let output = self.try_load(ruleset);
        let said = text(&output.stderr);
        // Each complaint is a line with a place, and nothing else is wrong with it.
        let other = said.lines().filter(|line| line.contains(": Error: ")).any(|line| !line.ends_with(NOT_SUPPORTED));
        assert!(output.status.success() || (!other && self.refuses_no_ops()), "nft -f: {said}\n{ruleset}");
        output.status.success()
    }

    /// Whether `nft` and the kernel do not fit: before it looks for a protocol in a set of intervals, `nft` 1.0.6
    /// has the one byte of its number put into the network's order, which changes nothing, and which newer kernels
    /// refuse (6.12.117, 7.2.13 and 7.3.4 do; 6.1.192 and 6.18.44 do not). dockwall never asks for that.
    pub fn refuses_no_ops(&self) -> bool {
        let table = "table inet no-op {
            set s { type ipv4_addr . inet_proto; flags interval; }
            chain c { ip saddr . meta l4proto @s; }
        }";
        let refused = text(&self.try_load(table).stderr).lines().any(|line| line.ends_with(NOT_SUPPORTED));
        if !refused {
            self.nft("delete table inet no-op");
        }
        refused
    }

    /// As [`Netns::load`], whatever comes of it.
    pub fn try_load(&self, ruleset: &str) -> Output {
        let mut command = self.command("nft");
        command.args(["-f", "-"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // Closed at the end of the statement, which is the end of the ruleset.
        child.stdin.take().unwrap().write_all(ruleset.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    }

    /// All that `nft` lists.
    #[track_caller]
    pub fn list(&self) -> String {
        self.nft("list ruleset")
    }

    /// A connection to the nf_tables inside; it stays there wherever it is used.
    pub fn kernel(&self) -> Kernel {
        self.enter(|| Kernel::open().unwrap())
    }

    /// What the kernel holds of our table.
    #[track_caller]
    pub fn read(&self) -> Live {
        self.kernel().read().unwrap()
    }

    /// Our table.
    ///
    /// # Panics
    /// When there is none.
    #[track_caller]
    pub fn table(&self) -> Table {
        self.read().table.unwrap()
    }

    /// Makes the kernel hold `table`.
    #[track_caller]
    pub fn replace(&self, table: &Table) -> Sent {
        self.try_replace(table).unwrap_or_else(|error| panic!("{error}"))
    }

    /// As [`Netns::replace`], whatever comes of it.
    pub fn try_replace(&self, table: &Table) -> Result<Sent, Error> {
        self.kernel().replace(|_| Ok::<_, Error>(table.clone()))
    }
}

impl Drop for Netns {
    fn drop(&mut self) {
        // A failure shows as a namespace left behind; a panic here would hide the test's own.
        let _ = Command::new("ip").args(["netns", "delete", &self.name]).status();
    }
}

/// What a program printed.
pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
