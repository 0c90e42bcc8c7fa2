//! The same again and again, until somebody ends it.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use anstream::adapter::strip_str;
use anstream::{AutoStream, ColorChoice};
use anyhow::Context as _;
use crossterm::cursor::{Hide, MoveTo, Show};
use crossterm::terminal::{
    Clear, ClearType, DisableLineWrap, EnableLineWrap, EnterAlternateScreen, LeaveAlternateScreen, size,
};
use crossterm::{execute, queue};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGWINCH};
use signal_hook::iterator::Signals;

use super::page::{is_for_people, lines};
use super::{Around, Seen, as_json_at, outcome};
use crate::cli::context::Context;
use crate::cli::exit::Outcome;
use crate::cli::{paint, progress};
use crate::netlink::Kernel;
use crate::observe::{Rates, Reading};

/// Over how long a rate is the average.
const WINDOW: Duration = Duration::from_secs(10);
/// How long what Docker said is good for: it is asked about every container.
const DOCKER_IS_FRESH: Duration = Duration::from_secs(10);

/// What comes of waiting.
enum Wake {
    /// Read again.
    Again,
    /// The terminal has another size.
    Redraw,
    /// Somebody ended it.
    End,
}

/// Watches until SIGINT, SIGTERM, SIGHUP, or until nobody reads any more; ends as the last reading says.
pub fn run(context: &Context, kernel: &mut Kernel, mut around: Around, interval: Duration) -> anyhow::Result<Outcome> {
    // From here on it draws by itself.
    progress::mute();
    let signals = receive_signals().context("cannot receive signals")?;
    let (mut readings, mut asked) = (Readings::default(), Instant::now());
    let mut screen = (!context.json && is_for_people() && !is_dumb()).then(Screen::enter).transpose()?;
    loop {
        let next = Instant::now() + interval;
        if asked.elapsed() >= DOCKER_IS_FRESH {
            (around, asked) = (Around::read()?, Instant::now());
        }
        let seen = Seen::read(context, kernel, &around)?;
        let rates = readings.add(seen.reading());
        let text = |footer: &str| page(&seen, rates, footer);
        let shown = match &mut screen {
            _ if context.json => write_plain(&[as_json_at(&seen, rates, Timestamp::now()).to_string()], ""),
            Some(screen) => screen.draw(&text(&format!("every {} s · Ctrl-C ends", interval.as_secs()))),
            None => write_plain(&text(""), "\n"),
        };
        if shown.is_err() {
            return Ok(outcome(&seen));
        }
        loop {
            match wait(&signals, next) {
                Wake::Again => break,
                Wake::Redraw => {
                    if let Some(screen) = &mut screen {
                        screen.draw(&text(&format!("every {} s · Ctrl-C ends", interval.as_secs())))?;
                    }
                }
                Wake::End => {
                    let was_drawn = screen.is_some();
                    drop(screen);
                    // What was seen last stays to be read.
                    if was_drawn {
                        write_plain(&lines(&seen, rates), "").unwrap_or_default();
                    }
                    return Ok(outcome(&seen));
                }
            }
        }
    }
}

/// The last readings, from which the rates are told.
#[derive(Default)]
struct Readings(VecDeque<(Instant, Reading)>);

impl Readings {
    /// Adds one; the rates since the oldest that is still of interest and of the same counters.
    fn add(&mut self, reading: Option<Reading>) -> Option<Rates> {
        let (now, reading) = (Instant::now(), reading?);
        while self.0.len() > 1 && self.0.front().is_some_and(|(at, _)| now.duration_since(*at) > WINDOW) {
            self.0.pop_front();
        }
        let rates = self.0.front().and_then(|(_, oldest)| reading.since(oldest));
        if rates.is_none() {
            self.0.clear();
        }
        self.0.push_back((now, reading));
        rates
    }
}

/// A page with the time above it.
fn page(seen: &Seen, rates: Option<Rates>, footer: &str) -> Vec<String> {
    let at = Timestamp::now().to_zoned_datetime(TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S").to_string();
    let footer = if footer.is_empty() { String::new() } else { format!(" · {footer}") };
    let mut page = vec![paint::faint(format!("{at}{footer}"))];
    page.extend(lines(seen, rates));
    page
}

/// Writes lines, and `end` behind them.
pub fn write_plain(lines: &[String], end: &str) -> io::Result<()> {
    let mut out = AutoStream::auto(io::stdout());
    out.write_all((lines.join("\n") + "\n" + end).as_bytes())?;
    out.flush()
}

/// A terminal that cannot be drawn on.
fn is_dumb() -> bool {
    std::env::var_os("TERM").is_none_or(|term| term == "dumb")
}

fn receive_signals() -> io::Result<Receiver<i32>> {
    let mut signals = Signals::new([SIGHUP, SIGINT, SIGTERM, SIGWINCH])?;
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || signals.forever().try_for_each(|signal| sender.send(signal)));
    Ok(receiver)
}

fn wait(signals: &Receiver<i32>, until: Instant) -> Wake {
    match signals.recv_timeout(until.saturating_duration_since(Instant::now())) {
        Ok(SIGWINCH) => Wake::Redraw,
        Err(RecvTimeoutError::Timeout) => Wake::Again,
        Ok(_) | Err(RecvTimeoutError::Disconnected) => Wake::End,
    }
}

/// The terminal's other screen, drawn over in one write so that nothing flickers; what stood on the first one is back
/// when this is gone.
struct Screen {
    terminal: io::Stdout,
    has_colour: bool,
}

impl Screen {
    fn enter() -> io::Result<Self> {
        let terminal = io::stdout();
        let has_colour = AutoStream::choice(&terminal) != ColorChoice::Never;
        let mut screen = Self { terminal, has_colour };
        execute!(screen.terminal, EnterAlternateScreen, DisableLineWrap, Hide)?;
        Ok(screen)
    }

    fn draw(&mut self, lines: &[String]) -> io::Result<()> {
        let (_, height) = size().unwrap_or((80, 24));
        let mut frame = Vec::new();
        queue!(frame, MoveTo(0, 0))?;
        for (index, line) in lines.iter().take(height.into()).enumerate() {
            if index > 0 {
                frame.extend_from_slice(b"\r\n");
            }
            let line = if self.has_colour { Cow::Borrowed(line) } else { Cow::Owned(strip_str(line).to_string()) };
            frame.extend_from_slice(line.as_bytes());
            queue!(frame, Clear(ClearType::UntilNewLine))?;
        }
        queue!(frame, Clear(ClearType::FromCursorDown))?;
        let mut out = self.terminal.lock();
        out.write_all(&frame)?;
        out.flush()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        execute!(self.terminal, Show, EnableLineWrap, LeaveAlternateScreen).unwrap_or_default();
    }
}
