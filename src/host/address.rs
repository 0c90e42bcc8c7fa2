//! The addresses of network interfaces.

use ipnet::IpNet;
use netlink_packet_core::{DecodeError, parse_ip};
use netlink_packet_route::AddressFamily;
use netlink_packet_route::address::{AddressHeader, AddressScope};

use super::netlink::attributes;

/// Bytes of `struct ifaddrmsg`.
const HEADER_LEN: usize = 8;

// `include/uapi/linux/if_addr.h`.
const IFA_ADDRESS: u16 = 1;
const IFA_LOCAL: u16 = 2;

/// An address of the host on one of its links.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// The index of the link.
    pub link: u32,
    /// The host's address, with the prefix length of the network it is in; a single address where
    /// it has a peer instead of a network.
    pub network: IpNet,
    /// What is at the other end of a point-to-point link.
    pub peer: Option<IpNet>,
    /// How far the address is valid.
    pub scope: Scope,
}

/// How far an address is valid (`enum rt_scope_t`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Everywhere; unique local addresses count as such too.
    Global,
    /// Within this site, which IPv6 has given up.
    Site,
    /// On the link.
    Link,
    /// On the host.
    Host,
    /// Another one.
    Other(u8),
}

impl Address {
    /// Reads an address message; none for a family that is not IP.
    pub(super) fn decode(payload: &[u8]) -> Result<Option<Self>, DecodeError> {
        let header = AddressHeader::parse(payload)?;
        if !matches!(header.family, AddressFamily::Inet | AddressFamily::Inet6) {
            return Ok(None);
        }
        let (mut address, mut local) = (None, None);
        for attribute in attributes(payload, HEADER_LEN) {
            let attribute = attribute?;
            match attribute.kind() {
                IFA_ADDRESS => address = Some(parse_ip(attribute.value())?),
                IFA_LOCAL => local = Some(parse_ip(attribute.value())?),
                _ => {}
            }
        }
        // Which of the two is whose: the comment in if_addr.h. IPv6 has the second with a peer only.
        let own = local.or(address).ok_or("an address message without an address")?;
        let peer = address.filter(|address| *address != own);
        let with_len = |address| IpNet::new(address, header.prefix_len).map_err(|error| error.to_string());
        let network = if peer.is_some() { own.into() } else { with_len(own)? };
        let peer = peer.map(with_len).transpose()?;
        Ok(Some(Self { link: header.index, network, peer, scope: header.scope.into() }))
    }
}

impl From<AddressScope> for Scope {
    fn from(scope: AddressScope) -> Self {
        match scope {
            AddressScope::Universe => Self::Global,
            AddressScope::Site => Self::Site,
            AddressScope::Link => Self::Link,
            AddressScope::Host => Self::Host,
            other => Self::Other(other.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use netlink_packet_core::Emitable;
    use netlink_packet_route::address::{AddressAttribute, AddressMessage};

    use super::*;

    /// What a message says with these addresses and that prefix length.
    fn decoded(
        family: AddressFamily,
        address: Option<&str>,
        local: Option<&str>,
        prefix_len: u8,
    ) -> Result<Option<Address>, DecodeError> {
        let mut message = AddressMessage::default();
        message.header.family = family;
        message.header.prefix_len = prefix_len;
        message.header.index = 2;
        let address = address.map(|text| AddressAttribute::Address(text.parse().unwrap()));
        let local = local.map(|text| AddressAttribute::Local(text.parse().unwrap()));
        message.attributes = address.into_iter().chain(local).collect();
        let mut bytes = vec![0; message.buffer_len()];
        message.emit(&mut bytes);
        Address::decode(&bytes)
    }

    #[test]
    fn the_host_s_own_address_is_told_from_its_peer_s() {
        use AddressFamily::{Inet, Inet6};
        for (family, address, local, prefix_len, network, peer) in [
            (Inet, Some("10.1.2.3"), Some("10.1.2.3"), 24, "10.1.2.3/24", None),
            (Inet, Some("10.8.0.5"), Some("10.8.0.6"), 32, "10.8.0.6/32", Some("10.8.0.5/32")),
            (Inet, Some("10.8.0.5"), Some("10.9.0.6"), 24, "10.9.0.6/32", Some("10.8.0.5/24")),
            (Inet6, Some("2001:db8::1"), None, 64, "2001:db8::1/64", None),
            (Inet6, Some("fd00::2"), Some("fd00::1"), 127, "fd00::1/128", Some("fd00::2/127")),
        ] {
            let read = decoded(family, address, local, prefix_len).unwrap().unwrap();
            assert_eq!(read.network, network.parse().unwrap());
            assert_eq!(read.peer, peer.map(|peer| peer.parse().unwrap()), "{network}");
            assert_eq!((read.link, read.scope), (2, Scope::Global), "{network}");
        }
    }

    #[test]
    fn an_address_of_no_ip_is_passed_over_and_one_of_no_sense_refused() {
        assert_eq!(decoded(AddressFamily::Decnet, None, None, 0).unwrap(), None);
        assert!(decoded(AddressFamily::Inet, None, None, 24).is_err());
        assert!(decoded(AddressFamily::Inet, Some("10.1.2.3"), None, 33).is_err());
    }
}
