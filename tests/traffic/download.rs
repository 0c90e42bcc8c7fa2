//! Many bytes over one connection, to see whether large packets find their size.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Result;
use clap::Args;
use serde_json::json;

use crate::address::Address;

/// Bytes sent at once.
const CHUNK: usize = 64 << 10;

/// Download from a `--source` of `traffic serve`; prints {"bytes", "complete", "seconds", "error"}
///
/// complete: as many bytes came as were asked for, and they were the right ones. error: why not, or null.
#[derive(Args)]
pub struct Download {
    /// Whom to ask
    address: Address,

    /// The port to ask at
    port: u16,

    /// How many bytes
    #[arg(long, value_name = "N", default_value_t = 10_000_000)]
    bytes: u64,

    /// Give up after this many seconds
    #[arg(long, value_name = "S", default_value_t = 20.0)]
    within: f64,
}

impl Download {
    pub fn run(&self) -> Result<ExitCode> {
        let begun = Instant::now();
        let mut got = 0;
        let error = self.fetch(begun + Duration::from_secs_f64(self.within.max(0.0)), &mut got).err();
        println!(
            "{}",
            json!({
                "bytes": got,
                "complete": error.is_none() && got == self.bytes,
                "seconds": begun.elapsed().as_secs_f64(),
                "error": error.as_ref().map(io::Error::to_string),
            })
        );
        Ok(ExitCode::SUCCESS)
    }

    fn fetch(&self, end: Instant, got: &mut u64) -> io::Result<()> {
        let mut stream = TcpStream::connect_timeout(&self.address.with_port(self.port), rest(end)?)?;
        stream.write_all(&self.bytes.to_be_bytes())?;
        let mut buffer = vec![0; CHUNK];
        loop {
            stream.set_read_timeout(Some(rest(end)?))?;
            let length = stream.read(&mut buffer)?;
            if length == 0 {
                return Ok(());
            }
            if buffer[..length].iter().zip(*got..).any(|(byte, at)| *byte != byte_at(at)) {
                return Err(io::Error::other("other bytes came"));
            }
            *got += length as u64;
        }
    }
}

fn rest(end: Instant) -> io::Result<Duration> {
    let rest = end.saturating_duration_since(Instant::now());
    if rest.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(rest) }
}

/// Answers a client: as many bytes as it asks for.
pub fn serve(mut stream: &TcpStream) -> io::Result<()> {
    let mut count = [0; 8];
    stream.read_exact(&mut count)?;
    let count = u64::from_be_bytes(count);
    let mut sent = 0;
    while sent < count {
        let length = (count - sent).min(CHUNK as u64);
        let chunk: Vec<u8> = (sent..sent + length).map(byte_at).collect();
        stream.write_all(&chunk)?;
        sent += length;
    }
    Ok(())
}

/// The byte at a position: a length that no power of two divides, so that a lost piece is seen.
fn byte_at(position: u64) -> u8 {
    (position % 251) as u8
}
