//! A program that has to wait as long as a test likes: for a disk, for the kernel, for a daemon.

use std::fs;
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// Nothing takes longer than this.
const PATIENCE: Duration = Duration::from_secs(60);

/// Longer than any test takes, in microseconds.
const FOR_EVER: u32 = 600_000_000;

/// At which system call it is held.
#[derive(Debug, Clone, Copy)]
pub struct Hold {
    /// Its name.
    pub call: &'static str,
    /// The how manieth of them, from 1.
    pub nth: usize,
}

impl Hold {
    /// What is to stand before the program's own words. The thread that makes the call waits there, and no other one.
    pub fn starter(self) -> Vec<String> {
        let Self { call, nth } = self;
        // The tracer leaves the terminal's session, so that Ctrl-C is not for it.
        let words = ["strace", "-DDD", "--quiet=all", "--output=/dev/null", &format!("--trace={call}")];
        let inject = format!("--inject={call}:delay_enter={FOR_EVER}:when={nth}");
        words.map(ToOwned::to_owned).into_iter().chain([inject]).collect()
    }

    /// The same in whichever thread. `strace` 6.1 cannot hold one that gets a signal meanwhile.
    pub fn starter_of_threads(self) -> Vec<String> {
        self.starter().into_iter().chain(["-f".to_owned()]).collect()
    }
}

/// Lets go of it once a signal has ended its other threads, which is more than `strace` 6.1 can see to.
pub fn let_go_once_hit(held: Pid) {
    let threads = || fs::read_dir(format!("/proc/{}/task", held.as_raw_nonzero())).map_or(0, Iterator::count);
    let end = Instant::now() + PATIENCE;
    while threads() > 1 {
        assert!(Instant::now() < end, "no signal came");
        sleep(Duration::from_millis(5));
    }
    let_go(held);
}

/// Lets go of it. `strace` leaves whom it traced as they are when it ends.
pub fn let_go(held: Pid) {
    let status = fs::read_to_string(format!("/proc/{}/status", held.as_raw_nonzero())).unwrap();
    let tracer = status.lines().find_map(|line| line.strip_prefix("TracerPid:")).unwrap().trim().parse().unwrap();
    if let Some(tracer) = Pid::from_raw(tracer) {
        kill_process(tracer, Signal::KILL).unwrap();
    }
}
