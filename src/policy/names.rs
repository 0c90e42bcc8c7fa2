//! From the words of a grant to addresses: Docker's names, the host's own addresses, published ports.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::{Grant, Networks, Opening, Service};
use crate::config::{self, Destination, Ports, Source, Target};
use crate::host::{Docker, DockerState, Host};

/// Resolves the words of `grant` on this host.
///
/// # Errors
/// Why a word stands for nothing here. A grant is left out then: it never widens.
pub fn resolve_grant(grant: &config::Grant, host: &Host) -> Result<Grant, String> {
    let from = grant.from.as_ref().map(|source| resolve_source(source, host)).transpose()?;
    let services = services(grant);
    let openings = match grant.to {
        Destination::Addresses(target) => {
            let own = single(target).is_some_and(|address| host.facts.own_addresses().any(|other| other == address));
            vec![Opening { to: Networks::from_iter([target]), host: own, services }]
        }
        Destination::Host => vec![Opening { to: Networks::everything(), host: true, services }],
        Destination::Published => published(&grant.ports, known(&host.docker)?)?,
    };
    Ok(Grant { name: grant.name.clone(), from, openings, until: grant.until })
}

fn services(grant: &config::Grant) -> Vec<Service> {
    let ports = grant.ports.iter().map(|ports| Service::Ports(*ports));
    ports.chain(grant.protocol.map(Service::Protocol)).collect()
}

fn single(target: Target) -> Option<IpAddr> {
    match target {
        Target::V4(interval) => (interval.first() == interval.last()).then(|| interval.first().into()),
        Target::V6(interval) => (interval.first() == interval.last()).then(|| interval.first().into()),
    }
}

fn known(docker: &DockerState) -> Result<&Docker, String> {
    match docker {
        DockerState::Known(docker) => Ok(docker),
        DockerState::Absent => Err("there is no Docker here to ask for names".to_owned()),
        DockerState::Unreachable(reason) => Err(format!("Docker does not answer ({reason})")),
    }
}

fn resolve_source(source: &Source, host: &Host) -> Result<Networks, String> {
    let networks: Networks = match source {
        Source::Addresses(target) => return Ok(Networks::from_iter([*target])),
        Source::Network(name) => {
            let named = known(&host.docker)?.networks.iter().find(|network| network.name == *name);
            let network = named.ok_or_else(|| format!("Docker has no network of the name {name:?}"))?;
            network.subnets.iter().copied().map(Target::from).collect()
        }
        Source::Container(name) => {
            let named = known(&host.docker)?.containers.iter().find(|container| container.name == *name);
            let container = named.ok_or_else(|| format!("no container of the name {name:?} is running"))?;
            addresses_of(std::iter::once(container))
        }
        Source::Label { key, value } => {
            let labelled = known(&host.docker)?.containers.iter();
            addresses_of(labelled.filter(|container| container.labels.get(key) == Some(value)))
        }
    };
    if networks.is_empty() {
        return Err(match source {
            Source::Label { key, value } => format!("no running container with the label {key}={value} has an address"),
            _ => format!("{source} has no address of its own"),
        });
    }
    Ok(networks)
}

fn addresses_of<'a>(containers: impl Iterator<Item = &'a crate::host::Container>) -> Networks {
    containers.flat_map(|container| container.addresses.iter().map(|(_, address)| Target::from(*address))).collect()
}

/// The published ports, by the host's address that they are bound to; of those only `wanted`, where
/// any is named.
fn published(wanted: &[Ports], docker: &Docker) -> Result<Vec<Opening>, String> {
    let mut by_address: BTreeMap<Option<IpAddr>, Vec<Service>> = BTreeMap::new();
    for published in docker.containers.iter().flat_map(|container| &container.published) {
        let is_wanted =
            wanted.is_empty() || wanted.iter().any(|ports| ports.contains(published.protocol, published.port));
        // What is published on the host's loopback is there for the host alone.
        if is_wanted && published.address.is_none_or(|address| !address.is_loopback()) {
            let ports = Ports { protocol: published.protocol, first: published.port, last: published.port };
            by_address.entry(published.address).or_default().push(Service::Ports(ports));
        }
    }
    if by_address.is_empty() {
        let which = if wanted.is_empty() { "a port" } else { "one of these ports" };
        return Err(format!("no running container publishes {which}"));
    }
    let opening = |(address, mut services): (Option<IpAddr>, Vec<Service>)| {
        services.sort_unstable();
        services.dedup();
        let to = address.map_or_else(Networks::everything, |address| Networks::from_iter([Target::from(address)]));
        Opening { to, host: true, services }
    };
    Ok(by_address.into_iter().map(opening).collect())
}
