//! What the wall logs to an nflog group, packet by packet.

use std::collections::BTreeMap;
use std::fs;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;
use std::process::Child;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::Lab;

/// The size of a capture's header; 16 bytes more stand before each packet (pcap-savefile(5)).
const FILE_HEADER: usize = 24;

/// Attributes of a logged packet (linux/netfilter/nfnetlink_log.h).
const NFULA_PAYLOAD: u16 = 9;
const NFULA_PREFIX: u16 = 10;

/// A listener to a group.
pub struct LogLines {
    child: Child,
    capture: PathBuf,
}

/// One logged packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// What it begins with.
    pub prefix: String,
    /// Source, destination, protocol and, where there is one, port: as a meter names its flows.
    pub flow: String,
}

impl Lab {
    /// Begins to listen.
    #[track_caller]
    pub fn listen_to_log(&self, group: u16) -> LogLines {
        let capture = self.directory().join(format!("log-{group}"));
        let _ = fs::remove_file(&capture);
        let listen = format!("tcpdump --immediate-mode -U -Z root -i nflog:{group} -w {}", capture.display());
        let mut command = self.unbounded("host", &listen);
        let lines = LogLines { child: command.spawn().unwrap(), capture };
        let deadline = Instant::now() + Duration::from_secs(20);
        while fs::metadata(&lines.capture).map_or(0, |file| file.len()) < FILE_HEADER as u64 {
            assert!(Instant::now() < deadline, "tcpdump does not listen");
            sleep(Duration::from_millis(20));
        }
        lines
    }
}

impl LogLines {
    /// What has come so far, once it is `count` lines and nothing more comes.
    #[track_caller]
    pub fn read(&self, count: u64) -> Vec<LogLine> {
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            let lines = self.read_now();
            if lines.len() as u64 >= count || Instant::now() > deadline {
                return lines;
            }
            sleep(Duration::from_millis(50));
        }
    }

    fn read_now(&self) -> Vec<LogLine> {
        let capture = fs::read(&self.capture).unwrap();
        let mut rest = capture.get(FILE_HEADER..).unwrap_or_default();
        let mut lines = Vec::new();
        while let Some(length) = rest.get(8..12) {
            let length = u32::from_ne_bytes(length.try_into().unwrap()) as usize;
            // The last one may be half written.
            let Some(packet) = rest.get(16..16 + length) else { break };
            lines.push(line(packet));
            rest = &rest[16 + length..];
        }
        lines
    }
}

/// How many lines each flow has.
pub fn by_flow(lines: &[LogLine]) -> BTreeMap<&str, u64> {
    let mut flows = BTreeMap::new();
    for line in lines {
        *flows.entry(line.flow.as_str()).or_default() += 1;
    }
    flows
}

/// Family, version and group in 4 bytes, then attributes.
fn line(packet: &[u8]) -> LogLine {
    let mut rest = &packet[4..];
    let (mut prefix, mut flow) = (None, None);
    while rest.len() >= 4 {
        let length = usize::from(u16::from_ne_bytes([rest[0], rest[1]]));
        let content = &rest[4..length];
        match u16::from_ne_bytes([rest[2], rest[3]]) {
            NFULA_PREFIX => prefix = Some(String::from_utf8_lossy(content).trim_end_matches('\0').to_owned()),
            NFULA_PAYLOAD => flow = Some(flow_of(content)),
            _ => {}
        }
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    LogLine { prefix: prefix.unwrap(), flow: flow.unwrap() }
}

fn flow_of(packet: &[u8]) -> String {
    let (from, to, protocol, transport) = if packet[0] >> 4 == 4 {
        let address = |at: usize| Ipv4Addr::from(<[u8; 4]>::try_from(&packet[at..at + 4]).unwrap()).to_string();
        (address(12), address(16), packet[9], usize::from(packet[0] & 15) * 4)
    } else {
        let address = |at: usize| Ipv6Addr::from(<[u8; 16]>::try_from(&packet[at..at + 16]).unwrap()).to_string();
        (address(8), address(24), packet[6], 40)
    };
    let port = u16::from_be_bytes([packet[transport + 2], packet[transport + 3]]);
    match protocol {
        6 | 17 => format!("{from} {to} {protocol} {port}"),
        _ => format!("{from} {to} {protocol}"),
    }
}

impl Drop for LogLines {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
