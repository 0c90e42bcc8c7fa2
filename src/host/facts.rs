//! How the machine is networked.

use std::net::IpAddr;

use ipnet::IpNet;
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::address::AddressMessage;
use netlink_packet_route::link::LinkMessage;
use netlink_packet_route::route::RouteMessage;
use netlink_sys::protocols::NETLINK_ROUTE;

use super::address::{Address, Scope};
use super::facts_error::FactsError;
use super::link::Link;
use super::netlink::Netlink;
use super::route::Route;

/// The links, addresses and routes of a network namespace.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Facts {
    /// Every link, by index.
    pub links: Vec<Link>,
    /// Every address, in the kernel's order.
    pub addresses: Vec<Address>,
    /// The routes of every table that lead everywhere, or without a router.
    pub routes: Vec<Route>,
}

impl Facts {
    /// Reads those of this thread's network namespace. Needs no privilege.
    ///
    /// Each list is as it was at one instant, the three are not: an address or a route may belong
    /// to a link that came or went meanwhile.
    ///
    /// # Errors
    /// [`FactsError`] where the kernel did not list them.
    pub fn read() -> Result<Self, FactsError> {
        let mut kernel = Netlink::open(NETLINK_ROUTE)?;
        // Of no family, which means all: one that the kernel does not have is no error then.
        let links = RouteNetlinkMessage::GetLink(LinkMessage::default());
        let mut links = kernel.dump(links, "links", Link::decode)?;
        links.sort_by_key(|link| link.index);
        let addresses = RouteNetlinkMessage::GetAddress(AddressMessage::default());
        let addresses = kernel.dump(addresses, "addresses", Address::decode)?;
        let routes = RouteNetlinkMessage::GetRoute(RouteMessage::default());
        let routes = kernel.dump(routes, "routes", Route::decode)?;
        Ok(Self { links, addresses, routes })
    }

    /// The host's own addresses, on every link.
    pub fn own_addresses(&self) -> impl Iterator<Item = IpAddr> {
        self.addresses.iter().map(|address| address.network.addr())
    }

    /// The links that are ports of `bridge`.
    pub fn ports_of(&self, bridge: &Link) -> impl Iterator<Item = &Link> {
        self.links.iter().filter(|link| link.master == Some(bridge.index))
    }

    /// Whether a default route of the main table leads over `link`, in IPv4 or IPv6.
    ///
    /// Not one of another table: that is how some of the host's packets are sent through a
    /// container, such as a VPN's.
    pub fn carries_default_route(&self, link: &Link) -> bool {
        let mut routes = self.routes.iter();
        routes.any(|route| route.link == link.index && route.table == Route::MAIN && route.is_default())
    }

    /// The networks that the host is attached to by its links, but for the loopback and those whose
    /// name `except` takes; some of them more than once.
    ///
    /// They come from addresses, and from routes to what is on the link: with DHCPv6 a host has an
    /// address of no network (/128), and learns the network from the router. A link counts whether
    /// it is up or not. `fe80::/64` is on every link and left out.
    pub fn on_link_networks(&self, except: impl Fn(&str) -> bool) -> impl Iterator<Item = IpNet> {
        let attached = move |link: &&Link| !link.loopback && !except(&link.name);
        self.links.iter().filter(attached).flat_map(|link| {
            let addresses = self.addresses.iter().filter(|address| address.link == link.index);
            let routes = self.routes.iter().filter(|route| route.link == link.index && route.is_on_link());
            let networks = addresses.flat_map(of_address).chain(routes.map(|route| route.destination));
            networks.filter(|network| !is_link_local(network))
        })
    }
}

/// The networks that an address says to be on its link.
fn of_address(address: &Address) -> impl Iterator<Item = IpNet> {
    let valid = !matches!(address.scope, Scope::Host | Scope::Other(_));
    let networks = [Some(address.network), address.peer].into_iter().flatten().filter(move |_| valid);
    networks.map(|network| match network.trunc() {
        // For such an address (10.0.0.1/0) the kernel makes no network (`fib_add_ifaddr`).
        everything if everything.addr().is_unspecified() => network.addr().into(),
        network => network,
    })
}

fn is_link_local(network: &IpNet) -> bool {
    matches!(network, IpNet::V6(network) if network.addr().is_unicast_link_local())
}

#[cfg(test)]
mod tests;
