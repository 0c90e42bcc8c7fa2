//! The loop of the guard: events come in, a look at the kernel follows where there is reason to.

use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::follow::Follow;
use super::look::{Found, Look};
use super::pace::Pace;
use super::reload::Reload;
use super::resolve::Resolution;
use super::service::Service;
use super::sources::{Event, Sent};
use super::tally::Tally;
use super::teller::Teller;
use super::untold::Untold;
use super::work::{Done, work};
use super::{GuardError, News};
use crate::generation::{Lock, Planned};
use crate::netlink::Process;

/// The clock may be set, so no end of a grant is waited for longer than this at a time.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// So many events are taken before it is looked again whether something is to be done.
const MOST_AT_ONCE: usize = 1000;

/// The loop that takes events one after the other, and what it keeps between them.
pub(super) struct Guard<T> {
    pub(super) look: Look,
    pub(super) lock: Lock,
    pub(super) pace: Pace,
    pub(super) teller: Teller<T>,
    pub(super) service: Service,
    pub(super) follow: Follow,
    /// Whether there is a change of the host that it has not taken yet.
    pub(super) sent: Sent,
    pub(super) tally: Tally,
    pub(super) reload: Reload,
    /// What is to be applied, once the lock is free.
    pub(super) apply: Option<Planned>,
    /// What the generation in force is to be, once the lock is free.
    pub(super) revise: Option<Resolution>,
    /// Who was the last to change our table since it was looked at, and when the first change was heard of.
    pub(super) changed: Option<(Process, Instant)>,
    /// The last repair, until it is known who made it necessary.
    pub(super) untold: Option<Untold>,
    /// The ruleset's generation number at which all was well.
    pub(super) whole_at: Option<u32>,
    /// When something runs out.
    pub(super) next_end: Option<Timestamp>,
    /// Whether the service manager was told that it guards.
    pub(super) is_ready: bool,
    /// Whether it was told that the configuration is being read.
    pub(super) is_reloading: bool,
}

/// Whether to go on.
#[derive(PartialEq, Eq)]
enum Next {
    GoOn,
    Stop,
}

impl<T: FnMut(&News)> Guard<T> {
    /// Takes events until it is told to stop.
    pub(super) fn run(mut self, events: &Receiver<Event>) -> Result<(), GuardError> {
        loop {
            // It holds a sender itself, so nothing comes of it but an event or the end of the time.
            let first = events.recv_timeout(self.wait()).ok();
            for event in first.into_iter().chain(events.try_iter().take(MOST_AT_ONCE)) {
                if self.take(event) == Next::Stop {
                    self.tally.keep_now(&self.look.store);
                    self.service.stopping();
                    self.tell_repair();
                    self.teller.tell(News::Stopped);
                    return Ok(());
                }
            }
            self.service.alive();
            if self.untold.as_ref().is_some_and(|untold| untold.wait(Instant::now()).is_zero()) {
                self.tell_repair();
            }
            self.teller.summarise();
            if self.next_end.is_some_and(|end| end <= Timestamp::now()) {
                self.pace.hurry(Instant::now());
            }
            if self.pace.is_due(Instant::now()) {
                self.work();
            }
            self.follow.start_if_due(Instant::now());
            self.tally.keep(&self.look.store);
        }
    }

    /// How long nothing is to be done, unless something happens.
    fn wait(&self) -> Duration {
        let now = Instant::now();
        let until_end = self.next_end.map(|end| {
            let left = Duration::try_from(end.duration_since(Timestamp::now())).unwrap_or_default();
            // Not a moment too early, which would be one look too many.
            left.max(self.pace.rest(now)) + Duration::from_millis(1)
        });
        let (service, teller, follow) = (self.service.wait(), self.teller.wait(), self.follow.wait(now));
        let untold = self.untold.as_ref().map(|untold| untold.wait(now));
        let waits = [
            Some(self.pace.wait(now)),
            untold,
            until_end,
            service,
            teller,
            follow,
            self.tally.wait(),
            Some(LONGEST_WAIT),
        ];
        waits.into_iter().flatten().min().unwrap_or(LONGEST_WAIT)
    }

    fn take(&mut self, event: Event) -> Next {
        let now = Instant::now();
        if let Some(untold) = &mut self.untold {
            match &event {
                Event::Changed { generation, by, .. } if untold.hear(*generation, by) => return Next::GoOn,
                Event::Changed { .. } | Event::Overrun | Event::Deaf(_) => self.tell_repair(),
                _ => {}
            }
        }
        match event {
            // The look that found all well has seen it.
            Event::Changed { generation, .. } if self.whole_at.is_some_and(|whole| is_older(generation, whole)) => {}
            Event::Changed { by, heard, .. } => {
                // Of several the last; what this program did is looked at as well, and nobody's doing.
                if by.pid != std::process::id() {
                    let since = self.changed.take().map_or(heard, |(_, since)| since);
                    self.changed = Some((by, since));
                }
                self.pace.hurry(now);
            }
            Event::Overrun => {
                self.whole_at = None;
                self.teller.tell(News::Overrun);
                self.pace.hurry(now);
            }
            Event::Deaf(problem) => {
                self.whole_at = None;
                self.teller.tell(News::Deaf { problem });
                self.pace.hurry(now);
            }
            Event::Reload => {
                self.is_reloading = true;
                self.service.reloading();
                self.reload.start();
            }
            Event::Configured(policy) => {
                match policy {
                    Ok(policy) => {
                        self.apply = Some(*policy);
                        self.pace.at_once(now);
                    }
                    Err(problem) => {
                        self.teller.tell(News::NotReloaded { problem });
                        self.say_ready();
                    }
                }
                self.reload.done();
            }
            Event::Stored => {
                if self.look.file_changed() {
                    self.pace.hurry(now);
                }
            }
            Event::Host(heard) => self.take_host(heard, now),
            Event::Stop => return Next::Stop,
        }
        Next::GoOn
    }

    /// Applies what is to be applied, and looks whether all is well; unless another dockwall is at work.
    fn work(&mut self) {
        // The lock of the directory that is there now; where that has become unusable, the old one.
        if let Ok(lock) = self.look.store.prepare() {
            self.lock = lock;
        }
        let done = match self.lock.try_acquire() {
            Ok(Some(_held)) => Some(work(&mut self.look, &mut self.apply, &mut self.revise, !self.is_ready)),
            Ok(None) => None,
            Err(error) => Some(Err(error.into())),
        };
        let now = Instant::now();
        match done {
            None => self.pace.postpone(now),
            Some(Ok(done)) => self.take_note(done, now),
            Some(Err(error)) => {
                self.whole_at = None;
                let again = self.pace.failed(now);
                self.service.status(&format!("trouble: {error}"));
                self.teller.tell(News::Failed { problem: error.to_string(), again_in: again.as_secs_f64() });
            }
        }
    }

    fn take_note(&mut self, Done { applied, owned, found, revised, whole_at, next_end }: Done, now: Instant) {
        let changed = self.changed.take();
        self.pace.looked(now);
        (self.whole_at, self.next_end) = (whole_at, next_end);
        let (by, since) = changed.unzip();
        let took = |began: Instant| now.duration_since(since.unwrap_or(began)).as_secs_f64() * 1000.0;
        if let Some(news) = applied {
            self.teller.tell(news);
        }
        let status = found.status();
        match found {
            Found::Repaired(repair) => {
                self.tally.count();
                self.tell_repair();
                let milliseconds = took(repair.began);
                self.untold = Some(Untold::new(repair, milliseconds, by, now));
                if !self.is_ready {
                    // That was before it listened.
                    self.tell_repair();
                }
            }
            Found::Tidied { generation, run_out, changes } => {
                self.teller.tell(News::Tidied { generation, run_out, changes });
            }
            Found::WentBack(way_back) => self.teller.tell(News::WentBack { to: way_back }),
            Found::NoWall | Found::Whole { .. } | Found::Unknown if self.is_ready => {}
            Found::NoWall => self.teller.tell(News::Waiting),
            Found::Whole { generation } => self.teller.tell(News::Guarding { generation }),
            Found::Unknown => self.teller.tell(News::Unknown),
        }
        if let Some(news) = owned {
            self.teller.tell(news);
        }
        self.take_revised(revised, now);
        self.service.status(&status);
        if !self.is_ready || self.is_reloading && self.apply.is_none() && !self.reload.runs() {
            self.say_ready();
        }
    }

    /// Tells the last repair, if that was not done yet.
    fn tell_repair(&mut self) {
        if let Some(untold) = self.untold.take() {
            self.teller.tell(untold.into_news());
        }
    }

    fn say_ready(&mut self) {
        (self.is_ready, self.is_reloading) = (true, false);
        self.service.ready();
    }
}

/// Whether the ruleset's generation number `this` is not after `that`. The number wraps around.
pub(super) fn is_older(this: u32, that: u32) -> bool {
    that.wrapping_sub(this) < u32::MAX / 2
}
