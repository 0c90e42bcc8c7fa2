//! New TCP connections at a steady rate, to find the moments at which one gets through.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Result;
use clap::Args;
use rustix::io::Errno;
use rustix::net::{SocketFlags, SocketType, connect, socket_with};
use serde_json::json;

use crate::address::Address;
use crate::blast::TICK;
use crate::open_files;
use crate::stop::Stop;

/// How often the connections under way are looked at.
const SWEEP: Duration = Duration::from_millis(100);

/// How long answers may take at the end.
const GRACE: Duration = Duration::from_secs(1);

/// Open TCP connections at a steady rate; prints {"tried", "established", "failed", "given_up", "pending", "alive_at_end"}
///
/// Connections stay open. At the end each established one exchanges a byte: the answers within a
/// second are alive_at_end. failed: refused, reset, no route. pending: nothing came back so far.
/// There are never more at once than this process may have files open: with --give-up the rate is
/// kept for as long as one likes.
#[derive(Args)]
pub struct Connect {
    /// Whom to connect to
    address: Address,

    /// The port to connect to, a --tcp of `traffic serve`
    port: u16,

    /// Connections a second
    #[arg(long, value_name = "N", default_value_t = 100.0)]
    rate: f64,

    /// Close what nothing came back for so long, before the kernel asks again
    #[arg(long, value_name = "MILLISECONDS")]
    give_up: Option<u64>,

    #[command(flatten)]
    stop: Stop,
}

/// All connections so far, sorted by what became of them.
#[derive(Default)]
struct Attempts {
    pending: Vec<(Instant, TcpStream)>,
    established: Vec<TcpStream>,
    failed: u64,
    given_up: u64,
}

impl Connect {
    pub fn run(&self) -> Result<ExitCode> {
        let room = usize::try_from(open_files::raise_limit().saturating_sub(16)).unwrap_or(usize::MAX);
        let give_up = self.give_up.map(Duration::from_millis);
        let mut attempts = Attempts::default();
        let mut tried = 0;
        let mut swept = Instant::now();
        let clock = self.stop.start();
        while clock.is_running() {
            while tried < clock.due(self.rate) && attempts.open() < room {
                tried += 1;
                attempts.start(self.address, self.port);
            }
            if swept.elapsed() >= SWEEP {
                attempts.sweep();
                attempts.give_up(give_up);
                swept = Instant::now();
            }
            thread::sleep(TICK);
        }
        let alive = attempts.finish();
        println!(
            "{}",
            json!({
                "tried": tried,
                "established": attempts.established.len(),
                "failed": attempts.failed,
                "given_up": attempts.given_up,
                "pending": attempts.pending.len(),
                "alive_at_end": alive,
            })
        );
        Ok(ExitCode::SUCCESS)
    }
}

impl Attempts {
    fn start(&mut self, address: Address, port: u16) {
        match start(address, port) {
            Ok(stream) => self.pending.push((Instant::now(), stream)),
            Err(_) => self.failed += 1,
        }
    }

    fn open(&self) -> usize {
        self.pending.len() + self.established.len()
    }

    fn give_up(&mut self, after: Option<Duration>) {
        let before = self.pending.len();
        self.pending.retain(|(since, _)| after.is_none_or(|after| since.elapsed() < after));
        self.given_up += (before - self.pending.len()) as u64;
    }

    fn sweep(&mut self) {
        for (since, stream) in std::mem::take(&mut self.pending) {
            match progress(&stream) {
                Progress::Pending => self.pending.push((since, stream)),
                Progress::Established => self.established.push(stream),
                Progress::Failed => self.failed += 1,
            }
        }
    }

    /// Counts the connections that still carry data.
    fn finish(&mut self) -> usize {
        let end = Instant::now() + GRACE;
        while !self.pending.is_empty() && Instant::now() + GRACE / 2 < end {
            self.sweep();
            thread::sleep(TICK);
        }
        self.established.iter().for_each(|mut stream| drop(stream.write(b"x")));
        let mut waiting: Vec<&TcpStream> = self.established.iter().collect();
        while !waiting.is_empty() && Instant::now() < end {
            thread::sleep(TICK);
            waiting.retain_mut(|stream| !matches!(stream.read(&mut [0; 1]), Ok(1)));
        }
        self.established.len() - waiting.len()
    }
}

fn start(address: Address, port: u16) -> io::Result<TcpStream> {
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let fd = socket_with(address.family(), SocketType::STREAM, flags, None)?;
    match connect(&fd, &address.with_port(port)) {
        Ok(()) | Err(Errno::INPROGRESS) => Ok(fd.into()),
        Err(error) => Err(error.into()),
    }
}

enum Progress {
    Pending,
    Established,
    Failed,
}

fn progress(stream: &TcpStream) -> Progress {
    match (stream.take_error(), stream.peer_addr()) {
        (Ok(None), Ok(_)) => Progress::Established,
        (Ok(None), Err(_)) => Progress::Pending,
        _ => Progress::Failed,
    }
}
