//! The flows that the kernel keeps track of.

use std::io;
use std::net::IpAddr;

use netlink_packet_core::{DecodeError, NetlinkSerializable, NlaBuffer, parse_ip, parse_u8, parse_u16_be};
use netlink_sys::protocols::NETLINK_NETFILTER;
use rustix::io::Errno;

use super::facts_error::FactsError;
use super::flows_error::FlowsError;
use super::netlink::{Netlink, attributes};

/// `NFNL_SUBSYS_CTNETLINK` and `IPCTNL_MSG_CT_GET`.
const GET_FLOWS: u16 = 1 << 8 | 1;
/// Bytes of `struct nfgenmsg`.
const HEADER_LEN: usize = 4;

// `include/uapi/linux/netfilter/nfnetlink_conntrack.h`.
const CTA_TUPLE_ORIG: u16 = 1;
const CTA_TUPLE_IP: u16 = 1;
const CTA_TUPLE_PROTO: u16 = 2;
const CTA_IP_V4_SRC: u16 = 1;
const CTA_IP_V4_DST: u16 = 2;
const CTA_IP_V6_SRC: u16 = 3;
const CTA_IP_V6_DST: u16 = 4;
const CTA_PROTO_NUM: u16 = 1;
const CTA_PROTO_DST_PORT: u16 = 3;

/// A flow in its original direction, as its first packet came: before any address was translated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Flow {
    /// Who opened it.
    pub source: IpAddr,
    /// To whom.
    pub destination: IpAddr,
    /// The IP protocol's number.
    pub protocol: u8,
    /// The destination's port, where the protocol has ports.
    pub port: Option<u16>,
}

/// Every flow of this thread's network namespace that the kernel keeps track of, until long after
/// its last packet (`nf_conntrack_tcp_timeout_established`). Needs CAP_NET_ADMIN.
///
/// # Errors
/// [`FlowsError`] where the kernel did not list them.
pub fn open_flows() -> Result<Vec<Flow>, FlowsError> {
    Netlink::open(NETLINK_NETFILTER)
        .and_then(|mut kernel| kernel.dump(GetFlows, "flows", Flow::decode))
        .map_err(meaning)
}

impl Flow {
    /// Reads a flow as other messages carry it (`NFULA_CT`); none where it says no addresses.
    pub(crate) fn of_conntrack(nested: &[u8]) -> Option<Self> {
        Self::decode_behind(nested, 0).ok().flatten()
    }

    /// Reads a flow message; none where it says no addresses.
    fn decode(payload: &[u8]) -> Result<Option<Self>, DecodeError> {
        Self::decode_behind(payload, HEADER_LEN)
    }

    fn decode_behind(payload: &[u8], header_len: usize) -> Result<Option<Self>, DecodeError> {
        for attribute in attributes(payload, header_len) {
            let attribute = attribute?;
            if attribute.kind() == CTA_TUPLE_ORIG {
                return Self::decode_tuple(attribute.value());
            }
        }
        Ok(None)
    }

    fn decode_tuple(tuple: &[u8]) -> Result<Option<Self>, DecodeError> {
        let (mut source, mut destination, mut protocol, mut port) = (None, None, None, None);
        for part in attributes(tuple, 0) {
            let part = part?;
            for attribute in attributes(part.value(), 0) {
                let attribute: NlaBuffer<&[u8]> = attribute?;
                let value = attribute.value();
                match (part.kind(), attribute.kind()) {
                    (CTA_TUPLE_IP, CTA_IP_V4_SRC | CTA_IP_V6_SRC) => source = Some(parse_ip(value)?),
                    (CTA_TUPLE_IP, CTA_IP_V4_DST | CTA_IP_V6_DST) => destination = Some(parse_ip(value)?),
                    (CTA_TUPLE_PROTO, CTA_PROTO_NUM) => protocol = Some(parse_u8(value)?),
                    (CTA_TUPLE_PROTO, CTA_PROTO_DST_PORT) => port = Some(parse_u16_be(value)?),
                    _ => {}
                }
            }
        }
        let flow = source.zip(destination).zip(protocol);
        Ok(flow.map(|((source, destination), protocol)| Self { source, destination, protocol, port }))
    }
}

/// The question for all of them, of IPv4 and IPv6.
#[derive(Clone)]
struct GetFlows;

impl NetlinkSerializable for GetFlows {
    fn message_type(&self) -> u16 {
        GET_FLOWS
    }

    fn buffer_len(&self) -> usize {
        HEADER_LEN
    }

    /// `AF_UNSPEC`, `NFNETLINK_V0`, no resource.
    fn serialize(&self, buffer: &mut [u8]) {
        buffer.fill(0);
    }
}

/// EPERM comes first in the kernel; a subsystem that is not there and can't be loaded is EINVAL
/// (`nfnetlink_rcv_msg` in `net/netfilter/nfnetlink.c`).
fn meaning(error: FactsError) -> FlowsError {
    let errno = |source: &io::Error| source.raw_os_error().map(Errno::from_raw_os_error);
    match &error {
        FactsError::Socket { source, .. } if errno(source) == Some(Errno::PROTONOSUPPORT) => FlowsError::NoConntrack,
        FactsError::Refused { source, .. } => match errno(source) {
            Some(Errno::PERM) => FlowsError::NotPermitted,
            Some(Errno::INVAL | Errno::OPNOTSUPP) => FlowsError::NoConntrack,
            _ => error.into(),
        },
        _ => error.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An attribute with its padding.
    fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
        let len = u16::try_from(4 + value.len()).unwrap();
        let mut bytes = [len.to_ne_bytes(), kind.to_ne_bytes()].concat();
        bytes.extend_from_slice(value);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }

    /// A message with this tuple in that direction.
    fn message(direction: u16, addresses: &[u8], protocol: &[u8]) -> Vec<u8> {
        let tuple = [attribute(CTA_TUPLE_IP, addresses), attribute(CTA_TUPLE_PROTO, protocol)].concat();
        [vec![2, 0, 0, 0], attribute(direction, &tuple)].concat()
    }

    fn addresses() -> Vec<u8> {
        [attribute(CTA_IP_V4_SRC, &[172, 17, 0, 2]), attribute(CTA_IP_V4_DST, &[10, 0, 0, 1])].concat()
    }

    fn flow(protocol: u8, port: Option<u16>) -> Flow {
        Flow { source: [172, 17, 0, 2].into(), destination: [10, 0, 0, 1].into(), protocol, port }
    }

    #[test]
    fn a_flow_is_read_in_its_original_direction() {
        const CTA_PROTO_SRC_PORT: u16 = 2;
        const CTA_PROTO_ICMP_ID: u16 = 4;
        let udp = [
            attribute(CTA_PROTO_NUM, &[17]),
            attribute(CTA_PROTO_SRC_PORT, &[0x80, 0]),
            attribute(CTA_PROTO_DST_PORT, &[0, 53]),
        ];
        let icmp = [attribute(CTA_PROTO_NUM, &[1]), attribute(CTA_PROTO_ICMP_ID, &[0, 7])];
        for (protocol, expected) in [(udp.concat(), flow(17, Some(53))), (icmp.concat(), flow(1, None))] {
            let read = Flow::decode(&message(CTA_TUPLE_ORIG, &addresses(), &protocol)).unwrap();
            assert_eq!(read, Some(expected));
        }
    }

    #[test]
    fn what_says_no_addresses_is_passed_over_and_what_is_cut_short_refused() {
        const CTA_TUPLE_REPLY: u16 = 2;
        let protocol = attribute(CTA_PROTO_NUM, &[6]);
        assert_eq!(Flow::decode(&message(CTA_TUPLE_REPLY, &addresses(), &protocol)).unwrap(), None);
        assert_eq!(Flow::decode(&message(CTA_TUPLE_ORIG, &[], &protocol)).unwrap(), None);
        let whole = message(CTA_TUPLE_ORIG, &addresses(), &protocol);
        assert!(Flow::decode(&whole[..whole.len() - 4]).is_err());
        assert!(Flow::decode(&message(CTA_TUPLE_ORIG, &attribute(CTA_IP_V4_SRC, &[1, 2]), &protocol)).is_err());
    }

    #[test]
    fn an_errno_says_what_is_missing() {
        let refused = |errno: Errno| FactsError::Refused { what: "flows", source: errno.into() };
        assert!(matches!(meaning(refused(Errno::PERM)), FlowsError::NotPermitted));
        assert!(matches!(meaning(refused(Errno::INVAL)), FlowsError::NoConntrack));
        assert!(matches!(meaning(refused(Errno::NOMEM)), FlowsError::Unreadable(_)));
        let socket = FactsError::Socket { doing: "open", source: Errno::PROTONOSUPPORT.into() };
        assert!(matches!(meaning(socket), FlowsError::NoConntrack));
    }
}
