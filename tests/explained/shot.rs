//! A packet to send, and what the host makes of it before any rule.

use std::fmt;
use std::net::IpAddr;

use dockwall::ruleset::explain::{Addressee, Flow, Interface, Packet, Tracked};
use dockwall::ruleset::{FlowDirection, Hook};
use proptest::prelude::*;
use proptest::sample::select;

use crate::bytes;
use crate::topology::{CONTAINER, CONTAINER_PORT, LINKS, PUBLISHED, Way, is_own, way};

/// One packet, as it is sent to the host.
#[derive(Debug, Clone)]
pub struct Shot {
    /// The link that it comes in by.
    pub link: usize,
    pub source: IpAddr,
    pub destination: IpAddr,
    pub kind: Kind,
    /// The port of who is asked.
    pub port: u16,
    /// Whether it answers a packet that the other end sends before.
    pub answers: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Tcp,
    /// A reset of no connection.
    Reset,
    Udp,
    UdpLite,
    Sctp,
    Echo,
    /// A message of ICMPv6, as neighbour discovery sends them, with this hop limit.
    Link(u8, u8),
    /// A protocol without ports.
    Other(u8),
}

/// Who sends the packet that another one answers.
pub enum Opener {
    Host,
    Link(Shot),
}

const SOURCES: [&str; 12] = [
    "172.17.0.5",
    "172.18.0.5",
    "10.9.0.5",
    "10.88.0.5",
    "10.1.2.5",
    "198.51.100.5",
    "fd00:17::5",
    "fd00:18::5",
    "fd00:9::5",
    "fd00:88::5",
    "fd00:1::5",
    "2001:db8::5",
];
const DESTINATIONS: [&str; 27] = [
    "172.17.0.9",
    "172.18.0.9",
    "10.9.0.9",
    "10.88.0.9",
    "10.1.2.3",
    "10.1.2.4",
    "10.1.255.7",
    "10.200.0.1",
    "192.168.7.3",
    "198.51.100.7",
    "172.17.0.1",
    "172.18.0.1",
    "10.1.0.1",
    "192.168.7.1",
    "224.0.0.1",
    "255.255.255.255",
    "fd00:17::9",
    "fd00:18::9",
    "fd00:88::9",
    "fd00:1::3",
    "fd00:1::4",
    "fd00:7::3",
    "2001:db8::7",
    "fd00:17::1",
    "fd00:18::1",
    "fd00:1::1",
    "ff02::1",
];
const PORTS: [u16; 7] = [53, 80, 443, 5432, 8050, PUBLISHED, 50_000];

pub fn any_shot() -> impl Strategy<Value = Shot> {
    let kind = prop_oneof![
        4 => Just(Kind::Tcp),
        1 => Just(Kind::Reset),
        3 => Just(Kind::Udp),
        1 => Just(Kind::UdpLite),
        2 => Just(Kind::Sctp),
        2 => Just(Kind::Echo),
        1 => (128u8..=144, select(vec![1, 64, 255])).prop_map(|(kind, hop_limit)| Kind::Link(kind, hop_limit)),
        1 => select(vec![2, 47, 50, 99]).prop_map(Kind::Other),
    ];
    // Most come from where they say.
    let link = prop::option::weighted(0.15, 0..LINKS.len());
    let answers = prop::bool::weighted(0.25);
    let ends = (select(&SOURCES[..]), select(&DESTINATIONS[..]));
    (link, ends, kind, select(&PORTS[..]), answers).prop_filter_map(
        "of two families",
        |(link, ends, kind, port, answers)| {
            let (source, destination): (IpAddr, IpAddr) = (ends.0.parse().unwrap(), ends.1.parse().unwrap());
            let link = link.or(match way(source) {
                Way::By(link) => Some(link),
                Way::ToItself => None,
            })?;
            // No router passes on what has no hop left.
            let possible = match kind {
                Kind::Link(_, 1) => source.is_ipv6() && way(destination) == Way::ToItself,
                Kind::Link(..) => source.is_ipv6(),
                _ => true,
            };
            (possible && source.is_ipv6() == destination.is_ipv6()).then_some(Shot {
                link,
                source,
                destination,
                kind,
                port,
                answers,
            })
        },
    )
}

/// Bits of a TCP header.
const SYN: u8 = 0x02;
const RST: u8 = 0x04;
const ACK: u8 = 0x10;

impl Shot {
    /// Who begins the flow that it answers; none where it answers none.
    pub fn opener(&self) -> Option<Opener> {
        let has_answers = matches!(self.kind, Kind::Tcp | Kind::Udp | Kind::Echo);
        if !self.answers || !has_answers || self.is_translated() {
            return None;
        }
        match way(self.destination) {
            Way::ToItself if is_own(self.destination) => Some(Opener::Host),
            Way::ToItself => None,
            Way::By(link) => Some(Opener::Link(Self {
                link,
                source: self.destination,
                destination: self.source,
                answers: false,
                ..self.clone()
            })),
        }
    }

    /// Whether the host sends it on to a container.
    pub fn is_translated(&self) -> bool {
        let published = matches!(self.kind, Kind::Tcp | Kind::Udp | Kind::Sctp) && self.port == PUBLISHED;
        published && is_own(self.destination)
    }

    /// The opener's packet of the flow of that number.
    pub fn opening(&self, flow: u16, number: u16) -> Vec<u8> {
        let opening = Self { answers: false, ..self.clone() };
        let payload = opening.payload(flow);
        bytes::packet(self.destination, self.source, 64, self.protocol(), number, &payload)
    }

    /// The packet itself.
    pub fn bytes(&self, flow: u16, number: u16) -> Vec<u8> {
        bytes::packet(self.source, self.destination, self.hop_limit(), self.protocol(), number, &self.payload(flow))
    }

    /// Each flow has a port of its own where it comes from.
    fn payload(&self, flow: u16) -> Vec<u8> {
        let client = 10_000 + flow;
        let is_answer = self.opener().is_some();
        let (from, to) = if is_answer { (self.port, client) } else { (client, self.port) };
        match self.kind {
            Kind::Tcp if is_answer => bytes::tcp(from, to, SYN | ACK, 5000, 1001),
            Kind::Tcp => bytes::tcp(from, to, SYN, 1000, 0),
            Kind::Reset => bytes::tcp(from, to, RST, 1000, 0),
            Kind::Udp => bytes::udp(from, to, 0),
            Kind::UdpLite => bytes::udp(from, to, 1),
            Kind::Sctp => bytes::sctp(from, to),
            Kind::Echo => bytes::icmp(self.echo(is_answer), client),
            Kind::Link(kind, _) => bytes::icmp(kind, client),
            Kind::Other(_) => vec![0; 16],
        }
    }

    fn echo(&self, is_answer: bool) -> u8 {
        match (self.source.is_ipv6(), is_answer) {
            (false, false) => 8,
            (false, true) => 0,
            (true, false) => 128,
            (true, true) => 129,
        }
    }

    fn protocol(&self) -> u8 {
        match self.kind {
            Kind::Tcp | Kind::Reset => 6,
            Kind::Udp => 17,
            Kind::UdpLite => 136,
            Kind::Sctp => 132,
            Kind::Echo if self.source.is_ipv4() => 1,
            Kind::Echo | Kind::Link(..) => 58,
            Kind::Other(number) => number,
        }
    }

    fn hop_limit(&self) -> u8 {
        match self.kind {
            Kind::Link(_, hop_limit) => hop_limit,
            _ => 64,
        }
    }

    /// The packet as the hook sees it, if the flow that it answers was opened before.
    pub fn packet(&self, opened: bool, flow: u16) -> Packet {
        let (mut destination, mut transport) = (self.destination, self.payload(flow));
        let mut tracked = self.flow(opened, &transport);
        if self.is_translated() {
            destination = CONTAINER[usize::from(self.source.is_ipv6())].parse().unwrap();
            transport[2..4].copy_from_slice(&CONTAINER_PORT.to_be_bytes());
            tracked = Flow::translated(self.destination, self.port);
        }
        let interface = |link: usize| {
            let link = &LINKS[link];
            Interface { name: link.name.to_owned(), kind: Some(link.kind.to_owned()) }
        };
        let (hook, outgoing) = match way(destination) {
            Way::ToItself => (Hook::INPUT, None),
            Way::By(link) => (Hook::FORWARD, Some(interface(link))),
        };
        Packet {
            hook,
            incoming: interface(self.link),
            outgoing,
            source: self.source,
            destination,
            hop_limit: self.hop_limit() - u8::from(hook == Hook::FORWARD),
            addressee: Addressee::of(destination),
            protocol: self.protocol(),
            transport,
            flow: tracked,
            way_back: way(self.source) == Way::By(self.link),
        }
    }

    /// What connection tracking makes of it (`net/netfilter/nf_conntrack_proto_*.c`).
    fn flow(&self, opened: bool, transport: &[u8]) -> Flow {
        let is_answer = self.opener().is_some();
        let port = match self.kind {
            Kind::Tcp | Kind::Reset | Kind::Udp | Kind::UdpLite | Kind::Sctp => {
                u16::from_be_bytes([transport[2], transport[3]])
            }
            _ => 0,
        };
        match self.kind {
            _ if is_answer && opened => Flow::Tracked(Tracked {
                direction: FlowDirection::Reply,
                is_new: false,
                translated: false,
                destination: self.source,
                port: self.port,
            }),
            // What acknowledges nothing, resets nothing or answers no question.
            Kind::Tcp | Kind::Echo if is_answer => Flow::Invalid,
            Kind::Reset => Flow::Invalid,
            Kind::Link(130..=136 | 143, _) => Flow::Untracked,
            Kind::Link(kind, _) if kind != 128 && kind != 139 => Flow::Invalid,
            _ => Flow::new(self.destination, port),
        }
    }
}

impl fmt::Display for Shot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { link, source, destination, kind, port, answers } = self;
        let answers = if *answers && self.opener().is_some() { ", which answers" } else { "" };
        write!(f, "{} {source} > {destination} {kind:?} port {port}{answers}", LINKS[*link].name)
    }
}

/// Which kinds a packet is of.
pub fn kinds(packet: &Packet, passed: bool) -> Vec<&'static str> {
    let is_answer = matches!(packet.flow, Flow::Tracked(Tracked { direction: FlowDirection::Reply, .. }));
    let is_translated = matches!(packet.flow, Flow::Tracked(Tracked { translated: true, .. }));
    let end = match (passed, packet.hook == Hook::FORWARD) {
        (true, true) => "passed forward",
        (true, false) => "passed input",
        (false, true) => "dropped forward",
        (false, false) => "dropped input",
    };
    let all = [
        (true, end),
        (true, if packet.source.is_ipv6() { "IPv6" } else { "IPv4" }),
        (is_translated, "translated"),
        (is_answer, "answers"),
        (packet.flow == Flow::Invalid, "invalid"),
        (!packet.way_back, "forged"),
    ];
    all.into_iter().filter(|(is, _)| *is).map(|(_, kind)| kind).collect()
}
