//! The host's `resolv.conf`, as Docker reads it
//! (`daemon/libnetwork/internal/resolvconf/resolvconf.go` of moby).

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;

use super::{Resolver, ResolverOrigin, is_link_local, under};

/// The host's file.
const RESOLV_CONF: &str = "/etc/resolv.conf";
/// The one that Docker takes instead where systemd-resolved's stub is all there is.
const SYSTEMD_RESOLV_CONF: &str = "/run/systemd/resolve/resolv.conf";
/// Both.
pub(super) const FILES: [&str; 2] = [RESOLV_CONF, SYSTEMD_RESOLV_CONF];
/// The stub.
const STUB: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 53));

/// `defaultIPv4NSs` and `defaultIPv6NSs`, the latter for networks with IPv6.
const DEFAULTS: [IpAddr; 4] = [
    IpAddr::V4(Ipv4Addr::new(8, 8, 8, 8)),
    IpAddr::V4(Ipv4Addr::new(8, 8, 4, 4)),
    IpAddr::V6(Ipv6Addr::new(0x2001, 0x4860, 0x4860, 0, 0, 0, 0, 0x8888)),
    IpAddr::V6(Ipv6Addr::new(0x2001, 0x4860, 0x4860, 0, 0, 0, 0, 0x8844)),
];

/// Docker's resolvers where nothing else is configured.
pub(super) fn read(root: &Path) -> Vec<Resolver> {
    let mut origin = ResolverOrigin::ResolvConf(RESOLV_CONF.into());
    let mut servers = name_servers(root, RESOLV_CONF);
    if servers == [STUB] {
        origin = ResolverOrigin::SystemdResolved(SYSTEMD_RESOLV_CONF.into());
        servers = name_servers(root, SYSTEMD_RESOLV_CONF);
    }
    servers.retain(|address| !address.is_loopback());
    if servers.is_empty() {
        return DEFAULTS.map(|address| Resolver { address, origin: ResolverOrigin::DockerDefault }).into();
    }
    // From a container it would be another link's. To Docker it counts nevertheless.
    servers.retain(|address| !is_link_local(address));
    servers.into_iter().map(|address| Resolver { address, origin: origin.clone() }).collect()
}

/// The name servers in a file; none where there is no such file.
fn name_servers(root: &Path, path: &str) -> Vec<IpAddr> {
    let bytes = fs::read(under(root, Path::new(path))).unwrap_or_default();
    String::from_utf8_lossy(&bytes).lines().filter_map(name_server).collect()
}

fn name_server(line: &str) -> Option<IpAddr> {
    let mut words = line.split_whitespace();
    let server = words.next().filter(|keyword| *keyword == "nameserver").and_then(|_| words.next())?;
    match server.split_once('%') {
        Some((address, _link)) => address.parse().ok().map(IpAddr::V6),
        None => server.parse().ok(),
    }
}
