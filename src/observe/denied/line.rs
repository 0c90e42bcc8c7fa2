//! A line of the kernel's log about a denied packet, as `nf_log_syslog` writes it behind the prefix:
//! `IN=br-1 OUT=eth0 … SRC=172.21.0.2 DST=10.1.2.3 LEN=60 … PROTO=TCP SPT=40000 DPT=5432 …`.
//!
//! Lines come cut, and written into each other. A field counts only when something follows it, so that no half of
//! an address or a port is taken for a whole one.

use std::net::IpAddr;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::Denied;
use crate::config::Mode;
use crate::host::Flow;

/// What all prefixes of ours and of the recipe for firewalld begin with, when nobody chose others. The recipe's
/// have a colon behind in some of its versions.
const STEM: &str = "DOCKER_NET_";
/// Behind it: the packet was dropped, or let pass in audit mode.
const WORDS: [(&str, Mode); 2] = [("DROP", Mode::Enforce), ("AUDIT", Mode::Audit)];

/// What begins the lines that are looked for.
#[derive(Debug, Clone, Default)]
pub struct Prefixes {
    own: Vec<(String, Option<Mode>)>,
}

impl Prefixes {
    /// One more beside the usual ones; `mode` where it says whether the packet was dropped.
    pub fn add(&mut self, prefix: &str, mode: Option<Mode>) {
        let prefix = prefix.trim();
        if !prefix.is_empty() && !self.own.iter().any(|(own, _)| own == prefix) {
            self.own.push((prefix.to_owned(), mode));
        }
    }

    /// Where the next one stands in `text`, what it says, and where its fields begin: at `IN=`, which nothing but
    /// spaces and a colon parts from it.
    fn find(&self, text: &str) -> Option<(usize, Option<Mode>, Option<usize>)> {
        let own = self.own.iter().filter_map(|(prefix, mode)| {
            let start = text.find(prefix.as_str())?;
            Some((start, *mode, start + prefix.len()))
        });
        let usual = text.find(STEM).map(|start| {
            let rest = text.get(start + STEM.len()..).unwrap_or_default();
            let len = rest.find(|letter: char| !letter.is_ascii_uppercase() && letter != '_').unwrap_or(rest.len());
            let word = rest.get(..len).unwrap_or_default();
            // A prefix without a space behind it runs into the first field.
            let len = if rest.get(len..).is_some_and(|rest| rest.starts_with('=')) {
                word.trim_end_matches("IN").len()
            } else {
                len
            };
            let mode = WORDS.iter().find(|(known, _)| word.starts_with(known)).map(|(_, mode)| *mode);
            (start, mode, start + STEM.len() + len)
        });
        // Of those that begin at the same place the longest: one may begin with another.
        let (start, mode, end) = own.chain(usual).min_by_key(|(start, _, end)| (*start, std::cmp::Reverse(*end)))?;
        let rest = text.get(end..).unwrap_or_default();
        let skipped = rest.len() - rest.trim_start_matches([' ', ':']).len();
        let fields = rest.get(skipped..).is_some_and(|fields| fields.starts_with("IN=")).then_some(end + skipped);
        Some((start, mode, fields))
    }
}

/// Against what the times in a log are read.
#[derive(Debug, Clone)]
pub struct Clock {
    /// The present: a log names no year, and tells no future.
    pub now: Timestamp,
    /// When this machine was started: the kernel counts from there.
    pub boot: Option<Timestamp>,
    /// The zone that times without one are of.
    pub zone: TimeZone,
}

/// What a line holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Line {
    /// The denied packets.
    pub denied: Vec<Denied>,
    /// How many times a prefix is there and no whole packet behind it.
    pub broken: usize,
}

/// Reads a line. One without a prefix is about something else.
pub fn read_line(text: &str, prefixes: &Prefixes, clock: &Clock) -> Line {
    // The end of the line is no end of a field: there the rest may have been cut off.
    let text = text.trim_end_matches(['\r', '\n']);
    let mut line = Line::default();
    let (mut rest, mut time) = (text, None);
    while let Some((start, mode, fields)) = prefixes.find(rest) {
        if line == Line::default() {
            time = read_time(rest.get(..start).unwrap_or_default(), clock);
        }
        let behind = rest.get(fields.unwrap_or(start + 1).max(start + 1)..).unwrap_or_default();
        let next = prefixes.find(behind).map_or(behind.len(), |(next, ..)| next);
        match fields.and_then(|_| read_packet(behind.get(..next)?)) {
            Some((flow, bytes)) => {
                line.denied.push(Denied { flow, packets: Some(1), bytes, first: time, last: time, mode });
            }
            None => line.broken += 1,
        }
        rest = behind.get(next..).unwrap_or_default();
    }
    line
}

/// Reads the fields; none where one that matters is missing or cut.
fn read_packet(fields: &str) -> Option<(Flow, Option<u64>)> {
    let (mut source, mut destination, mut protocol, mut port, mut bytes, mut has_ports) =
        (None::<IpAddr>, None::<IpAddr>, None, None, None, true);
    // The last word is whole only when a space follows it.
    let whole = fields.rsplit_once(char::is_whitespace).map_or("", |(whole, _)| whole);
    // Behind a bracket follow the fields of a packet that an ICMP error is about.
    for word in whole.split_whitespace().take_while(|word| !word.starts_with('[')) {
        match word.split_once('=') {
            Some(("SRC", value)) if source.is_none() => source = Some(value.parse().ok()?),
            Some(("DST", value)) if destination.is_none() => destination = Some(value.parse().ok()?),
            Some(("PROTO", value)) if protocol.is_none() => protocol = Some(protocol_number(value)?),
            Some(("DPT", value)) if port.is_none() => port = Some(value.parse().ok()?),
            // That of the IP packet comes first.
            Some(("LEN", value)) if bytes.is_none() => bytes = Some(value.parse().ok()?),
            None if word == "INCOMPLETE" || word.starts_with("FRAG:") => has_ports = false,
            _ => {}
        }
    }
    let (source, destination, protocol) = (source?, destination?, protocol?);
    let is_cut = matches!(protocol, TCP | UDP | UDPLITE) && port.is_none() && has_ports;
    let one_family = source.is_ipv4() == destination.is_ipv4();
    (one_family && !is_cut).then_some((Flow { source, destination, protocol, port }, bytes))
}

const TCP: u8 = 6;
const UDP: u8 = 17;
const UDPLITE: u8 = 136;

/// The names that `nf_log_syslog` has; all others it writes as numbers.
fn protocol_number(text: &str) -> Option<u8> {
    match text {
        "TCP" => Some(TCP),
        "UDP" => Some(UDP),
        "UDPLITE" => Some(UDPLITE),
        "ICMP" => Some(1),
        "ICMPv6" => Some(58),
        "ESP" => Some(50),
        "AH" => Some(51),
        "SCTP" => Some(132),
        number => number.parse().ok(),
    }
}

/// The time in what stands before the prefix: as `dmesg`, `dmesg -T`, `dmesg --time-format=iso`, `journalctl` and
/// syslog write it.
fn read_time(head: &str, clock: &Clock) -> Option<Timestamp> {
    let first = head.split_whitespace().next()?;
    iso(first)
        .or_else(|| bracketed(head, clock))
        .or_else(|| without_year(head, clock))
        .or_else(|| since_boot(head, clock))
}

fn iso(word: &str) -> Option<Timestamp> {
    let word = word.replace(',', ".");
    word.parse().ok().or_else(|| Timestamp::strptime("%Y-%m-%dT%H:%M:%S%.f%z", &word).ok())
}

/// `[Sat Aug  1 12:00:00 2026]`.
fn bracketed(head: &str, clock: &Clock) -> Option<Timestamp> {
    let (text, _) = head.trim_start().strip_prefix('[')?.split_once(']')?;
    let words: Vec<&str> = text.split_whitespace().skip(1).collect();
    zoned(DateTime::strptime("%b %d %H:%M:%S %Y", words.join(" ")).ok()?, clock)
}

/// `Aug 01 12:00:00`: of this year, or of the last one where it would be still to come.
fn without_year(head: &str, clock: &Clock) -> Option<Timestamp> {
    let words: Vec<&str> = head.split_whitespace().take(3).collect();
    let [month, day, time] = words.as_slice() else {
        return None;
    };
    let this_year = clock.now.to_zoned_datetime(clock.zone.clone()).year();
    let in_year = |year| {
        let text = format!("{year} {month} {day} {time}");
        let written = DateTime::strptime("%Y %b %d %H:%M:%S%.f", text).ok();
        written.and_then(|written| zoned(written, clock))
    };
    [this_year, this_year - 1]
        .into_iter()
        .filter_map(in_year)
        .find(|time| time.as_second() <= clock.now.as_second() + 60)
}

fn zoned(written: DateTime, clock: &Clock) -> Option<Timestamp> {
    Some(written.to_zoned_datetime(clock.zone.clone()).ok()?.timestamp())
}

/// `[ 1234.567890]`, in seconds.
fn since_boot(head: &str, clock: &Clock) -> Option<Timestamp> {
    let (_, rest) = head.split_once('[')?;
    let seconds: f64 = rest.split_once(']')?.0.trim().parse().ok()?;
    let since = jiff::SignedDuration::try_from_secs_f64(seconds).ok()?;
    // More than this machine is up: the log is another's.
    clock.boot?.checked_add(since).ok().filter(|time| *time <= clock.now)
}
