//! Which way the kernel sends a packet that comes in.

use std::fs;
use std::net::IpAddr;

use netlink_packet_core::{DecodeError, parse_u32};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::route::{RouteAddress, RouteAttribute, RouteHeader, RouteType};
use netlink_sys::protocols::NETLINK_ROUTE;
use rustix::io::Errno;

use super::facts_error::FactsError;
use super::netlink::{Netlink, attributes};
use super::route_to::{HEADER_LEN, RTA_OIF, is, leads_nowhere, name_of, question};

/// Where a packet goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Way {
    /// To the host itself.
    Here,
    /// On by the link of that name.
    By(String),
    /// Nowhere: there is no route, it is not to be forwarded, or its source is none that it may have.
    Nowhere,
}

/// Where the kernel would send a packet from `source` to `destination` that came in by the link of that
/// index: by its rules and routes, as `ip route get` finds it with `from` and `iif`. None where it takes
/// no such packet, as when the source is one of its own. Needs no privilege.
///
/// # Errors
/// [`FactsError`] where the kernel did not say.
pub fn way(source: IpAddr, incoming: u32, destination: IpAddr) -> Result<Option<Way>, FactsError> {
    let mut kernel = Netlink::open(NETLINK_ROUTE)?;
    let mut asked = question(destination);
    let (address, bits) = match source {
        IpAddr::V4(address) => (RouteAddress::Inet(address), 32),
        IpAddr::V6(address) => (RouteAddress::Inet6(address), 128),
    };
    asked.header.source_prefix_length = bits;
    asked.attributes.push(RouteAttribute::Source(address));
    asked.attributes.push(RouteAttribute::Iif(incoming));
    let answer = match kernel.get(RouteNetlinkMessage::GetRoute(asked), "the route of a packet", decode) {
        Ok(answer) => answer,
        // Where the way back of its source is another one and rp_filter is strict, it is EXDEV.
        Err(FactsError::Refused { source, .. }) if leads_nowhere(&source) || is(&source, Errno::XDEV) => {
            return Ok(Some(Way::Nowhere));
        }
        Err(FactsError::Refused { .. }) => return Ok(None),
        Err(error) => return Err(error),
    };
    match answer {
        None => Ok(None),
        Some(Answer { kind: RouteType::Local | RouteType::Broadcast | RouteType::Multicast, .. }) => {
            Ok(Some(Way::Here))
        }
        Some(Answer { link: Some(link), .. }) => Ok(name_of(&mut kernel, link)?.map(Way::By)),
        Some(Answer { link: None, .. }) => Ok(Some(Way::Nowhere)),
    }
}

struct Answer {
    kind: RouteType,
    link: Option<u32>,
}

fn decode(payload: &[u8]) -> Result<Option<Answer>, DecodeError> {
    let mut answer = Answer { kind: RouteHeader::parse(payload)?.kind, link: None };
    for attribute in attributes(payload, HEADER_LEN) {
        let attribute = attribute?;
        if attribute.kind() == RTA_OIF {
            answer.link = Some(parse_u32(attribute.value())?);
        }
    }
    Ok(Some(answer))
}

/// Whether the host forwards packets of that family at all, as far as it says.
pub fn forwards(ipv6: bool) -> bool {
    let name = if ipv6 { "ipv6/conf/all/forwarding" } else { "ipv4/ip_forward" };
    fs::read(format!("/proc/sys/net/{name}")).map_or(true, |value| value.trim_ascii() != b"0")
}
