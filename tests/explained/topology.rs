//! The host's links, and which way each address is.

use std::net::IpAddr;

use ipnet::IpNet;

/// A link of the host, with a sender of any packets at its other end.
pub struct Link {
    pub name: &'static str,
    pub kind: &'static str,
    /// The host's own addresses on it, with their networks.
    pub addresses: [&'static str; 2],
}

pub const LINKS: [Link; 6] = [
    Link { name: "docker0", kind: "bridge", addresses: ["172.17.0.1/16", "fd00:17::1/64"] },
    Link { name: "br-a", kind: "bridge", addresses: ["172.18.0.1/16", "fd00:18::1/64"] },
    Link { name: "br-lan0", kind: "bridge", addresses: ["10.9.0.1/16", "fd00:9::1/64"] },
    Link { name: "podman1", kind: "veth", addresses: ["10.88.0.1/16", "fd00:88::1/64"] },
    Link { name: "eth0", kind: "veth", addresses: ["10.1.0.1/16", "fd00:1::1/64"] },
    Link { name: "eth1", kind: "veth", addresses: ["192.168.7.1/24", "fd00:7::1/64"] },
];

/// The one with the default route.
pub const UPLINK: usize = 4;

/// What is published: this port of the host leads to that one of a container.
pub const PUBLISHED: u16 = 8080;
pub const CONTAINER_PORT: u16 = 80;
pub const CONTAINER: [&str; 2] = ["172.18.0.9", "fd00:18::9"];

/// Where the host sends a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    ToItself,
    By(usize),
}

/// The way of packets to that address.
pub fn way(address: IpAddr) -> Way {
    let is_broadcast = matches!(address, IpAddr::V4(address) if address.is_broadcast());
    if address.is_multicast() || is_broadcast || is_own(address) {
        return Way::ToItself;
    }
    Way::By(networks().find(|(_, network)| network.contains(&address)).map_or(UPLINK, |(link, _)| link))
}

pub fn is_own(address: IpAddr) -> bool {
    networks().any(|(_, network)| network.addr() == address)
}

fn networks() -> impl Iterator<Item = (usize, IpNet)> {
    LINKS.iter().enumerate().flat_map(|(index, link)| link.addresses.map(|address| (index, address.parse().unwrap())))
}
