//! When to look.

use std::time::{Duration, Instant};

/// No two looks are closer: what happens meanwhile is gathered, and whoever changes the table again and
/// again is answered 50 times a second at the most.
const GATHER: Duration = Duration::from_millis(20);
/// How long another dockwall is left alone before its lock is tried again.
const POSTPONE: Duration = Duration::from_millis(5);
/// How often to look where nothing is heard of.
const SLOW: Duration = Duration::from_secs(600);
/// How long to wait after the first failure; twice as long after each further one.
const FIRST_RETRY: Duration = Duration::from_millis(100);
/// The longest that is waited after a failure.
const LONGEST_RETRY: Duration = Duration::from_secs(30);

/// The time of the next look.
#[derive(Debug)]
pub struct Pace {
    due: Instant,
    not_before: Instant,
    failures: u32,
}

impl Pace {
    /// The first look is due at once.
    pub fn new(now: Instant) -> Self {
        Self { due: now, not_before: now, failures: 0 }
    }

    /// There is reason to look: as soon as may be.
    pub fn hurry(&mut self, now: Instant) {
        self.due = self.due.min(now.max(self.not_before));
    }

    /// Somebody wants it now, whatever was before.
    pub fn at_once(&mut self, now: Instant) {
        self.due = now;
    }

    /// Whether to look now.
    pub fn is_due(&self, now: Instant) -> bool {
        self.due <= now
    }

    /// How long until the next look.
    pub fn wait(&self, now: Instant) -> Duration {
        self.due.saturating_duration_since(now)
    }

    /// How long until one may look at all.
    pub fn rest(&self, now: Instant) -> Duration {
        self.not_before.saturating_duration_since(now)
    }

    /// It could not be looked: another dockwall is at work.
    pub fn postpone(&mut self, now: Instant) {
        self.due = now + POSTPONE;
    }

    /// It was looked, and all is well.
    pub fn looked(&mut self, now: Instant) {
        (self.due, self.not_before, self.failures) = (now + SLOW, now + GATHER, 0);
    }

    /// It was looked, and something could not be put right. Says in which time it is tried again.
    pub fn failed(&mut self, now: Instant) -> Duration {
        let delay = FIRST_RETRY.saturating_mul(1 << self.failures.min(16)).min(LONGEST_RETRY);
        self.failures = self.failures.saturating_add(1);
        (self.due, self.not_before) = (now + delay, now + delay);
        delay
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_change_is_looked_at_at_once_and_what_follows_is_gathered() {
        let start = Instant::now();
        let mut pace = Pace::new(start);
        assert!(pace.is_due(start));
        pace.looked(start);
        assert!(!pace.is_due(start + Duration::from_secs(1)));
        let later = start + Duration::from_secs(2);
        pace.hurry(later);
        assert!(pace.is_due(later));
        pace.looked(later);
        for millisecond in 0..20 {
            let now = later + Duration::from_millis(millisecond);
            pace.hurry(now);
            assert!(!pace.is_due(now), "{millisecond}");
        }
        assert!(pace.is_due(later + GATHER));
    }

    #[test]
    fn failures_are_tried_again_in_ever_longer_times_whatever_happens_meanwhile() {
        let mut now = Instant::now();
        let mut pace = Pace::new(now);
        let delays: Vec<u128> = (0..12)
            .map(|_| {
                let delay = pace.failed(now);
                pace.hurry(now);
                assert!(!pace.is_due(now + delay - Duration::from_millis(1)) && pace.is_due(now + delay));
                now += delay;
                delay.as_millis()
            })
            .collect();
        assert_eq!(delays, [100, 200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 30_000, 30_000, 30_000]);
        pace.looked(now);
        assert_eq!(pace.failed(now), FIRST_RETRY);
    }

    #[test]
    fn without_any_reason_it_looks_every_ten_minutes() {
        let start = Instant::now();
        let mut pace = Pace::new(start);
        pace.looked(start);
        assert_eq!(pace.wait(start), SLOW);
        assert!(pace.is_due(start + SLOW));
    }
}
