//! Asking the daemon.

use std::env;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::Duration;

use bollard::errors::Error;
use bollard::models::ContainerSummary;
use bollard::{API_DEFAULT_VERSION, Docker as Daemon};
use futures_util::future::{join, try_join3};
use futures_util::stream::{self, StreamExt, TryStreamExt};

use super::{Container, Docker, DockerNetwork, DockerState, swarm};

/// How long all answers together may take. A daemon answers in milliseconds, unless it hangs.
const PATIENCE: Duration = Duration::from_secs(2);

/// How many containers are asked about at once. Each is a connection of its own.
const AT_ONCE: usize = 16;

/// Where a daemon listens. `/var/run` is a link to `/run`, except on old systems.
const SOCKETS: [&str; 2] = ["/run/docker.sock", "/var/run/docker.sock"];

/// What the daemon answers to a container that is gone.
const NOT_FOUND: u16 = 404;

impl DockerState {
    /// Asks the daemon of this machine: the one of `DOCKER_HOST`, where that names a Unix socket.
    /// A daemon behind TCP or SSH is another machine's.
    ///
    /// Where there is no socket, nothing is waited for.
    pub fn read() -> Self {
        socket().map(|socket| Self::at(&socket)).unwrap_or_default()
    }

    /// Asks the daemon that listens at `socket`, for two seconds at the most.
    pub fn at(socket: &Path) -> Self {
        Self::at_within(socket, PATIENCE, None)
    }

    /// The same with another patience. What it answered before of the containers that are `known` is not
    /// asked for again, where it never changes.
    pub(super) fn at_within(socket: &Path, patience: Duration, known: Option<&Docker>) -> Self {
        let unreachable = |reason: String| Self::Unreachable(format!("{}: {reason}", socket.display()));
        match fs::metadata(socket) {
            Ok(_) => {}
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                return Self::Absent;
            }
            Err(error) => return unreachable(error.to_string()),
        }
        let Some(path) = socket.to_str() else {
            return unreachable("the path is no UTF-8".to_owned());
        };
        // On this thread alone, whose capabilities it keeps to.
        let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => return unreachable(error.to_string()),
        };
        match runtime.block_on(async { tokio::time::timeout(patience, ask(path, patience, known)).await }) {
            Ok(Ok(docker)) => Self::Known(docker),
            Ok(Err(error)) => unreachable(reason(&error)),
            Err(_) => unreachable(format!("the daemon did not answer within {} s", patience.as_secs())),
        }
    }
}

/// The socket of this machine's daemon; none where there is none.
pub(super) fn socket() -> Option<PathBuf> {
    let is_there = |socket: &PathBuf| {
        let missing = |error: io::Error| matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory);
        !fs::metadata(socket).is_err_and(missing)
    };
    let named = env::var("DOCKER_HOST").ok();
    match named.as_deref().and_then(|host| host.strip_prefix("unix://")) {
        Some(socket) => Some(PathBuf::from(socket)).filter(is_there),
        None => SOCKETS.map(PathBuf::from).into_iter().find(is_there),
    }
}

async fn ask(socket: &str, patience: Duration, known: Option<&Docker>) -> Result<Docker, Error> {
    // Which version of the API is of no matter: bollard leaves it out of the request, and each
    // daemon then answers in its own newest one.
    // Its patience with one request is more than ours with all of them.
    let daemon = Daemon::connect_with_unix(socket, 2 * patience.as_secs(), API_DEFAULT_VERSION)?;
    let lists = try_join3(daemon.version(), daemon.list_networks(None), daemon.list_containers(None));
    let (version, networks, containers) = lists.await?;
    let asked = stream::iter(containers).map(|container| inspect(&daemon, container, known)).buffer_unordered(AT_ONCE);
    let (containers, swarm) = join(asked.try_collect(), swarm::ask(&daemon, &networks)).await;
    let mut containers: Vec<Container> = Vec::into_iter(containers?).flatten().collect();
    swarm?.complete(&mut containers);
    containers.sort_by(|one, other| one.name.cmp(&other.name));
    let mut networks: Vec<DockerNetwork> = networks.into_iter().map(DockerNetwork::from).collect();
    networks.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(Docker { version: version.version.unwrap_or_default(), networks, containers })
}

/// The container with what the list does not say, its resolvers; none where it has ended meanwhile.
async fn inspect(
    daemon: &Daemon,
    summary: ContainerSummary,
    known: Option<&Docker>,
) -> Result<Option<Container>, Error> {
    let mut container = Container::from(summary);
    if !container.has_own_network() {
        return Ok(Some(container));
    }
    if let Some(known) = known.and_then(|known| known.containers.iter().find(|known| known.id == container.id)) {
        // Given when it was made, and `docker update` has no such option.
        container.dns.clone_from(&known.dns);
        return Ok(Some(container));
    }
    match daemon.inspect_container(&container.id, None).await {
        Ok(inspected) => {
            let servers = inspected.host_config.and_then(|config| config.dns).unwrap_or_default();
            container.set_dns(&servers);
            Ok(Some(container))
        }
        Err(Error::DockerResponseServerError { status_code: NOT_FOUND, .. }) => Ok(None),
        // bollard takes no answer with a word that it does not know, such as a newer daemon's. One
        // container's resolvers are missed then, rather than all that is known of Docker.
        Err(Error::JsonDataError { .. }) => Ok(Some(container)),
        Err(error) => Err(error),
    }
}

/// What an error comes from in the end: everything before it says only which library noticed.
pub(super) fn reason(error: &Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
