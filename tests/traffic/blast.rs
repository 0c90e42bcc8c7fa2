//! A steady stream of numbered packets, to find every one that gets through or is lost.

use std::io;
use std::net::UdpSocket;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Args;
use rustix::io::Errno;
use serde_json::json;

use crate::address::Address;
use crate::payload::Payload;
use crate::stop::Stop;

/// Packets are sent in batches this far apart: waking for each one would cost more than sending.
pub const TICK: Duration = Duration::from_millis(2);

/// Packets sent without a pause when the sender had to wait for a CPU: more than 1000 would overflow
/// the kernel's queue (`net.core.netdev_max_backlog`) and look like losses on the way.
const MOST_AT_ONCE: u64 = 200;

/// Send numbered UDP packets at a steady pace; prints {"sent", "errors", "seconds"}
///
/// All packets come from one port. A packet the kernel refuses to send counts as an error and its
/// number goes to the next one, so the receiver misses exactly what was lost on the way.
#[derive(Args)]
pub struct Blast {
    /// Whom to send to
    address: Address,

    /// The port to send to, a --sink of `traffic serve`
    port: u16,

    /// Packets a second
    #[arg(long, value_name = "N", default_value_t = 1000.0)]
    pps: f64,

    #[command(flatten)]
    stop: Stop,

    /// Tells this sender's packets from others at the sink
    #[arg(long, value_name = "ID", default_value_t = 1)]
    stream: u32,

    /// Bytes of each packet, at least 16
    #[arg(long, value_name = "N", default_value_t = 64)]
    size: usize,

    /// Send from this port
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    source_port: u16,
}

impl Blast {
    pub fn run(&self) -> Result<ExitCode> {
        let socket = UdpSocket::bind((self.address.unspecified(), self.source_port))?;
        socket.set_broadcast(true)?;
        let target = self.address.with_port(self.port);
        socket.connect(target).with_context(|| format!("no way to {target}"))?;
        let mut packet = vec![0; self.size.max(Payload::LENGTH)];
        let (mut tried, mut sent) = (0, 0);
        let clock = self.stop.start();
        while clock.is_running() {
            let most = tried + MOST_AT_ONCE;
            while tried < clock.due(self.pps).min(most) {
                tried += 1;
                Payload { stream: self.stream, sequence: sent }.encode_into(&mut packet);
                sent += u64::from(send(&socket, &packet).is_ok());
            }
            thread::sleep(TICK);
        }
        let seconds = clock.elapsed().as_secs_f64();
        println!("{}", json!({ "sent": sent, "errors": tried - sent, "seconds": seconds }));
        Ok(ExitCode::SUCCESS)
    }
}

/// An ICMP error of an earlier packet is reported by the next send, which then sends nothing:
/// that one is tried once more.
fn send(socket: &UdpSocket, packet: &[u8]) -> io::Result<usize> {
    socket.send(packet).or_else(|error| match Errno::from_io_error(&error) {
        Some(Errno::CONNREFUSED | Errno::HOSTUNREACH | Errno::NETUNREACH | Errno::ACCESS) => socket.send(packet),
        _ => Err(error),
    })
}
