//! Who tells the news, and not more than anybody could read.

use std::time::{Duration, Instant};

use super::News;

/// Repairs are counted over this time.
const WINDOW: Duration = Duration::from_secs(1);
/// So many of them are told one by one.
const TOLD: u64 = 5;

/// Tells single repairs as long as they are few, and their number when they are many.
pub struct Teller<T> {
    tell: T,
    most: u64,
    began: Instant,
    repairs: u64,
    /// When it was told last that notifications were lost.
    overrun: Option<Instant>,
}

impl<T: FnMut(&News)> Teller<T> {
    /// One that tells by `tell`; `all` of them one by one where somebody wants that.
    pub fn new(tell: T, all: bool) -> Self {
        Self { tell, most: if all { u64::MAX } else { TOLD }, began: Instant::now(), repairs: 0, overrun: None }
    }

    /// Tells it, or keeps it for the summary.
    pub fn tell(&mut self, news: News) {
        if matches!(news, News::Repaired { .. }) {
            self.summarise();
            if self.repairs == 0 {
                self.began = Instant::now();
            }
            self.repairs += 1;
            if self.repairs > self.most {
                return;
            }
        }
        if matches!(news, News::Overrun) {
            if self.overrun.is_some_and(|told| told.elapsed() < WINDOW) {
                return;
            }
            self.overrun = Some(Instant::now());
        }
        (self.tell)(&news);
    }

    /// Tells how many repairs were kept, once the time is over.
    pub fn summarise(&mut self) {
        let passed = self.began.elapsed();
        if self.repairs == 0 || passed < WINDOW {
            return;
        }
        let times = self.repairs.saturating_sub(self.most);
        self.repairs = 0;
        if times > 0 {
            (self.tell)(&News::RepairedOften { times, seconds: passed.as_secs_f64() });
        }
    }

    /// How long until there is something to summarise.
    pub fn wait(&self) -> Option<Duration> {
        (self.repairs > self.most).then(|| WINDOW.saturating_sub(self.began.elapsed()))
    }
}
