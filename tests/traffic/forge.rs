//! TCP segments that belong to no connection, to see whether a firewall takes them for an answer.

use std::io;
use std::net::IpAddr;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use rustix::net::{SendFlags, SocketFlags, SocketType, bind, ipproto, sendto, socket_with};
use serde_json::json;

use crate::address::Address;

/// Send TCP segments of no connection; prints {"sent", "errors"}
#[derive(Args)]
pub struct Forge {
    /// What each segment claims to be
    kind: Kind,

    /// Whom to send to
    address: Address,

    /// The port to send to
    port: u16,

    /// The own address to send from
    #[arg(long, value_name = "ADDRESS")]
    from: Address,

    /// The port to send from
    #[arg(long, value_name = "PORT")]
    source_port: u16,

    /// How many
    #[arg(long, value_name = "N", default_value_t = 1)]
    count: u32,

    /// Milliseconds from one to the next
    #[arg(long, value_name = "MS", default_value_t = 10)]
    interval: u64,
}

/// The flags of a segment.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Kind {
    /// Opens a connection
    Syn,
    /// Answers an opening
    SynAck,
    /// Goes on with a connection
    Ack,
    /// Ends a connection
    FinAck,
    /// Breaks a connection off
    Rst,
}

impl Forge {
    pub fn run(&self) -> Result<ExitCode> {
        let socket = socket_with(self.address.family(), SocketType::RAW, SocketFlags::CLOEXEC, Some(ipproto::TCP))
            .context("a raw socket takes CAP_NET_RAW")?;
        bind(&socket, &self.from.with_port(0)).context("no own address")?;
        let segment = self.segment()?;
        let (mut sent, mut errors) = (0, 0);
        for _ in 0..self.count {
            // The port of a raw socket's address has to be 0.
            match sendto(&socket, &segment, SendFlags::empty(), &self.address.with_port(0)) {
                Ok(_) => sent += 1,
                Err(_) => errors += 1,
            }
            thread::sleep(Duration::from_millis(self.interval));
        }
        println!("{}", json!({ "sent": sent, "errors": errors }));
        Ok(ExitCode::SUCCESS)
    }

    /// A TCP header (RFC 9293, 3.1) and nothing behind it.
    fn segment(&self) -> io::Result<[u8; 20]> {
        let mut segment = [0; 20];
        segment[..2].copy_from_slice(&self.source_port.to_be_bytes());
        segment[2..4].copy_from_slice(&self.port.to_be_bytes());
        segment[4..8].copy_from_slice(&1000u32.to_be_bytes());
        segment[8..12].copy_from_slice(&2000u32.to_be_bytes());
        segment[12] = 5 << 4;
        segment[13] = match self.kind {
            Kind::Syn => 0x02,
            Kind::SynAck => 0x12,
            Kind::Ack => 0x10,
            Kind::FinAck => 0x11,
            Kind::Rst => 0x04,
        };
        segment[14..16].copy_from_slice(&u16::MAX.to_be_bytes());
        let checksum = checksum(&pseudo_header(self.from.ip, self.address.ip)?, &segment);
        segment[16..18].copy_from_slice(&checksum.to_be_bytes());
        Ok(segment)
    }
}

/// Addresses, length and protocol, in a form whose sum is that of RFC 9293 and of RFC 8200.
fn pseudo_header(from: IpAddr, to: IpAddr) -> io::Result<Vec<u8>> {
    let mut header = match (from, to) {
        (IpAddr::V4(from), IpAddr::V4(to)) => [from.octets(), to.octets()].concat(),
        (IpAddr::V6(from), IpAddr::V6(to)) => [from.octets(), to.octets()].concat(),
        _ => return Err(io::Error::other("addresses of two families")),
    };
    header.extend([0, 6, 0, 20]);
    Ok(header)
}

fn checksum(pseudo_header: &[u8], segment: &[u8]) -> u16 {
    let words = pseudo_header.chunks(2).chain(segment.chunks(2));
    let sum: u32 = words.map(|word| u32::from(word[0]) << 8 | u32::from(word[1])).sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    !(((folded & 0xffff) + (folded >> 16)) as u16)
}
