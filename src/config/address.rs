//! Addresses and networks as people write them, and what they get wrong about them.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

use ipnet::{Ipv4Net, Ipv6Net};

use super::invalid::{Invalid, quote};
use super::target::Target;

/// Reads one address in its full notation.
pub(super) fn read_address(text: &str) -> Result<IpAddr, Invalid> {
    match text.parse() {
        Ok(IpAddr::V6(address)) => match address.to_ipv4_mapped() {
            Some(mapped) => Err(mapped_never_travels(text, mapped)),
            None => Ok(IpAddr::V6(address)),
        },
        Ok(address) => Ok(address),
        Err(_) => Err(diagnose_address(text)),
    }
}

/// Reads `address/prefix length`, whose address must be the network's first.
pub(super) fn read_network(text: &str) -> Result<Target, Invalid> {
    let (address_text, length_text) = text.split_once('/').unwrap_or((text, ""));
    let short = complete_short_v4(address_text);
    let address = match address_text.parse::<IpAddr>() {
        Ok(address) => address,
        Err(_) => match short {
            Some(full) => return Err(short_network(text, full, length_text)),
            None => return Err(diagnose_address(address_text)),
        },
    };
    let length = read_prefix_length(text, address, length_text)?;
    match address {
        IpAddr::V4(address) => {
            let net = Ipv4Net::new(address, length).map_err(|_| too_long(text, 32))?;
            whole_network(text, net, net.trunc())
        }
        IpAddr::V6(address) => {
            let net = Ipv6Net::new(address, length).map_err(|_| too_long(text, 128))?;
            match (address.to_ipv4_mapped(), length.checked_sub(96)) {
                (Some(mapped), Some(length)) => Err(mapped_never_travels(text, format_args!("{mapped}/{length}"))),
                _ => whole_network(text, net, net.trunc()),
            }
        }
    }
}

fn whole_network<N>(text: &str, written: N, truncated: N) -> Result<Target, Invalid>
where
    N: PartialEq + fmt::Display + Into<Target>,
{
    if written == truncated {
        return Ok(written.into());
    }
    let address = text.split('/').next().unwrap_or(text);
    Err(Invalid::new(
        format!("{} has bits set behind its prefix", quote(text)),
        format!("write `{truncated}` for the network or `{address}` for the address"),
    ))
}

fn read_prefix_length(text: &str, address: IpAddr, length: &str) -> Result<u8, Invalid> {
    let bits = if address.is_ipv4() { 32 } else { 128 };
    if let Ok(mask) = length.parse::<Ipv4Addr>()
        && address.is_ipv4()
    {
        return Err(netmask(text, address, mask));
    }
    let canonical = length.bytes().all(|byte| byte.is_ascii_digit()) && (length == "0" || !length.starts_with('0'));
    if length.is_empty() || !canonical {
        return Err(Invalid::new(
            format!("{} has no number behind the slash", quote(text)),
            format!("write a prefix length from 0 to {bits}, such as `{address}/{bits}`"),
        ));
    }
    match length.parse() {
        Ok(length) if length <= bits => Ok(length),
        _ => Err(too_long(text, bits)),
    }
}

fn too_long(text: &str, bits: u8) -> Invalid {
    let family = if bits == 32 { "IPv4" } else { "IPv6" };
    Invalid::new(
        format!("{} has a prefix longer than an {family} address", quote(text)),
        format!("write a prefix length from 0 to {bits}"),
    )
}

fn netmask(text: &str, address: IpAddr, mask: Ipv4Addr) -> Invalid {
    let problem = format!("{} has a netmask instead of a prefix length", quote(text));
    match ipnet::ip_mask_to_prefix(mask.into()) {
        Ok(length) => Invalid::new(problem, format!("write `{address}/{length}`")),
        Err(_) => Invalid::new(problem, "write a prefix length from 0 to 32"),
    }
}

/// A socket hands out mapped addresses for IPv4 connections; on the wire they are IPv4 packets
/// (RFC 4291, section 2.5.5.2, RFC 4038, section 4.2).
fn mapped_never_travels(text: &str, v4: impl fmt::Display) -> Invalid {
    Invalid::new(format!("{} is an IPv4-mapped address, which no packet carries", quote(text)), format!("write `{v4}`"))
}

fn short_network(text: &str, full: Ipv4Addr, length: &str) -> Invalid {
    Invalid::new(
        format!("{} leaves out a part of the address", quote(text)),
        format!("write {}", quote(format_args!("{full}/{length}"))),
    )
}

/// The four numbers that `10.1` is short for; none when it is not that kind of text.
fn complete_short_v4(text: &str) -> Option<Ipv4Addr> {
    let mut octets = [0; 4];
    let parts: Vec<&str> = text.splitn(4, '.').collect();
    if parts.len() == octets.len() {
        return None;
    }
    for (octet, part) in octets.iter_mut().zip(parts) {
        *octet = part.parse().ok().filter(|_| part.bytes().all(|byte| byte.is_ascii_digit()))?;
    }
    Some(octets.into())
}

/// What is wrong with a text that is no address, most telling first.
fn diagnose_address(text: &str) -> Invalid {
    let decimal = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    let bare = text.trim_start_matches('[').split(']').next().unwrap_or(text);
    let before_port = text.rsplit_once(':').map_or(text, |(address, _)| address);
    if text == "host" || text == "host:published" {
        Invalid::new(format!("{} is no address, only a grant's `to` takes it", quote(text)), "write the host's address")
    } else if let Some(full) = complete_short_v4(text) {
        Invalid::new(
            format!("{} leaves out a part of the address", quote(text)),
            format!("write all four numbers, `{full}` or a network such as `{full}/{}`", text.split('.').count() * 8),
        )
    } else if decimal {
        diagnose_decimal(text)
    } else if before_port.parse::<Ipv4Addr>().is_ok() {
        Invalid::new(format!("{} carries a port", quote(text)), format!("write `{before_port}`"))
    } else if bare != text && bare.parse::<IpAddr>().is_ok() {
        Invalid::new(format!("{} has brackets around the address", quote(text)), format!("write `{bare}`"))
    } else if text.contains(':') || text.is_empty() {
        Invalid::new(
            format!("{} is no IPv6 address", quote(text)),
            "write up to eight groups of hexadecimal digits, such as fd00::1",
        )
    } else {
        Invalid::new(
            format!("{} is no address, and names are not looked up here", quote(text)),
            "write the address that the name stands for",
        )
    }
}

fn diagnose_decimal(text: &str) -> Invalid {
    let is_padded = |part: &&str| part.len() > 1 && part.starts_with('0');
    let parts: Vec<&str> = text.split('.').collect();
    let stripped: Vec<&str> = parts
        .iter()
        .map(|part| match part.trim_start_matches('0') {
            "" if !part.is_empty() => "0",
            number => number,
        })
        .collect();
    if let Ok(address) = stripped.join(".").parse::<Ipv4Addr>()
        && parts.iter().any(is_padded)
    {
        // inet_aton(3) reads such a number as octal, most other readers as decimal.
        return Invalid::new(
            format!("{} has a leading zero, which some programs read as octal", quote(text)),
            format!("write `{address}`"),
        );
    }
    Invalid::new(format!("{} is no IPv4 address", quote(text)), "write four numbers from 0 to 255, such as 10.1.2.3")
}
