//! Containers.

use std::collections::BTreeMap;
use std::net::IpAddr;

use bollard::models::{ContainerSummary, EndpointSettings};

use super::Published;
use crate::printable::printable;

/// The network mode of a container in the host's own network.
const HOST_MODE: &str = "host";
/// The network mode of one in another container's network, before that one's ID.
const CONTAINER_MODE: &str = "container:";

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
    /// Its addresses, each with the name of the network. None in the host's network or another
    /// container's.
    pub addresses: Vec<(String, IpAddr)>,
    /// The resolvers that it was given by `--dns`; none where it was given none, and where the
    /// daemon told of it what is not understood.
    pub dns: Vec<IpAddr>,
    /// The ports of the host that lead to it.
    pub published: Vec<Published>,
}

impl Container {
    /// Whether it is in no network but its own: neither in the host's nor in another container's.
    pub fn has_own_network(&self) -> bool {
        self.network_mode != HOST_MODE && !self.network_mode.starts_with(CONTAINER_MODE)
    }

    /// Takes its resolvers; one that is no address is none to Docker either.
    pub(super) fn set_dns(&mut self, servers: &[String]) {
        // The link behind an IPv6 address is the container's.
        self.dns = servers.iter().filter_map(|server| server.split('%').next()?.parse().ok()).collect();
    }
}

impl From<ContainerSummary> for Container {
    fn from(summary: ContainerSummary) -> Self {
        let labels = summary.labels.unwrap_or_default().into_iter();
        let mode = summary.host_config.and_then(|config| config.network_mode).unwrap_or_default();
        let mut container = Self {
            name: printable(name(&summary.names.unwrap_or_default())),
            id: summary.id.unwrap_or_default(),
            image: printable(summary.image.unwrap_or_default()),
            // Whoever made the image wrote them. No configuration can name one with such characters.
            labels: labels.map(|(key, value)| (printable(key), printable(value))).collect(),
            published: Published::of(&summary.ports.unwrap_or_default()),
            // Older daemons (20.10) tell what the client wrote.
            network_mode: if mode == "default" { "bridge".to_owned() } else { mode },
            ..Self::default()
        };
        if container.has_own_network() {
            let networks = summary.network_settings.and_then(|settings| settings.networks).unwrap_or_default();
            container.addresses = networks.into_iter().flat_map(addresses).collect();
            container.addresses.sort();
        }
        container
    }
}

/// The container's own name: one behind a second slash is what another container linked it by.
fn name(names: &[String]) -> String {
    let bare = |name: &String| name.strip_prefix('/').unwrap_or(name).to_owned();
    names.iter().map(bare).find(|name| !name.contains('/')).unwrap_or_default()
}

fn addresses((network, endpoint): (String, EndpointSettings)) -> impl Iterator<Item = (String, IpAddr)> {
    let written = [endpoint.ip_address, endpoint.global_ipv6_address].into_iter().flatten();
    let network = printable(network);
    written.filter_map(move |address| Some((network.clone(), address.parse().ok()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn container(text: &str) -> Container {
        serde_json::from_str::<ContainerSummary>(text).unwrap().into()
    }

    #[test]
    fn what_is_missing_is_left_out() {
        assert_eq!(container("{}"), Container::default());
        let nulls = r#"{ "Names": null, "Ports": null, "Labels": null, "HostConfig": {}, "NetworkSettings": null }"#;
        assert_eq!(container(nulls), Container::default());
    }

    #[test]
    fn the_name_is_its_own_and_not_a_link_s() {
        assert_eq!(container(r#"{ "Names": ["/web/db", "/db-1"] }"#).name, "db-1");
    }

    #[test]
    fn names_of_other_people_s_making_do_not_reach_a_terminal_as_they_are() {
        let read = container(
            r#"{ "Image": "a\u001b[2J", "Labels": { "com.docker.compose.project": "shop\u001b]0;x\u0007" },
                "NetworkSettings": { "Networks": { "back\nend": { "IPAddress": "172.21.0.2" } } } }"#,
        );
        assert_eq!(read.image, "a\\u{1b}[2J");
        assert_eq!(read.labels["com.docker.compose.project"], "shop\\u{1b}]0;x\\u{7}");
        assert_eq!(read.addresses[0].0, "back\\u{a}end");
    }

    #[test]
    fn one_without_a_network_of_its_own_has_no_addresses() {
        for (mode, own) in [("default", true), ("backend", true), ("host", false), ("container:0123", false)] {
            let read = container(&format!(
                r#"{{ "HostConfig": {{ "NetworkMode": "{mode}" }}, "NetworkSettings": {{ "Networks": {{
                    "backend": {{ "IPAddress": "172.21.0.2", "GlobalIPv6Address": "" }} }} }} }}"#
            ));
            assert_eq!(read.has_own_network(), own, "{mode}");
            assert_eq!(read.addresses.len(), usize::from(own), "{mode}");
        }
    }

    #[test]
    fn resolvers_are_addresses() {
        let mut read = Container::default();
        read.set_dns(&["10.0.0.1".to_owned(), "fe80::1%eth0".to_owned(), "no address".to_owned(), String::new()]);
        assert_eq!(read.dns, ["10.0.0.1".parse::<IpAddr>().unwrap(), "fe80::1".parse().unwrap()]);
    }
}
