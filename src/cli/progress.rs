//! A sign of life on the terminal for what takes more than a second.

use std::io::{IsTerminal, stderr};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::JoinHandle;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// How long something may take before it shows.
const PATIENCE: Duration = Duration::from_secs(1);

/// Shows `what` while it lives, from the first second on. Standard error only, and only when that
/// is a terminal.
#[derive(Debug)]
pub struct Progress {
    done: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Progress {
    /// Begins.
    pub fn start(what: &'static str) -> Self {
        if !stderr().is_terminal() {
            return Self { done: None, thread: None };
        }
        let (done, wait) = mpsc::channel();
        Self { done: Some(done), thread: Some(std::thread::spawn(move || show(what, &wait))) }
    }
}

/// Waits for the sender to be dropped, with a sign of life once that takes long.
fn show(what: &'static str, wait: &Receiver<()>) {
    if wait.recv_timeout(PATIENCE) != Err(mpsc::RecvTimeoutError::Timeout) {
        return;
    }
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {elapsed}") {
        bar.set_style(style);
    }
    // It has run for as long as that.
    let bar = bar.with_message(what).with_elapsed(PATIENCE);
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
