//! Reading the configuration anew, beside everything else: Docker may take its time to answer.

use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::thread;

use super::sources::Event;
use crate::generation::Planned;

/// One reading at a time.
pub struct Reload {
    planned: Arc<dyn Fn() -> anyhow::Result<Planned> + Send + Sync>,
    events: Sender<Event>,
    runs: bool,
    again: bool,
}

impl Reload {
    /// One that reads by `planned` and sends what it read.
    pub fn new(planned: Arc<dyn Fn() -> anyhow::Result<Planned> + Send + Sync>, events: Sender<Event>) -> Self {
        Self { planned, events, runs: false, again: false }
    }

    /// Begins; where one reading is under way, another one follows, since that may have missed what was
    /// written last.
    pub fn start(&mut self) {
        if self.runs {
            self.again = true;
            return;
        }
        self.runs = true;
        let (planned, events) = (Arc::clone(&self.planned), self.events.clone());
        thread::spawn(move || {
            let read = planned().map(Box::new).map_err(|error| format!("{error:#}"));
            // Nobody hears it any more when the guard has ended.
            events.send(Event::Configured(read)).unwrap_or_default();
        });
    }

    /// Whether one is under way.
    pub fn runs(&self) -> bool {
        self.runs
    }

    /// It was read.
    pub fn done(&mut self) {
        self.runs = false;
        if std::mem::take(&mut self.again) {
            self.start();
        }
    }
}
