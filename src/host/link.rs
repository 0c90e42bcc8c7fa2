//! Network interfaces.

use netlink_packet_core::{DecodeError, parse_u32};
use netlink_packet_route::link::{LinkFlags, LinkHeader};

use super::netlink::{attributes, text};

/// Bytes of `struct ifinfomsg`.
const HEADER_LEN: usize = 16;

// `include/uapi/linux/if_link.h`.
const IFLA_IFNAME: u16 = 3;
const IFLA_MASTER: u16 = 10;
const IFLA_LINKINFO: u16 = 18;
const IFLA_PARENT_DEV_NAME: u16 = 56;
const IFLA_INFO_KIND: u16 = 1;

/// A network interface.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Link {
    /// Its number in this network namespace.
    pub index: u32,
    /// Its name, at most 15 bytes.
    pub name: String,
    /// The driver of a virtual link: `bridge`, `veth`, `vlan`, `bond`, `wireguard`, `tun`, …
    pub kind: Option<String>,
    /// The index of the bridge, bond or VRF that it is a port of.
    pub master: Option<u32>,
    /// Whether a device stands behind it, on a bus or given to a virtual machine.
    ///
    /// From Linux 5.14 on the kernel names the device (`IFLA_PARENT_DEV_NAME`, `rtnl_fill_ifinfo`
    /// in `net/core/rtnetlink.c`), the one that `/sys/class/net/NAME/device` links to. An older
    /// kernel shows it by what is missing: a link that no software makes has no kind. Both are
    /// true in every network namespace; `/sys` shows the one in which it was mounted.
    pub has_device: bool,
    /// Whether it leads to the host itself.
    pub loopback: bool,
    /// Whether it is switched on, with or without a carrier.
    pub up: bool,
}

impl Link {
    /// Reads a link message. Only what is wanted is decoded, so that an attribute of a newer kernel
    /// is no trouble.
    pub(super) fn decode(payload: &[u8]) -> Result<Option<Self>, DecodeError> {
        let header = LinkHeader::parse(payload)?;
        let loopback = header.flags.contains(LinkFlags::Loopback);
        let up = header.flags.contains(LinkFlags::Up);
        let mut link = Self { index: header.index, loopback, up, ..Self::default() };
        for attribute in attributes(payload, HEADER_LEN) {
            let attribute = attribute?;
            match attribute.kind() {
                IFLA_IFNAME => link.name = text(attribute.value()),
                IFLA_MASTER => link.master = Some(parse_u32(attribute.value())?),
                IFLA_LINKINFO => link.kind = kind(attribute.value())?,
                IFLA_PARENT_DEV_NAME => link.has_device = true,
                _ => {}
            }
        }
        link.has_device |= link.kind.is_none() && !link.loopback;
        Ok(Some(link))
    }
}

fn kind(info: &[u8]) -> Result<Option<String>, DecodeError> {
    for attribute in attributes(info, 0) {
        let attribute = attribute?;
        if attribute.kind() == IFLA_INFO_KIND {
            return Ok(Some(text(attribute.value())));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use netlink_packet_core::{DefaultNla, Emitable};
    use netlink_packet_route::link::{InfoKind, LinkAttribute, LinkInfo, LinkMessage};

    use super::*;

    /// The link of a message with these flags and attributes.
    fn decoded(flags: LinkFlags, attributes: Vec<LinkAttribute>) -> Link {
        let mut message = LinkMessage::default();
        message.header.index = 7;
        message.header.flags = flags;
        message.attributes = attributes;
        let mut bytes = vec![0; message.buffer_len()];
        message.emit(&mut bytes);
        Link::decode(&bytes).unwrap().unwrap()
    }

    fn named(name: &str) -> LinkAttribute {
        LinkAttribute::IfName(name.to_owned())
    }

    fn of_kind(kind: InfoKind) -> LinkAttribute {
        LinkAttribute::LinkInfo(vec![LinkInfo::Kind(kind)])
    }

    #[test]
    fn a_port_names_its_bridge_and_its_driver() {
        let link = decoded(LinkFlags::Up, vec![named("veth1"), LinkAttribute::Controller(3), of_kind(InfoKind::Veth)]);
        let veth = Link {
            index: 7,
            name: "veth1".to_owned(),
            kind: Some("veth".to_owned()),
            master: Some(3),
            up: true,
            ..Link::default()
        };
        assert_eq!(link, veth);
    }

    #[test]
    fn a_device_stands_behind_what_the_kernel_says_or_no_software_makes() {
        let parent = || LinkAttribute::ParentDevName("0000:01:00.0".to_owned());
        for (case, flags, attributes, has_device) in [
            ("from 5.14 on", LinkFlags::empty(), vec![parent()], true),
            ("before 5.14", LinkFlags::empty(), vec![], true),
            ("a switch's port", LinkFlags::empty(), vec![of_kind(InfoKind::Other("dsa".to_owned())), parent()], true),
            ("made by software", LinkFlags::empty(), vec![of_kind(InfoKind::Bridge)], false),
            ("loopback", LinkFlags::Loopback, vec![], false),
        ] {
            assert_eq!(decoded(flags, attributes).has_device, has_device, "{case}");
        }
    }

    #[test]
    fn what_a_newer_kernel_adds_is_passed_over() {
        let unknown = LinkAttribute::Other(DefaultNla::new(9999, vec![1, 2, 3]));
        assert_eq!(decoded(LinkFlags::empty(), vec![unknown, named("eth0")]).name, "eth0");
    }

    #[test]
    fn a_name_that_is_no_text_is_marked() {
        let name = LinkAttribute::Other(DefaultNla::new(IFLA_IFNAME, b"br-\xff\0".to_vec()));
        assert_eq!(decoded(LinkFlags::empty(), vec![name]).name, "br-\u{fffd}");
    }

    #[test]
    fn a_message_cut_short_is_an_error() {
        for payload in [&[][..], &[0; 15], &[&[0; 16][..], &[9, 0, 3, 0, 1]].concat()] {
            assert!(Link::decode(payload).is_err(), "{payload:?}");
        }
    }
}
