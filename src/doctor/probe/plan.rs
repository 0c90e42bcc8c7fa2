//! Which packets are sent from where, and what should become of each. Pure, but for asking where an address
//! is.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use serde::Serialize;

use super::super::patient::Patient;
use crate::config::Protocol;
use crate::host::{Link, Scope};
use crate::policy::{Policy, Service};

/// The discard service (RFC 863): nobody is there, or nobody minds.
const DISCARD: u16 = 9;
/// Name servers.
const DNS: u16 = 53;
/// On the Internet, where a default grant of nothing leads; no packet gets as far as that.
const OUTSIDE: [IpAddr; 2] =
    [IpAddr::V4(Ipv4Addr::new(9, 9, 9, 9)), IpAddr::V6(Ipv6Addr::new(0x2620, 0xfe, 0, 0, 0, 0, 0, 0xfe))];
/// Where clouds keep what a container must not have.
const METADATA: [IpAddr; 1] = [IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254))];
/// So many of a kind are tried from each bridge.
const MOST: usize = 8;

/// A place on a bridge, and what is sent from there.
#[derive(Debug, Clone)]
pub struct Berth {
    /// The bridge.
    pub bridge: Link,
    /// The guest's addresses.
    pub addresses: Vec<IpNet>,
    /// The bridge's own.
    pub gateways: Vec<IpAddr>,
    /// What is sent.
    pub shots: Vec<Shot>,
}

/// One packet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Shot {
    /// The name of the bridge.
    pub bridge: String,
    /// From where.
    pub from: IpAddr,
    /// To where.
    pub to: IpAddr,
    /// The destination port.
    pub port: u16,
    /// A SYN of TCP, or a datagram of UDP.
    pub tcp: bool,
    /// What is there.
    pub about: About,
    /// What should become of it at the wall.
    pub expected: Expected,
}

/// What is at an address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum About {
    /// The host itself.
    Host,
    /// A network that the host is attached to by this link.
    Neighbour(String),
    /// A denied range.
    Denied,
    /// A cloud's metadata.
    Metadata,
    /// A resolver.
    Resolver,
    /// What a grant of that name opens.
    Grant(String),
    /// The Internet.
    Outside,
}

/// What the wall should do with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Expected {
    /// Deny it.
    Denied,
    /// Let it pass.
    Passes,
}

/// The berths, and the policed bridges without one, each with the reason. `route` says by which link an
/// address is reached.
pub fn berths(
    patient: &Patient,
    policy: &Policy,
    route: impl Fn(IpAddr) -> Option<String>,
) -> (Vec<Berth>, Vec<(String, String)>) {
    let facts = &patient.host.facts;
    let bridges =
        facts.links.iter().filter(|link| link.kind.as_deref() == Some("bridge") && patient.polices(&link.name));
    let (mut found, mut skipped) = (Vec::new(), Vec::new());
    for bridge in bridges {
        let own =
            facts.addresses.iter().filter(|address| address.link == bridge.index && address.scope == Scope::Global);
        let own: Vec<IpNet> = own.map(|address| address.network).collect();
        let addresses: Vec<IpNet> = [true, false]
            .into_iter()
            .filter_map(|ipv4| free(patient, own.iter().find(|network| network.addr().is_ipv4() == ipv4)?))
            .collect();
        let reason = match (bridge.up, addresses.is_empty()) {
            (false, _) => "it is down",
            (_, true) => "it has no address, or none is free in its networks",
            _ => {
                let gateways = own.iter().map(IpNet::addr);
                let gateways = addresses.iter().filter_map(|address| {
                    gateways.clone().find(|gateway| gateway.is_ipv4() == address.addr().is_ipv4())
                });
                let shots = addresses.iter().flat_map(|from| shots(patient, policy, &route, bridge, from.addr()));
                let shots = shots.collect();
                found.push(Berth { bridge: bridge.clone(), gateways: gateways.collect(), addresses, shots });
                continue;
            }
        };
        skipped.push((bridge.name.clone(), reason.to_owned()));
    }
    (found, skipped)
}

/// An address that nobody is known to have, from the end of the network, where Docker comes last.
fn free(patient: &Patient, network: &IpNet) -> Option<IpNet> {
    let containers = patient.host.docker.known().into_iter().flat_map(|docker| &docker.containers);
    let taken: Vec<IpAddr> = patient
        .host
        .facts
        .own_addresses()
        .chain(containers.flat_map(|container| container.addresses.iter().map(|(_, address)| *address)))
        .collect();
    let last = network.broadcast();
    let back = |steps: u32| match last {
        IpAddr::V4(last) => IpAddr::V4(u32::from(last).wrapping_sub(steps).into()),
        IpAddr::V6(last) => IpAddr::V6(u128::from(last).wrapping_sub(u128::from(steps)).into()),
    };
    let is_free =
        |address: &IpAddr| network.contains(address) && *address != network.network() && !taken.contains(address);
    let address = (2..64).map(back).find(is_free)?;
    IpNet::new(address, network.prefix_len()).ok()
}

fn shots(
    patient: &Patient,
    policy: &Policy,
    route: &impl Fn(IpAddr) -> Option<String>,
    bridge: &Link,
    from: IpAddr,
) -> Vec<Shot> {
    let facts = &patient.host.facts;
    let own: Vec<IpAddr> = facts.own_addresses().collect();
    let mut shots: Vec<Shot> = Vec::new();
    let mut add = |to: IpAddr, port: u16, tcp: bool, about: About| {
        let on_host = own.contains(&to);
        let link = if on_host { None } else { route(to) };
        // Nowhere, or to another container, which is Docker's to decide.
        let leads = on_host || link.as_ref().is_some_and(|link| !patient.polices(link));
        let same = shots.iter().any(|shot| (shot.to, shot.port, shot.tcp) == (to, port, tcp));
        if leads && !same && to.is_ipv4() == from.is_ipv4() {
            let expected = expected(patient, policy, from, to, port, tcp, link.as_deref());
            shots.push(Shot { bridge: bridge.name.clone(), from, to, port, tcp, about, expected });
        }
    };
    let mut both = |to: IpAddr, about: About| {
        add(to, DISCARD, true, about.clone());
        add(to, DISCARD, false, about);
    };
    let gateway = facts.addresses.iter().filter(|address| address.link == bridge.index);
    let ways_out = facts.links.iter().filter(|link| facts.carries_default_route(link));
    let of_host =
        gateway.chain(facts.addresses.iter().filter(|address| ways_out.clone().any(|link| link.index == address.link)));
    let global =
        of_host.filter(|address| address.scope == Scope::Global && address.network.addr().is_ipv4() == from.is_ipv4());
    global.take(MOST).for_each(|address| both(address.network.addr(), About::Host));
    for link in facts.links.iter().filter(|link| !link.loopback && !patient.polices(&link.name)).take(MOST) {
        for network in patient.networks_of(&link.name).into_iter().filter(|one| one.addr().is_ipv4() == from.is_ipv4())
        {
            if let Some(neighbour) =
                network.hosts().take(MOST).find(|address| *address != network.network() && !own.contains(address))
            {
                both(neighbour, About::Neighbour(link.name.clone()));
            }
        }
    }
    METADATA.into_iter().filter(|to| policy.denied.contains(*to)).for_each(|to| both(to, About::Metadata));
    denied(policy, from.is_ipv4()).into_iter().take(MOST).for_each(|to| both(to, About::Denied));
    OUTSIDE.into_iter().filter(|to| !policy.denied.contains(*to)).for_each(|to| both(to, About::Outside));
    for resolver in &policy.resolvers {
        add(resolver.address, DNS, true, About::Resolver);
        add(resolver.address, DNS, false, About::Resolver);
    }
    for grant in policy.grants.iter().filter(|grant| grant.from.is_none() && grant.is_open(patient.now)).take(MOST) {
        for opening in grant.openings.iter().take(1) {
            let first = opening.to.ipv4.first().map(|one| IpAddr::V4(one.first()));
            let first =
                first.filter(|_| from.is_ipv4()).or_else(|| opening.to.ipv6.first().map(|one| IpAddr::V6(one.first())));
            let (tcp, port) = match opening.services.first() {
                None | Some(Service::Protocol(Protocol::Tcp)) => (true, DISCARD),
                Some(Service::Ports(ports)) if ports.protocol == Protocol::Tcp => (true, ports.first),
                Some(Service::Ports(ports)) if ports.protocol == Protocol::Udp => (false, ports.first),
                Some(_) => continue,
            };
            first.into_iter().for_each(|to| add(to, port, tcp, About::Grant(grant.name.clone())));
        }
    }
    shots
}

/// An address within each denied range that a packet can be sent to.
fn denied(policy: &Policy, ipv4: bool) -> Vec<IpAddr> {
    let inside_ipv4 = policy.denied.ipv4.iter().filter_map(|interval| {
        let address = u32::from(interval.first()).checked_add(1).map(Ipv4Addr::from)?;
        (interval.contains(address) && !address.is_loopback() && !address.is_multicast()).then_some(IpAddr::V4(address))
    });
    let inside_ipv6 = policy.denied.ipv6.iter().filter_map(|interval| {
        let address = u128::from(interval.first()).checked_add(1).map(Ipv6Addr::from)?;
        let sendable = !address.is_loopback() && !address.is_multicast() && !address.is_unicast_link_local();
        (interval.contains(address) && sendable).then_some(IpAddr::V6(address))
    });
    if ipv4 { inside_ipv4.collect() } else { inside_ipv6.collect() }
}

/// What the policy says of a packet that leaves by `link`, or is for the host where there is none.
fn expected(
    patient: &Patient,
    policy: &Policy,
    from: IpAddr,
    to: IpAddr,
    port: u16,
    tcp: bool,
    link: Option<&str>,
) -> Expected {
    let protocol = if tcp { Protocol::Tcp } else { Protocol::Udp };
    let closed = match link {
        None => policy.host,
        Some(link) => {
            policy.denied.contains(to) && policy.uplinks.as_ref().is_none_or(|uplinks| uplinks.contains(link))
        }
    };
    let open = policy.exceptions().any(|grant| {
        let opens = match link {
            None => grant.opens_host(from, to, protocol, port),
            Some(_) => grant.opens_beyond(from, to, protocol, port),
        };
        opens && grant.is_open(patient.now)
    });
    if closed && !open { Expected::Denied } else { Expected::Passes }
}

#[cfg(test)]
mod tests {
    use super::super::super::tests::healthy;
    use super::*;

    #[test]
    fn each_bridge_is_sent_from_and_each_kind_of_destination_is_tried() {
        let patient = healthy();
        let (found, skipped) = berths(&patient, patient.policy().unwrap(), |_| Some("eth0".to_owned()));
        assert_eq!(skipped, []);
        let names: Vec<&str> = found.iter().map(|berth| berth.bridge.name.as_str()).collect();
        assert_eq!(names, ["docker0", "br-abc"]);
        assert_eq!(
            found[1].addresses,
            ["172.21.255.253/16".parse().unwrap(), "fd00:d0c:21::ffff:ffff:ffff:fffd/64".parse().unwrap()]
        );
        let told: Vec<String> = found[0]
            .shots
            .iter()
            .map(|shot| format!("{} {} {:?}", if shot.tcp { "tcp" } else { "udp" }, shot.to, shot.expected))
            .collect();
        for expected in [
            "tcp 172.17.0.1 Denied",
            "udp 10.57.17.2 Denied",
            "tcp 10.57.17.1 Denied",
            "udp 169.254.169.254 Denied",
            "tcp 192.168.0.1 Denied",
            "udp 9.9.9.9 Passes",
            "udp 10.57.17.5 Passes",
        ] {
            assert!(told.iter().any(|line| line == expected), "{expected} is missing: {told:#?}");
        }
    }

    #[test]
    fn what_leads_nowhere_or_to_containers_is_left_out() {
        let patient = healthy();
        let (nowhere, _) = berths(&patient, patient.policy().unwrap(), |_| None);
        assert!(nowhere.iter().flat_map(|berth| &berth.shots).all(|shot| shot.about == About::Host));
        let (around, _) = berths(&patient, patient.policy().unwrap(), |_| Some("br-abc".to_owned()));
        assert!(around.iter().flat_map(|berth| &berth.shots).all(|shot| shot.about == About::Host));
    }
}
