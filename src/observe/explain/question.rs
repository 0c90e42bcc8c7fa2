//! What people ask: from where, to where, by what.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use crate::config::{Invalid, Protocol, Source};
use crate::host::Services;

/// An end of a packet, as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// An address.
    Address(IpAddr),
    /// A container, by its name.
    Container(String),
    /// Any container of a network, by its name.
    Network(String),
    /// The host itself.
    Host,
    /// A container, a network, or a name that a resolver knows.
    Name(String),
}

/// What is asked for at the destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Service {
    /// The protocol.
    pub protocol: Protocol,
    /// The port; none where no certain one is meant, or the protocol has none.
    pub port: Option<u16>,
}

/// A destination, and what is asked for there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The destination.
    pub place: Place,
    /// What is asked for; none for anything that no narrower grant is for.
    pub service: Option<Service>,
}

impl FromStr for Place {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
        if let Ok(address) = bare.parse::<IpAddr>() {
            return Ok(Self::Address(address.to_canonical()));
        }
        if text == "host" {
            return Ok(Self::Host);
        }
        if let Some(("container" | "network", _)) = text.split_once(':') {
            // The same words as a grant's, with the same cures.
            return match text.parse()? {
                Source::Container(name) => Ok(Self::Container(name)),
                Source::Network(name) => Ok(Self::Network(name)),
                Source::Addresses(_) | Source::Label { .. } => Err(no_end(text)),
            };
        }
        if text.starts_with("label:") {
            let cure = "name one of its containers: `docker ps --filter label=KEY=VALUE` lists them";
            return Err(Invalid::new(format!("`{text}` stands for many containers, and a packet is from one"), cure));
        }
        if text.contains('/') {
            let cure = "write one address of it";
            return Err(Invalid::new(format!("`{text}` is a network, and a packet has one address"), cure));
        }
        let allowed = |character: char| character.is_ascii_alphanumeric() || matches!(character, '.' | '_' | '-');
        let numbers = text.split('.').all(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()));
        match !text.is_empty() && text.chars().all(allowed) && !numbers {
            true => Ok(Self::Name(text.to_owned())),
            false => Err(no_end(text)),
        }
    }
}

fn no_end(text: &str) -> Invalid {
    Invalid::new(
        format!("`{}` is neither an address nor a name", text.escape_debug()),
        "write an address, container:NAME, network:NAME, a bare name, or `host` for the host itself",
    )
}

impl FromStr for Target {
    type Err = Invalid;

    /// Reads `PLACE`, `PLACE:PORT`, `PLACE:PORT/PROTOCOL` or `PLACE/PROTOCOL`, an IPv6 address with a port
    /// in brackets.
    fn from_str(text: &str) -> Result<Self, Invalid> {
        let (rest, protocol) = match text.rsplit_once('/') {
            Some((rest, protocol)) => (rest, Some(protocol)),
            None => (text, None),
        };
        let (written, port) = split_port(rest);
        let place: Place = written.parse()?;
        if let (Place::Address(address), Some(word), None) = (&place, protocol, port)
            && !rest.starts_with('[')
        {
            refuse_what_is_ambiguous(*address, written, word)?;
        }
        if written.contains(':') && port.is_some() && matches!(place, Place::Address(_)) && !rest.starts_with('[') {
            return Err(brackets(rest, written, port.unwrap_or_default()));
        }
        let protocol = protocol.map(read_protocol).transpose()?;
        let service = match (port, protocol) {
            (Some(port), protocol) => Some(read_port(port, protocol.unwrap_or(Protocol::Tcp))?),
            (None, Some(protocol)) => Some(Service { protocol, port: None }),
            (None, None) => None,
        };
        Ok(Self { place, service })
    }
}

/// What stands before the last colon, and behind it where that is a port's.
fn split_port(text: &str) -> (&str, Option<&str>) {
    if text.parse::<IpAddr>().is_ok() || text.ends_with(']') {
        return (text, None);
    }
    match text.rsplit_once(':') {
        Some(("container" | "network" | "label", _)) | None => (text, None),
        Some((place, port)) => (place, Some(port)),
    }
}

/// A number behind a slash may be a prefix's length, and the last digits of an IPv6 address a port.
fn refuse_what_is_ambiguous(address: IpAddr, written: &str, word: &str) -> Result<(), Invalid> {
    let longest = if address.is_ipv4() { 32 } else { 128 };
    if word.parse::<u8>().is_ok_and(|number| number <= longest) {
        return Err(Invalid::new(
            format!("`{written}/{word}` is a network, and a packet has one address"),
            format!("write one address of it; for the protocol of that number `[{written}]/{word}`"),
        ));
    }
    let has_ports = word.parse::<Protocol>().is_ok_and(Protocol::has_ports);
    match written.rsplit_once(':') {
        Some((before, port)) if has_ports && port.len() > 1 && port.bytes().all(|byte| byte.is_ascii_digit()) => {
            Err(brackets(written, before, port))
        }
        _ => Ok(()),
    }
}

fn brackets(whole: &str, before: &str, port: &str) -> Invalid {
    Invalid::new(
        format!("`{whole}`: an IPv6 address and a port look alike"),
        format!("write `[{before}]:{port}` for the port, or `[{whole}]` for the address"),
    )
}

/// As of a grant; ICMPv6 by its own names as well, since there is an address beside it.
fn read_protocol(word: &str) -> Result<Protocol, Invalid> {
    match word {
        "icmpv6" | "icmp6" | "ipv6-icmp" | "58" => Ok(Protocol::Icmp),
        word => word.parse(),
    }
}

fn read_port(word: &str, protocol: Protocol) -> Result<Service, Invalid> {
    if !protocol.has_ports() {
        let cure = format!("write `/{protocol}` behind the address, without a port");
        return Err(Invalid::new(format!("the protocol {protocol} has no ports"), cure));
    }
    let named = || {
        let services = Services::read();
        (1..=u16::MAX).find(|port| services.name(*port, protocol.number(false)) == Some(word))
    };
    match word.parse::<u16>() {
        Ok(0) => Err(Invalid::new("there is no port 0", "write a port from 1 to 65535")),
        Ok(port) => Ok(Service { protocol, port: Some(port) }),
        Err(_) => named().map(|port| Service { protocol, port: Some(port) }).ok_or_else(|| {
            Invalid::new(
                format!(
                    "`{}` is neither a port nor a service of {protocol} that /etc/services has",
                    word.escape_debug()
                ),
                "write the port's number, from 1 to 65535",
            )
        }),
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            Self::Container(name) => write!(f, "container {name}"),
            Self::Network(name) => write!(f, "network {name}"),
            Self::Host => f.write_str("the host"),
            Self::Name(name) => f.write_str(name),
        }
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            Some(port) => write!(f, "{port}/{}", self.protocol),
            None => write!(f, "{}", self.protocol),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<(String, Option<String>), String> {
        let target: Target = text.parse().map_err(|error: Invalid| error.to_string())?;
        Ok((format!("{:?}", target.place), target.service.map(|service| service.to_string())))
    }

    #[test]
    fn a_destination_is_read_with_what_is_asked_for() {
        for (text, place, service) in [
            ("10.1.2.3", "Address(10.1.2.3)", None),
            ("10.1.2.3:5432/tcp", "Address(10.1.2.3)", Some("5432/tcp")),
            ("10.1.2.3:53/udp", "Address(10.1.2.3)", Some("53/udp")),
            ("10.1.2.3:5432", "Address(10.1.2.3)", Some("5432/tcp")),
            ("10.1.2.3:https", "Address(10.1.2.3)", Some("443/tcp")),
            ("10.1.2.3/icmp", "Address(10.1.2.3)", Some("icmp")),
            ("10.1.2.3/47", "Address(10.1.2.3)", Some("gre")),
            ("[10.1.2.3]/6", "Address(10.1.2.3)", Some("tcp")),
            ("fd00::1/udp", "Address(fd00::1)", Some("udp")),
            ("10.1.2.3/tcp", "Address(10.1.2.3)", Some("tcp")),
            ("fd00::1", "Address(fd00::1)", None),
            ("fd00::1/icmpv6", "Address(fd00::1)", Some("icmp")),
            ("[fd00::1]:443/tcp", "Address(fd00::1)", Some("443/tcp")),
            ("[fd00::1]", "Address(fd00::1)", None),
            ("::ffff:10.1.2.3", "Address(10.1.2.3)", None),
            ("host:22/tcp", "Host", Some("22/tcp")),
            ("container:web", "Container(\"web\")", None),
            ("container:web:80/tcp", "Container(\"web\")", Some("80/tcp")),
            ("network:backend/icmp", "Network(\"backend\")", Some("icmp")),
            ("db.example.org:5432/tcp", "Name(\"db.example.org\")", Some("5432/tcp")),
            ("web-1", "Name(\"web-1\")", None),
        ] {
            assert_eq!(read(text), Ok((place.to_owned(), service.map(str::to_owned))), "{text}");
        }
    }

    #[test]
    fn what_is_no_destination_is_refused_with_what_to_write() {
        for (text, said) in [
            ("", "an address, container:NAME"),
            ("10.1.2.0/24", "one address"),
            ("10.1.2.300", "neither an address nor a name"),
            ("10.1.2.3:0/tcp", "from 1 to 65535"),
            ("10.1.2.3:70000/tcp", "from 1 to 65535"),
            ("10.1.2.3:80/icmp", "has no ports"),
            ("10.1.2.3:80/tpc", "tcp"),
            ("10.1.2.3:no-such-service", "/etc/services"),
            ("fd00::1:443/tcp", "`[fd00::1]:443` for the port"),
            ("10.1.2.3/tpc", "tcp"),
            ("label:a=b", "docker ps --filter"),
            ("container:", "names no container"),
            ("a b", "neither an address nor a name"),
        ] {
            let refused = read(text).unwrap_err();
            assert!(refused.contains(said), "{text}: {refused}");
        }
    }
}
