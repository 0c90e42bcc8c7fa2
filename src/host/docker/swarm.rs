//! What only a swarm's node has: tasks that leave by `docker_gwbridge`, and ports of services.

use std::collections::HashMap;
use std::net::IpAddr;

use bollard::Docker as Daemon;
use bollard::errors::Error;
use bollard::models::{EndpointPortConfigPublishModeEnum, EndpointResource, Network, Service};
use futures_util::future::try_join;

use super::network::GATEWAY_BRIDGE;
use super::published::protocol_of_service;
use super::{Container, Published};

/// The label by which a task's container names its service.
const SERVICE_LABEL: &str = "com.docker.swarm.service.id";

/// What there is to add to containers.
#[derive(Default)]
pub(super) struct Swarm {
    /// Those on `docker_gwbridge`, by the container's ID.
    endpoints: HashMap<String, EndpointResource>,
    services: Vec<Service>,
}

/// Asks for it, where these networks say that there may be any.
pub(super) async fn ask(daemon: &Daemon, networks: &[Network]) -> Result<Swarm, Error> {
    let has_bridge = networks.iter().any(|network| network.name.as_deref() == Some(GATEWAY_BRIDGE));
    let has_ingress = networks.iter().any(|network| network.ingress == Some(true));
    let endpoints = async {
        match has_bridge {
            true => daemon.inspect_network(GATEWAY_BRIDGE, None).await.map(|bridge| bridge.containers),
            false => Ok(None),
        }
    };
    let services = async {
        match has_ingress {
            true => daemon.list_services(None).await.or_else(not_told),
            false => Ok(Vec::new()),
        }
    };
    let (endpoints, services) = try_join(endpoints, services).await?;
    Ok(Swarm { endpoints: endpoints.unwrap_or_default(), services })
}

/// Only a manager knows the services.
fn not_told(error: Error) -> Result<Vec<Service>, Error> {
    match error {
        Error::DockerResponseServerError { .. } => Ok(Vec::new()),
        error => Err(error),
    }
}

impl Swarm {
    pub(super) fn complete(&self, containers: &mut [Container]) {
        for container in containers {
            if let Some(endpoint) = self.endpoints.get(&container.id) {
                let written = [&endpoint.ipv4_address, &endpoint.ipv6_address].into_iter().flatten();
                let addresses = written.filter_map(|address| address.split('/').next()?.parse::<IpAddr>().ok());
                container.addresses.extend(addresses.map(|address| (GATEWAY_BRIDGE.to_owned(), address)));
            }
            let Some(service) = container.labels.get(SERVICE_LABEL) else {
                continue;
            };
            let service = self.services.iter().find(|other| other.id.as_ref() == Some(service));
            container.published.extend(service.into_iter().flat_map(ingress_ports));
            container.published.sort_unstable();
            container.published.dedup();
        }
    }
}

/// The ports that every node of the swarm publishes for a service.
fn ingress_ports(service: &Service) -> impl Iterator<Item = Published> {
    let ports = service.endpoint.iter().flat_map(|endpoint| endpoint.ports.iter().flatten());
    let ingress = ports.filter(|port| port.publish_mode != Some(EndpointPortConfigPublishModeEnum::HOST));
    ingress.filter_map(|port| {
        Some(Published {
            address: None,
            port: u16::try_from(port.published_port?).ok()?,
            protocol: protocol_of_service(port.protocol),
            container_port: u16::try_from(port.target_port?).ok()?,
        })
    })
}
