//! From names to the addresses and links of this host.

use std::fmt;
use std::net::IpAddr;

use super::Place;
use crate::config::nearest;
use crate::host::{Container, Docker, DockerNetwork, DockerState, Host};

/// One end of a packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct End {
    /// Its address.
    pub address: IpAddr,
    /// Whose it is.
    pub who: Who,
}

/// Whose an address is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Who {
    /// A container's, in that network.
    Container {
        /// The container's name.
        name: String,
        /// The network's name.
        network: String,
    },
    /// Some container's of that network; nobody has it now.
    AnyOf(String),
    /// The host's.
    Host,
    /// Somebody's that this name was looked up for.
    Named(String),
    /// Somebody else's.
    Other,
}

/// A name that stands for nothing here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem}; {cure}")]
pub struct Unknown {
    /// What is so.
    pub problem: String,
    /// What to do.
    pub cure: String,
}

/// What a name leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// Addresses, of either family or both, the one that is most likely used first.
    Ends(Vec<End>),
    /// A container that has no network of its own: what it sends are the host's own packets.
    OnHost(String),
    /// A container whose network the host has no part in, of that driver, such as `macvlan`.
    Beside {
        /// The container's name.
        container: String,
        /// The network's name.
        network: String,
        /// Its driver.
        driver: String,
    },
    /// Neither a container nor a network, and thus perhaps a name that a resolver knows.
    Elsewhere(String),
}

/// The drivers whose containers are on a link of the host's, past all of its hooks.
const BESIDE: [&str; 2] = ["macvlan", "ipvlan"];

/// What `place` stands for on this host; of a container the addresses on `bridge` first, where one is
/// named.
///
/// # Errors
/// [`Unknown`] where a name with its kind stands for nothing.
pub fn find(place: &Place, host: &Host, bridge: Option<&str>) -> Result<Found, Unknown> {
    match place {
        Place::Address(address) => Ok(Found::Ends(vec![identify(*address, host)])),
        Place::Host => Ok(Found::Ends(own(host, bridge))),
        Place::Container(name) => {
            let docker = known(host, name)?;
            let container = docker.containers.iter().find(|container| container.name == *name);
            let names = docker.containers.iter().map(|container| container.name.as_str());
            let container = container.ok_or_else(|| unknown("container", name, names, "docker ps"))?;
            of_container(container, docker, bridge)
        }
        Place::Network(name) => {
            let docker = known(host, name)?;
            let network = docker.networks.iter().find(|network| network.name == *name);
            let names = docker.networks.iter().map(|network| network.name.as_str());
            of_network(network.ok_or_else(|| unknown("network", name, names, "docker network ls"))?, docker)
        }
        Place::Name(name) => {
            let docker = host.docker.known();
            let is_container = docker.is_some_and(|docker| docker.containers.iter().any(|other| other.name == *name));
            let is_network = docker.is_some_and(|docker| docker.networks.iter().any(|other| other.name == *name));
            match (is_container, is_network) {
                (true, true) => Err(Unknown {
                    problem: format!("`{name}` is a container and a network"),
                    cure: format!("write container:{name} or network:{name}"),
                }),
                (true, false) => find(&Place::Container(name.clone()), host, bridge),
                (false, true) => find(&Place::Network(name.clone()), host, bridge),
                (false, false) => Ok(Found::Elsewhere(name.clone())),
            }
        }
    }
}

/// The name of a container or a network that is near to one that stands for nothing.
pub fn unknown_source(name: &str, host: &Host) -> Unknown {
    match known(host, name) {
        Err(unknown) => unknown,
        Ok(docker) => {
            let containers = docker.containers.iter().map(|container| container.name.as_str());
            let networks = docker.networks.iter().map(|network| network.name.as_str());
            unknown("container or network", name, containers.chain(networks), "docker ps")
        }
    }
}

fn unknown<'a>(kind: &str, name: &str, names: impl Iterator<Item = &'a str>, list: &str) -> Unknown {
    let cure = match nearest(name, names) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => format!("`{list}` lists those there are"),
    };
    let running = if kind == "network" { "" } else { " is running" };
    Unknown {
        problem: format!("no {kind} of the name `{name}`{}", if running.is_empty() { " is there" } else { running }),
        cure,
    }
}

fn known<'a>(host: &'a Host, name: &str) -> Result<&'a Docker, Unknown> {
    let problem = match &host.docker {
        DockerState::Known(docker) => return Ok(docker),
        DockerState::Absent => format!("there is no Docker here to ask for `{name}`"),
        DockerState::Unreachable(reason) => format!("Docker does not answer ({reason}), so nobody knows `{name}`"),
    };
    Err(Unknown { problem, cure: "write an address instead, or start Docker".to_owned() })
}

/// Whose an address is.
fn identify(address: IpAddr, host: &Host) -> End {
    let mut containers = host.docker.known().into_iter().flat_map(|docker| &docker.containers);
    let of_container = containers.find_map(|container| {
        let (network, _) = container.addresses.iter().find(|(_, other)| *other == address)?;
        Some(Who::Container { name: container.name.clone(), network: network.clone() })
    });
    let is_own = host.facts.own_addresses().any(|own| own == address) || address.is_loopback();
    let who = of_container.unwrap_or(if is_own { Who::Host } else { Who::Other });
    End { address, who }
}

/// The host's own addresses: those on `bridge` first, and none of its loopback.
fn own(host: &Host, bridge: Option<&str>) -> Vec<End> {
    let on_bridge = |link: u32| {
        let link = host.facts.links.iter().find(|other| other.index == link);
        link.is_some_and(|link| bridge == Some(link.name.as_str()))
    };
    let mut own: Vec<_> = host.facts.addresses.iter().filter(|own| !is_of_link(own.network.addr())).collect();
    own.sort_by_key(|own| !on_bridge(own.link));
    own.iter().map(|own| End { address: own.network.addr(), who: Who::Host }).collect()
}

fn is_of_link(address: IpAddr) -> bool {
    address.is_loopback() || matches!(address, IpAddr::V6(address) if address.is_unicast_link_local())
}

fn of_container(container: &Container, docker: &Docker, bridge: Option<&str>) -> Result<Found, Unknown> {
    let name = container.name.clone();
    if let Some(id) = container.network_mode.strip_prefix("container:") {
        let shared = docker.containers.iter().find(|other| other.id == id || other.name == id);
        let other = shared.filter(|other| other.id != container.id && other.has_own_network());
        return match other {
            Some(other) => of_container(other, docker, bridge),
            None => Ok(Found::OnHost(name)),
        };
    }
    if !container.has_own_network() {
        return Ok(Found::OnHost(name));
    }
    let network = |name: &str| docker.networks.iter().find(|network| network.name == name);
    let bridge_of = |name: &str| network(name).and_then(|network| network.bridge.as_deref());
    let is_internal = |name: &str| network(name).is_some_and(|network| network.internal);
    let mut addresses: Vec<&(String, IpAddr)> = container.addresses.iter().collect();
    // Docker gives a container its way out by the first of its networks, by name, that leads out.
    addresses.sort_by_key(|(name, _)| {
        (bridge.is_some() && bridge_of(name) != bridge, bridge_of(name).is_none(), is_internal(name), name.clone())
    });
    let beside = addresses
        .iter()
        .find_map(|(name, _)| network(name).filter(|network| BESIDE.contains(&network.driver.as_str())));
    if let Some(network) = beside.filter(|_| addresses.iter().all(|(name, _)| bridge_of(name).is_none())) {
        return Ok(Found::Beside { container: name, network: network.name.clone(), driver: network.driver.clone() });
    }
    if addresses.is_empty() {
        return Err(Unknown {
            problem: format!("the container `{name}` has no address: its network is `{}`", container.network_mode),
            cure: "it reaches nothing by IP; `docker network connect` gives it a network".to_owned(),
        });
    }
    let end = |(network, address): &(String, IpAddr)| End {
        address: *address,
        who: Who::Container { name: name.clone(), network: network.clone() },
    };
    Ok(Found::Ends(addresses.into_iter().map(end).collect()))
}

/// Some address of each of the network's subnets, which no container and no gateway has: a grant for one
/// container of it is not for it.
fn of_network(network: &DockerNetwork, docker: &Docker) -> Result<Found, Unknown> {
    let name = network.name.clone();
    if BESIDE.contains(&network.driver.as_str()) {
        return Ok(Found::Beside { container: "any".to_owned(), network: name, driver: network.driver.clone() });
    }
    let taken = |address: &IpAddr| {
        network.gateways.contains(address)
            || docker.containers.iter().any(|container| container.addresses.iter().any(|(_, other)| other == address))
    };
    let free =
        network.subnets.iter().filter_map(|subnet| subnet.hosts().skip(1).take(65_536).find(|address| !taken(address)));
    let ends: Vec<End> = free.map(|address| End { address, who: Who::AnyOf(name.clone()) }).collect();
    if ends.is_empty() {
        return Err(Unknown {
            problem: format!("the network `{name}` has no addresses of its own"),
            cure: "name a container, or write an address".to_owned(),
        });
    }
    Ok(Found::Ends(ends))
}

impl End {
    /// The source of a grant that is for this end: by name where that is stable.
    pub fn as_source(&self) -> String {
        match &self.who {
            Who::Container { name, .. } => format!("container:{name}"),
            Who::AnyOf(network) => format!("network:{network}"),
            Who::Host | Who::Named(_) | Who::Other => self.address.to_string(),
        }
    }

    /// The Docker network that it is in.
    pub fn network(&self) -> Option<&str> {
        match &self.who {
            Who::Container { network, .. } | Who::AnyOf(network) => Some(network),
            Who::Host | Who::Named(_) | Who::Other => None,
        }
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let address = self.address;
        match &self.who {
            Who::Container { name, network } => write!(f, "container {name} ({address} on {network})"),
            Who::AnyOf(network) => write!(f, "any container of network {network} (as {address})"),
            Who::Host => write!(f, "the host ({address})"),
            Who::Named(name) => write!(f, "{name} ({address})"),
            Who::Other => write!(f, "{address}"),
        }
    }
}
