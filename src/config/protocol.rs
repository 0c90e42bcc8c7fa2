//! Protocols by name. To be replaced by the configuration's own.

/// An IP protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs)]
pub enum Protocol {
    Tcp,
    Udp,
    UdpLite,
    Dccp,
    Sctp,
    Icmp,
    Igmp,
    Gre,
    Esp,
    Ah,
    Other(u8),
}
