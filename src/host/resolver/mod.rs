//! The resolvers that containers will really use.
//!
//! Which ones Docker gives a container: its own (`--dns`), else the daemon's, else those of the
//! host's `resolv.conf` but for what only the host itself can reach.
//!
//! In a network of the user's making a container asks Docker's own resolver (127.0.0.11), which asks
//! these for it: those of the host's loopback from the host's network namespace, the others from the
//! container's, and in newer versions all of `resolv.conf` from the host's. What is asked from there
//! needs no grant. On the default bridge there is no such resolver, and containers ask by themselves
//! in every version (`daemon/libnetwork/sandbox_dns_unix.go` of moby; moby/moby#47602, which was to
//! change that, was taken back by #48020).

mod daemon;
mod resolv_conf;

use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use daemon::DaemonOptions;
pub(super) use daemon::{DAEMON_JSON, command_line};

use super::docker::{Container, Docker};
use super::facts::Facts;

/// What the names of Podman's bridges begin with: netavark's and CNI's.
const PODMAN_BRIDGES: [&str; 2] = ["podman", "cni-podman"];

/// A name server that containers ask, or that Docker asks for them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolver {
    /// Its address.
    pub address: IpAddr,
    /// Why it is one.
    pub origin: ResolverOrigin,
}

/// Where a resolver is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ResolverOrigin {
    /// The host's `resolv.conf`.
    ResolvConf(PathBuf),
    /// The `resolv.conf` in which systemd-resolved lists the servers that it asks itself.
    SystemdResolved(PathBuf),
    /// `dns` of Docker's configuration.
    DaemonJson(PathBuf),
    /// `--dns` of the running dockerd.
    DaemonOption,
    /// `--dns` of the container of that name.
    Container(String),
    /// An address of Podman's bridge of that name, at which its own resolver listens.
    PodmanGateway(String),
    /// What Docker takes where the host has none that a container could reach.
    DockerDefault,
}

impl Resolver {
    /// Those of the machine whose files are under `root`, each address once: the daemon's or the
    /// host's first, then those of single containers, then Podman's.
    ///
    /// A file that is not there or cannot be read says nothing, as it does to Docker. Left out is
    /// what no packet from a container leads to: its own loopback, and a link-local address of one
    /// of the host's links.
    pub fn find(root: &Path, facts: &Facts, docker: Option<&Docker>) -> Vec<Self> {
        let daemon = DaemonOptions::read(root).resolvers(root).unwrap_or_else(|| resolv_conf::read(root));
        let containers = docker.iter().flat_map(|docker| &docker.containers).flat_map(of_container);
        let mut found: Vec<Self> = Vec::new();
        for resolver in daemon.into_iter().chain(containers).chain(of_podman(facts)) {
            let address = resolver.address.to_canonical();
            let outside = !address.is_loopback() && !address.is_unspecified();
            if outside && !found.iter().any(|other| other.address == address) {
                found.push(Self { address, ..resolver });
            }
        }
        found
    }
}

/// The files in which resolvers are written.
pub fn written_in() -> Vec<PathBuf> {
    let mut files = resolv_conf::FILES.map(PathBuf::from).to_vec();
    files.extend(DaemonOptions::read(Path::new("/")).files());
    files
}

fn of_container(container: &Container) -> impl Iterator<Item = Resolver> {
    let own = container.dns.iter().filter(|_| container.has_own_network());
    own.map(|address| Resolver { address: *address, origin: ResolverOrigin::Container(container.name.clone()) })
}

/// aardvark-dns and dnsname listen on the bridges of their networks.
fn of_podman(facts: &Facts) -> impl Iterator<Item = Resolver> {
    let bridges = facts.links.iter().filter(|link| {
        let named = PODMAN_BRIDGES.iter().any(|prefix| link.name.starts_with(prefix));
        named && link.kind.as_deref() == Some("bridge")
    });
    bridges.flat_map(|bridge| {
        let own = facts.addresses.iter().filter(|address| address.link == bridge.index);
        let own = own.map(|address| address.network.addr()).filter(|address| !is_link_local(address));
        own.map(|address| Resolver { address, origin: ResolverOrigin::PodmanGateway(bridge.name.clone()) })
    })
}

/// `fe80::/10`. Not 169.254.0.0/16, which the host sends on: clouds have their resolvers in it.
fn is_link_local(address: &IpAddr) -> bool {
    matches!(address, IpAddr::V6(address) if address.is_unicast_link_local())
}

/// The path of a file under another root.
pub(super) fn under(root: &Path, path: &Path) -> PathBuf {
    root.join(path.strip_prefix("/").unwrap_or(path))
}

impl fmt::Display for ResolverOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ResolvConf(path) => path.display().fmt(f),
            Self::SystemdResolved(path) => write!(f, "systemd-resolved, {}", path.display()),
            Self::DaemonJson(path) => write!(f, "dns in {}", path.display()),
            Self::DaemonOption => f.write_str("dockerd --dns"),
            Self::Container(name) => write!(f, "--dns of container {name}"),
            Self::PodmanGateway(link) => write!(f, "Podman's resolver on {link}"),
            Self::DockerDefault => f.write_str("Docker's default"),
        }
    }
}

#[cfg(test)]
mod tests;
