//! The types of set keys and of the values that rules compare: nft's numbers for them
//! (`include/datatype.h` of nftables), their size, and how a value is written.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::interval::{Address, Interval};

/// The length of an interface name with its NUL (`IFNAMSIZ`).
pub const IFNAME_LEN: usize = 16;

/// A data type as nft numbers it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DataType {
    /// 1 byte: the network family.
    NfProto,
    /// 4 bytes.
    Ipv4Addr,
    /// 16 bytes.
    Ipv6Addr,
    /// 1 byte: a transport protocol.
    InetProto,
    /// 2 bytes: a port.
    InetService,
    /// 1 byte: a number without a name.
    Integer,
    /// 1 byte: the type of an ICMPv6 message.
    Icmpv6Type,
    /// 1 byte: whom a frame is for.
    PktType,
    /// 4 bytes in host order: whether something is there, in nft's words of a `fib` (`boolean` is its
    /// type).
    Presence,
    /// 4 bytes in host order: the state of a packet's flow.
    CtState,
    /// 4 bytes in host order: what was done to a packet's flow.
    CtStatus,
    /// 1 byte: the direction of a flow.
    CtDirection,
    /// 16 bytes: an interface name, padded with NULs.
    IfName,
    /// Any other: its number and its length in bytes.
    Other {
        /// nft's number.
        id: u32,
        /// In bytes.
        len: u32,
    },
}

/// How the bytes of a key are ordered (`enum byteorder` of nftables, kept in a set's userdata so
/// that `nft` lists the set right).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ByteOrder {
    /// Single bytes and concatenations.
    None = 0,
    /// The host's.
    Host = 1,
    /// The network's.
    Network = 2,
}

impl DataType {
    /// Those that are told by their number alone; an integer has any length.
    const KNOWN: [Self; 12] = [
        Self::Presence,
        Self::NfProto,
        Self::Icmpv6Type,
        Self::PktType,
        Self::CtState,
        Self::CtStatus,
        Self::Ipv4Addr,
        Self::Ipv6Addr,
        Self::InetProto,
        Self::InetService,
        Self::CtDirection,
        Self::IfName,
    ];

    /// The type of that number; `len` serves for one that is not known here.
    pub fn from_id(id: u32, len: u32) -> Self {
        Self::KNOWN.into_iter().find(|known| known.id() == id).unwrap_or(Self::Other { id, len })
    }

    /// nft's number, at most 6 bits.
    pub fn id(self) -> u32 {
        match self {
            Self::NfProto => 2,
            Self::Integer => 4,
            Self::Ipv4Addr => 7,
            Self::Ipv6Addr => 8,
            Self::InetProto => 12,
            Self::InetService => 13,
            Self::CtState => 26,
            Self::CtDirection => 27,
            Self::CtStatus => 28,
            Self::Icmpv6Type => 29,
            Self::PktType => 31,
            Self::Presence => 37,
            Self::IfName => 41,
            Self::Other { id, .. } => id,
        }
    }

    /// The bytes of a value.
    pub fn len(self) -> u32 {
        match self {
            Self::NfProto | Self::InetProto | Self::CtDirection | Self::Integer | Self::Icmpv6Type | Self::PktType => 1,
            Self::InetService => 2,
            Self::Ipv4Addr | Self::CtState | Self::CtStatus | Self::Presence => 4,
            Self::Ipv6Addr | Self::IfName => 16,
            Self::Other { len, .. } => len,
        }
    }

    /// Whether a value has no bytes, which no type of nft's is.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// How a value's bytes are ordered.
    pub fn byte_order(self) -> ByteOrder {
        match self {
            Self::NfProto | Self::InetProto | Self::CtDirection | Self::Integer | Self::Icmpv6Type | Self::PktType => {
                ByteOrder::None
            }
            Self::Ipv4Addr | Self::Ipv6Addr | Self::InetService => ByteOrder::Network,
            Self::IfName | Self::CtState | Self::CtStatus | Self::Presence | Self::Other { .. } => ByteOrder::Host,
        }
    }

    /// The values from `first` to `last` in nft's words.
    pub fn interval(self, first: &[u8], last: &[u8]) -> String {
        if first == last {
            return self.value(first);
        }
        let network = match self {
            Self::Ipv4Addr => network::<Ipv4Addr>(first, last),
            Self::Ipv6Addr => network::<Ipv6Addr>(first, last),
            _ => None,
        };
        network.unwrap_or_else(|| format!("{}-{}", self.number(first), self.number(last)))
    }

    /// A value as a bound of an interval: nft takes no name of a protocol for one.
    fn number(self, bytes: &[u8]) -> String {
        match (self, bytes) {
            (Self::InetProto, [number]) => number.to_string(),
            _ => self.value(bytes),
        }
    }

    /// nft's word for the type.
    pub fn name(self) -> String {
        match self {
            Self::NfProto => "nf_proto".into(),
            Self::Ipv4Addr => "ipv4_addr".into(),
            Self::Ipv6Addr => "ipv6_addr".into(),
            Self::InetProto => "inet_proto".into(),
            Self::InetService => "inet_service".into(),
            Self::CtDirection => "ct_dir".into(),
            Self::Integer => "integer".into(),
            Self::Icmpv6Type => "icmpv6_type".into(),
            Self::PktType => "pkt_type".into(),
            Self::Presence => "boolean".into(),
            Self::CtState => "ct_state".into(),
            Self::CtStatus => "ct_status".into(),
            Self::IfName => "ifname".into(),
            Self::Other { id, .. } => format!("type{id}"),
        }
    }

    /// A value in nft's words; plain hexadecimal where the bytes are no value of the type.
    pub fn value(self, bytes: &[u8]) -> String {
        let word = match (self, bytes) {
            (Self::NfProto, [2]) => Some("ipv4".to_owned()),
            (Self::NfProto, [10]) => Some("ipv6".to_owned()),
            (Self::CtDirection, [0]) => Some("original".to_owned()),
            (Self::CtDirection, [1]) => Some("reply".to_owned()),
            (Self::Presence, [0, 0, 0, 0]) => Some("missing".to_owned()),
            (Self::Presence, _) if bytes == 1u32.to_ne_bytes() => Some("exists".to_owned()),
            (Self::PktType, [0]) => Some("host".to_owned()),
            (Self::PktType, [1]) => Some("broadcast".to_owned()),
            (Self::PktType, [2]) => Some("multicast".to_owned()),
            (Self::Integer, [number]) => Some(number.to_string()),
            (Self::Icmpv6Type, [number]) => Some(number.to_string()),
            (Self::InetProto, [number]) => Some(protocol_name(*number)),
            (Self::InetService, [high, low]) => Some(u16::from_be_bytes([*high, *low]).to_string()),
            (Self::Ipv4Addr, _) => <[u8; 4]>::try_from(bytes).ok().map(|octets| Ipv4Addr::from(octets).to_string()),
            (Self::Ipv6Addr, _) => <[u8; 16]>::try_from(bytes).ok().map(|octets| Ipv6Addr::from(octets).to_string()),
            (Self::IfName, _) => interface_name(bytes),
            _ => None,
        };
        word.unwrap_or_else(|| bytes.iter().fold("0x".to_owned(), |text, byte| format!("{text}{byte:02x}")))
    }
}

fn network<A: Address>(first: &[u8], last: &[u8]) -> Option<String> {
    Some(Interval::new(A::from_octets(first)?, A::from_octets(last)?)?.to_string())
}

/// The transport protocols that nft has a name for and this ruleset uses (RFC 5237, IANA).
const PROTOCOLS: [(u8, &str); 7] =
    [(1, "icmp"), (6, "tcp"), (17, "udp"), (33, "dccp"), (58, "ipv6-icmp"), (132, "sctp"), (136, "udplite")];

fn protocol_name(number: u8) -> String {
    PROTOCOLS.iter().find(|(known, _)| *known == number).map_or_else(|| number.to_string(), |(_, name)| (*name).into())
}

/// `"docker0"` for a whole name, `"br-*"` for a prefix without its NUL.
fn interface_name(bytes: &[u8]) -> Option<String> {
    let end = bytes.iter().position(|byte| *byte == 0);
    let text = std::str::from_utf8(bytes.get(..end.unwrap_or(bytes.len()))?).ok()?;
    let printable = !text.is_empty() && text.chars().all(|c| !c.is_control() && c != '"');
    printable.then(|| if end.is_some() { format!("\"{text}\"") } else { format!("\"{text}*\"") })
}

/// An interface name as rules and sets hold it: 16 bytes, padded with NULs.
pub fn interface_key(name: &str) -> Vec<u8> {
    let mut key = name.as_bytes().to_vec();
    key.resize(IFNAME_LEN, 0);
    key
}
