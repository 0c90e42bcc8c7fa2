//! Networks.

use std::net::IpAddr;

use ipnet::IpNet;

/// A Docker network.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DockerNetwork {
    /// 64 hexadecimal digits; 25 letters and digits of a swarm's network.
    pub id: String,
    /// Its name.
    pub name: String,
    /// `bridge`, `overlay`, `macvlan`, `host`, …
    pub driver: String,
    /// The bridge on this host, where the driver makes one.
    pub bridge: Option<String>,
    /// Whether Docker lets nobody in it out.
    pub internal: bool,
    /// The networks of its addresses.
    pub subnets: Vec<IpNet>,
    /// The addresses of the bridge in it.
    pub gateways: Vec<IpAddr>,
}
