//! The answering side: echoes, counting sinks, and a port that tells the counts.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Args;
use rustix::net::sockopt::{set_ipv6_v6only, set_socket_recv_buffer_size_force};
use rustix::net::{AddressFamily, RecvFlags, SocketFlags, SocketType, bind, recv, socket_with};

use crate::address::Address;
use crate::counts::Counts;
use crate::dns::Zone;
use crate::payload::Payload;
use crate::{dns, download, local, open_files, raw, stats};

/// Small stacks, as there is one thread for each connection.
const STACK: usize = 128 << 10;

/// The kernel's buffer of a UDP socket: what comes while the thread has no CPU must not be lost.
const RECEIVE_BUFFER: usize = 8 << 20;

/// Larger than any UDP packet.
const LARGEST_PACKET: usize = 1 << 16;

/// How often new addresses of the namespace are looked for.
const RESCAN: Duration = Duration::from_secs(1);

/// Echo what comes by TCP and UDP, answer DNS, count what comes to a sink, until killed
#[derive(Args)]
pub struct Serve {
    /// Echo TCP at this port
    #[arg(long, value_name = "PORT")]
    tcp: Vec<u16>,

    /// Echo UDP at this port, from the very address that was asked
    #[arg(long, value_name = "PORT")]
    udp: Vec<u16>,

    /// Count UDP at this port and answer nothing
    #[arg(long, value_name = "PORT")]
    sink: Vec<u16>,

    /// Count packets of this protocol, those of `traffic raw`
    #[arg(long, value_name = "PROTOCOL")]
    raw: Vec<u8>,

    /// Answer DNS at this port, by UDP and TCP
    #[arg(long, value_name = "PORT")]
    dns: Vec<u16>,

    #[command(flatten)]
    zone: Zone,

    /// Send what `traffic download` asks for at this port
    #[arg(long, value_name = "PORT")]
    source: Vec<u16>,

    /// Tell the counts to `traffic stats` at this port of 127.0.0.1
    #[arg(long, value_name = "PORT")]
    stats_port: Option<u16>,

    /// Serve at this address [default: all of the namespace, also later ones]
    #[arg(long, value_name = "ADDRESS")]
    address: Vec<Address>,
}

type Shared = Arc<Mutex<Counts>>;

impl Serve {
    pub fn run(&self) -> Result<ExitCode> {
        open_files::raise_limit();
        let counts = Shared::default();
        for &port in &self.tcp {
            self.serve_tcp(port, &counts, echo_tcp)?;
        }
        for &port in &self.source {
            self.serve_tcp(port, &counts, |stream| drop(download::serve(&stream)))?;
        }
        for &port in &self.dns {
            let zone = self.zone;
            self.serve_tcp(port, &counts, move |stream| drop(answer_dns(&stream, zone)))?;
        }
        for &port in &self.sink {
            for socket in self.sink_sockets(port)? {
                spawn_sink(socket, port, Arc::clone(&counts))?;
            }
        }
        for &protocol in &self.raw {
            for family in [AddressFamily::INET, AddressFamily::INET6] {
                spawn_raw(family, protocol, Arc::clone(&counts))?;
            }
        }
        if let Some(port) = self.stats_port {
            let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
            let listener = TcpListener::bind(address).with_context(|| cannot_serve(address))?;
            spawn_stats(listener, Arc::clone(&counts))?;
        }
        self.answer_udp(&counts)
    }

    fn serve_tcp(&self, port: u16, counts: &Shared, each: impl Fn(TcpStream) + Copy + Send + 'static) -> Result<()> {
        for listener in self.bind_all(port, TcpListener::bind)? {
            spawn_tcp(listener, port, Arc::clone(counts), each)?;
        }
        Ok(())
    }

    /// One socket for each `--address`, or one for each family: a socket of IPv6 hears no IPv4 multicast.
    fn sink_sockets(&self, port: u16) -> Result<Vec<UdpSocket>> {
        if !self.address.is_empty() {
            return self.bind_all(port, UdpSocket::bind);
        }
        let address = SocketAddr::from((Ipv4Addr::UNSPECIFIED, port));
        let ipv4 = UdpSocket::bind(address).with_context(|| cannot_serve(address))?;
        // A kernel may be without IPv6.
        Ok([Some(ipv4), ipv6_only(port).ok()].into_iter().flatten().collect())
    }

    /// One socket for each `--address`, or one for all: `[::]` takes IPv4 as well.
    fn bind_all<S>(&self, port: u16, bind: impl Fn(SocketAddr) -> std::io::Result<S>) -> Result<Vec<S>> {
        let bind_one = |address| bind(address).with_context(|| cannot_serve(address));
        if self.address.is_empty() {
            let socket = bind_one((Ipv6Addr::UNSPECIFIED, port).into())
                .or_else(|_| bind_one((Ipv4Addr::UNSPECIFIED, port).into()))?;
            return Ok(vec![socket]);
        }
        let addresses = self.address.iter();
        addresses.map(|address| bind_one(address.with_port(port))).collect()
    }

    /// A UDP socket for each address: one at `[::]` would answer from whatever address the route
    /// prefers, which a client that asked another one takes for a stranger.
    fn answer_udp(&self, counts: &Shared) -> Result<ExitCode> {
        let mut served = BTreeSet::new();
        loop {
            let addresses = match self.address.is_empty() {
                true => local::addresses(),
                false => self.address.clone(),
            };
            for address in addresses {
                if served.contains(&address) {
                    continue;
                }
                for &port in &self.udp {
                    spawn_udp(address.with_port(port), Arc::clone(counts), |packet| Some(packet.to_vec()))?;
                }
                for &port in &self.dns {
                    let zone = self.zone;
                    spawn_udp(address.with_port(port), Arc::clone(counts), move |packet| zone.answer(packet))?;
                }
                served.insert(address);
            }
            thread::sleep(RESCAN);
        }
    }
}

fn ipv6_only(port: u16) -> std::io::Result<UdpSocket> {
    let socket = socket_with(AddressFamily::INET6, SocketType::DGRAM, SocketFlags::CLOEXEC, None)?;
    set_ipv6_v6only(&socket, true)?;
    bind(&socket, &SocketAddr::from((Ipv6Addr::UNSPECIFIED, port)))?;
    Ok(socket.into())
}

fn cannot_serve(address: SocketAddr) -> String {
    format!("cannot serve at {address}")
}

fn lock(counts: &Shared) -> MutexGuard<'_, Counts> {
    counts.lock().unwrap_or_else(PoisonError::into_inner)
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<()> {
    let builder = thread::Builder::new().name(name.into()).stack_size(STACK);
    builder.spawn(work).with_context(|| format!("no thread for {name}"))?;
    Ok(())
}

fn spawn_tcp(
    listener: TcpListener,
    port: u16,
    counts: Shared,
    each: impl Fn(TcpStream) + Copy + Send + 'static,
) -> Result<()> {
    spawn("tcp", move || {
        for stream in listener.incoming() {
            // Out of files or threads: the client sees a closed connection and the next may fare better.
            let Ok(stream) = stream else {
                thread::sleep(Duration::from_millis(10));
                continue;
            };
            lock(&counts).tcp_connection(port);
            let _ = spawn("tcp client", move || each(stream));
        }
    })
}

fn echo_tcp(mut stream: TcpStream) {
    let _ = stream.set_nodelay(true);
    let mut buffer = [0; 16 << 10];
    while let Ok(length @ 1..) = stream.read(&mut buffer) {
        if stream.write_all(&buffer[..length]).is_err() {
            return;
        }
    }
}

fn answer_dns(stream: &TcpStream, zone: Zone) -> std::io::Result<()> {
    while let Some(answer) = zone.answer(&dns::read_message(stream)?) {
        dns::write_message(stream, &answer)?;
    }
    Ok(())
}

fn spawn_udp(
    address: SocketAddr,
    counts: Shared,
    answer: impl Fn(&[u8]) -> Option<Vec<u8>> + Send + 'static,
) -> Result<()> {
    let socket = UdpSocket::bind(address).with_context(|| cannot_serve(address))?;
    spawn("udp", move || {
        receive(&socket, |source, packet| {
            lock(&counts).udp_echo(address.port());
            if let Some(answer) = answer(packet) {
                // A client that is gone or walled off is no reason to stop.
                let _ = socket.send_to(&answer, source);
            }
        });
    })
}

fn spawn_sink(socket: UdpSocket, port: u16, counts: Shared) -> Result<()> {
    spawn("sink", move || {
        receive(&socket, |source, packet| lock(&counts).sunk(port, source, packet));
    })
}

/// A raw socket hears all packets of its protocol; each of ours ends with a payload.
fn spawn_raw(family: AddressFamily, protocol: u8, counts: Shared) -> Result<()> {
    let socket = socket_with(family, SocketType::RAW, SocketFlags::CLOEXEC, raw::protocol(protocol))
        .context("a raw socket takes CAP_NET_RAW")?;
    spawn("raw", move || {
        let mut buffer = vec![0; LARGEST_PACKET];
        loop {
            let length = recv(&socket, buffer.as_mut_slice(), RecvFlags::empty()).map_or(0, |(length, _)| length);
            let payload = buffer[..length].last_chunk::<{ Payload::LENGTH }>();
            if payload.is_some_and(|payload| Payload::decode(payload).is_some()) {
                lock(&counts).raw(protocol);
            }
        }
    })
}

fn receive(socket: &UdpSocket, mut each: impl FnMut(SocketAddr, &[u8])) {
    // Needs CAP_NET_ADMIN; without it the default buffer does for all but floods.
    let _ = set_socket_recv_buffer_size_force(socket, RECEIVE_BUFFER);
    let mut buffer = vec![0; LARGEST_PACKET];
    loop {
        match socket.recv_from(&mut buffer) {
            Ok((length, source)) => each(source, &buffer[..length]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            // ICMP errors of earlier answers end up here.
            Err(_) => thread::sleep(Duration::from_millis(1)),
        }
    }
}

fn spawn_stats(listener: TcpListener, counts: Shared) -> Result<()> {
    spawn("stats", move || {
        for stream in listener.incoming().flatten() {
            let _ = answer_stats(&stream, &counts);
        }
    })
}

/// One line asks, one line answers; a reset tells what it forgets.
fn answer_stats(mut stream: &TcpStream, counts: &Shared) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(1)))?;
    let mut question = String::new();
    BufReader::new(stream).read_line(&mut question)?;
    let answer = match question.trim() {
        stats::RESET => std::mem::take(&mut *lock(counts)).to_json(),
        _ => lock(counts).to_json(),
    };
    writeln!(stream, "{answer}")
}
