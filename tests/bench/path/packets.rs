//! The packets that are measured, byte by byte: UDP, of both families.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::lane::{CONTAINER4, CONTAINER6, HOST4, HOST6, UPLINK4, UPLINK6};

/// At which end packets begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Port {
    /// The container.
    Container,
    /// Beyond the host.
    Beyond,
}

/// What becomes of a packet, and where it stands in its flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// To a public address, unanswered.
    Allowed,
    /// To a public address, in a flow that was answered.
    Established,
    /// The answer.
    Reply,
    /// To an address that is denied and granted.
    Granted,
    /// To an address that is denied.
    Denied,
    /// From a container to its host: denied.
    ToHost,
    /// From anywhere else to the host: nothing of ours.
    FromElsewhere,
}

/// A version of IP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// IPv4.
    Four,
    /// IPv6.
    Six,
}

impl Version {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Four => "IPv4",
            Self::Six => "IPv6",
        }
    }
}

/// How many addresses the packets of one kind go to in turns, as the flows of a host do.
pub const ADDRESSES: u32 = 128;

/// UDP's port "discard", which nobody answers from.
pub const DISCARD: u16 = 9;

/// A packet, and the address that the kernel is given with it.
pub struct Packet {
    /// With its IP header.
    pub bytes: Vec<u8>,
    /// Where it goes.
    pub to: SocketAddr,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Allowed, Self::Established, Self::Reply, Self::Granted, Self::Denied, Self::ToHost, Self::FromElsewhere];

    /// What people call it.
    pub fn title(self) -> &'static str {
        match self {
            Self::Allowed => "To a public address",
            Self::Established => "To a public address, in a flow that was answered",
            Self::Reply => "The answer to a container",
            Self::Granted => "To an address that is denied and granted",
            Self::Denied => "To a denied address",
            Self::ToHost => "From a container to its host, denied by dockwall alone",
            Self::FromElsewhere => "From elsewhere to the host",
        }
    }

    /// Where packets of it begin.
    pub fn port(self) -> Port {
        match self {
            Self::Reply | Self::FromElsewhere => Port::Beyond,
            _ => Port::Container,
        }
    }

    /// Packets of it, to as many addresses as a host talks to.
    pub fn packets(self, version: Version) -> Vec<Packet> {
        (0..ADDRESSES).map(|index| self.packet(version, index)).collect()
    }

    fn packet(self, version: Version, index: u32) -> Packet {
        let six = version == Version::Six;
        let either = |four: Ipv4Addr, v6: Ipv6Addr| if six { IpAddr::from(v6) } else { four.into() };
        let (container, public) = (either(CONTAINER4, CONTAINER6), either(public4(index), public6(index)));
        // Flows that were answered are other flows.
        let flow = if matches!(self, Self::Established | Self::Reply) { 6000 } else { 5000 };
        let (from, to) = match self {
            Self::Allowed | Self::Established => (container, public),
            // Its destination is translated back before it is forwarded.
            Self::Reply => (public, either(UPLINK4, UPLINK6)),
            Self::Granted => (container, either(granted4(index), granted6(index))),
            Self::Denied => (container, either(denied4(index), denied6(index))),
            Self::ToHost => (container, either(HOST4, HOST6)),
            Self::FromElsewhere => (public, either(UPLINK4, UPLINK6)),
        };
        let ports = if self == Self::Reply { (DISCARD, flow) } else { (flow, DISCARD) };
        Packet { bytes: datagram(from, to, ports), to: SocketAddr::new(to, 0) }
    }
}

/// All over the public addresses, at a distance that is no power of two.
pub fn public4(index: u32) -> Ipv4Addr {
    let wanted = (0..).map(|more: u32| {
        Ipv4Addr::from(0x0100_0001 + (index + more * ADDRESSES).wrapping_mul(28_697_813) % 0xde00_0000)
    });
    wanted.into_iter().find(|address| is_public(*address)).unwrap_or(Ipv4Addr::new(1, 1, 1, 1))
}

/// Whether no range denies it that dockwall knows.
pub fn is_public(address: Ipv4Addr) -> bool {
    let [a, b, ..] = address.octets();
    let special =
        matches!((a, b), (0 | 10 | 127, _) | (100, 64..128) | (169, 254) | (172, 16..32) | (192, 0 | 168 | 88));
    !special && a < 224 && !matches!((a, b), (198, 18 | 19 | 51) | (203, 0))
}

/// Global unicast, away from what documentation and tunnels use.
pub fn public6(index: u32) -> Ipv6Addr {
    let high = 0x2400 + (index.wrapping_mul(37) % 0x0800) as u16;
    Ipv6Addr::new(high, (index * 251) as u16, index as u16, 0, 0, 0, 0, 0x53)
}

/// What the configurations grant.
pub fn granted4(index: u32) -> Ipv4Addr {
    Ipv4Addr::from(0x0a40_0001 + index * 2)
}

/// The same of IPv6.
pub fn granted6(index: u32) -> Ipv6Addr {
    // As many in one /112 as go to one /24 of IPv4.
    Ipv6Addr::new(0xfd64, 0, 0, 0, 0, 0, (index / ADDRESSES) as u16, (index % ADDRESSES * 2 + 1) as u16)
}

fn denied4(index: u32) -> Ipv4Addr {
    Ipv4Addr::from(0x0a21_0001 + index * 4099)
}

fn denied6(index: u32) -> Ipv6Addr {
    Ipv6Addr::new(0xfd21, index as u16, 0, 0, 0, 0, 0, 1)
}

/// The smallest frame of Ethernet holds 18 bytes behind the headers of IPv4 and UDP.
const PAYLOAD: [u8; 18] = [0; 18];
const UDP: u8 = 17;

/// An IP packet with a UDP header and no more than has to be.
fn datagram(from: IpAddr, to: IpAddr, (source, destination): (u16, u16)) -> Vec<u8> {
    let length = 8 + PAYLOAD.len() as u16;
    let mut udp = [source, destination, length, 0].map(u16::to_be_bytes).concat();
    udp.extend(PAYLOAD);
    let (source, destination) = (octets(from), octets(to));
    // RFC 768 and RFC 8200, 8.1.
    let sum = checksum([&source, &destination, &u16::from(UDP).to_be_bytes()[..], &length.to_be_bytes(), &udp]);
    if let Some(field) = udp.get_mut(6..8) {
        field.copy_from_slice(&sum.to_be_bytes());
    }
    let header = match from {
        // Without the identification the kernel would make one up for each; the checksum it writes itself.
        IpAddr::V4(_) => [&[0x45, 0], &(20 + length).to_be_bytes()[..], &[0, 1, 0x40, 0, 64, UDP, 0, 0]].concat(),
        IpAddr::V6(_) => [&[0x60, 0, 0, 0], &length.to_be_bytes()[..], &[UDP, 64]].concat(),
    };
    [header, source, destination, udp].concat()
}

fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}

/// RFC 1071, of parts of even length.
fn checksum<'a>(parts: impl IntoIterator<Item = &'a (impl AsRef<[u8]> + ?Sized + 'a)>) -> u16 {
    let words = parts.into_iter().flat_map(|part| {
        part.as_ref().chunks(2).map(|pair| pair.iter().fold(0, |word, byte| word << 8 | u32::from(*byte)))
    });
    let sum: u32 = words.sum();
    let sum = (sum & 0xffff) + (sum >> 16);
    !(((sum & 0xffff) + (sum >> 16)) as u16)
}
