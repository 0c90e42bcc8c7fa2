//! A sign of life on the terminal for what takes more than a second.

use std::io::{IsTerminal, stderr};
use std::sync::OnceLock;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// How long something may take before it shows.
const PATIENCE: Duration = Duration::from_secs(1);

/// When the first thing began that may take long: several short ones take long together.
static BEGAN: OnceLock<Instant> = OnceLock::new();

/// Shows `what` while it lives, from the first second of all that was begun on. Standard error only, and only when
/// that is a terminal. Whoever prints something drops it before.
#[derive(Debug)]
pub struct Progress {
    done: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Progress {
    /// What it takes to do it.
    pub fn of<T>(what: &'static str, work: impl FnOnce() -> T) -> T {
        let _progress = Self::start(what);
        work()
    }

    /// Begins.
    pub fn start(what: &'static str) -> Self {
        let began = *BEGAN.get_or_init(Instant::now);
        if !stderr().is_terminal() {
            return Self { done: None, thread: None };
        }
        let (done, wait) = mpsc::channel();
        Self { done: Some(done), thread: Some(std::thread::spawn(move || show(what, began, &wait))) }
    }
}

/// Waits for the sender to be dropped, with a sign of life once that takes long.
fn show(what: &'static str, began: Instant, wait: &Receiver<()>) {
    if wait.recv_timeout(PATIENCE.saturating_sub(began.elapsed())) != Err(mpsc::RecvTimeoutError::Timeout) {
        return;
    }
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {elapsed}") {
        bar.set_style(style);
    }
    let bar = bar.with_message(what).with_elapsed(began.elapsed());
    bar.enable_steady_tick(Duration::from_millis(100));
    wait.recv().unwrap_or_default();
    bar.finish_and_clear();
}

impl Drop for Progress {
    fn drop(&mut self) {
        drop(self.done.take());
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap_or_default();
        }
    }
}
