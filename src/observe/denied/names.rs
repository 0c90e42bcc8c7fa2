//! Who has an address.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

use ipnet::IpNet;
use serde::Serialize;

use crate::config::Protocol;
use crate::host::{Container, Flow, Host};

/// The label by which compose says whose container it is.
pub(in crate::observe) const PROJECT: &str = "com.docker.compose.project";
/// And which service of it.
const SERVICE: &str = "com.docker.compose.service";

/// What is known of an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Place<'h> {
    /// The container that has it now. An address goes to another container when its own has ended.
    pub container: Option<&'h str>,
    /// Its image, as it was asked for.
    pub image: Option<&'h str>,
    /// The Docker network that the address is of.
    pub network: Option<&'h str>,
    /// The compose project.
    pub project: Option<&'h str>,
    /// The service in it.
    pub service: Option<&'h str>,
    /// Whether it is the host's own.
    pub host: bool,
}

/// The names of a host's addresses.
#[derive(Debug, Clone)]
pub struct Names<'h> {
    containers: HashMap<IpAddr, (&'h Container, &'h str)>,
    networks: Vec<(IpNet, &'h str)>,
    own: HashSet<IpAddr>,
}

impl<'h> Names<'h> {
    /// Those that the kernel and Docker tell.
    pub fn of(host: &'h Host) -> Self {
        let (containers, networks) = host
            .docker
            .known()
            .map_or((&[][..], &[][..]), |docker| (docker.containers.as_slice(), docker.networks.as_slice()));
        let addresses = |container: &'h Container| {
            container.addresses.iter().map(move |(network, address)| (*address, (container, network.as_str())))
        };
        let subnets =
            networks.iter().flat_map(|network| network.subnets.iter().map(|net| (*net, network.name.as_str())));
        Self {
            containers: containers.iter().flat_map(addresses).collect(),
            networks: subnets.collect(),
            own: host.facts.own_addresses().collect(),
        }
    }

    /// Who has that address.
    pub fn place(&self, address: IpAddr) -> Place<'h> {
        if self.own.contains(&address) {
            return Place { host: true, ..Place::default() };
        }
        let Some((container, network)) = self.containers.get(&address) else {
            let network = self.networks.iter().find(|(net, _)| net.contains(&address)).map(|(_, name)| *name);
            return Place { network, ..Place::default() };
        };
        let label = |key| container.labels.get(key).map(String::as_str);
        Place {
            container: Some(&container.name),
            image: Some(&container.image),
            network: Some(network),
            project: label(PROJECT),
            service: label(SERVICE),
            host: false,
        }
    }

    /// Whether a container has that address.
    pub fn is_container(&self, address: IpAddr) -> bool {
        self.containers.contains_key(&address)
    }

    /// The port of the host that a flow to a container was addressed to: the kernel's log tells a packet as it is
    /// when Docker has translated it. None where several ports lead there, or none.
    pub fn published(&self, flow: &Flow) -> Option<u16> {
        let (container, _) = self.containers.get(&flow.destination)?;
        let protocol = Protocol::from_number(flow.protocol).ok()?;
        let leads = |published: &&crate::host::Published| {
            published.protocol == protocol && Some(published.container_port) == flow.port
        };
        let mut ports: Vec<u16> = container.published.iter().filter(leads).map(|published| published.port).collect();
        ports.dedup();
        match ports.as_slice() {
            [port] => Some(*port),
            _ => None,
        }
    }
}
