//! A daemon that stands in for Docker, with networks and containers that a test gives it, and as slow as it likes.

pub mod scene;

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::{sleep, spawn};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use tempfile::TempDir;

/// A daemon at a socket of its own; its threads end with the test program.
pub struct StandIn {
    directory: TempDir,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    networks: BTreeMap<String, Value>,
    containers: BTreeMap<String, Value>,
    hearers: Vec<UnixStream>,
    /// The events there were, and when.
    told: Vec<(Duration, String)>,
    delay: Duration,
    asked: usize,
}

impl StandIn {
    pub fn new() -> Self {
        let stand_in = Self { directory: tempfile::tempdir().unwrap(), state: Arc::default() };
        stand_in.listen();
        stand_in
    }

    /// Listens, in the place of whoever did before.
    pub fn listen(&self) {
        let _ = std::fs::remove_file(self.socket());
        let listener = UnixListener::bind(self.socket()).unwrap();
        let state = Arc::clone(&self.state);
        spawn(move || {
            for connection in listener.incoming().map_while(Result::ok) {
                let state = Arc::clone(&state);
                spawn(move || serve(connection, &state));
            }
        });
    }

    pub fn socket(&self) -> PathBuf {
        self.directory.path().join("docker.sock")
    }

    /// `DOCKER_HOST` for who is to talk to it.
    pub fn variable(&self) -> String {
        format!("DOCKER_HOST=unix://{}", self.socket().display())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// Every answer comes so late from now on.
    pub fn delay(&self, delay: Duration) {
        self.state().delay = delay;
    }

    /// How often all containers were asked for.
    pub fn asked(&self) -> usize {
        self.state().asked
    }

    /// Ends the connections of those who hear events: none is told any more.
    pub fn cut(&self) {
        for hearer in self.state().hearers.drain(..) {
            let _ = hearer.shutdown(std::net::Shutdown::Both);
        }
    }

    /// Makes a network with a bridge of that name.
    pub fn create_network(&self, name: &str, subnet: &str) {
        self.add_network(json!({
            "Name": name, "Id": format!("{name:0>64}"), "Driver": "bridge",
            "IPAM": { "Config": [{ "Subnet": subnet }] },
            "Options": { "com.docker.network.bridge.name": name },
        }));
    }

    /// Makes a network as Docker would tell it.
    fn add_network(&self, network: Value) {
        let name = network["Name"].as_str().unwrap().to_owned();
        self.state().networks.insert(name.clone(), network);
        self.tell("network", "create", &name);
    }

    pub fn remove_network(&self, name: &str) {
        self.state().networks.remove(name);
        self.tell("network", "destroy", name);
    }

    /// Starts a container; the ID is its name and address.
    pub fn start(&self, name: &str, address: &str, label: &str) {
        let container = json!({
            "Id": format!("{name}-{address}"), "Names": [format!("/{name}")], "Labels": { "tier": label },
            "HostConfig": { "NetworkMode": "backend" },
            "NetworkSettings": { "Networks": { "backend": { "IPAddress": address } } },
        });
        self.add_container(name, container);
    }

    /// Starts a container as Docker would tell it.
    fn add_container(&self, name: &str, container: Value) {
        self.state().containers.insert(name.to_owned(), container);
        self.tell("container", "start", name);
    }

    pub fn end(&self, name: &str) {
        let gone = self.state().containers.remove(name).unwrap();
        self.tell("container", "die", gone["Id"].as_str().unwrap());
    }

    fn tell(&self, kind: &str, action: &str, id: &str) {
        let event = json!({ "Type": kind, "Action": action, "Actor": { "ID": id }, "scope": "local" }).to_string();
        let mut state = self.state();
        state.hearers.retain_mut(|hearer| write_event(hearer, &event).is_ok());
        state.told.push((SystemTime::now().duration_since(UNIX_EPOCH).unwrap(), event));
    }
}

fn write_event(mut hearer: &UnixStream, event: &str) -> io::Result<()> {
    write!(hearer, "{:x}\r\n{event}\n\r\n", event.len() + 1)
}

/// What `/events?…since=SECONDS.NANOSECONDS…` asks for.
fn since(path: &str) -> Option<Duration> {
    let (seconds, nanoseconds) = path.split_once("since=")?.1.split('&').next()?.split_once('.')?;
    Some(Duration::new(seconds.parse().ok()?, nanoseconds.parse().ok()?))
}

fn serve(connection: UnixStream, state: &Mutex<State>) {
    let mut lines = BufReader::new(&connection).lines().map_while(Result::ok);
    let Some(path) = lines.next().and_then(|line| line.split(' ').nth(1).map(str::to_owned)) else {
        return;
    };
    lines.by_ref().find(String::is_empty);
    let delay = state.lock().unwrap().delay;
    sleep(delay);
    let mut connection = &connection;
    if path.starts_with("/events") {
        let mut state = state.lock().unwrap();
        let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
        // As Docker does, it tells what happened since then, and goes on.
        let since = since(&path).unwrap();
        let missed = state.told.iter().filter(|(at, _)| *at >= since);
        if connection.write_all(head.as_bytes()).is_ok()
            && missed.map(|(_, event)| write_event(connection, event)).all(|told| told.is_ok())
        {
            state.hearers.push(connection.try_clone().unwrap());
        }
        return;
    }
    let mut state = state.lock().unwrap();
    let body = match path.split('?').next().unwrap() {
        "/version" => json!({ "Version": "29.0.0", "ApiVersion": "1.41" }),
        "/networks" => state.networks.values().cloned().collect(),
        "/containers/json" => {
            state.asked += 1;
            state.containers.values().cloned().collect()
        }
        _ => json!({}),
    };
    drop(state);
    let body = body.to_string();
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    let _ = connection.write_all((head + &body).as_bytes());
}
