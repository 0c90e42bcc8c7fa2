//! Which denied flows are meant: the options of `denied` and `suggest`.

use clap::Args;
use jiff::{SignedDuration, Timestamp};

use crate::cli::completion;
use crate::cli::lifetime::read_span;
use crate::cli::words::value;
use crate::config::{Destination, LogPrefix};
use crate::observe::{Filter, PortFilter};

/// The options.
#[derive(Debug, Args)]
pub struct Selection {
    /// Of this container only, by its name or an address; may be given several times
    #[arg(long = "container", value_name = "NAME", add = completion::containers(&[]))]
    containers: Vec<String>,
    /// To there only: an address, a network, FIRST-LAST, or `host` for the host itself; may be given several times
    #[arg(long, value_name = "ADDR|host", value_parser = value::<Destination>)]
    to: Vec<Destination>,
    /// To these ports only: 22, 5432/tcp, 8000-8100/tcp; may be given several times
    #[arg(long = "port", value_name = "PORT[/PROTO]", value_parser = value::<PortFilter>)]
    ports: Vec<PortFilter>,
    /// With a packet in that time only: 10m, 2h, 1d
    #[arg(long, value_name = "TIME", value_parser = read_span, allow_hyphen_values = true)]
    pub since: Option<SignedDuration>,
    /// In a log: lines with this prefix as well; may be given several times. Those of the configuration, of its
    /// defaults and of the recipe are known
    #[arg(long = "prefix", value_name = "TEXT", value_parser = value::<LogPrefix>)]
    pub prefixes: Vec<LogPrefix>,
}

impl Selection {
    /// The filter that they mean now.
    pub fn filter(&self) -> Filter {
        Filter {
            containers: self.containers.clone(),
            to: self.to.clone(),
            ports: self.ports.clone(),
            since: self.since.and_then(|since| Timestamp::now().checked_sub(since).ok()),
        }
    }

    /// The same without the time.
    pub fn filter_whenever(&self) -> Filter {
        Filter { since: None, ..self.filter() }
    }
}
