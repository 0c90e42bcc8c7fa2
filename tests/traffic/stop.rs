//! When a sender ends: after its time, or earlier if whoever started it says so.

use std::io::{Read, stdin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use clap::Args;

/// The options of all subcommands that run for a while.
#[derive(Args)]
pub struct Stop {
    /// Stop after this many seconds
    #[arg(long, value_name = "S")]
    seconds: f64,

    /// Stop earlier when standard input ends; the result is still printed
    #[arg(long)]
    until_eof: bool,
}

impl Stop {
    /// Starts the clock.
    pub fn start(&self) -> Clock {
        let closed = Arc::new(AtomicBool::new(false));
        if self.until_eof {
            let closed = Arc::clone(&closed);
            thread::spawn(move || {
                let mut byte = [0];
                while matches!(stdin().read(&mut byte), Ok(1)) {}
                closed.store(true, Ordering::Relaxed);
            });
        }
        let now = Instant::now();
        Clock { started: now, end: now + Duration::from_secs_f64(self.seconds.max(0.0)), closed }
    }
}

/// A running sender's clock.
pub struct Clock {
    started: Instant,
    end: Instant,
    closed: Arc<AtomicBool>,
}

impl Clock {
    /// A clock for work that ends by itself.
    pub fn unlimited() -> Self {
        let now = Instant::now();
        Self { started: now, end: now, closed: Arc::default() }
    }

    /// Whether there is still time.
    pub fn is_running(&self) -> bool {
        Instant::now() < self.end && !self.closed.load(Ordering::Relaxed)
    }

    /// The time since the start.
    pub fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// How many events at `rate` per second are due by now.
    pub fn due(&self, rate: f64) -> u64 {
        (self.elapsed().as_secs_f64() * rate) as u64 + 1
    }
}
