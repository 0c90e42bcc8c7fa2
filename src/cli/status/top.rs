//! The denied flows with most packets, of those that the kernel remembers.

use jiff::Timestamp;
use serde::Serialize;

use crate::cli::page::{ago, counted, grouped};
use crate::config::Mode;
use crate::host::{Host, Services};
use crate::netlink::{Memory, Meter};
use crate::observe::{Denied, Folded, Names, Order, fold, protocol_name, sort};

/// So many are told: `dockwall denied` lists all.
const MOST: usize = 3;

/// The flows, and whether there may be others that are not remembered.
#[derive(Debug, Default, Serialize)]
pub struct Top {
    /// Those with most packets, a scan as one.
    pub flows: Vec<Flow>,
    /// How many flows are remembered.
    pub remembered: usize,
    /// The meters that hold as many as they can.
    pub full: Vec<String>,
}

/// A flow, or the flows of a scan.
#[derive(Debug, Serialize)]
pub struct Flow {
    source: std::net::IpAddr,
    container: Option<String>,
    destination: std::net::IpAddr,
    to_host: bool,
    protocol: String,
    port: Option<u16>,
    /// How many ports there are of a scan.
    ports: usize,
    service: Option<String>,
    packets: Option<u64>,
    last_seen: Option<Timestamp>,
}

impl Top {
    /// What `memory` holds of a wall in that mode.
    pub fn of(memory: &Memory, mode: Option<Mode>, host: &Host) -> Self {
        let now = Timestamp::now();
        let flows = memory.flows.iter().map(|flow| Denied::remembered(flow, mode, now));
        let mut folded = fold(&flows.collect::<Vec<_>>());
        sort(&mut folded, Order::Packets);
        folded.truncate(MOST);
        let (names, services) = (Names::of(host), Services::read());
        Self {
            flows: folded.iter().map(|folded| Flow::of(folded, &names, &services)).collect(),
            remembered: memory.flows.len(),
            full: memory.meters.iter().filter(|meter| meter.is_full()).map(|Meter { name, .. }| name.clone()).collect(),
        }
    }
}

impl Flow {
    fn of(Folded { denied, ports }: &Folded, names: &Names, services: &Services) -> Self {
        let flow = &denied.flow;
        let single = flow.port.filter(|_| ports.is_empty());
        Self {
            source: flow.source,
            container: names.place(flow.source).container.map(ToOwned::to_owned),
            destination: flow.destination,
            to_host: names.place(flow.destination).host,
            protocol: protocol_name(flow.protocol),
            port: flow.port,
            ports: ports.len(),
            service: single.and_then(|port| services.name(port, flow.protocol)).map(ToOwned::to_owned),
            packets: denied.packets,
            last_seen: denied.last,
        }
    }

    /// It as a line.
    pub fn line(&self) -> String {
        let source = self.container.clone().unwrap_or_else(|| self.source.to_string());
        let host = if self.to_host { "host " } else { "" };
        let to = match (self.port, self.ports) {
            (Some(port), 0) => format!("{}/{}", std::net::SocketAddr::new(self.destination, port), self.protocol),
            (Some(_), ports) => format!("{}, {} ports/{}", self.destination, grouped(ports as u64), self.protocol),
            (None, _) => format!("{} {}", self.destination, self.protocol),
        };
        let service = self.service.as_ref().map(|service| format!(" ({service})")).unwrap_or_default();
        let packets = self.packets.map(|packets| format!("{}, ", counted(packets, "packet", "packets")));
        let packets = packets.unwrap_or_default();
        let last = self.last_seen.map(ago).unwrap_or_default();
        format!("{source} → {host}{to}{service}   {packets}{last}")
    }
}
