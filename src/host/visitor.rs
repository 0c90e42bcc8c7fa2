//! A guest on a bridge as a container is one: a network namespace of its own with one link, whose other end
//! is a port of the bridge. It is gone with this process, however that ends: nothing holds the namespace but
//! a file descriptor.

use std::fs::File;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpStream, UdpSocket};
use std::os::fd::{AsFd, AsRawFd};
use std::thread;
use std::time::Duration;

use ipnet::IpNet;
use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL};
use netlink_packet_route::address::{AddressAttribute, AddressHeaderFlags, AddressMessage, AddressScope};
use netlink_packet_route::link::{InfoData, InfoKind, InfoVeth, LinkAttribute, LinkFlags, LinkInfo, LinkMessage};
use netlink_packet_route::route::{
    RouteAddress, RouteAttribute, RouteHeader, RouteMessage, RouteProtocol, RouteScope, RouteType,
};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};
use netlink_sys::protocols::NETLINK_ROUTE;
use rustix::thread::{LinkNameSpaceType, UnshareFlags, move_into_link_name_space};

use super::facts::Facts;
use super::facts_error::FactsError;
use super::link::Link;
use super::netlink::Netlink;

/// The link's name inside.
const INSIDE: &str = "eth0";
/// How long a TCP connection is waited for. The SYN is sent by then, and sent once.
const SYN_PATIENCE: Duration = Duration::from_millis(1);

/// The guest.
#[derive(Debug)]
pub struct Visitor {
    namespace: File,
}

/// Why there is none.
#[derive(Debug, thiserror::Error)]
pub enum VisitorError {
    /// The kernel refused the namespace.
    #[error("cannot {doing} a network namespace to send from: {source}; it takes CAP_SYS_ADMIN, on the host itself")]
    Namespace {
        /// What was tried.
        doing: &'static str,
        /// Why not.
        source: io::Error,
    },
    /// The kernel refused a link, an address or a route.
    #[error("cannot make {what}: {source}")]
    Refused {
        /// What.
        what: &'static str,
        /// Why not.
        source: io::Error,
    },
    /// The kernel did not say what there is.
    #[error(transparent)]
    Facts(FactsError),
}

impl From<FactsError> for VisitorError {
    fn from(error: FactsError) -> Self {
        match error {
            FactsError::Refused { what, source } => Self::Refused { what, source },
            other => Self::Facts(other),
        }
    }
}

impl Visitor {
    /// One on `bridge`, with these addresses in its networks, which sends what is for elsewhere to these
    /// gateways. `port` is the name of the bridge's new port.
    ///
    /// # Errors
    /// [`VisitorError`]. Nothing stays behind.
    pub fn on(bridge: &Link, port: &str, addresses: &[IpNet], gateways: &[IpAddr]) -> Result<Self, VisitorError> {
        let visitor = Self { namespace: new_namespace()? };
        let mut peer = LinkMessage::default();
        peer.attributes.push(LinkAttribute::IfName(INSIDE.to_owned()));
        peer.attributes.push(LinkAttribute::NetNsFd(visitor.namespace.as_fd().as_raw_fd()));
        let mut link = up(LinkMessage::default());
        link.attributes.push(LinkAttribute::IfName(port.to_owned()));
        link.attributes.push(LinkAttribute::Controller(bridge.index));
        link.attributes.push(LinkAttribute::LinkInfo(vec![
            LinkInfo::Kind(InfoKind::Veth),
            LinkInfo::Data(InfoData::Veth(InfoVeth::Peer(peer))),
        ]));
        let flags = NLM_F_CREATE | NLM_F_EXCL;
        Netlink::open(NETLINK_ROUTE)?.change(RouteNetlinkMessage::NewLink(link), flags, "a new port of a bridge")?;
        visitor.enter(|| furnish(addresses, gateways))??;
        Ok(visitor)
    }

    /// Sends one packet to each of them from inside: a UDP datagram with nothing in it, or a TCP SYN.
    ///
    /// # Errors
    /// [`VisitorError::Namespace`]. That the kernel inside knows no way is none: then nothing is sent.
    pub fn send(&self, to: &[(SocketAddr, bool)]) -> Result<(), VisitorError> {
        self.enter(|| {
            for (address, is_tcp) in to {
                if *is_tcp {
                    let _ = TcpStream::connect_timeout(address, SYN_PATIENCE);
                } else {
                    let own: IpAddr = if address.is_ipv4() { [0; 4].into() } else { [0_u16; 8].into() };
                    let _ = UdpSocket::bind((own, 0)).and_then(|socket| socket.send_to(&[], address));
                }
            }
        })
    }

    /// Runs `work` on a thread inside.
    fn enter<R: Send>(&self, work: impl FnOnce() -> R + Send) -> Result<R, VisitorError> {
        let failed = |source| VisitorError::Namespace { doing: "enter", source };
        let inside = move || {
            move_into_link_name_space(self.namespace.as_fd(), Some(LinkNameSpaceType::Network))?;
            Ok::<R, io::Error>(work())
        };
        let ended = thread::scope(|scope| scope.spawn(inside).join());
        ended.map_err(|_| failed(io::ErrorKind::Other.into()))?.map_err(failed)
    }
}

/// Made by a thread that ends in it, so that this program itself never leaves its own.
fn new_namespace() -> Result<File, VisitorError> {
    let make = || {
        // Deprecated for what `CLONE_FILES` could do to other threads' descriptors; only the network is parted.
        #[allow(deprecated)]
        rustix::thread::unshare(UnshareFlags::NEWNET)?;
        File::open("/proc/thread-self/ns/net")
    };
    let failed = |source| VisitorError::Namespace { doing: "make", source };
    thread::spawn(make).join().map_err(|_| failed(io::ErrorKind::Other.into()))?.map_err(failed)
}

/// Gives the link inside its addresses and its routes.
fn furnish(addresses: &[IpNet], gateways: &[IpAddr]) -> Result<(), FactsError> {
    let links = Facts::read()?.links;
    let mut kernel = Netlink::open(NETLINK_ROUTE)?;
    for link in links.iter().filter(|link| link.loopback || link.name == INSIDE) {
        let mut message = up(LinkMessage::default());
        message.header.index = link.index;
        kernel.change(RouteNetlinkMessage::SetLink(message), 0, "a link inside")?;
    }
    let Some(link) = links.iter().find(|link| link.name == INSIDE) else {
        return Ok(());
    };
    for address in addresses {
        let message = address_message(link.index, address);
        kernel.change(RouteNetlinkMessage::NewAddress(message), NLM_F_CREATE | NLM_F_EXCL, "an address inside")?;
    }
    for gateway in gateways {
        let message = default_route(link.index, *gateway);
        kernel.change(RouteNetlinkMessage::NewRoute(message), NLM_F_CREATE | NLM_F_EXCL, "a route inside")?;
    }
    Ok(())
}

fn up(mut message: LinkMessage) -> LinkMessage {
    message.header.flags = LinkFlags::Up;
    message.header.change_mask = LinkFlags::Up;
    message
}

fn family(address: IpAddr) -> AddressFamily {
    if address.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 }
}

/// Without looking whether somebody has it, which takes a second of IPv6.
fn address_message(link: u32, address: &IpNet) -> AddressMessage {
    let mut message = AddressMessage::default();
    message.header.family = family(address.addr());
    message.header.prefix_len = address.prefix_len();
    message.header.index = link;
    message.header.scope = AddressScope::Universe;
    message.header.flags = AddressHeaderFlags::Nodad;
    message.attributes = vec![AddressAttribute::Local(address.addr()), AddressAttribute::Address(address.addr())];
    message
}

fn default_route(link: u32, gateway: IpAddr) -> RouteMessage {
    let mut message = RouteMessage::default();
    message.header.address_family = family(gateway);
    message.header.table = RouteHeader::RT_TABLE_MAIN;
    message.header.protocol = RouteProtocol::Static;
    message.header.scope = RouteScope::Universe;
    message.header.kind = RouteType::Unicast;
    let gateway = match gateway {
        IpAddr::V4(gateway) => RouteAddress::Inet(gateway),
        IpAddr::V6(gateway) => RouteAddress::Inet6(gateway),
    };
    message.attributes = vec![RouteAttribute::Gateway(gateway), RouteAttribute::Oif(link)];
    message
}
