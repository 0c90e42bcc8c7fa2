//! Routes that say what a link is for: to everywhere, or to what is on the link itself.

use std::net::{Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use netlink_packet_core::{DecodeError, parse_ip, parse_u32};
use netlink_packet_route::AddressFamily;
use netlink_packet_route::route::{RouteFlags, RouteHeader, RouteProtocol, RouteType};

use super::netlink::attributes;

/// Bytes of `struct rtmsg`.
const HEADER_LEN: usize = 12;
/// Bytes of `struct rtnexthop`.
const NEXT_HOP_LEN: usize = 8;

// `include/uapi/linux/rtnetlink.h`.
const RTA_DST: u16 = 1;
const RTA_OIF: u16 = 4;
const RTA_GATEWAY: u16 = 5;
const RTA_MULTIPATH: u16 = 9;
const RTA_TABLE: u16 = 15;
const RTA_VIA: u16 = 18;

/// A unicast route over one link. A route over several links is as many of these.
///
/// A route made of a nexthop object has its links here as well, unless
/// `net.ipv4.nexthop_compat_mode` was set to 0: then the kernel does not say them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The index of the link.
    pub link: u32,
    /// Where to: `0.0.0.0/0` or `::/0` for everywhere.
    pub destination: IpNet,
    /// Whether a router comes in between.
    pub gateway: bool,
    /// The routing table it is in.
    pub table: u32,
    /// Who made it.
    pub origin: Origin,
}

/// Who made a route (`rtm_protocol`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The kernel: for an address with a network, or for a prefix that a router advertises.
    Kernel,
    /// A program, for a prefix that a router advertises: NetworkManager, systemd-networkd.
    RouterAdvertisement,
    /// Somebody else.
    Other,
}

impl Route {
    /// `RT_TABLE_MAIN`: the table of every packet that no rule sends to another.
    pub const MAIN: u32 = RouteHeader::RT_TABLE_MAIN as u32;

    /// `RT_TABLE_LOCAL`: the kernel's own. Up to 5.9 it has `ff00::/8` of every link among it.
    const LOCAL: u32 = 255;

    /// Whether it leads everywhere.
    pub fn is_default(&self) -> bool {
        self.destination.prefix_len() == 0
    }

    /// Whether it says that its destination is on the link. A route without a router that an
    /// administrator made may as well send half of the Internet into a tunnel.
    pub fn is_on_link(&self) -> bool {
        let attached = matches!(self.origin, Origin::Kernel | Origin::RouterAdvertisement);
        attached && !self.gateway && !self.is_default() && self.table != Self::LOCAL
    }

    /// Reads a route message; nothing for a route through a router to some network, of which a
    /// host may have a million.
    pub(super) fn decode(payload: &[u8]) -> Result<Vec<Self>, DecodeError> {
        let header = RouteHeader::parse(payload)?;
        let everywhere: IpNet = match header.address_family {
            AddressFamily::Inet => Ipv4Net::new_assert(Ipv4Addr::UNSPECIFIED, 0).into(),
            AddressFamily::Inet6 => Ipv6Net::new_assert(Ipv6Addr::UNSPECIFIED, 0).into(),
            _ => return Ok(Vec::new()),
        };
        // What was learned about one destination is listed too, as a route cloned from its own.
        if header.kind != RouteType::Unicast || header.flags.contains(RouteFlags::Cloned) {
            return Ok(Vec::new());
        }
        let origin = Origin::from(header.protocol);
        let (mut destination, mut table, mut hops) = (everywhere, u32::from(header.table), Vec::new());
        let mut single = Hop::default();
        for attribute in attributes(payload, HEADER_LEN) {
            let attribute = attribute?;
            match attribute.kind() {
                RTA_DST => {
                    destination = IpNet::new(parse_ip(attribute.value())?, header.destination_prefix_length)
                        .map_err(|error| error.to_string())?;
                }
                RTA_OIF => single.link = parse_u32(attribute.value())?,
                RTA_GATEWAY | RTA_VIA => single.gateway = true,
                RTA_MULTIPATH => hops = next_hops(attribute.value())?,
                RTA_TABLE => table = parse_u32(attribute.value())?,
                _ => {}
            }
        }
        hops.push(single);
        let routes = hops.into_iter().filter(|hop| hop.link != 0).map(|Hop { link, gateway }| Self {
            link,
            destination,
            gateway,
            table,
            origin,
        });
        Ok(routes.filter(|route| route.is_default() || !route.gateway).collect())
    }
}

/// Where a packet goes next.
#[derive(Default)]
struct Hop {
    /// Over which link; 0 is none.
    link: u32,
    gateway: bool,
}

/// The hops of a route over several links: headers, each with attributes behind it.
fn next_hops(mut bytes: &[u8]) -> Result<Vec<Hop>, DecodeError> {
    let mut hops = Vec::new();
    while let [len, len_high, _, _, link @ ..] = bytes {
        let len = usize::from(u16::from_ne_bytes([*len, *len_high]));
        let link = parse_u32(link.get(..4).unwrap_or_default())?;
        let inside = bytes.get(NEXT_HOP_LEN..len).ok_or("a next hop is cut short")?;
        let mut gateway = false;
        for attribute in attributes(inside, 0) {
            gateway |= matches!(attribute?.kind(), RTA_GATEWAY | RTA_VIA);
        }
        hops.push(Hop { link, gateway });
        bytes = bytes.get(len.next_multiple_of(4)..).unwrap_or_default();
    }
    Ok(hops)
}

impl From<RouteProtocol> for Origin {
    fn from(protocol: RouteProtocol) -> Self {
        match protocol {
            RouteProtocol::Kernel => Self::Kernel,
            RouteProtocol::Ra => Self::RouterAdvertisement,
            _ => Self::Other,
        }
    }
}

#[cfg(test)]
mod tests;
