//! By which link an address is reached.

use std::io;
use std::net::{IpAddr, SocketAddr};

use netlink_packet_core::{DecodeError, parse_u32};
use netlink_packet_route::link::LinkMessage;
use netlink_packet_route::route::{RouteAddress, RouteAttribute, RouteMessage};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};
use netlink_sys::protocols::NETLINK_ROUTE;
use rustix::io::Errno;

use super::facts_error::FactsError;
use super::link::Link;
use super::netlink::{Netlink, attributes};

/// Bytes of `struct rtmsg`.
pub(super) const HEADER_LEN: usize = 12;
/// `RTA_OIF` of `include/uapi/linux/rtnetlink.h`.
pub(super) const RTA_OIF: u16 = 4;

/// The name of the link by which the kernel would answer `address`; none where it would not. One of
/// the host's own addresses is reached by its loopback. Of a link-local address any link may be the
/// answer. Needs no privilege.
///
/// # Errors
/// [`FactsError`] where the kernel did not say.
pub fn route_to(address: IpAddr) -> Result<Option<String>, FactsError> {
    let mut kernel = Netlink::open(NETLINK_ROUTE)?;
    let index = match kernel.get(RouteNetlinkMessage::GetRoute(question(address)), "the route to an address", link) {
        Err(FactsError::Refused { source, .. }) if leads_nowhere(&source) => None,
        answered => answered?,
    };
    match index {
        Some(index) => name_of(&mut kernel, index),
        None => Ok(None),
    }
}

/// The name of the link by which the kernel would answer a client: the one that a link-local address
/// names, as there are such addresses on every link, else as [`route_to`].
///
/// # Errors
/// [`FactsError`] where the kernel did not say.
pub fn answered_by(client: SocketAddr) -> Result<Option<String>, FactsError> {
    match client {
        SocketAddr::V6(client) if client.scope_id() != 0 => {
            name_of(&mut Netlink::open(NETLINK_ROUTE)?, client.scope_id())
        }
        _ => route_to(client.ip()),
    }
}

/// The name of a link; none where it is gone.
pub(super) fn name_of(kernel: &mut Netlink, index: u32) -> Result<Option<String>, FactsError> {
    let mut message = LinkMessage::default();
    message.header.index = index;
    let link = match kernel.get(RouteNetlinkMessage::GetLink(message), "a link", Link::decode) {
        Err(FactsError::Refused { source, .. }) if is(&source, Errno::NODEV) => None,
        answered => answered?,
    };
    Ok(link.map(|link| link.name))
}

pub(super) fn question(address: IpAddr) -> RouteMessage {
    let mut message = RouteMessage::default();
    let (family, bits, destination) = match address {
        IpAddr::V4(address) => (AddressFamily::Inet, 32, RouteAddress::Inet(address)),
        IpAddr::V6(address) => (AddressFamily::Inet6, 128, RouteAddress::Inet6(address)),
    };
    message.header.address_family = family;
    message.header.destination_prefix_length = bits;
    message.attributes.push(RouteAttribute::Destination(destination));
    message
}

/// The index of the link in the answer.
fn link(payload: &[u8]) -> Result<Option<u32>, DecodeError> {
    for attribute in attributes(payload, HEADER_LEN) {
        let attribute = attribute?;
        if attribute.kind() == RTA_OIF {
            return parse_u32(attribute.value()).map(Some);
        }
    }
    Ok(None)
}

/// Without a route, and of the types unreachable, prohibit and blackhole (`fib_props` in
/// `net/ipv4/fib_semantics.c`, `ip6_rt_type_to_error` in `net/ipv6/route.c`).
pub(super) fn leads_nowhere(refusal: &io::Error) -> bool {
    [Errno::NETUNREACH, Errno::HOSTUNREACH, Errno::ACCESS, Errno::INVAL].into_iter().any(|errno| is(refusal, errno))
}

pub(super) fn is(error: &io::Error, errno: Errno) -> bool {
    error.raw_os_error() == Some(errno.raw_os_error())
}
