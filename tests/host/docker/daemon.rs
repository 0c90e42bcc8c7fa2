//! A daemon that answers what a test has it answer.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::thread;

use dockwall::host::{Docker, DockerState};
use tempfile::TempDir;

/// A daemon at a socket of its own.
pub struct Daemon {
    directory: TempDir,
}

impl Daemon {
    /// One that hands every connection, and the path asked for, to `answer`.
    pub fn with(answer: impl Fn(&str, UnixStream) + Clone + Send + 'static) -> Self {
        let daemon = Self { directory: tempfile::tempdir().unwrap() };
        let listener = UnixListener::bind(daemon.socket()).unwrap();
        // It ends with the test program, and the socket before it.
        thread::spawn(move || {
            for connection in listener.incoming().map_while(Result::ok) {
                let answer = answer.clone();
                thread::spawn(move || {
                    let asked = asked(&connection);
                    answer(&asked, connection);
                });
            }
        });
        daemon
    }

    /// One that answers these paths, a status and a body each, and nothing else.
    pub fn answering(answers: &'static [(&'static str, u16, &'static str)]) -> Self {
        Self::with(|path, connection| {
            let answer = answers.iter().find(|(other, _, _)| *other == path);
            let (status, body) =
                answer.map_or((404, r#"{ "message": "no such thing" }"#), |(_, status, body)| (*status, body));
            respond(connection, status, body);
        })
    }

    /// Where it listens.
    pub fn socket(&self) -> PathBuf {
        self.directory.path().join("docker.sock")
    }

    /// What is learned from it.
    pub fn state(&self) -> DockerState {
        DockerState::at(&self.socket())
    }

    /// What it tells.
    ///
    /// # Panics
    /// When it tells nothing, with the reason.
    #[track_caller]
    pub fn docker(&self) -> Docker {
        match self.state() {
            DockerState::Known(docker) => docker,
            other => panic!("{other:?}"),
        }
    }

    /// Why it is out of reach.
    ///
    /// # Panics
    /// When it is not.
    #[track_caller]
    pub fn reason(&self) -> String {
        match self.state() {
            DockerState::Unreachable(reason) => reason,
            other => panic!("{other:?}"),
        }
    }
}

/// The path of a request, which is read to its end.
fn asked(connection: &UnixStream) -> String {
    let mut lines = BufReader::new(connection).lines().map_while(Result::ok);
    let first = lines.next().unwrap_or_default();
    lines.find(String::is_empty);
    first.split(' ').nth(1).unwrap_or_default().to_owned()
}

/// Sends an answer. That nobody waits for it any more is no matter.
pub fn respond(mut connection: UnixStream, status: u16, body: &str) {
    let _ = write!(
        connection,
        "HTTP/1.1 {status} of a test\r\nApi-Version: 1.41\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
         Connection: close\r\n\r\n{body}",
        body.len()
    );
}
