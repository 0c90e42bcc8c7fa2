//! What arrived.

use serde_json::Value;

/// The counts of the servers of a place.
#[derive(Debug)]
pub struct Stats(Value);

/// What came of one sender.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Arrived {
    /// Packets, each counted once.
    pub packets: u64,
    /// Packets that a later one overtook for good.
    pub missing: u64,
}

impl Stats {
    pub(super) fn of(line: &str) -> Self {
        Self(serde_json::from_str(line).unwrap())
    }

    /// What came to the sink of a stream; nothing when there was none.
    pub fn stream(&self, id: u64) -> Arrived {
        let streams = self.0["streams"].as_array().unwrap();
        let found = streams.iter().find(|stream| stream["stream"] == id);
        found.map_or(Arrived::default(), |stream| Arrived {
            packets: stream["unique"].as_u64().unwrap(),
            missing: stream["missing"].as_u64().unwrap(),
        })
    }

    /// Connections that were made to a port.
    pub fn connections(&self, port: u16) -> u64 {
        self.0["tcp_connections"][port.to_string()].as_u64().unwrap_or_default()
    }

    /// Packets of `traffic raw` of a protocol.
    pub fn raw(&self, protocol: u8) -> u64 {
        self.0["raw"][protocol.to_string()].as_u64().unwrap_or_default()
    }

    /// Everything that came, to whichever server.
    pub fn everything(&self) -> u64 {
        let sum =
            |counts: &Value| counts.as_object().unwrap().values().map(|count| count.as_u64().unwrap()).sum::<u64>();
        let streams = self.0["streams"].as_array().unwrap().iter().map(|stream| stream["packets"].as_u64().unwrap());
        streams.sum::<u64>()
            + sum(&self.0["tcp_connections"])
            + sum(&self.0["udp_echoes"])
            + sum(&self.0["strays"])
            + sum(&self.0["raw"])
    }
}
