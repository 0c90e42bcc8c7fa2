//! Networks.

use std::net::IpAddr;

use bollard::models::Network;
use ipnet::IpNet;

use crate::printable::printable;

/// The network by which a swarm's tasks leave their node, which is its bridge's name as well.
pub(super) const GATEWAY_BRIDGE: &str = "docker_gwbridge";

// `daemon/libnetwork/drivers/bridge/labels.go` and `drivers/bridge/bridge_linux.go` of moby.
const BRIDGE_NAME: &str = "com.docker.network.bridge.name";
const DEFAULT_BRIDGE: &str = "com.docker.network.bridge.default_bridge";
const DEFAULT_BRIDGE_NAME: &str = "docker0";

/// How many digits of the ID are in a bridge's name.
const SHORT_ID: usize = 12;

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

impl From<Network> for DockerNetwork {
    fn from(network: Network) -> Self {
        let bridge = bridge(&network);
        let pools = network.ipam.and_then(|ipam| ipam.config).unwrap_or_default();
        let subnets = pools.iter().filter_map(|pool| pool.subnet.as_ref()?.parse().ok());
        // Of IPv6 some versions write it with the length of its prefix.
        let gateways = pools.iter().filter_map(|pool| pool.gateway.as_ref()?.split('/').next()?.parse().ok());
        Self {
            subnets: subnets.collect(),
            gateways: gateways.collect(),
            id: network.id.unwrap_or_default(),
            name: printable(network.name.unwrap_or_default()),
            driver: network.driver.unwrap_or_default(),
            internal: network.internal.unwrap_or_default(),
            bridge,
        }
    }
}

fn bridge(network: &Network) -> Option<String> {
    if network.driver.as_deref() != Some("bridge") {
        return None;
    }
    let option = |key| network.options.as_ref().and_then(|options| options.get(key));
    if let Some(named) = option(BRIDGE_NAME).filter(|name| !name.is_empty()) {
        return Some(named.clone());
    }
    if network.name.as_deref() == Some(GATEWAY_BRIDGE) {
        return Some(GATEWAY_BRIDGE.to_owned());
    }
    if option(DEFAULT_BRIDGE).is_some_and(|value| value == "true") {
        return Some(DEFAULT_BRIDGE_NAME.to_owned());
    }
    let id = network.id.as_deref()?;
    Some(format!("br-{}", id.get(..SHORT_ID).unwrap_or(id)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The bridge of a network with these options.
    fn bridge_of(driver: &str, name: &str, options: &[(&str, &str)]) -> Option<String> {
        let options = options.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        let network = Network {
            id: Some("1cbb0e934c9de6942b9632d5f611fde20d5036b801fd0df1a1e5da1c15599725".to_owned()),
            name: Some(name.to_owned()),
            driver: Some(driver.to_owned()),
            options: Some(options.collect()),
            ..Network::default()
        };
        DockerNetwork::from(network).bridge
    }

    #[test]
    fn a_bridge_has_the_name_that_docker_gives_it() {
        for (driver, name, options, expected) in [
            ("bridge", "backend", &[][..], Some("br-1cbb0e934c9d")),
            ("bridge", "backend", &[(BRIDGE_NAME, "")], Some("br-1cbb0e934c9d")),
            ("bridge", "edge", &[(BRIDGE_NAME, "br-lan0")], Some("br-lan0")),
            ("bridge", "bridge", &[(DEFAULT_BRIDGE, "true"), (BRIDGE_NAME, "docker0")], Some("docker0")),
            ("bridge", "bridge", &[(DEFAULT_BRIDGE, "true"), (BRIDGE_NAME, "mine0")], Some("mine0")),
            ("bridge", "bridge", &[(DEFAULT_BRIDGE, "true")], Some("docker0")),
            ("bridge", "docker_gwbridge", &[], Some("docker_gwbridge")),
            ("overlay", "ingress", &[], None),
            ("macvlan", "cam", &[("parent", "eth0")], None),
            ("host", "host", &[], None),
            ("null", "none", &[], None),
        ] {
            assert_eq!(bridge_of(driver, name, options).as_deref(), expected, "{driver} {name} {options:?}");
        }
    }

    #[test]
    fn what_is_missing_or_no_address_is_left_out() {
        assert_eq!(DockerNetwork::from(Network::default()), DockerNetwork::default());
        let text = r#"{ "Id": "short", "Driver": "bridge", "Options": null, "IPAM": { "Config": [
            { "Subnet": "172.21.0.0/16" }, { "Subnet": "fd00::/64", "Gateway": "fd00::1/64" },
            { "Subnet": "nonsense", "Gateway": "" }, {} ] } }"#;
        let network = DockerNetwork::from(serde_json::from_str::<Network>(text).unwrap());
        assert_eq!(network.bridge.as_deref(), Some("br-short"));
        assert_eq!(network.subnets, ["172.21.0.0/16".parse().unwrap(), "fd00::/64".parse().unwrap()]);
        assert_eq!(network.gateways, ["fd00::1".parse::<IpAddr>().unwrap()]);
    }
}
