//! A name, asked of one resolver.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;

use crate::address::Address;
use crate::dns::Record;
use crate::probe::{DEFAULT_SIZE, DEFAULT_TIMEOUT, Kind, Probe, Verdict};

/// Ask a resolver for a name: prints its addresses, one a line, or how it failed
///
/// The words for what failed are those of `traffic probe`; then the exit status is 1.
#[derive(Args)]
pub struct Resolve {
    /// Whom to ask
    server: Address,

    /// The name
    name: String,

    /// Which addresses to ask for
    #[arg(long, value_enum, default_value_t = Record::A)]
    record: Record,

    /// Ask by TCP
    #[arg(long)]
    tcp: bool,

    /// The resolver's port
    #[arg(long, default_value_t = 53)]
    port: u16,

    /// Milliseconds to wait, as in `traffic probe`
    #[arg(long, value_name = "MS", default_value_t = DEFAULT_TIMEOUT)]
    timeout: u64,
}

impl Resolve {
    pub fn run(&self) -> Result<ExitCode> {
        let probe = Probe {
            kind: if self.tcp { Kind::DnsTcp } else { Kind::Dns },
            address: self.server,
            port: self.port,
            size: DEFAULT_SIZE,
            timeout: self.timeout,
            source_port: None,
        };
        match probe.resolve(&self.name, self.record) {
            Ok(Some(addresses)) => {
                addresses.iter().for_each(|address| println!("{address}"));
                Ok(ExitCode::SUCCESS)
            }
            Ok(None) => {
                println!("{}", Verdict::Garbled);
                Ok(ExitCode::FAILURE)
            }
            Err(error) => {
                println!("{}", Verdict::from(&error));
                Ok(ExitCode::FAILURE)
            }
        }
    }
}
