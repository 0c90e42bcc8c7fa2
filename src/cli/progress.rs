//! A sign of life on the terminal for what takes more than a second.

use std::io::{IsTerminal, stderr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::host;

/// How long something may take before it shows.
const PATIENCE: Duration = Duration::from_secs(1);

/// When the first thing began that may take long: several short ones take long together.
static BEGAN: OnceLock<Instant> = OnceLock::new();

/// Whether programs read what is printed.
static IS_MUTE: AtomicBool = AtomicBool::new(false);

static SIGN: Mutex<Sign> = Mutex::new(Sign { doing: Vec::new(), bar: None });

/// What is being done, and where that is told.
struct Sign {
    /// The innermost comes last, and is what is told.
    doing: Vec<&'static str>,
    /// There as long as it is drawn.
    bar: Option<ProgressBar>,
}

/// Shows what is being done while it lives, from the first second of all that was begun on. Standard error only, and
/// only when that is a terminal that can be drawn on. What is printed meanwhile is printed by [`aside`].
#[derive(Debug)]
pub struct Progress(());

impl Progress {
    /// What it takes to do it.
    pub fn of<T>(what: &'static str, work: impl FnOnce() -> T) -> T {
        let _progress = Self::start(what);
        work()
    }

    /// Begins. Within something else that was begun this is told in its place, until it ends.
    pub fn start(what: &'static str) -> Self {
        let mut sign = sign();
        sign.doing.push(what);
        if BEGAN.set(Instant::now()).is_ok() && is_seen() {
            // Where there is no thread to be had, the next thing that is begun shows it.
            thread::Builder::new().spawn(show_later).map(drop).unwrap_or_default();
        }
        sign.show();
        Self(())
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        let mut sign = sign();
        sign.doing.pop();
        sign.show();
    }
}

/// Shows nothing from now on: programs read what is printed.
pub fn mute() {
    IS_MUTE.store(true, Ordering::Relaxed);
}

/// Prints something while work goes on.
pub fn aside(print: impl FnOnce()) {
    match &sign().bar {
        Some(bar) => bar.suspend(print),
        None => print(),
    }
}

fn show_later() {
    // It only draws, and so does the thread that it starts for that.
    host::keep_nothing().unwrap_or_default();
    thread::sleep(PATIENCE);
    sign().show();
}

fn sign() -> MutexGuard<'static, Sign> {
    SIGN.lock().unwrap_or_else(PoisonError::into_inner)
}

fn is_seen() -> bool {
    !IS_MUTE.load(Ordering::Relaxed) && stderr().is_terminal()
}

impl Sign {
    /// Tells what is being done, once that takes long, or wipes it where nothing is.
    fn show(&mut self) {
        let Some(what) = self.doing.last() else {
            return self.bar.take().iter().for_each(ProgressBar::finish_and_clear);
        };
        let elapsed = BEGAN.get().map(Instant::elapsed).unwrap_or_default();
        if elapsed >= PATIENCE && is_seen() {
            self.bar.get_or_insert_with(|| draw(elapsed)).set_message(*what);
        }
    }
}

fn draw(elapsed: Duration) -> ProgressBar {
    // Where TERM says that nothing can be drawn on it, this draws nothing.
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {elapsed}") {
        bar.set_style(style);
    }
    let bar = bar.with_elapsed(elapsed);
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}
