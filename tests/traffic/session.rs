//! One conversation kept busy, to see whether and when it breaks.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpStream, UdpSocket};
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, Result};
use clap::Args;
use serde_json::json;

use crate::address::Address;
use crate::counts::unix_ms;
use crate::payload::Payload;
use crate::stop::{Clock, Stop};

/// How long to wait for the connection.
const CONNECT: Duration = Duration::from_secs(3);

/// A conversation whose last answer is older than this at the end is broken.
const SILENCE: Duration = Duration::from_secs(1);

/// Exchange small messages with an echo over one connection
///
/// Prints {"sent", "round_trips", "longest_gap_ms", "last_answer_ms_before_end", "last_answer_unix_ms", "error",
/// "broken"}. error: why the connection failed or ended, or null. broken: there is an error, or the last answer is
/// more than a second (and three intervals) old at the end. last_answer_*: null if nothing was ever answered. By TCP
/// a message waits for its predecessor's answer, as long as the kernel tries to deliver it; by UDP one is sent each
/// interval.
#[derive(Args)]
pub struct Session {
    /// Whom to talk to
    address: Address,

    /// The port to talk to, a --tcp or --udp of `traffic serve`
    port: u16,

    /// Talk by UDP
    #[arg(long)]
    udp: bool,

    #[command(flatten)]
    stop: Stop,

    /// Milliseconds from one message to the next
    #[arg(long, value_name = "MS", default_value_t = 20)]
    interval: u64,

    /// Talk from this port (UDP)
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    source_port: u16,

    /// Print a line `established` after the first answer
    #[arg(long)]
    announce: bool,
}

/// What a session remembers of its answers.
struct Log {
    announce: bool,
    sent: u64,
    round_trips: u64,
    started: Instant,
    last_answer: Option<(Instant, SystemTime)>,
    longest_gap: Duration,
    error: Option<io::Error>,
}

impl Session {
    pub fn run(&self) -> Result<ExitCode> {
        let target = self.address.with_port(self.port);
        let mut log = Log::new(self.announce);
        if self.udp {
            let socket = UdpSocket::bind((self.address.unspecified(), self.source_port))?;
            socket.connect(target).with_context(|| format!("no way to {target}"))?;
            self.talk_udp(&socket, &self.stop.start(), &mut log)?;
        } else {
            let outcome = TcpStream::connect_timeout(&target, CONNECT)
                .and_then(|stream| self.talk_tcp(stream, &self.stop.start(), &mut log));
            log.error = outcome.err();
        }
        log.print(self.interval());
        Ok(ExitCode::SUCCESS)
    }

    fn interval(&self) -> Duration {
        Duration::from_millis(self.interval.max(1))
    }

    fn talk_tcp(&self, mut stream: TcpStream, clock: &Clock, log: &mut Log) -> io::Result<()> {
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(self.interval()))?;
        while clock.is_running() {
            let begun = Instant::now();
            stream.write_all(&message(log.sent))?;
            log.sent += 1;
            if !read_answer(&mut stream, clock)? {
                return Ok(());
            }
            log.answered();
            thread::sleep(self.interval().saturating_sub(begun.elapsed()));
        }
        Ok(())
    }

    fn talk_udp(&self, socket: &UdpSocket, clock: &Clock, log: &mut Log) -> io::Result<()> {
        let mut answer = [0; 64];
        while clock.is_running() {
            let next = Instant::now() + self.interval();
            // An ICMP error of an earlier message is no answer and no reason to stop.
            let _ = socket.send(&message(log.sent));
            log.sent += 1;
            while let Some(rest) = time_until(next) {
                socket.set_read_timeout(Some(rest))?;
                let received = socket.recv(&mut answer);
                let Some(payload) = received.ok().and_then(|length| Payload::decode(&answer[..length])) else {
                    continue;
                };
                log.answered();
                if payload.sequence + 1 == log.sent {
                    // Sleeping is exact; a socket's timeout ends with the kernel's tick.
                    thread::sleep(next.saturating_duration_since(Instant::now()));
                }
            }
        }
        Ok(())
    }
}

fn time_until(instant: Instant) -> Option<Duration> {
    let rest = instant.checked_duration_since(Instant::now())?;
    (!rest.is_zero()).then_some(rest)
}

fn message(sequence: u64) -> [u8; Payload::LENGTH] {
    let mut message = [0; Payload::LENGTH];
    Payload { stream: 0, sequence }.encode_into(&mut message);
    message
}

/// Waits until the whole answer is there; false if time is up first.
fn read_answer(stream: &mut TcpStream, clock: &Clock) -> io::Result<bool> {
    let mut answer = [0; Payload::LENGTH];
    let mut filled = 0;
    while filled < answer.len() {
        match stream.read(&mut answer[filled..]) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(length) => filled += length,
            Err(error) if error.kind() == ErrorKind::WouldBlock && clock.is_running() => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
            Err(error) => return Err(error),
        }
    }
    Ok(true)
}

impl Log {
    fn new(announce: bool) -> Self {
        Self {
            announce,
            sent: 0,
            round_trips: 0,
            started: Instant::now(),
            last_answer: None,
            longest_gap: Duration::ZERO,
            error: None,
        }
    }

    fn answered(&mut self) {
        self.longest_gap = self.longest_gap.max(self.silence());
        self.round_trips += 1;
        let is_first = self.last_answer.replace((Instant::now(), SystemTime::now())).is_none();
        if is_first && self.announce {
            println!("established");
        }
    }

    /// The time since the last answer, or since the start.
    fn silence(&self) -> Duration {
        self.last_answer.map_or(self.started, |(at, _)| at).elapsed()
    }

    fn print(&self, interval: Duration) {
        let silence = self.silence();
        println!(
            "{}",
            json!({
                "sent": self.sent,
                "round_trips": self.round_trips,
                "longest_gap_ms": self.longest_gap.max(silence).as_millis() as u64,
                "last_answer_ms_before_end": self.last_answer.map(|_| silence.as_millis() as u64),
                "last_answer_unix_ms": self.last_answer.map(|(_, at)| unix_ms(at)),
                "error": self.error.as_ref().map(io::Error::to_string),
                "broken": self.error.is_some() || silence > SILENCE.max(interval * 3),
            })
        );
    }
}
