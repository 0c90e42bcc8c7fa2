//! One question and its answer, boiled down to one word.

use std::fmt;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream, UdpSocket};
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use anyhow::Result;
use clap::{Args, ValueEnum};
use rustix::io::Errno;
use rustix::net::sockopt::{Timeout, set_socket_reuseaddr, set_socket_timeout};
use rustix::net::{SocketFlags, SocketType, bind, connect, socket_with};

use crate::address::Address;
use crate::dns::{self, Record};

/// Bytes of a question when nothing else is said.
pub const DEFAULT_SIZE: usize = 32;

/// Milliseconds until a probe gives up: a little more than until the second SYN, as the kernel drops an ICMP error that
/// comes while connect(2) still sends the first one (counter TcpExtLockDroppedIcmps); in namespaces of one machine it
/// always does.
pub const DEFAULT_TIMEOUT: u64 = 1200;

/// Ask one server once: prints a word, exits with 0 only for `ok`
///
/// ok: the same bytes came back, or a resolver's answer. timeout: nothing came. refused: a reset or "port unreachable" came.
/// unreachable: no route, no neighbour or an ICMP error says so. prohibited: an ICMPv6 error says
/// "administratively prohibited". denied: this host's own firewall refuses to send. reset, closed:
/// the connection broke. garbled: other bytes came back.
#[derive(Args, Clone)]
pub struct Probe {
    /// What to ask with
    pub kind: Kind,

    /// Whom to ask
    pub address: Address,

    /// The port to ask at; ping has none
    #[arg(default_value_t = 0)]
    pub port: u16,

    /// Bytes to send and get back
    #[arg(long, value_name = "N", default_value_t = DEFAULT_SIZE)]
    pub size: usize,

    /// Milliseconds to wait for the connection, and again for the answer
    #[arg(long, value_name = "MS", default_value_t = DEFAULT_TIMEOUT)]
    pub timeout: u64,

    /// Ask from this port
    #[arg(long, value_name = "PORT")]
    pub source_port: Option<u16>,
}

/// The protocol of a probe.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Kind {
    /// Connect, send, get the same back
    Tcp,
    /// Send a packet, get the same back
    Udp,
    /// ICMP echo, by ping(8)
    Ping,
    /// Ask a resolver for a name, by UDP
    Dns,
    /// Ask a resolver for a name, by TCP
    DnsTcp,
}

/// How a probe ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    Ok,
    Timeout,
    Refused,
    Unreachable,
    Prohibited,
    Denied,
    Reset,
    Closed,
    Garbled,
    Error(String),
}

impl Probe {
    pub fn run(&self) -> Result<ExitCode> {
        let verdict = self.verdict();
        println!("{verdict}");
        Ok(ExitCode::from(u8::from(verdict != Verdict::Ok)))
    }

    /// Asks and waits.
    pub fn verdict(&self) -> Verdict {
        let outcome = match self.kind {
            Kind::Tcp => self.tcp(),
            Kind::Udp => self.udp(),
            Kind::Ping => self.ping(),
            Kind::Dns | Kind::DnsTcp => self.dns(),
        };
        outcome.unwrap_or_else(|error| Verdict::from(&error))
    }

    fn wait(&self) -> Duration {
        Duration::from_millis(self.timeout.max(1))
    }

    fn question(&self) -> Vec<u8> {
        (0..self.size).map(|index| b'a' + (index % 23) as u8).collect()
    }

    fn tcp(&self) -> io::Result<Verdict> {
        let mut stream = self.connected_stream()?;
        stream.set_read_timeout(Some(self.wait()))?;
        let question = self.question();
        stream.write_all(&question)?;
        let mut answer = vec![0; question.len()];
        match stream.read_exact(&mut answer) {
            Ok(()) => Ok(compare(&question, &answer)),
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(Verdict::Closed),
            Err(error) => Err(error),
        }
    }

    /// std has a timeout for connect, or a chosen source port, but not both. The kernel applies
    /// the send timeout to connect (socket(7)) and then reports EINPROGRESS.
    fn connected_stream(&self) -> io::Result<TcpStream> {
        let family = self.address.family();
        let fd = socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
        if let Some(port) = self.source_port {
            set_socket_reuseaddr(&fd, true)?;
            bind(&fd, &SocketAddr::new(self.address.unspecified(), port))?;
        }
        set_socket_timeout(&fd, Timeout::Send, Some(self.wait()))?;
        // A second connect(2) waits for what the first one began.
        uninterrupted(|| Ok(connect(&fd, &self.address.with_port(self.port))?))?;
        Ok(fd.into())
    }

    fn udp(&self) -> io::Result<Verdict> {
        let question = self.question();
        Ok(compare(&question, &self.exchange(&question, question.len() + 1)?))
    }

    /// Sends a packet and waits for another one, of at most so many bytes.
    fn exchange(&self, question: &[u8], most: usize) -> io::Result<Vec<u8>> {
        let source_port = self.source_port.unwrap_or(0);
        let socket = UdpSocket::bind((self.address.unspecified(), source_port))?;
        socket.connect(self.address.with_port(self.port))?;
        socket.send(question)?;
        let end = Instant::now() + self.wait();
        let mut answer = vec![0; most];
        let length = uninterrupted(|| {
            socket.set_read_timeout(Some(end.saturating_duration_since(Instant::now()).max(MOMENT)))?;
            match socket.recv(&mut answer) {
                // A router on the way said so; now the kernel knows in which pieces to send.
                Err(error) if Errno::from_io_error(&error) == Some(Errno::MSGSIZE) => {
                    socket.send(question)?;
                    Err(ErrorKind::Interrupted.into())
                }
                received => received,
            }
        })?;
        answer.truncate(length);
        Ok(answer)
    }

    fn dns(&self) -> io::Result<Verdict> {
        let addresses = self.resolve("probe.example", Record::A)?;
        Ok(if addresses.is_some() { Verdict::Ok } else { Verdict::Garbled })
    }

    /// The addresses that the resolver has for a name; none when what it says is no answer.
    pub fn resolve(&self, name: &str, record: Record) -> io::Result<Option<Vec<IpAddr>>> {
        let id = std::process::id() as u16;
        let question = dns::question(id, name, record)?;
        let answer = match self.kind {
            Kind::DnsTcp => {
                let stream = self.connected_stream()?;
                stream.set_read_timeout(Some(self.wait()))?;
                dns::write_message(&stream, &question)?;
                dns::read_message(&stream)?
            }
            _ => self.exchange(&question, dns::LARGEST_ANSWER)?,
        };
        Ok(dns::addresses(id, &answer))
    }

    fn ping(&self) -> io::Result<Verdict> {
        let zone = match self.address.interface {
            0 => String::new(),
            index => format!("%{index}"),
        };
        let output = Command::new("ping")
            .args(["-n", "-c1", "-s", &self.size.to_string()])
            .args(["-W", &self.wait().as_secs_f64().to_string()])
            .arg(format!("{}{zone}", self.address.ip))
            .output()?;
        let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        Ok(match output.status.code() {
            Some(0) => Verdict::Ok,
            _ if said.contains("rohibited") || said.contains("Packet filtered") => Verdict::Prohibited,
            _ if said.contains("nreachable") => Verdict::Unreachable,
            _ if said.contains("not permitted") => Verdict::Denied,
            Some(1) => Verdict::Timeout,
            _ => Verdict::Error(said.lines().next().unwrap_or("ping").to_owned()),
        })
    }
}

/// The shortest wait: a zero would mean for ever.
const MOMENT: Duration = Duration::from_millis(1);

/// With a timeout a call is not taken up again by the kernel after a signal (signal(7)), such as
/// that of a ping that has ended.
fn uninterrupted<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            outcome => return outcome,
        }
    }
}

fn compare(question: &[u8], answer: &[u8]) -> Verdict {
    if question == answer { Verdict::Ok } else { Verdict::Garbled }
}

impl From<&io::Error> for Verdict {
    fn from(error: &io::Error) -> Self {
        match Errno::from_io_error(error) {
            Some(Errno::AGAIN | Errno::INPROGRESS | Errno::ALREADY | Errno::TIMEDOUT) => Self::Timeout,
            Some(Errno::CONNREFUSED) => Self::Refused,
            Some(Errno::HOSTUNREACH | Errno::NETUNREACH) => Self::Unreachable,
            Some(Errno::ACCESS) => Self::Prohibited,
            Some(Errno::PERM) => Self::Denied,
            Some(Errno::CONNRESET | Errno::PIPE) => Self::Reset,
            _ => Self::Error(error.to_string()),
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, output: &mut fmt::Formatter<'_>) -> fmt::Result {
        output.write_str(match self {
            Self::Ok => "ok",
            Self::Timeout => "timeout",
            Self::Refused => "refused",
            Self::Unreachable => "unreachable",
            Self::Prohibited => "prohibited",
            Self::Denied => "denied",
            Self::Reset => "reset",
            Self::Closed => "closed",
            Self::Garbled => "garbled",
            Self::Error(text) => return write!(output, "error: {text}"),
        })
    }
}
