//! Containers.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::config::Protocol;

/// A running container.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Container {
    /// 64 hexadecimal digits.
    pub id: String,
    /// Its name, without Docker's slash in front.
    pub name: String,
    /// The image as it was asked for.
    pub image: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// `bridge`, `host`, `none`, `container:ID` or the name of a network.
    pub network_mode: String,
    /// Its addresses, each with the name of the network.
    pub addresses: Vec<(String, IpAddr)>,
    /// The resolvers that it was given by `--dns`.
    pub dns: Vec<IpAddr>,
    /// The ports of the host that lead to it.
    pub published: Vec<Published>,
}

/// A port of the host that leads to one of a container's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Published {
    /// The host's address; none for all of them.
    pub address: Option<IpAddr>,
    /// The host's port.
    pub port: u16,
    /// The protocol of both.
    pub protocol: Protocol,
    /// The container's port.
    pub container_port: u16,
}
