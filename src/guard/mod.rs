//! The service that keeps what was applied in force.
//!
//! Threads listen, and send what they hear into one channel: `sources`. One loop (`watching`) takes it from
//! there and looks at the kernel when there is reason to (`pace`); each look ends with the wall as it should be
//! (`look`). Where the host is another (`follow`), what was applied is resolved again beside the loop
//! (`resolve`) and put in force (`revision`). What it has to say are [`News`]; it prints nothing itself.

mod follow;
mod followed;
mod look;
mod news;
mod own;
mod pace;
mod reload;
mod resolve;
mod revision;
mod service;
mod sources;
mod tally;
mod teller;
mod untold;
mod watching;
mod work;

use std::sync::Arc;
use std::time::{Duration, Instant};

pub use news::{Damage, News};
pub use own::ask_owner;

use crate::generation::{Planned, Store, StoreError};
use crate::netlink::{self, Kernel, Watch};
use crate::ruleset::Features;
use follow::Follow;
use look::Look;
use pace::Pace;
use reload::Reload;
use service::Service;
use sources::Sent;
use tally::Tally;
use teller::Teller;
use watching::Guard;

/// How long a guard that ends may still hold its lock, or somebody look at it.
const LOCK_PATIENCE: Duration = Duration::from_millis(500);
/// When a trial is over and its own keeper did not end it.
const TRIAL_GRACE: jiff::SignedDuration = jiff::SignedDuration::from_secs(2);

/// Why it does not guard.
#[derive(Debug, thiserror::Error)]
pub enum GuardError {
    /// Another one does.
    #[error("a guard is at work in {} already; `dockwall status` says whether the wall stands", directory.display())]
    Running {
        /// The state directory.
        directory: std::path::PathBuf,
    },
    /// The state directory cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The kernel tells nothing.
    #[error(transparent)]
    Kernel(#[from] netlink::Error),
    /// Signals cannot be received.
    #[error("cannot receive signals: {0}")]
    Signals(std::io::Error),
}

/// What it needs from outside.
pub struct Guarded {
    /// The kernel.
    pub kernel: Kernel,
    /// The state directory.
    pub store: Store,
    /// What the kernel can do.
    pub features: Features,
    /// Whether every repair is told, also where they are many.
    pub verbose: bool,
    /// Reads the configuration, for a reload. It may take its time: it runs beside the guard.
    pub planned: Arc<dyn Fn() -> anyhow::Result<Planned> + Send + Sync>,
}

/// Guards until it is told to stop; `tell` is given what there is to say.
///
/// # Errors
/// Where it cannot begin. Later trouble is told, and tried again.
pub fn run(mut guarded: Guarded, tell: impl FnMut(&News)) -> Result<(), GuardError> {
    // What no patience cures is told before anything is made.
    if let Err(error @ (netlink::Error::NotPermitted | netlink::Error::NoNfTables)) = guarded.kernel.read_frame() {
        return Err(error.into());
    }
    let mut own = guarded.store.prepare_guard()?;
    let _held = own.acquire_within(LOCK_PATIENCE, || {}).map_err(|error| match error {
        StoreError::Locked { .. } => GuardError::Running { directory: guarded.store.directory().to_owned() },
        other => other.into(),
    })?;
    let (sender, events) = std::sync::mpsc::channel();
    // It listens before it looks, so that nothing happens in between.
    sources::listen(Watch::open()?, sender.clone());
    sources::receive_signals(sender.clone()).map_err(GuardError::Signals)?;
    let lock = guarded.store.prepare()?;
    let sent = Sent::default();
    sources::listen_to_facts(sender.clone(), sent.clone());
    sources::look_at_files(guarded.store.directory().to_owned(), sender.clone(), sent.clone());
    sources::listen_to_docker(sender.clone());
    let tally = Tally::new(&guarded.store);
    Guard {
        look: Look::new(guarded.kernel, guarded.store, guarded.features),
        lock,
        pace: Pace::new(Instant::now()),
        teller: Teller::new(tell, guarded.verbose),
        service: Service::new(),
        follow: Follow::new(sender.clone(), Instant::now()),
        sent,
        tally,
        reload: Reload::new(guarded.planned, sender),
        apply: None,
        revise: None,
        changed: None,
        untold: None,
        whole_at: None,
        next_end: None,
        is_ready: false,
        is_reloading: false,
    }
    .run(&events)
}
