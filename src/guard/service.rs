//! What a service manager is told, by systemd's protocol: nothing without `NOTIFY_SOCKET`.

use std::time::{Duration, Instant};

use sd_notify::NotifyState;

/// The service manager, and when it has to hear of us again.
pub struct Service {
    /// Half of the time after which it takes us for hung.
    interval: Option<Duration>,
    last: Instant,
    status: String,
}

impl Service {
    /// The one that started this process.
    pub fn new() -> Self {
        let interval = sd_notify::watchdog_enabled().map(|after| after / 2).filter(|interval| !interval.is_zero());
        Self { interval, last: Instant::now(), status: String::new() }
    }

    /// The wall is guarded.
    pub fn ready(&self) {
        tell(&[NotifyState::Ready]);
    }

    /// The configuration is being read.
    pub fn reloading(&self) {
        let now = NotifyState::monotonic_usec_now().ok();
        tell(&[NotifyState::Reloading].into_iter().chain(now).collect::<Vec<_>>());
    }

    /// The end.
    pub fn stopping(&self) {
        tell(&[NotifyState::Stopping]);
    }

    /// A line for `systemctl status`.
    pub fn status(&mut self, line: &str) {
        if self.status != line {
            line.clone_into(&mut self.status);
            tell(&[NotifyState::Status(line)]);
        }
    }

    /// A sign of life, where it is time for one.
    pub fn alive(&mut self) {
        if self.wait().is_some_and(|wait| wait.is_zero()) {
            self.last = Instant::now();
            tell(&[NotifyState::Watchdog]);
        }
    }

    /// How long until the next sign of life; none where nobody waits for one.
    pub fn wait(&self) -> Option<Duration> {
        Some((self.last + self.interval?).saturating_duration_since(Instant::now()))
    }
}

/// A manager that does not listen is no reason to stop.
fn tell(states: &[NotifyState]) {
    sd_notify::notify(states).unwrap_or_default();
}
