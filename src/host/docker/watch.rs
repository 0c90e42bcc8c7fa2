//! Hearing the daemon: what it tells of its own accord, and asking it again whenever it does.
//!
//! Two threads: one hears, and connects again when the daemon was stopped, restarted or replaced; the
//! other asks, which may take as long as the daemon likes. What happens while it asks is asked for again
//! after it, so that a storm is a question at a time and nothing of it is missed.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use bollard::models::{EventMessage, EventMessageTypeEnum};
use bollard::query_parameters::EventsOptions;
use bollard::{API_DEFAULT_VERSION, Docker as Daemon};
use futures_util::stream::StreamExt;
use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

use super::client::{reason, socket};
use super::{Docker, DockerState};

/// How long the daemon may take for its answers, since nobody waits for them.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often to look whether there is another socket.
const LOOK: Duration = Duration::from_secs(1);
/// How long to wait before the first attempt to reach the daemon again; twice as long after each.
const FIRST_RETRY: Duration = Duration::from_millis(50);
/// The daemon is asked again by itself, should it ever not have told.
const SLOW: Duration = Duration::from_secs(600);
/// No two questions are closer than this, nor than the daemon took for the answer, up to the longest.
const REST: Duration = Duration::from_millis(20);
const LONGEST_REST: Duration = Duration::from_secs(1);

/// What is wanted of all events: the others come many times a second (`exec_create`, `health_status`).
const TYPES: [&str; 3] = ["container", "network", "service"];
const ACTIONS: [&str; 13] = [
    "create",
    "start",
    "restart",
    "die",
    "stop",
    "kill",
    "destroy",
    "rename",
    "update",
    "remove",
    "connect",
    "disconnect",
    "oom",
];

/// What is learned of the daemon.
#[derive(Debug)]
pub enum Told {
    /// All that it runs now.
    All(Docker),
    /// The container of that ID has ended.
    Ended(String),
    /// It does not tell, for this reason; what it told before is the last that is known.
    Nothing(String),
}

/// What the one thread says to the other.
enum Heard {
    Something,
    Ended(String),
    Lost,
}

/// Tells by `tell` what the daemon of this machine runs, from now on and for ever, until `tell` says that
/// nobody listens any more. Returns at once.
pub fn watch_docker(tell: impl Fn(Told) -> bool + Clone + Send + 'static) {
    let (heard, hearing) = channel();
    let tell_asked = tell.clone();
    thread::spawn(move || ask_again(&hearing, &tell_asked));
    thread::spawn(move || hear(&heard, &tell));
}

/// Hears until nobody wants to know.
fn hear(heard: &Sender<Heard>, tell: &impl Fn(Told) -> bool) {
    let (mut wait, mut last_reason) = (FIRST_RETRY, None);
    loop {
        let began = Instant::now();
        let why = match (runtime(), socket()) {
            (Err(why), _) => why,
            (_, None) => "there is no socket of a daemon".to_owned(),
            (_, Some(socket)) if is_activated(&socket) => "dockerd does not run".to_owned(),
            (Ok(runtime), Some(socket)) => match runtime.block_on(listen(&socket, heard, tell)) {
                Ok(why) => why,
                Err(NobodyListens) => return,
            },
        };
        if heard.send(Heard::Lost).is_err() {
            return;
        }
        if last_reason.as_ref() != Some(&why) && !tell(Told::Nothing(why.clone())) {
            return;
        }
        last_reason = Some(why);
        if began.elapsed() > LOOK {
            (wait, last_reason) = (FIRST_RETRY, None);
        }
        thread::sleep(wait);
        wait = (wait * 2).min(LOOK);
    }
}

struct NobodyListens;

/// Hears one daemon, until the reason for which that is over.
async fn listen(path: &Path, heard: &Sender<Heard>, tell: &impl Fn(Told) -> bool) -> Result<String, NobodyListens> {
    let identity = identity(path);
    let daemon = match Daemon::connect_with_unix(&path.to_string_lossy(), PATIENCE.as_secs(), API_DEFAULT_VERSION) {
        Ok(daemon) => daemon,
        Err(error) => return Ok(reason(&error)),
    };
    // The daemon begins to listen for us a moment after it has answered: what happened since now it tells
    // all the same.
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    if let Err(error) = daemon.version().await {
        return Ok(reason(&error));
    }
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let filters = HashMap::from([("type".to_owned(), words(&TYPES)), ("event".to_owned(), words(&ACTIONS))]);
    let since = format!("{}.{:09}", since.as_secs(), since.subsec_nanos());
    let options = EventsOptions { since: Some(since), filters: Some(filters), ..EventsOptions::default() };
    let mut events = pin!(daemon.events(Some(options)));
    heard.send(Heard::Something).map_err(|_| NobodyListens)?;
    loop {
        match timeout(LOOK, events.next()).await {
            Ok(Some(Ok(event))) => {
                if let Some(id) = ended(&event) {
                    heard.send(Heard::Ended(id.clone())).map_err(|_| NobodyListens)?;
                    tell(Told::Ended(id)).then_some(()).ok_or(NobodyListens)?;
                } else {
                    heard.send(Heard::Something).map_err(|_| NobodyListens)?;
                }
            }
            Ok(Some(Err(error))) => return Ok(reason(&error)),
            Ok(None) => return Ok("the daemon closed the connection".to_owned()),
            Err(_) if self::identity(path) != identity => return Ok("another daemon has taken its place".to_owned()),
            Err(_) => {}
        }
    }
}

/// The ID of the container that has ended.
fn ended(event: &EventMessage) -> Option<String> {
    let is_end = event.typ == Some(EventMessageTypeEnum::CONTAINER) && event.action.as_deref() == Some("die");
    event.actor.as_ref()?.id.clone().filter(|_| is_end)
}

/// By which one socket is told from another at the same path.
fn identity(path: &Path) -> Option<(u64, u64)> {
    fs::metadata(path).ok().map(|metadata| (metadata.dev(), metadata.ino()))
}

/// Whether a service manager would start the daemon for who connects: where somebody has stopped it, a
/// guard is no reason to start it again.
fn is_activated(socket: &Path) -> bool {
    let is_default = std::env::var_os("DOCKER_HOST").is_none() && socket.starts_with("/run");
    let is_running = || {
        let process = fs::read_to_string("/run/docker.pid").ok();
        process.is_some_and(|process| PathBuf::from(format!("/proc/{}", process.trim())).exists())
    };
    is_default && Path::new("/run/systemd/system").exists() && !is_running()
}

/// Asks whenever something was heard.
fn ask_again(hearing: &Receiver<Heard>, tell: &impl Fn(Told) -> bool) {
    let mut known: Option<Docker> = None;
    let mut retry: Option<Duration> = None;
    loop {
        match hearing.recv_timeout(retry.unwrap_or(SLOW)) {
            Ok(Heard::Lost) => {
                retry = None;
                continue;
            }
            Ok(Heard::Something | Heard::Ended(_)) | Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        // What was heard so far is in the answer, unless the daemon is away again.
        if matches!(hearing.try_iter().last(), Some(Heard::Lost)) {
            continue;
        }
        let Some(socket) = socket().filter(|socket| !is_activated(socket)) else {
            continue;
        };
        let asked = Instant::now();
        let told = match DockerState::at_within(&socket, PATIENCE, known.as_ref()) {
            DockerState::Known(mut docker) => {
                retry = None;
                known = Some(docker.clone());
                let meanwhile = gather(hearing);
                docker.containers.retain(|container| !meanwhile.ended.contains(&container.id));
                if meanwhile.any {
                    retry = Some(REST);
                }
                Told::All(docker)
            }
            DockerState::Unreachable(why) => {
                retry = Some(retry.map_or(LOOK, |before| (before * 2).min(PATIENCE)));
                Told::Nothing(why)
            }
            DockerState::Absent => continue,
        };
        if !tell(told) {
            return;
        }
        thread::sleep(asked.elapsed().clamp(REST, LONGEST_REST));
    }
}

/// What was heard while it was asked.
#[derive(Default)]
struct Meanwhile {
    any: bool,
    ended: HashSet<String>,
}

fn gather(hearing: &Receiver<Heard>) -> Meanwhile {
    let mut meanwhile = Meanwhile::default();
    for heard in hearing.try_iter() {
        match heard {
            Heard::Ended(id) => {
                meanwhile.any = true;
                meanwhile.ended.insert(id);
            }
            Heard::Something => meanwhile.any = true,
            Heard::Lost => {}
        }
    }
    meanwhile
}

fn runtime() -> Result<Runtime, String> {
    // On this thread alone, whose capabilities it keeps to.
    Builder::new_current_thread().enable_all().build().map_err(|error| error.to_string())
}
