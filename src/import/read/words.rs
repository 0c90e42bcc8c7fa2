//! Single words of rules: addresses, ports, interfaces, rates.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{Ipv4Net, Ipv6Net};

use crate::config::{InterfacePattern, Invalid, Protocol, Rate, RateUnit};
use crate::import::model::State;
use crate::import::span::{Family, Span, merge};

fn invalid<T>(problem: String, cure: &str) -> Result<T, Invalid> {
    Err(Invalid::new(problem, cure))
}

/// `10.0.0.0/8`, `10.0.0.0/255.0.0.0`, `10/8`, an address, or several with commas between them. As iptables does,
/// bits behind the prefix are masked.
///
/// # Errors
/// What is no address of that family; names are not looked up.
pub fn addresses(text: &str, family: Family) -> Result<Vec<Span>, Invalid> {
    text.split(',').map(|part| network(part.trim(), family)).collect::<Result<Vec<_>, _>>().map(merge)
}

fn network(text: &str, family: Family) -> Result<Span, Invalid> {
    let (address, length) = match text.split_once('/') {
        Some((address, length)) => (address, Some(length)),
        None => (text, None),
    };
    let problem = || format!("`{}` is no {} address", text.escape_debug(), name(family));
    let cure = "write the addresses that it stands for; names are not looked up";
    let (interval, last) = match family {
        Family::V4 => {
            let Some(address) = padded(address, length.is_some()) else { return invalid(problem(), cure) };
            let length = match length {
                None => Some(32),
                Some(length) => length.parse().ok().or_else(|| mask_length(length)).filter(|length| *length <= 32),
            };
            let Some(net) = length.and_then(|length| Ipv4Net::new(address, length).ok()) else {
                return invalid(problem(), "write a prefix length from 0 to 32 behind the slash");
            };
            (u128::from(u32::from(net.network())), u128::from(u32::from(net.broadcast())))
        }
        Family::V6 => {
            let Ok(address) = address.parse::<Ipv6Addr>() else { return invalid(problem(), cure) };
            let length = length.map_or(Some(128), |length| length.parse().ok());
            let Some(net) = length.and_then(|length| Ipv6Net::new(address, length).ok()) else {
                return invalid(problem(), "write a prefix length from 0 to 128 behind the slash");
            };
            (net.network().into(), net.broadcast().into())
        }
    };
    Ok(Span { first: interval, last })
}

fn name(family: Family) -> &'static str {
    match family {
        Family::V4 => "IPv4",
        Family::V6 => "IPv6",
    }
}

/// With a mask, missing numbers at the end are 0, as in `10/8`.
fn padded(text: &str, with_mask: bool) -> Option<Ipv4Addr> {
    let parts: Vec<&str> = text.split('.').collect();
    if parts.len() == 4 || !with_mask {
        return text.parse().ok();
    }
    let numbers: Option<Vec<u8>> = parts.iter().map(|part| part.parse().ok()).collect();
    let [a, b, c, d] = [0, 1, 2, 3].map(|index| numbers.as_ref()?.get(index).copied().or(Some(0)));
    Some(Ipv4Addr::new(a?, b?, c?, d?)).filter(|_| parts.len() < 4)
}

fn mask_length(text: &str) -> Option<u8> {
    let mask = u32::from(text.parse::<Ipv4Addr>().ok()?);
    let length = mask.leading_ones();
    (mask.checked_shl(length).unwrap_or(0) == 0).then(|| u8::try_from(length).ok()).flatten()
}

/// `10.0.0.1-10.0.0.9`.
///
/// # Errors
/// What is no range of that family.
pub fn range(text: &str, family: Family) -> Result<Vec<Span>, Invalid> {
    let ends = text.split_once('-').unwrap_or((text, text));
    let read = |end: &str| end.trim().parse::<IpAddr>().ok().filter(|address| Family::of(*address) == family);
    match (read(ends.0), read(ends.1)) {
        (Some(first), Some(last)) if first <= last => {
            let number = crate::import::span::number;
            Ok(vec![Span { first: number(first), last: number(last) }])
        }
        _ => invalid(
            format!("`{}` is no range of {} addresses", text.escape_debug(), name(family)),
            "write first-last, the lower one first",
        ),
    }
}

/// `eth+`, as iptables writes patterns, or `eth*`; none where it is every interface.
///
/// # Errors
/// What is no name of an interface.
pub fn interface(text: &str) -> Result<Option<InterfacePattern>, Invalid> {
    let prefix = text.strip_suffix(['+', '*']);
    match prefix {
        Some("") => Ok(None),
        Some(prefix) => format!("{prefix}*").parse().map(Some),
        None => text.parse().map(Some),
    }
}

/// A port, a range with a colon or a hyphen, or several with commas between them; `named` knows services.
///
/// # Errors
/// What is neither.
pub fn ports(text: &str, named: &dyn Fn(&str) -> Option<u16>) -> Result<Vec<(u16, u16)>, Invalid> {
    text.split(',').map(|part| one_range(part.trim(), named)).collect()
}

fn one_range(text: &str, named: &dyn Fn(&str) -> Option<u16>) -> Result<(u16, u16), Invalid> {
    let bad = || {
        let problem = format!("`{}` is no port", text.escape_debug());
        Invalid::new(problem, "write a number from 0 to 65535, or a range such as 8000:8100")
    };
    let number = |word: &str| word.parse().ok().or_else(|| named(word)).ok_or_else(bad);
    if let Ok(port) = number(text) {
        return Ok((port, port));
    }
    let (first, last) = text.split_once([':', '-']).ok_or_else(bad)?;
    let first = if first.is_empty() { 0 } else { number(first)? };
    let last = if last.is_empty() { u16::MAX } else { number(last)? };
    if first <= last { Ok((first, last)) } else { Err(bad()) }
}

/// A protocol by name or number, in a family; none for all of them.
///
/// # Errors
/// What is none.
pub fn protocol(text: &str) -> Result<Option<u8>, Invalid> {
    let lower = text.to_ascii_lowercase();
    match lower.as_str() {
        "all" | "0" => return Ok(None),
        "icmpv6" | "icmp6" | "ipv6-icmp" | "58" => return Ok(Some(58)),
        _ => {}
    }
    lower.parse::<Protocol>().map(|protocol| Some(protocol.number(false)))
}

/// States of connection tracking with commas between them, as bits.
///
/// # Errors
/// What is none.
pub fn states(text: &str) -> Result<u8, Invalid> {
    let one = |word: &str| match word.trim().to_ascii_uppercase().as_str() {
        "NEW" => Ok(State::NEW),
        "ESTABLISHED" => Ok(State::ESTABLISHED),
        "RELATED" => Ok(State::RELATED),
        "INVALID" => Ok(State::INVALID),
        "UNTRACKED" => Ok(State::UNTRACKED),
        _ => invalid(
            format!("`{}` is no state that dockwall tells apart", word.escape_debug()),
            "write it as a grant of what is to stay open, or leave it out",
        ),
    };
    text.split(',').try_fold(0, |bits, word| Ok(bits | one(word)?))
}

/// `6/minute`, `6/min`, `6/m`; a bare number is a second's.
pub fn rate(text: &str) -> Option<Rate> {
    let (count, unit) = text.split_once('/').unwrap_or((text, "second"));
    let units = [
        ("second", RateUnit::Second),
        ("minute", RateUnit::Minute),
        ("hour", RateUnit::Hour),
        ("day", RateUnit::Day),
        ("week", RateUnit::Week),
    ];
    let unit = unit.to_ascii_lowercase();
    let (_, unit) = units.into_iter().find(|(word, _)| !unit.is_empty() && word.starts_with(unit.as_str()))?;
    let count: u32 = count.trim().parse().ok().filter(|count| (1..=Rate::MOST).contains(count))?;
    Some(Rate { count, unit })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str, family: Family) -> String {
        match addresses(text, family) {
            Ok(spans) => {
                let targets = spans.into_iter().filter_map(|span| span.target(family));
                targets.map(|target| target.to_string()).collect::<Vec<_>>().join(" ")
            }
            Err(error) => error.problem,
        }
    }

    #[test]
    fn networks_are_read_as_iptables_reads_them() {
        for (text, expected) in [
            ("10.1.2.3", "10.1.2.3"),
            ("10.1.2.3/32", "10.1.2.3"),
            ("10.1.2.3/8", "10.0.0.0/8"),
            ("10/8", "10.0.0.0/8"),
            ("10.0.0.0/255.0.0.0", "10.0.0.0/8"),
            ("0.0.0.0/0", "0.0.0.0/0"),
            ("10.0.0.0/9,10.128.0.0/9", "10.0.0.0/8"),
            ("10.0.0.0/255.0.255.0", "`10.0.0.0/255.0.255.0` is no IPv4 address"),
            ("db.example.org", "`db.example.org` is no IPv4 address"),
            ("fd00::1", "`fd00::1` is no IPv4 address"),
        ] {
            assert_eq!(written(text, Family::V4), expected, "{text}");
        }
        assert_eq!(written("fd00::1/8", Family::V6), "fd00::/8");
    }

    #[test]
    fn rates_have_the_units_that_iptables_shortens() {
        for (text, expected) in [("6/min", "6/minute"), ("6/m", "6/minute"), ("2", "2/second"), ("3/hour", "3/hour")] {
            assert_eq!(rate(text).map(|rate| rate.to_string()).as_deref(), Some(expected));
        }
        assert_eq!([rate("0/s"), rate("6/"), rate("512kb/s")], [None; 3]);
    }
}
