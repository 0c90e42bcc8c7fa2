//! How many labs run at once on this machine, over all test programs.

use std::fs::File;
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};

/// A lab keeps a processor busy, and more at once only wait for each other.
const SLOTS: [&str; 2] = ["test1", "test2"];

/// Longer than all tests of one program take.
const PATIENCE: Duration = Duration::from_secs(15 * 60);

/// The right to one lab's name. The kernel takes it back when the process ends, however it ends.
pub struct Slot {
    name: &'static str,
    _locked: File,
}

impl Slot {
    /// Waits for a free one.
    ///
    /// # Panics
    /// When none becomes free.
    #[track_caller]
    pub fn acquire() -> Self {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(slot) = SLOTS.into_iter().find_map(Self::try_acquire) {
                return slot;
            }
            assert!(Instant::now() < deadline, "other tests keep all labs busy: see /tmp/dockwall-lab.test*");
            sleep(Duration::from_millis(50));
        }
    }

    /// The lab's name.
    pub fn name(&self) -> &str {
        self.name
    }

    fn try_acquire(name: &'static str) -> Option<Self> {
        let file = File::options().create(true).append(true).open(format!("/tmp/dockwall-{name}.lock")).unwrap();
        flock(&file, FlockOperation::NonBlockingLockExclusive).ok()?;
        Some(Self { name, _locked: file })
    }
}
