//! The resolvers that containers will really use.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;

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
    /// The gateway of Podman's bridge, at which its own resolver listens.
    PodmanGateway(String),
    /// What Docker takes where the host has none that a container could reach.
    DockerDefault,
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
