//! Ports of one protocol.

use std::fmt;
use std::str::FromStr;

use super::protocol::Protocol;
use crate::config::choice::choose;
use crate::config::invalid::{Invalid, quote};

/// Destination ports of one protocol, both ends included. Written `"5432/tcp"`, `"8000-8100/tcp"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ports {
    /// The protocol, one that has ports.
    pub protocol: Protocol,
    /// The lowest port, at least 1.
    pub first: u16,
    /// The highest port, not below the lowest.
    pub last: u16,
}

impl Ports {
    /// Whether these are that port.
    pub fn contains(&self, protocol: Protocol, port: u16) -> bool {
        self.protocol == protocol && (self.first..=self.last).contains(&port)
    }

    /// The same ports in normal form: by protocol and number, what overlaps merged. Neighbours stay
    /// apart: single ports are cheaper to look up than ranges.
    pub fn merge(mut ports: Vec<Self>) -> Vec<Self> {
        ports.sort_unstable();
        ports.dedup_by(|next, merged| {
            let overlaps = next.protocol == merged.protocol && next.first <= merged.last;
            if overlaps {
                merged.last = merged.last.max(next.last);
            }
            overlaps
        });
        ports
    }
}

impl FromStr for Ports {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        if text.contains(char::is_whitespace) {
            let without: String = text.split_whitespace().collect();
            return Err(Invalid::new(
                format!("{} has a space in it", quote(text)),
                format!("write {}", quote(without)),
            ));
        }
        let Some((numbers, protocol)) = text.rsplit_once('/') else {
            return Err(without_protocol(text));
        };
        if is_word(numbers) && numbers.parse::<Protocol>().is_ok() && read_numbers(protocol, protocol).is_ok() {
            return Err(Invalid::new(
                format!("{} has the protocol before the port", quote(text)),
                format!("write `{protocol}/{numbers}`"),
            ));
        }
        let protocol = read_protocol(text, protocol)?;
        let (first, last) = read_numbers(text, numbers)?;
        if last < first {
            return Err(Invalid::new(
                format!("{} ends before it starts", quote(text)),
                format!("write `{last}-{first}/{protocol}`"),
            ));
        }
        Ok(Self { protocol, first, last })
    }
}

fn is_word(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
}

/// A port without a protocol could be any of five; to guess one would grant what nobody asked for.
fn without_protocol(text: &str) -> Invalid {
    match (read_numbers(text, text), text.parse::<Protocol>()) {
        (Err(invalid), _) if !is_word(text) => invalid,
        (Ok((first, last)), _) => {
            let numbers = if first == last { first.to_string() } else { format!("{first}-{last}") };
            Invalid::new(
                format!("{} has no protocol", quote(text)),
                format!("write `{numbers}/tcp`, or another protocol behind the slash"),
            )
        }
        (_, Ok(protocol)) if !protocol.has_ports() => no_ports(text, protocol),
        (_, Ok(protocol)) => Invalid::new(
            format!("{} has no port", quote(text)),
            format!("write the port too, such as `5432/{protocol}`, or `protocol = \"{protocol}\"` for all of them"),
        ),
        (Err(invalid), Err(_)) => invalid,
    }
}

fn read_protocol(text: &str, word: &str) -> Result<Protocol, Invalid> {
    match word.parse::<Protocol>() {
        Ok(protocol) if !protocol.has_ports() => Err(no_ports(text, protocol)),
        // Not by its number: of two numbers nobody could say which one is the port.
        _ => choose(word, &Protocol::WITH_PORTS)
            .map_err(|Invalid { problem, cure }| Invalid::new(format!("{}: {problem}", quote(text)), cure)),
    }
}

fn no_ports(text: &str, protocol: Protocol) -> Invalid {
    Invalid::new(
        format!("{}: the protocol {protocol} has no ports", quote(text)),
        format!("write `protocol = \"{protocol}\"` in a grant of its own, without `ports`"),
    )
}

/// One port or two with a hyphen between them, in the order as written.
fn read_numbers(text: &str, numbers: &str) -> Result<(u16, u16), Invalid> {
    let (first, last) = numbers.split_once('-').unwrap_or((numbers, numbers));
    Ok((read_number(text, first)?, read_number(text, last)?))
}

fn read_number(text: &str, number: &str) -> Result<u16, Invalid> {
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let parts: Vec<&str> = number.split([',', ':']).collect();
    if number.is_empty() {
        Err(Invalid::new(format!("{} lacks a port", quote(text)), "write a number from 1 to 65535 before the slash"))
    } else if parts.len() > 1 && parts.iter().copied().all(digits) {
        Err(Invalid::new(
            format!("{} is no single port and no range", quote(text)),
            "write a range with a hyphen, such as `8000-8100/tcp`, and every other port as a text of its own",
        ))
    } else if !digits(number) {
        Err(Invalid::new(
            format!("{}: {} is no number, and services are not looked up by name", quote(text), quote(number)),
            "write the port and the protocol, such as `5432/tcp`",
        ))
    } else {
        number.parse().ok().filter(|port| *port != 0).ok_or_else(|| {
            Invalid::new(format!("{}: there is no port {}", quote(text), quote(number)), "write a port from 1 to 65535")
        })
    }
}

impl fmt::Display for Ports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { protocol, first, last } = self;
        if first == last { write!(f, "{first}/{protocol}") } else { write!(f, "{first}-{last}/{protocol}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlapping_and_duplicate_ports_merge_and_neighbours_do_not() {
        let written = ["443/tcp", "80/tcp", "80/udp", "8050-8200/tcp", "8000-8100/tcp", "80/tcp", "81/tcp"];
        let merged = Ports::merge(written.iter().map(|text| text.parse().unwrap()).collect());
        let printed: Vec<String> = merged.iter().map(Ports::to_string).collect();
        assert_eq!(printed, ["80/tcp", "81/tcp", "443/tcp", "8000-8200/tcp", "80/udp"]);
    }
}
