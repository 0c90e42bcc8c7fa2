//! Where events come from: a thread for each source.

use std::io;
use std::sync::mpsc::Sender;
use std::thread;
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::netlink::{Process, Seen, Watch};
use crate::policy::Policy;

/// How long to wait before the kernel is asked again to tell of changes.
const DEAF: Duration = Duration::from_secs(1);

/// What happened.
pub enum Event {
    /// A batch changed our table.
    Changed {
        /// The ruleset's generation number since then.
        generation: u32,
        /// Who sent it.
        by: Process,
        /// When it was heard of.
        heard: Instant,
    },
    /// Too much happened to be told.
    Overrun,
    /// The kernel does not tell, for this reason; it is asked again.
    Deaf(String),
    /// The configuration is to be read again.
    Reload,
    /// That was done.
    Configured(Result<Box<Policy>, String>),
    /// The guard is to end.
    Stop,
}

/// Sends on what `watch` sees, for ever.
pub fn listen(mut watch: Watch, events: Sender<Event>) {
    thread::spawn(move || {
        loop {
            let event = match watch.wait() {
                Ok(Seen::Changed { generation, by }) => Event::Changed { generation, by, heard: Instant::now() },
                Ok(Seen::Overrun) => Event::Overrun,
                Err(error) => {
                    thread::sleep(DEAF);
                    if let Ok(anew) = Watch::open() {
                        watch = anew;
                    }
                    Event::Deaf(error.to_string())
                }
            };
            if events.send(event).is_err() {
                return;
            }
        }
    });
}

/// Sends on the signals that a service gets. They end the process no more.
pub fn receive_signals(events: Sender<Event>) -> io::Result<()> {
    let mut signals = Signals::new([SIGTERM, SIGINT, SIGHUP])?;
    thread::spawn(move || {
        for signal in signals.forever() {
            let event = if signal == SIGHUP { Event::Reload } else { Event::Stop };
            if events.send(event).is_err() {
                return;
            }
        }
    });
    Ok(())
}
