//! Packets of protocols that need no other end: SCTP, DCCP, UDP-Lite, GRE, ESP and what else has a number.

use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Args;
use rustix::net::{Protocol, RawProtocol, SendFlags, SocketFlags, SocketType, sendto, socket_with};
use serde_json::json;

use crate::address::Address;
use crate::payload::Payload;

/// SCTP's number, as IANA lists it.
const SCTP: u8 = 132;

/// Protocols whose packets begin with two ports: DCCP, SCTP, UDP-Lite.
const WITH_PORTS: [u8; 3] = [33, SCTP, 136];

/// Send packets of any protocol; prints {"sent", "errors"}
///
/// Those of SCTP are valid and open an association, those of others are a header at most. A
/// `serve --raw PROTOCOL` counts them.
#[derive(Args)]
pub struct Raw {
    /// The protocol's number
    protocol: u8,

    /// Whom to send to
    address: Address,

    /// The port to send to, where the protocol has ports
    #[arg(long, default_value_t = 0)]
    port: u16,

    /// The port to send from
    #[arg(long, value_name = "PORT", default_value_t = 4000)]
    source_port: u16,

    /// How many
    #[arg(long, value_name = "N", default_value_t = 3)]
    count: u64,
}

impl Raw {
    pub fn run(&self) -> Result<ExitCode> {
        let socket = socket_with(self.address.family(), SocketType::RAW, SocketFlags::CLOEXEC, protocol(self.protocol))
            .context("a raw socket takes CAP_NET_RAW")?;
        let (mut sent, mut errors) = (0, 0);
        for sequence in 0..self.count {
            // The port of a raw socket's address has to be 0.
            match sendto(&socket, &self.packet(sequence), SendFlags::empty(), &self.address.with_port(0)) {
                Ok(_) => sent += 1,
                Err(_) => errors += 1,
            }
            thread::sleep(Duration::from_millis(5));
        }
        println!("{}", json!({ "sent": sent, "errors": errors }));
        Ok(ExitCode::SUCCESS)
    }

    fn packet(&self, sequence: u64) -> Vec<u8> {
        let mut packet = Vec::new();
        if WITH_PORTS.contains(&self.protocol) {
            packet.extend(self.source_port.to_be_bytes());
            packet.extend(self.port.to_be_bytes());
        }
        if self.protocol == SCTP {
            packet.extend([0; 8]); // verification tag and checksum
            packet.extend(init_chunk());
        }
        let mut payload = [0; Payload::LENGTH];
        Payload { stream: self.protocol.into(), sequence }.encode_into(&mut payload);
        packet.extend(payload);
        if self.protocol == SCTP {
            let checksum = crc32c(&packet);
            packet[8..12].copy_from_slice(&checksum.to_le_bytes());
        }
        packet
    }
}

/// A protocol for `socket(2)`; 0 is none.
pub fn protocol(number: u8) -> Option<Protocol> {
    RawProtocol::new(number.into()).map(Protocol::from_raw)
}

/// RFC 9260, 3.3.2, with an unknown parameter that may be skipped and holds the payload.
fn init_chunk() -> Vec<u8> {
    let parameter = 4 + Payload::LENGTH as u16;
    let mut chunk = vec![1, 0];
    chunk.extend((20 + parameter).to_be_bytes());
    chunk.extend([0, 0, 0, 1]); // initiate tag
    chunk.extend(u32::from(u16::MAX).to_be_bytes()); // window
    chunk.extend([0, 1, 0, 1, 0, 0, 0, 1]); // streams and first sequence number
    chunk.extend([0x80, 0xff]);
    chunk.extend(parameter.to_be_bytes());
    chunk
}

/// RFC 9260, appendix A.
fn crc32c(bytes: &[u8]) -> u32 {
    let step = |crc: u32, _| if crc & 1 == 1 { crc >> 1 ^ 0x82f6_3b78 } else { crc >> 1 };
    !bytes.iter().fold(u32::MAX, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), step))
}
