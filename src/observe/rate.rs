//! How fast something comes: from two readings of the same counters, never from one.

use std::time::Instant;

use serde::Serialize;

use super::{Count, Counted, What};

/// One reading.
#[derive(Debug, Clone, Copy)]
pub struct Reading {
    at: Instant,
    generation: Option<u64>,
    denied: Count,
    granted: Count,
    logged: Count,
}

/// What came in each second, on average, between two readings.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Rates {
    /// How far the two were apart.
    pub seconds: f64,
    /// Denied packets.
    pub denied: f64,
    /// Granted ones.
    pub granted: f64,
    /// Lines of the log.
    pub logged: f64,
}

impl Reading {
    /// What the counters of that generation said at `at`.
    pub fn of(generation: Option<u64>, counters: &[Counted], at: Instant) -> Self {
        let sum = |what| counters.iter().filter(|counted| counted.what == what).map(|counted| counted.count).sum();
        Self { at, generation, denied: sum(What::Denied), granted: sum(What::Granted), logged: sum(What::Logged) }
    }

    /// The rates since `earlier`. None where they are not of the same counters: a rule that is made anew begins at
    /// zero.
    pub fn since(&self, earlier: &Self) -> Option<Rates> {
        let seconds = self.at.duration_since(earlier.at).as_secs_f64();
        if seconds <= 0.0 || self.generation != earlier.generation {
            return None;
        }
        // Packets in two readings are few enough to be exact.
        #[allow(clippy::cast_precision_loss)]
        let rate = |now: Count, then: Count| Some(now.packets.checked_sub(then.packets)? as f64 / seconds);
        Some(Rates {
            seconds,
            denied: rate(self.denied, earlier.denied)?,
            granted: rate(self.granted, earlier.granted)?,
            logged: rate(self.logged, earlier.logged)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_rate_is_of_one_generation_and_never_of_a_counter_that_began_anew() {
        let count = |packets| Count { packets, bytes: 0 };
        let then = Reading {
            at: Instant::now(),
            generation: Some(1),
            denied: count(10),
            granted: count(100),
            logged: count(0),
        };
        let later = |seconds, denied, generation| Reading {
            at: then.at + Duration::from_secs(seconds),
            generation: Some(generation),
            denied: count(denied),
            granted: count(104),
            ..then
        };
        let rates = later(4, 12, 1).since(&then).unwrap();
        assert_eq!(rates, Rates { seconds: 4.0, denied: 0.5, granted: 1.0, logged: 0.0 });
        assert_eq!(later(4, 9, 1).since(&then), None);
        assert_eq!(later(4, 12, 2).since(&then), None);
        assert_eq!(later(0, 12, 1).since(&then), None);
    }
}
