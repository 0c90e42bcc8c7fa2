//! Published ports.

use std::net::IpAddr;

use bollard::models::{EndpointPortConfigProtocolEnum, PortSummary, PortSummaryTypeEnum};

use crate::config::Protocol;

/// A port of the host that leads to one of a container's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Published {
    /// The host's address; none for all of them, as Docker's `0.0.0.0` and `::` say.
    pub address: Option<IpAddr>,
    /// The host's port.
    pub port: u16,
    /// The protocol of both.
    pub protocol: Protocol,
    /// The container's port.
    pub container_port: u16,
}

impl Published {
    /// Those of a container, each once and in order: Docker tells a port of every address twice.
    pub(super) fn of(ports: &[PortSummary]) -> Vec<Self> {
        let mut published: Vec<Self> = ports.iter().filter_map(Self::new).collect();
        published.sort_unstable();
        published.dedup();
        published
    }

    /// None where the port is only exposed.
    fn new(port: &PortSummary) -> Option<Self> {
        let address = port.ip.as_deref().and_then(|address| address.parse::<IpAddr>().ok());
        Some(Self {
            address: address.filter(|address| !address.is_unspecified()),
            port: port.public_port.filter(|port| *port != 0)?,
            protocol: protocol(port.typ),
            container_port: port.private_port,
        })
    }
}

/// Docker takes TCP where none is said.
fn protocol(named: Option<PortSummaryTypeEnum>) -> Protocol {
    match named {
        Some(PortSummaryTypeEnum::UDP) => Protocol::Udp,
        Some(PortSummaryTypeEnum::SCTP) => Protocol::Sctp,
        Some(PortSummaryTypeEnum::TCP | PortSummaryTypeEnum::EMPTY) | None => Protocol::Tcp,
    }
}

/// The same of a swarm's service.
pub(super) fn protocol_of_service(named: Option<EndpointPortConfigProtocolEnum>) -> Protocol {
    match named {
        Some(EndpointPortConfigProtocolEnum::UDP) => Protocol::Udp,
        Some(EndpointPortConfigProtocolEnum::SCTP) => Protocol::Sctp,
        Some(EndpointPortConfigProtocolEnum::TCP | EndpointPortConfigProtocolEnum::EMPTY) | None => Protocol::Tcp,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_of_every_address_is_one_and_an_exposed_one_none() {
        let ports = r#"[
            { "PrivatePort": 7000, "Type": "tcp" },
            { "IP": "0.0.0.0", "PrivatePort": 7000, "PublicPort": 8080, "Type": "tcp" },
            { "IP": "::", "PrivatePort": 7000, "PublicPort": 8080, "Type": "tcp" },
            { "IP": "", "PrivatePort": 7001, "PublicPort": 53, "Type": "udp" },
            { "IP": "127.0.0.1", "PrivatePort": 80, "PublicPort": 81, "Type": "" },
            { "IP": "fd57:17::2", "PrivatePort": 80, "PublicPort": 82, "Type": "sctp" },
            { "PrivatePort": 80, "PublicPort": 0, "Type": "tcp" } ]"#;
        let published = |address: Option<&str>, port, protocol, container_port| Published {
            address: address.map(|address| address.parse().unwrap()),
            port,
            protocol,
            container_port,
        };
        let expected = [
            published(None, 53, Protocol::Udp, 7001),
            published(None, 8080, Protocol::Tcp, 7000),
            published(Some("127.0.0.1"), 81, Protocol::Tcp, 80),
            published(Some("fd57:17::2"), 82, Protocol::Sctp, 80),
        ];
        assert_eq!(Published::of(&serde_json::from_str::<Vec<_>>(ports).unwrap()), expected);
    }
}
