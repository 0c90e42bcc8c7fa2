//! What the guard did, kept in the state directory for `status` and `metrics`.

use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::generation::{GuardRecord, Store};

/// However often somebody changes the table, it is written no more often than this.
const SELDOM: Duration = Duration::from_secs(1);

/// The repairs, counted on from where the last guard stopped.
pub struct Tally {
    record: GuardRecord,
    written: Instant,
    is_new: bool,
}

impl Tally {
    /// Begins, and says so.
    pub fn new(store: &Store) -> Self {
        let before = store.guard_record().ok().flatten();
        let (repairs, last) = before.map_or((0, None), |before| (before.repairs, before.last));
        let record = GuardRecord { started: Timestamp::now(), repairs, last };
        let mut tally = Self { record, written: Instant::now(), is_new: true };
        tally.keep_now(store);
        tally
    }

    /// One more.
    pub fn count(&mut self) {
        self.record.repairs += 1;
        self.record.last = Some(Timestamp::now());
        self.is_new = true;
    }

    /// How long there is nothing to write.
    pub fn wait(&self) -> Option<Duration> {
        self.is_new.then(|| SELDOM.saturating_sub(self.written.elapsed()))
    }

    /// Writes it, where there is something new and it was not written a moment ago. That it cannot be written harms
    /// nobody but who counts.
    pub fn keep(&mut self, store: &Store) {
        if self.wait().is_some_and(|wait| wait.is_zero()) {
            self.keep_now(store);
        }
    }

    /// Writes it at once.
    pub fn keep_now(&mut self, store: &Store) {
        store.put_guard_record(&self.record).unwrap_or_default();
        (self.written, self.is_new) = (Instant::now(), false);
    }
}
