//! What a server has seen so far.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::payload::Payload;

/// Sequence numbers above this are not recorded: 2^28 of them take 32 MiB.
const HIGHEST_SEQUENCE: u64 = 1 << 28;

/// Senders remembered by name for each stream.
const MOST_SOURCES: usize = 16;

/// All counters of one server.
#[derive(Default)]
pub struct Counts {
    tcp_connections: BTreeMap<u16, u64>,
    udp_echoes: BTreeMap<u16, u64>,
    streams: BTreeMap<(u16, u32), Stream>,
    strays: BTreeMap<u16, u64>,
    raw: BTreeMap<u8, u64>,
}

impl Counts {
    /// A client connected by TCP.
    pub fn tcp_connection(&mut self, port: u16) {
        *self.tcp_connections.entry(port).or_default() += 1;
    }

    /// A packet came by UDP to whom answers.
    pub fn udp_echo(&mut self, port: u16) {
        *self.udp_echoes.entry(port).or_default() += 1;
    }

    /// A packet reached the sink.
    pub fn sunk(&mut self, port: u16, source: SocketAddr, packet: &[u8]) {
        match Payload::decode(packet) {
            Some(payload) if payload.sequence <= HIGHEST_SEQUENCE => self
                .streams
                .entry((port, payload.stream))
                .or_insert_with(Stream::new)
                .count(source.ip(), payload.sequence, packet.len()),
            _ => *self.strays.entry(port).or_default() += 1,
        }
    }

    /// A packet of a `traffic raw` came.
    pub fn raw(&mut self, protocol: u8) {
        *self.raw.entry(protocol).or_default() += 1;
    }

    /// The shape that `traffic stats` prints.
    pub fn to_json(&self) -> Value {
        let streams: Vec<Value> = self.streams.iter().map(|((port, id), stream)| stream.to_json(*port, *id)).collect();
        json!({
            "tcp_connections": self.tcp_connections,
            "udp_echoes": self.udp_echoes,
            "streams": streams,
            "strays": self.strays,
            "raw": self.raw,
        })
    }
}

/// One sender's packets at one port.
struct Stream {
    packets: u64,
    bytes: u64,
    /// One bit for each sequence number that came.
    seen: Vec<u64>,
    unique: u64,
    highest: u64,
    first_at: SystemTime,
    last_at: SystemTime,
    last: Instant,
    longest_gap: Duration,
    sources: BTreeSet<IpAddr>,
}

impl Stream {
    fn new() -> Self {
        Self {
            packets: 0,
            bytes: 0,
            seen: Vec::new(),
            unique: 0,
            highest: 0,
            first_at: SystemTime::now(),
            last_at: SystemTime::now(),
            last: Instant::now(),
            longest_gap: Duration::ZERO,
            sources: BTreeSet::new(),
        }
    }

    fn count(&mut self, source: IpAddr, sequence: u64, length: usize) {
        self.packets += 1;
        self.bytes += length as u64;
        self.highest = self.highest.max(sequence);
        if self.mark(sequence) {
            self.unique += 1;
        }
        let now = Instant::now();
        self.longest_gap = self.longest_gap.max(now - self.last);
        self.last = now;
        self.last_at = SystemTime::now();
        if self.sources.len() < MOST_SOURCES {
            self.sources.insert(source.to_canonical());
        }
    }

    /// Remembers the number; false if it came before.
    fn mark(&mut self, sequence: u64) -> bool {
        let (word, bit) = ((sequence / 64) as usize, 1 << (sequence % 64));
        if self.seen.len() <= word {
            self.seen.resize(word + 1, 0);
        }
        let is_new = self.seen[word] & bit == 0;
        self.seen[word] |= bit;
        is_new
    }

    fn to_json(&self, port: u16, id: u32) -> Value {
        json!({
            "port": port,
            "stream": id,
            "packets": self.packets,
            "bytes": self.bytes,
            "unique": self.unique,
            "duplicates": self.packets - self.unique,
            "missing": self.highest + 1 - self.unique,
            "first_unix_ms": unix_ms(self.first_at),
            "last_unix_ms": unix_ms(self.last_at),
            "longest_gap_ms": self.longest_gap.as_millis() as u64,
            "sources": self.sources,
        })
    }
}

/// Milliseconds since 1970, to compare what happens in different processes.
pub fn unix_ms(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}
