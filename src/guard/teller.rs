//! Who tells the news, and not more than anybody could read.

use std::time::{Duration, Instant};

use super::News;

/// They are counted over this time.
const WINDOW: Duration = Duration::from_secs(1);
/// So many of them are told one by one.
const TOLD: u64 = 5;

/// Tells single repairs, and changes that it follows, as long as they are few, and their number when they
/// are many.
pub struct Teller<T> {
    tell: T,
    repairs: Counted,
    followed: Counted,
    /// When it was told last that notifications were lost.
    overrun: Option<Instant>,
}

/// What is told one by one as long as it is not more than so much in a window.
struct Counted {
    most: u64,
    began: Instant,
    times: u64,
}

impl Counted {
    fn new(most: u64) -> Self {
        Self { most, began: Instant::now(), times: 0 }
    }

    /// One more. Says whether it is to be told.
    fn count(&mut self) -> bool {
        if self.times == 0 {
            self.began = Instant::now();
        }
        self.times += 1;
        self.times <= self.most
    }

    /// How many were not told, once the time is over, and in how many seconds.
    fn summarise(&mut self) -> Option<(u64, f64)> {
        let passed = self.began.elapsed();
        if self.times == 0 || passed < WINDOW {
            return None;
        }
        let times = self.times.saturating_sub(self.most);
        self.times = 0;
        (times > 0).then_some((times, passed.as_secs_f64()))
    }

    fn wait(&self) -> Option<Duration> {
        (self.times > self.most).then(|| WINDOW.saturating_sub(self.began.elapsed()))
    }
}

impl<T: FnMut(&News)> Teller<T> {
    /// One that tells by `tell`; `all` of them one by one where somebody wants that.
    pub fn new(tell: T, all: bool) -> Self {
        let counted = || Counted::new(if all { u64::MAX } else { TOLD });
        Self { tell, repairs: counted(), followed: counted(), overrun: None }
    }

    /// Tells it, or keeps it for the summary.
    pub fn tell(&mut self, news: News) {
        if matches!(news, News::Repaired { .. } | News::Followed { .. }) {
            self.summarise();
        }
        let is_told = match news {
            News::Repaired { .. } => self.repairs.count(),
            News::Followed { .. } => self.followed.count(),
            News::Overrun => {
                let is_new = self.overrun.is_none_or(|told| told.elapsed() >= WINDOW);
                if is_new {
                    self.overrun = Some(Instant::now());
                }
                is_new
            }
            _ => true,
        };
        if is_told {
            (self.tell)(&news);
        }
    }

    /// Tells how many repairs and changes were kept, once the time is over.
    pub fn summarise(&mut self) {
        if let Some((times, seconds)) = self.repairs.summarise() {
            (self.tell)(&News::RepairedOften { times, seconds });
        }
        if let Some((times, seconds)) = self.followed.summarise() {
            (self.tell)(&News::FollowedOften { times, seconds });
        }
    }

    /// How long until there is something to summarise.
    pub fn wait(&self) -> Option<Duration> {
        self.repairs.wait().into_iter().chain(self.followed.wait()).min()
    }
}
