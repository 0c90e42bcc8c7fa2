//! Addresses as they are typed: `10.57.17.6`, `fd57:17::6`, `fe80::1%eth0`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::str::FromStr;

use anyhow::{Context, Result};
use rustix::net::{AddressFamily, SocketType, netdevice, socket};

/// An IP address with the interface a link-local one needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Address {
    /// The address itself.
    pub ip: IpAddr,
    /// Index of the interface, 0 where none is needed.
    pub interface: u32,
}

impl Address {
    /// The address with a port.
    pub fn with_port(self, port: u16) -> SocketAddr {
        match self.ip {
            IpAddr::V4(ip) => SocketAddr::new(ip.into(), port),
            IpAddr::V6(ip) => SocketAddrV6::new(ip, port, 0, self.interface).into(),
        }
    }

    /// Any address of the same family: where a sender binds when only the port matters.
    pub fn unspecified(self) -> IpAddr {
        match self.ip {
            IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        }
    }

    /// The family for `socket(2)`.
    pub fn family(self) -> AddressFamily {
        match self.ip {
            IpAddr::V4(_) => AddressFamily::INET,
            IpAddr::V6(_) => AddressFamily::INET6,
        }
    }
}

impl FromStr for Address {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let (ip, interface) = match text.split_once('%') {
            Some((ip, name)) => (ip, interface_index(name)?),
            None => (text, 0),
        };
        let ip = ip.parse().with_context(|| format!("`{ip}` is no IP address"))?;
        Ok(Self { ip, interface })
    }
}

fn interface_index(name: &str) -> Result<u32> {
    let any_socket = socket(AddressFamily::INET, SocketType::DGRAM, None)?;
    netdevice::name_to_index(&any_socket, name).with_context(|| format!("no interface `{name}`"))
}
