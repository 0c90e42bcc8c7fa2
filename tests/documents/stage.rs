//! Where documents are typed: a host in namespaces of its own, whose /etc and /var/lib nobody else sees, and whose other
//! files are read-only, so that commands run as they are written, `sudo` and paths among them.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use tempfile::TempDir;

use crate::support::Netns;
use crate::support::docker::StandIn;
use crate::support::docker::scene::LINKS;

/// Seconds that no command takes longer than.
const PATIENCE: &str = "60";

/// What is mounted before the first command. `$1` is a directory of the test's.
const MOUNTS: &str = r#"
    for directory in /etc /var/lib; do
        mkdir "$1/layer"
        mount -t tmpfs tmpfs "$1/layer"
        mkdir "$1/layer/written" "$1/layer/work"
        mount -t overlay overlay -o "lowerdir=$directory,upperdir=$1/layer/written,workdir=$1/layer/work" "$directory"
        umount --lazy "$1/layer"
        rmdir "$1/layer"
    done
    mount -t tmpfs tmpfs /run
    mount --bind "$1" "$1"
    mount -o remount,bind,ro /
    rm -rf /etc/dockwall /var/lib/dockwall /etc/resolv.conf
    echo nameserver 10.57.17.5 >/etc/resolv.conf
    echo ready
    exec cat
"#;

/// The host. Whatever runs on it ends with it.
pub struct Stage {
    holder: Child,
    /// Its process 1, as this machine numbers it.
    first: String,
    directory: TempDir,
    docker: StandIn,
    _netns: Netns,
}

impl Stage {
    /// A host as it is before dockwall, with rules to import in the directory where commands are typed.
    pub fn set() -> Self {
        let netns = Netns::new();
        let directory = TempDir::new().unwrap();
        let mut ip = netns.command("ip").args(["-batch", "-"]).stdin(Stdio::piped()).spawn().unwrap();
        ip.stdin.take().unwrap().write_all(LINKS.as_bytes()).unwrap();
        assert!(ip.wait().unwrap().success());
        for name in ["ipv4/ip_forward", "ipv6/conf/all/forwarding"] {
            netns.enter(|| fs::write(format!("/proc/sys/net/{name}"), "1").unwrap());
        }
        furnish(directory.path());
        let mut holder = netns.command("unshare");
        holder.args(["--pid", "--fork", "--kill-child", "--mount-proc", "--propagation", "private"]);
        holder.args(["sh", "-ec", MOUNTS, "sh"]).arg(directory.path());
        let mut holder = holder.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut said = String::new();
        BufReader::new(holder.stdout.take().unwrap()).read_line(&mut said).unwrap();
        assert_eq!(said, "ready\n", "the host did not start");
        let children = fs::read_to_string(format!("/proc/{0}/task/{0}/children", holder.id())).unwrap();
        let first = children.trim().to_owned();
        Self { holder, first, directory, docker: StandIn::with_a_scene(), _netns: netns }
    }

    /// The directory where commands are typed.
    pub fn typed_in(&self) -> PathBuf {
        self.directory.path().join("typed")
    }

    /// Types a command, and waits for its end.
    pub fn run(&self, typed: &str) -> Output {
        let directory = self.directory.path().display();
        let program = Path::new(env!("CARGO_BIN_EXE_dockwall")).parent().unwrap().display();
        let mut run = Command::new("timeout");
        run.args(["--kill-after=5", PATIENCE, "nsenter", "--target", &self.first, "--mount", "--net", "--pid"]);
        // Not nsenter's own `--wd`, which is a directory of the mounts outside.
        run.args(["env", "-i"])
            .arg(format!("--chdir={}", self.typed_in().display()))
            .args(["LC_ALL=C.UTF-8", "HOME=/root"]);
        run.arg(format!("PATH={directory}/bin:{program}:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"));
        run.arg(self.docker.variable());
        run.args(["sh", "-c", typed]).stdin(Stdio::null()).output().unwrap()
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

/// `bin` has what stands for sudo, `typed` is where commands are typed.
fn furnish(directory: &Path) {
    let (bin, typed) = (directory.join("bin"), directory.join("typed"));
    for new in [&bin, &typed] {
        fs::create_dir(new).unwrap();
    }
    fs::write(bin.join("sudo"), "#!/bin/sh\nexec \"$@\"\n").unwrap();
    fs::set_permissions(bin.join("sudo"), PermissionsExt::from_mode(0o755)).unwrap();
    let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/import/rules");
    for rule in fs::read_dir(rules).unwrap().map(|entry| entry.unwrap().path()) {
        fs::copy(&rule, typed.join(rule.file_name().unwrap())).unwrap();
    }
}
