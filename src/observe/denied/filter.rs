//! Which of the denied flows are meant.

use std::str::FromStr;

use jiff::Timestamp;

use super::{Denied, Names};
use crate::config::{Destination, Invalid, Ports, Target};

/// What is asked for. The default is everything.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Of these containers, by name or address; of all where there is none.
    pub containers: Vec<String>,
    /// To these destinations; to all where there is none.
    pub to: Vec<Destination>,
    /// To these ports; to all where there is none.
    pub ports: Vec<PortFilter>,
    /// With a packet since then. What has no time is kept: nothing says that it is older.
    pub since: Option<Timestamp>,
}

/// Ports, of one protocol or of any. Written `"5432"`, `"53/udp"`, `"8000-8100/tcp"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PortFilter {
    ports: Ports,
    any_protocol: bool,
}

impl FromStr for PortFilter {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let any_protocol = !text.contains('/');
        let ports = if any_protocol { format!("{text}/tcp").parse() } else { text.parse() };
        Ok(Self { ports: ports?, any_protocol })
    }
}

impl PortFilter {
    fn takes(&self, denied: &Denied) -> bool {
        let is_of =
            self.any_protocol || self.ports.protocol.number(denied.flow.source.is_ipv6()) == denied.flow.protocol;
        is_of && denied.flow.port.is_some_and(|port| (self.ports.first..=self.ports.last).contains(&port))
    }
}

impl Filter {
    /// Whether that flow is meant.
    pub fn takes(&self, denied: &Denied, names: &Names) -> bool {
        let of = self.containers.is_empty() || self.is_of_container(denied, names);
        let to = self.to.is_empty() || self.to.iter().any(|to| goes_to(to, denied, names));
        let port = self.ports.is_empty() || self.ports.iter().any(|ports| ports.takes(denied));
        let since = self.since.zip(denied.last).is_none_or(|(since, last)| last >= since);
        of && to && port && since
    }

    fn is_of_container(&self, denied: &Denied, names: &Names) -> bool {
        let place = names.place(denied.flow.source);
        let is = |wanted: &String| Some(wanted.as_str()) == place.container || wanted.parse() == Ok(denied.flow.source);
        self.containers.iter().any(is)
    }
}

fn goes_to(to: &Destination, denied: &Denied, names: &Names) -> bool {
    match (to, denied.flow.destination) {
        (Destination::Host | Destination::Published, destination) => names.place(destination).host,
        (Destination::Addresses(Target::V4(interval)), std::net::IpAddr::V4(address)) => interval.contains(address),
        (Destination::Addresses(Target::V6(interval)), std::net::IpAddr::V6(address)) => interval.contains(address),
        _ => false,
    }
}
