//! A packet's course before any rule: which hook it comes to, by which links, or why to none.

use std::fmt;
use std::net::IpAddr;

use super::{End, Service, Who};
use crate::config::Protocol;
use crate::host::{DockerNetwork, Host, Link, Way};
use crate::ruleset::Hook;
use crate::ruleset::explain::{Addressee, Flow, Interface, Packet};

/// What the kernel says of routes. Asked for by who does I/O.
pub trait Routes {
    /// The way of a packet that comes in by the link of that index; none where it is not known.
    fn way(&self, source: IpAddr, incoming: u32, destination: IpAddr) -> Option<Way>;
    /// The link by which that address is reached.
    fn link_to(&self, address: IpAddr) -> Option<String>;
    /// Whether packets of that family are forwarded at all.
    fn forwards(&self, ipv6: bool) -> bool;
}

/// What is asked, with every name resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// Where from.
    pub source: End,
    /// Where to, as the sender knows it.
    pub destination: End,
    /// What is asked for.
    pub service: Option<Service>,
    /// The link that it comes in by, where that is said.
    pub incoming: Option<String>,
    /// The link that it leaves by, where that is said.
    pub outgoing: Option<String>,
    /// Whether it answers a flow that the destination opened.
    pub answers: bool,
}

/// A packet that comes to a hook.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Met {
    /// The packet.
    pub packet: Packet,
    /// The container that a published port leads to, and its port.
    pub published: Option<(End, u16)>,
    /// What else keeps it from getting there, and has nothing to do with rules.
    pub obstacles: Vec<String>,
}

/// Why packets come to no hook of the wall's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Missed {
    /// They are the host's own.
    OfHost,
    /// The container has the host's network for its own.
    HostNetwork(String),
    /// They leave past the host, by a network of that driver.
    Beside {
        /// The network's name.
        network: String,
        /// Its driver.
        driver: String,
    },
    /// Both ends are on one bridge, which hands them over.
    SameNetwork(String),
}

/// The course of what is asked.
pub fn course(asked: &Asked, host: &Host, routes: &impl Routes) -> Result<Met, Missed> {
    if asked.source.who == Who::Host && asked.incoming.is_none() {
        return Err(Missed::OfHost);
    }
    let incoming = asked
        .incoming
        .clone()
        .or_else(|| bridge_of(&asked.source, host))
        .or_else(|| routes.link_to(asked.source.address));
    let incoming = incoming.unwrap_or_default();
    let published = published(asked, host, &incoming);
    let (destination, port) = match &published {
        Some((container, port)) => (container, *port),
        None => (&asked.destination, asked.service.and_then(|service| service.port).unwrap_or_default()),
    };
    let outgoing_bridge = bridge_of(destination, host);
    if published.is_none() && asked.outgoing.is_none() && outgoing_bridge.as_ref() == Some(&incoming) {
        return Err(Missed::SameNetwork(asked.destination.network().unwrap_or(&incoming).to_owned()));
    }
    let mut obstacles = Vec::new();
    let way = match (&asked.outgoing, &published) {
        (Some(link), _) => Way::By(link.clone()),
        (None, Some(_)) => outgoing_bridge.map_or(Way::Nowhere, Way::By),
        (None, None) => way(asked, host, routes, &incoming, &mut obstacles),
    };
    let ipv6 = destination.address.is_ipv6();
    if way != Way::Here && !routes.forwards(ipv6) {
        let name = if ipv6 { "net.ipv6.conf.all.forwarding" } else { "net.ipv4.ip_forward" };
        obstacles.push(format!("the host forwards nothing: {name} is 0"));
    }
    let (hook, outgoing) = match way {
        Way::Here => (Hook::INPUT, None),
        Way::By(link) => (Hook::FORWARD, Some(interface(&link, host))),
        Way::Nowhere => (Hook::FORWARD, None),
    };
    let protocol = asked.service.map_or(Protocol::Tcp, |service| service.protocol);
    let packet = Packet {
        hook,
        way_back: routes.link_to(asked.source.address).is_none_or(|link| link == incoming),
        incoming: interface(&incoming, host),
        outgoing,
        source: asked.source.address,
        destination: destination.address,
        hop_limit: 64,
        addressee: addressee(destination.address, host),
        protocol: protocol.number(ipv6),
        transport: transport(protocol, port, ipv6, asked.answers),
        flow: flow(asked, published.is_some()),
    };
    Ok(Met { packet, published, obstacles })
}

/// The port that no rule names, of the end that opens a flow.
const EPHEMERAL: u16 = 50_000;

fn transport(protocol: Protocol, port: u16, ipv6: bool, answers: bool) -> Vec<u8> {
    match protocol {
        Protocol::Icmp => {
            // Echo request and reply (RFC 792, RFC 4443).
            let kind = match (ipv6, answers) {
                (false, false) => 8,
                (false, true) => 0,
                (true, false) => 128,
                (true, true) => 129,
            };
            vec![kind, 0, 0, 0, 0, 1, 0, 1]
        }
        protocol if protocol.has_ports() => [Packet::ports(EPHEMERAL, port), vec![0; 16]].concat(),
        _ => vec![0; 20],
    }
}

fn flow(asked: &Asked, translated: bool) -> Flow {
    let port = asked.service.and_then(|service| service.port).unwrap_or_default();
    match (translated, asked.answers) {
        (true, _) => Flow::translated(asked.destination.address, port),
        (false, true) => Flow::answer(asked.source.address, EPHEMERAL),
        (false, false) => Flow::new(asked.destination.address, port),
    }
}

/// Where the kernel sends what is not translated.
fn way(asked: &Asked, host: &Host, routes: &impl Routes, incoming: &str, obstacles: &mut Vec<String>) -> Way {
    let destination = asked.destination.address;
    let link = host.facts.links.iter().find(|link| link.name == incoming);
    let found = link.and_then(|link| routes.way(asked.source.address, link.index, destination));
    let is_own = asked.destination.who == Who::Host
        || destination.is_multicast()
        || addressee(destination, host) != Addressee::Host;
    match found {
        Some(way @ (Way::Here | Way::By(_))) => return way,
        _ if is_own => return Way::Here,
        Some(Way::Nowhere) if routes.forwards(destination.is_ipv6()) => obstacles.push(format!(
            "the host sends no packet from {} on {incoming} to {destination} anywhere: see `ip route get {destination} from {} iif {incoming}`",
            asked.source.address, asked.source.address
        )),
        _ => {}
    }
    match routes.link_to(destination) {
        Some(link) => Way::By(link),
        None => {
            if obstacles.is_empty() {
                obstacles.push(format!("the host has no route to {destination}"));
            }
            Way::Nowhere
        }
    }
}

/// The container that Docker sends the packet on to. From the container's own bridge it does not: there
/// its proxy, a process of the host, takes it.
fn published(asked: &Asked, host: &Host, incoming: &str) -> Option<(End, u16)> {
    let (Who::Host, Some(Service { protocol, port: Some(port) }), false) =
        (&asked.destination.who, asked.service, asked.answers)
    else {
        return None;
    };
    let wanted = asked.destination.address;
    if wanted.is_loopback() {
        return None;
    }
    let docker = host.docker.known()?;
    docker.containers.iter().find_map(|container| {
        let published = container.published.iter().find(|published| {
            (published.protocol, published.port) == (protocol, port)
                && published.address.is_none_or(|address| address == wanted)
        })?;
        let on_bridge = container.addresses.iter().find(|(name, address)| {
            address.is_ipv6() == wanted.is_ipv6() && network(name, host).is_some_and(|network| network.bridge.is_some())
        });
        let (name, address) = on_bridge?;
        let who = Who::Container { name: container.name.clone(), network: name.clone() };
        let end = End { address: *address, who };
        (bridge_of(&end, host).as_deref() != Some(incoming)).then_some((end, published.container_port))
    })
}

fn network<'a>(name: &str, host: &'a Host) -> Option<&'a DockerNetwork> {
    host.docker.known()?.networks.iter().find(|network| network.name == name)
}

/// The bridge of the Docker network that it is in.
fn bridge_of(end: &End, host: &Host) -> Option<String> {
    network(end.network()?, host)?.bridge.clone()
}

fn interface(name: &str, host: &Host) -> Interface {
    let link: Option<&Link> = host.facts.links.iter().find(|link| link.name == name);
    Interface { name: name.to_owned(), kind: link.and_then(|link| link.kind.clone()) }
}

/// Whom the frame is for: everybody also at the last address of a network of the host's.
fn addressee(destination: IpAddr, host: &Host) -> Addressee {
    let is_last = |network: &ipnet::IpNet| network.prefix_len() < 31 && network.broadcast() == destination;
    match destination {
        IpAddr::V4(_) if host.facts.addresses.iter().any(|own| is_last(&own.network)) => Addressee::Everybody,
        _ => Addressee::of(destination),
    }
}

impl fmt::Display for Missed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OfHost => f.write_str(
                "packets of the host's own processes meet none of dockwall's rules: only what containers send is policed",
            ),
            Self::HostNetwork(container) => write!(
                f,
                "{container} has the host's network for its own: what it sends are the host's own packets, and not policed"
            ),
            Self::Beside { network, driver } => write!(
                f,
                "{network} is a network of the driver {driver}: its packets leave by the link below it, past every hook of the host"
            ),
            Self::SameNetwork(network) => write!(
                f,
                "both are on {network}: the bridge hands packets over, and they come to no hook of the wall's"
            ),
        }
    }
}
