//! NFLOG: the packets that the wall logs to a netlink group (`include/uapi/linux/netfilter/nfnetlink_log.h`).

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::{AsFd, BorrowedFd};

use netlink_sys::{Socket, protocols::NETLINK_NETFILTER};
use rustix::io::Errno;

use super::attribute::{Attributes, Writer};
use super::batch::read_nack;
use super::error::Error;
use super::message::{self, FAMILY_UNSPEC, Messages};
use crate::host::Flow;

/// `NFNL_SUBSYS_ULOG` with `NFULNL_MSG_PACKET` and `NFULNL_MSG_CONFIG`.
const PACKET: u16 = 4 << 8;
const CONFIG: u16 = 4 << 8 | 1;

const NFULA_CFG_CMD: u16 = 1;
const NFULA_CFG_MODE: u16 = 2;
const NFULA_CFG_QTHRESH: u16 = 5;
const NFULA_CFG_FLAGS: u16 = 6;
/// `NFULNL_CFG_CMD_BIND`.
const BIND: u8 = 1;
/// `NFULNL_COPY_PACKET`.
const COPY_PACKET: u8 = 2;
/// `NFULNL_CFG_F_CONNTRACK`: tell the flow of each packet, by what was asked for before any translation.
const WITH_FLOW: u16 = 4;
/// The bytes of each packet that are wanted: its headers.
const COPY_BYTES: u32 = 256;

const NFULA_IFINDEX_OUTDEV: u16 = 5;
const NFULA_PAYLOAD: u16 = 9;
const NFULA_PREFIX: u16 = 10;
const NFULA_CT: u16 = 18;

/// `NLM_F_ACK`.
const ACK: u16 = 4;
/// What one read takes at most.
const READ_LEN: usize = 64 * 1024;

/// tcp, udp, dccp, sctp and udplite: those that the meters remember by port.
const WITH_PORTS: [u8; 5] = [6, 17, 33, 132, 136];

/// A logged packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logged {
    /// What the rule put before it.
    pub prefix: String,
    /// Its flow, by the destination that was asked for.
    pub flow: Flow,
}

/// The one listener to a group.
#[derive(Debug)]
pub struct Nflog {
    socket: Socket,
    buffer: Vec<u8>,
}

impl Nflog {
    /// Listens to `group`; none where another program does, since the kernel lets only one.
    ///
    /// # Errors
    /// [`Error::Socket`], also where the kernel has no NFLOG.
    pub fn open(group: u16) -> Result<Option<Self>, Error> {
        let failed = |source| Error::Socket { doing: "listen to the log by", source };
        let mut socket = Socket::new(NETLINK_NETFILTER).map_err(failed)?;
        socket.bind_auto().map_err(failed)?;
        let mut nflog = Self { socket, buffer: Vec::with_capacity(READ_LEN) };
        match nflog.configure(group, |writer| writer.u8(NFULA_CFG_CMD, BIND)) {
            Err(error) if Errno::from_io_error(&error) == Some(Errno::PERM) => return Ok(None),
            bound => bound.map_err(failed)?,
        }
        let [b0, b1, b2, b3] = COPY_BYTES.to_be_bytes();
        nflog
            .configure(group, |writer| writer.bytes(NFULA_CFG_MODE, &[b0, b1, b2, b3, COPY_PACKET, 0]))
            .map_err(failed)?;
        // At once, not by the hundred.
        nflog.configure(group, |writer| writer.u32(NFULA_CFG_QTHRESH, 1)).map_err(failed)?;
        // Without nf_conntrack_netlink packets come with the translated destination alone.
        let _ = nflog.configure(group, |writer| writer.u16(NFULA_CFG_FLAGS, WITH_FLOW));
        nflog.socket.set_non_blocking(true).map_err(failed)?;
        Ok(Some(nflog))
    }

    /// The packets that have come, without waiting. Some may have been lost.
    ///
    /// # Errors
    /// [`Error::Socket`].
    pub fn ready(&mut self) -> Result<Vec<Logged>, Error> {
        let mut logged = Vec::new();
        // A flood is looked at in parts, so that there is time for the rest.
        for _ in 0..256 {
            self.buffer.clear();
            match self.socket.recv(&mut self.buffer, 0) {
                Ok(_) => {
                    let packets = Messages(&self.buffer).filter(|message| message.kind == PACKET);
                    logged.extend(packets.filter_map(|message| Logged::decode(message.attributes())));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if Errno::from_io_error(&error) == Some(Errno::NOBUFS) => {}
                Err(source) => return Err(Error::Socket { doing: "listen to the log by", source }),
            }
        }
        Ok(logged)
    }

    fn configure(&mut self, group: u16, write: impl FnOnce(&mut Writer)) -> io::Result<()> {
        let request = message::append(Vec::new(), CONFIG, ACK, 1, FAMILY_UNSPEC, group, write);
        self.socket.send(&request, 0)?;
        // Packets may come before the answer.
        for _ in 0..1024 {
            self.buffer.clear();
            self.socket.recv(&mut self.buffer, 0)?;
            if let Some(answer) = Messages(&self.buffer).find(|message| message.kind == message::ERROR) {
                return read_nack(&answer).map_or(Ok(()), |nack| Err(io::Error::from_raw_os_error(nack.errno)));
            }
        }
        Err(io::ErrorKind::TimedOut.into())
    }
}

impl AsFd for Nflog {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl Logged {
    /// Reads a packet message; none where it has no whole header of a packet.
    pub(super) fn decode(attributes: Attributes) -> Option<Self> {
        let (mut prefix, mut packet, mut asked, mut is_forwarded) = (String::new(), None, None, false);
        for attribute in attributes.flatten() {
            match attribute.kind {
                NFULA_PREFIX => prefix = attribute.string().unwrap_or_default(),
                NFULA_PAYLOAD => packet = read_packet(attribute.payload),
                NFULA_CT => asked = Flow::of_conntrack(attribute.payload),
                NFULA_IFINDEX_OUTDEV => is_forwarded = true,
                _ => {}
            }
        }
        let packet: Flow = packet?;
        // Where Docker translated it, the meters have it by what was asked for.
        let asked = asked
            .filter(|asked: &Flow| is_forwarded && asked.source == packet.source && asked.protocol == packet.protocol);
        let flow = asked.map_or(packet, |asked| Flow { port: packet.port.and(asked.port), ..asked });
        Some(Self { prefix, flow })
    }
}

/// Reads the headers of an IP packet.
fn read_packet(packet: &[u8]) -> Option<Flow> {
    let (source, destination, protocol, transport): (IpAddr, IpAddr, u8, Option<&[u8]>) = match packet.first()? >> 4 {
        4 => {
            let header: &[u8; 20] = packet.first_chunk()?;
            let [first, .., protocol, _, _, s0, s1, s2, s3, d0, d1, d2, d3] = *header;
            let is_first = u16::from_be_bytes(*packet.get(6..)?.first_chunk()?) & 0x1fff == 0;
            let transport = packet.get(usize::from(first & 15) * 4..).filter(|_| is_first);
            (Ipv4Addr::new(s0, s1, s2, s3).into(), Ipv4Addr::new(d0, d1, d2, d3).into(), protocol, transport)
        }
        6 => {
            let address = |at: usize| Some(Ipv6Addr::from(*packet.get(at..)?.first_chunk::<16>()?));
            let (protocol, transport) = skip_extensions(*packet.get(6)?, packet.get(40..)?);
            (address(8)?.into(), address(24)?.into(), protocol, transport)
        }
        _ => return None,
    };
    let port = transport.and_then(|transport| Some(u16::from_be_bytes(*transport.get(2..)?.first_chunk()?)));
    Some(Flow { source, destination, protocol, port: port.filter(|_| WITH_PORTS.contains(&protocol)) })
}

/// The protocol behind hop-by-hop (0), routing (43), fragment (44) and destination (60) headers (RFC 8200), and
/// its header; none of a later fragment.
fn skip_extensions(mut next: u8, mut rest: &[u8]) -> (u8, Option<&[u8]>) {
    for _ in 0..8 {
        let (&[following, words, high, low, ..], is_fragment) = (rest, next == 44) else {
            return (next, None);
        };
        let len = match next {
            0 | 43 | 60 => usize::from(words) * 8 + 8,
            44 => 8,
            _ => return (next, Some(rest)),
        };
        rest = rest.get(len..).unwrap_or_default();
        next = following;
        if is_fragment && u16::from_be_bytes([high, low]) >> 3 != 0 {
            return (next, None);
        }
    }
    (next, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ipv4(protocol: u8, fragment: u16) -> Vec<u8> {
        let mut packet = vec![0x45, 0, 0, 40, 0, 0];
        packet.extend(fragment.to_be_bytes());
        packet.extend([64, protocol, 0, 0, 172, 21, 0, 2, 10, 57, 17, 6, 0x80, 0, 0x1b, 0x58, 0, 0, 0, 0]);
        packet
    }

    #[test]
    fn the_port_is_read_where_there_is_one() {
        let port = |packet: &[u8]| read_packet(packet).unwrap().port;
        assert_eq!(port(&ipv4(6, 0)), Some(7000));
        assert_eq!(port(&ipv4(1, 0)), None, "an echo's checksum is no port");
        assert_eq!(port(&ipv4(17, 185)), None, "a later fragment has no header");
        assert_eq!(port(&ipv4(17, 0)[..22]), None);
        assert!(read_packet(&ipv4(17, 0)[..19]).is_none() && read_packet(&[]).is_none());
    }

    #[test]
    fn ipv6_headers_are_passed_over() {
        let mut packet = vec![0x60, 0, 0, 0, 0, 24, 0, 64];
        packet.extend([0xfd; 32]);
        packet.extend([44, 0, 0, 0, 0, 0, 0, 0]);
        packet.extend([17, 0, 0, 1, 0, 0, 0, 9]);
        packet.extend([0x80, 0, 0, 53]);
        let flow = read_packet(&packet).unwrap();
        assert_eq!((flow.protocol, flow.port), (17, Some(53)));
    }

    #[test]
    fn a_translated_flow_is_known_by_what_was_asked_for() {
        let tuple = |writer: &mut Writer, destination: [u8; 4], port: u16| {
            writer.nest(1, |writer| {
                writer.bytes(1, &[172, 21, 0, 2]);
                writer.bytes(2, &destination);
            });
            writer.nest(2, |writer| {
                writer.u8(1, 6);
                writer.u16(3, port);
            });
        };
        for (forwarded, expected) in [(true, ([10, 57, 17, 2], 8080)), (false, ([10, 57, 17, 6], 7000))] {
            let mut writer = Writer::default();
            writer.string(NFULA_PREFIX, "DOCKER_NET_DROP ");
            writer.bytes(NFULA_PAYLOAD, &ipv4(6, 0));
            if forwarded {
                writer.u32(NFULA_IFINDEX_OUTDEV, 3);
            }
            writer.nest(NFULA_CT, |writer| writer.nest(1, |writer| tuple(writer, [10, 57, 17, 2], 8080)));
            let bytes = writer.into_bytes();
            let logged = Logged::decode(Attributes::new(&bytes)).unwrap();
            assert_eq!(logged.prefix, "DOCKER_NET_DROP ");
            assert_eq!((logged.flow.destination, logged.flow.port), (expected.0.into(), Some(expected.1)));
        }
    }
}
