//! A port scan: one UDP packet to each port.

use std::net::UdpSocket;
use std::process::ExitCode;
use std::thread;

use anyhow::{Result, ensure};
use clap::Args;
use serde_json::json;

use crate::address::Address;
use crate::blast::TICK;
use crate::payload::Payload;
use crate::stop::Clock;

/// Send one UDP packet to each port of a range; prints {"sent", "errors"}
///
/// Each packet carries its port as sequence number, for the sink that may be among the ports.
#[derive(Args)]
pub struct Scan {
    /// Whom to scan
    address: Address,

    /// The first port
    #[arg(long, value_name = "PORT", default_value_t = 1)]
    from: u16,

    /// The last port
    #[arg(long, value_name = "PORT", default_value_t = u16::MAX)]
    to: u16,

    /// Packets a second
    #[arg(long, value_name = "N", default_value_t = 10_000.0)]
    pps: f64,

    /// Tells the packets from others at a sink
    #[arg(long, value_name = "ID", default_value_t = 1)]
    stream: u32,
}

impl Scan {
    pub fn run(&self) -> Result<ExitCode> {
        ensure!(self.pps > 0.0, "--pps must be more than 0");
        let socket = UdpSocket::bind((self.address.unspecified(), 0))?;
        socket.set_broadcast(true)?;
        let clock = Clock::unlimited();
        let (mut sent, mut errors) = (0, 0);
        for port in self.from..=self.to {
            while sent + errors >= clock.due(self.pps) {
                thread::sleep(TICK);
            }
            let mut packet = [0; Payload::LENGTH];
            Payload { stream: self.stream, sequence: port.into() }.encode_into(&mut packet);
            match socket.send_to(&packet, self.address.with_port(port)) {
                Ok(_) => sent += 1,
                Err(_) => errors += 1,
            }
        }
        println!("{}", json!({ "sent": sent, "errors": errors }));
        Ok(ExitCode::SUCCESS)
    }
}
