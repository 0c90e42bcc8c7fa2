//! Where events come from: a thread for each source.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::thread;
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use super::resolve::Resolution;
use crate::generation::Planned;
use crate::host::{FactsWatch, Told, watch_docker, written_in};
use crate::netlink::{Process, Seen, Watch};

/// How often to look at files. One look is a system call for each of them.
const LOOK: Duration = Duration::from_secs(1);
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
    Configured(Result<Box<Planned>, String>),
    /// Something was written into the state directory.
    Stored,
    /// What is followed is another.
    Host(Heard),
    /// The guard is to end.
    Stop,
}

/// What there is to know of the host.
pub enum Heard {
    /// Links, addresses, routes or resolvers are others.
    Changed,
    /// Docker told something, or does not tell any more.
    Docker(Told),
    /// What was applied was resolved again.
    Resolved(Box<Resolution>),
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

/// Whether a change of the host was sent and is not taken yet: the next one is the same to who hears it
/// then, so that however many there are take no room.
#[derive(Debug, Clone, Default)]
pub struct Sent(Arc<AtomicBool>);

impl Sent {
    /// It was taken: from now on another one is to be sent.
    pub fn taken(&self) {
        self.0.store(false, Ordering::SeqCst);
    }

    /// Sends one, unless it is there. Says whether anybody takes it.
    fn send(&self, events: &Sender<Event>) -> bool {
        self.0.swap(true, Ordering::SeqCst) || events.send(Event::Host(Heard::Changed)).is_ok()
    }
}

/// Sends on that links, addresses or routes change, for ever.
pub fn listen_to_facts(events: Sender<Event>, sent: Sent) {
    thread::spawn(move || {
        let mut watch = FactsWatch::open().ok();
        loop {
            let heard = watch.as_mut().map(FactsWatch::wait);
            if !matches!(heard, Some(Ok(()))) {
                // Whatever happened meanwhile is looked at then.
                thread::sleep(DEAF);
                watch = FactsWatch::open().ok();
            }
            if !sent.send(&events) {
                return;
            }
        }
    });
}

/// Sends on that a file is another: those with resolvers in them, and those of the state directory. They
/// may be replaced, or be links to files that are, so a look at each is cheaper than to follow that.
pub fn look_at_files(state: PathBuf, events: Sender<Event>, sent: Sent) {
    thread::spawn(move || {
        let looks = || {
            let resolvers: Vec<_> = written_in().iter().map(|file| look_at(file)).collect();
            (resolvers, look_at(&state))
        };
        let (mut resolvers, mut stored) = looks();
        loop {
            thread::sleep(LOOK);
            let (resolvers_now, stored_now) = looks();
            let is_heard = (resolvers_now == resolvers || sent.send(&events))
                && (stored_now == stored || events.send(Event::Stored).is_ok());
            if !is_heard {
                return;
            }
            (resolvers, stored) = (resolvers_now, stored_now);
        }
    });
}

/// By which one content of a file is told from another.
fn look_at(file: &Path) -> Option<(u64, u64, u64, i64, i64)> {
    let found = fs::metadata(file).ok()?;
    Some((found.dev(), found.ino(), found.size(), found.mtime(), found.mtime_nsec()))
}

/// Sends on what Docker tells, for ever.
pub fn listen_to_docker(events: Sender<Event>) {
    watch_docker(move |told| events.send(Event::Host(Heard::Docker(told))).is_ok());
}
