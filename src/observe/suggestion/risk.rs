//! What should not be granted without a thought.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::config::{Ports, Protocol, Target};

/// Where clouds keep what a machine may ask of itself, keys among it: AWS and most others, AWS by IPv6, the keys of AWS'
/// containers by IPv4 and IPv6, Alibaba, Oracle, Azure, Google by IPv6.
const METADATA: [IpAddr; 8] = [
    IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 2)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23)),
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    IpAddr::V4(Ipv4Addr::new(192, 0, 0, 192)),
    IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16)),
    IpAddr::V6(Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254)),
];

/// Ports of the host behind which lies the host itself.
const OF_THE_HOST: [(u16, &str); 6] = [
    (22, "the host's SSH"),
    (2375, "the host's Docker API, which is root on the host"),
    (2376, "the host's Docker API, which is root on the host"),
    (2377, "the host's Docker swarm, which is root on all its nodes"),
    (6443, "the host's Kubernetes API"),
    (10250, "the host's kubelet, which runs commands in every pod"),
];

/// Why an address should stay closed.
pub fn of_address(address: IpAddr) -> Option<&'static str> {
    METADATA
        .contains(&address)
        .then_some("a cloud's metadata, from which whoever breaks into the container takes the machine's keys")
}

/// Why a port of the host should stay closed.
pub fn of_host_port(protocol: Protocol, port: u16) -> Option<&'static str> {
    let risk = OF_THE_HOST.iter().find(|(risky, _)| protocol == Protocol::Tcp && *risky == port);
    risk.map(|(_, what)| *what)
}

/// The risks of ports of the host, each once.
pub fn of_host_ports(ports: &[Ports]) -> Vec<&'static str> {
    let within = |risky: &u16| ports.iter().any(|ports| ports.contains(Protocol::Tcp, *risky));
    let mut risks: Vec<&str> = OF_THE_HOST.iter().filter(|(risky, _)| within(risky)).map(|(_, what)| *what).collect();
    risks.dedup();
    risks
}

/// Whether one of the addresses that should stay closed is in there.
pub fn is_within(target: &Target) -> bool {
    METADATA.iter().any(|address| match (target, address) {
        (Target::V4(interval), IpAddr::V4(address)) => interval.contains(*address),
        (Target::V6(interval), IpAddr::V6(address)) => interval.contains(*address),
        _ => false,
    })
}
