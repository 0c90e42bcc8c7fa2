//! systemd, where it runs this machine: a timer of its own outlives every session.

use std::io;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use rustix::fs::stat;

/// There where systemd is the system's manager: sd_booted(3).
const BOOTED: &str = "/run/systemd/system";
/// How long it may take to set a timer. It answers within milliseconds unless it hangs.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often to look whether it has answered.
const LOOK: Duration = Duration::from_millis(5);

/// systemd as the manager of this process's own system.
#[derive(Debug)]
pub struct ServiceManager(());

/// What is to be run later.
#[derive(Debug)]
pub struct Timer<'a> {
    /// The name of both units, without their endings.
    pub unit: &'a str,
    /// What `systemctl` shows.
    pub description: &'a str,
    /// From now on, by a clock that stands still while the machine sleeps.
    pub after: Duration,
    /// The same by the clock on the wall, which goes on; whichever comes first counts.
    pub at: Timestamp,
}

impl ServiceManager {
    /// The one that runs here; none where what it starts would see another network or other files than this
    /// process, as in `ip netns exec`. To be called while all capabilities are still there: only then may process
    /// 1 be looked at.
    pub fn find() -> Option<Self> {
        Self::find_at(Path::new(BOOTED), Path::new("/proc"))
    }

    fn find_at(booted: &Path, proc: &Path) -> Option<Self> {
        let of = |process: &str, kind: &str| {
            let seen = stat(proc.join(process).join("ns").join(kind)).ok()?;
            Some((seen.st_dev, seen.st_ino))
        };
        let is_shared = |kind: &str| of("self", kind).is_some_and(|own| of("1", kind) == Some(own));
        (booted.is_dir() && ["net", "mnt", "pid"].iter().all(|kind| is_shared(kind))).then_some(Self(()))
    }

    /// Has it run the program at that time, in a unit of its own that is gone afterwards. By `systemd-run`, which is
    /// wherever systemd is: to speak D-Bus would take a library many times the size of this program.
    ///
    /// # Errors
    /// Where it is not to be had or says no, with its words.
    pub fn run_later<'a>(&self, timer: &Timer<'_>, command: impl IntoIterator<Item = &'a str>) -> io::Result<()> {
        let mut run = Command::new("systemd-run");
        run.args(["--quiet", "--collect", "--no-ask-password", "--timer-property=AccuracySec=50ms"]);
        run.arg(format!("--unit={}", timer.unit)).arg(format!("--description={}", timer.description));
        run.arg(format!("--on-active={}us", timer.after.as_micros()));
        run.arg(format!("--on-calendar={}", on_calendar(timer.at)));
        run.arg("--").args(command).current_dir("/").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut running = run.spawn()?;
        let end = Instant::now() + PATIENCE;
        while running.try_wait()?.is_none() {
            if Instant::now() >= end {
                running.kill()?;
                running.wait()?;
                return Err(io::ErrorKind::TimedOut.into());
            }
            std::thread::sleep(LOOK);
        }
        let ended = running.wait_with_output()?;
        if ended.status.success() {
            return Ok(());
        }
        Err(io::Error::other(String::from_utf8_lossy(&ended.stderr).trim().to_owned()))
    }
}

/// As systemd.time(7) writes a time of the calendar, up to the next millisecond.
fn on_calendar(at: Timestamp) -> String {
    let up = at.checked_add(SignedDuration::from_micros(999)).unwrap_or(at);
    up.strftime("%Y-%m-%d %H:%M:%S.%3f UTC").to_string()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_time_of_the_calendar_is_never_too_early() {
        for (at, written) in [
            ("2026-03-01T10:20:30Z", "2026-03-01 10:20:30.000 UTC"),
            ("2026-03-01T10:20:30.1239Z", "2026-03-01 10:20:30.124 UTC"),
            ("2026-12-31T23:59:59.9999Z", "2027-01-01 00:00:00.000 UTC"),
        ] {
            assert_eq!(on_calendar(at.parse().unwrap()), written);
        }
    }

    /// Two processes in namespaces that are files here, by name.
    fn processes(own: [&str; 3], first: [&str; 3]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (process, namespaces) in [("self", own), ("1", first)] {
            let ns = root.path().join(process).join("ns");
            fs::create_dir_all(&ns).unwrap();
            for (kind, namespace) in ["net", "mnt", "pid"].iter().zip(namespaces) {
                let file = root.path().join(namespace);
                fs::write(&file, "").unwrap();
                symlink(&file, ns.join(kind)).unwrap();
            }
        }
        root
    }

    #[test]
    fn it_is_asked_only_where_it_would_see_the_same() {
        let same = ["net-1", "mnt-1", "pid-1"];
        for (own, first, expected) in [
            (same, same, true),
            (["net-2", "mnt-1", "pid-1"], same, false),
            (["net-1", "mnt-2", "pid-1"], same, false),
            (["net-1", "mnt-1", "pid-2"], same, false),
        ] {
            let root = processes(own, first);
            assert_eq!(ServiceManager::find_at(root.path(), root.path()).is_some(), expected, "{own:?}");
            assert!(ServiceManager::find_at(&root.path().join("not-booted"), root.path()).is_none());
        }
        let root = processes(same, same);
        fs::remove_dir_all(root.path().join("1")).unwrap();
        assert!(ServiceManager::find_at(root.path(), root.path()).is_none(), "process 1 cannot be looked at");
    }
}
