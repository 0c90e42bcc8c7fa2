//! Asks a server of the same namespace for its counts.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::Args;

/// The question that also sets all counts to zero.
pub const RESET: &str = "reset";

/// The question that leaves them.
const GET: &str = "get";

/// Print what `serve --stats-port` of this namespace has counted, as one line of JSON
#[derive(Args)]
pub struct Stats {
    /// Set the counts to zero after telling them
    #[arg(long)]
    reset: bool,

    /// The server's --stats-port
    #[arg(long, default_value_t = 7003)]
    port: u16,
}

impl Stats {
    pub fn run(&self) -> Result<ExitCode> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port));
        let answer = ask(address, if self.reset { RESET } else { GET })
            .with_context(|| format!("no counts from {address}: is `traffic serve` running here?"))?;
        print!("{answer}");
        Ok(ExitCode::SUCCESS)
    }
}

fn ask(address: SocketAddr, question: &str) -> std::io::Result<String> {
    let timeout = Duration::from_secs(2);
    let mut stream = TcpStream::connect_timeout(&address, timeout)?;
    stream.set_read_timeout(Some(timeout))?;
    writeln!(stream, "{question}")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}
