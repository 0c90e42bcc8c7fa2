//! Who asks all the while: for what has to stay closed, and for what has to stay open.

use std::thread::sleep;
use std::time::Duration;

use serde_json::Value;

use crate::support::lab::{Lab, Sender};

/// Packets a second of each stream.
const PACKETS: u32 = 1000;
/// New connections a second to each closed address.
const CONNECTIONS: u32 = 100;
/// How long is waited for what gets through.
const SETTLE: Duration = Duration::from_millis(300);
/// A port of the LAN host where nothing granted goes to.
const CLOSED_PORT: u16 = 7004;

/// What has to stay closed, asked by IPv4 and by IPv6: a stream of packets and a stream of connections of each.
pub struct Closed<'l> {
    lab: &'l Lab,
    packets: [Sender; 2],
    connections: [Sender; 2],
}

/// How much of it was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    /// By IPv4 and by IPv6.
    pub packets: [u64; 2],
    pub connections: u64,
}

fn count(told: &Value, what: &str) -> u64 {
    told[what].as_u64().unwrap()
}

impl<'l> Closed<'l> {
    pub fn start(lab: &'l Lab) -> Self {
        let connect = |place: &str, address: &str| {
            let how = format!("--rate {CONNECTIONS} --give-up 900 --seconds 600 --until-eof");
            lab.start(place, &format!("traffic connect {address} {CLOSED_PORT} {how}"))
        };
        lab.stats("lan");
        Self {
            lab,
            packets: [
                lab.blast("app", &format!("10.57.17.6 7002 --pps {PACKETS} --stream 1")),
                lab.blast("web-1", &format!("fd57:17::6 7002 --pps {PACKETS} --stream 2")),
            ],
            connections: [connect("web-2", "10.57.17.6"), connect("db-1", "fd57:17::6")],
        }
    }

    /// What came to the LAN host since this was asked last: packets and connections.
    pub fn arrived(&self) -> [u64; 2] {
        sleep(SETTLE);
        let stats = self.lab.stats("lan");
        [stats.stream(1).packets + stats.stream(2).packets, stats.connections(CLOSED_PORT)]
    }

    /// Ends it.
    pub fn finish(self) -> Asked {
        let packets = self.packets.map(|stream| count(&stream.finish(), "sent"));
        let connections = self.connections.map(|stream| count(&stream.finish(), "tried"));
        Asked { packets, connections: connections.iter().sum() }
    }
}

/// What has to stay open: conversations with what the recipe excepts, and new ones.
pub struct Granted {
    sessions: [Sender; 2],
    connections: [Sender; 2],
}

impl Granted {
    pub fn start(lab: &Lab) -> Self {
        let connect = |place: &str, address: &str| {
            lab.start(place, &format!("traffic connect {address} 7000 --rate 10 --seconds 600 --until-eof"))
        };
        Self {
            sessions: [lab.session("app", "10.57.17.5 7000"), lab.session("web-1", "fd57:17::5 7000")],
            connections: [connect("web-2", "10.57.17.5"), connect("db-1", "fd57:17::5")],
        }
    }

    /// Ends it; tells the longest that an answer took, in milliseconds, and how many new ones there were.
    ///
    /// # Panics
    /// When a conversation broke, or a new one was not answered, unless `docker_restarted`: while Docker has no rules it
    /// accepts no new one.
    #[track_caller]
    pub fn finish(self, docker_restarted: bool) -> (u64, u64) {
        let sessions = self.sessions.map(Sender::finish);
        assert!(sessions.iter().all(|told| told["broken"] == false), "{sessions:?}");
        let connections = self.connections.map(Sender::finish);
        for told in &connections {
            let (tried, made) = (count(told, "tried"), count(told, "established"));
            assert!(made > 10 && (docker_restarted || made == tried), "{told}");
        }
        let gap = sessions.iter().map(|told| count(told, "longest_gap_ms")).max().unwrap();
        (gap, connections.iter().map(|told| count(told, "established")).sum())
    }
}
