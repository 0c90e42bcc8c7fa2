//! Packets as bytes. Their checksums are left out: the host is told not to look at them.

use std::net::IpAddr;

/// The IP header with `payload` behind it; `number` stands in the identification, or the flow label.
pub fn packet(
    source: IpAddr,
    destination: IpAddr,
    hop_limit: u8,
    protocol: u8,
    number: u16,
    payload: &[u8],
) -> Vec<u8> {
    let len = payload.len() as u16;
    let header = match (source, destination) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => {
            let [id, id_low] = number.to_be_bytes();
            let [len, len_low] = (20 + len).to_be_bytes();
            let start = [0x45, 0, len, len_low, id, id_low, 0, 0, hop_limit, protocol, 0, 0];
            [start.as_slice(), &source.octets(), &destination.octets()].concat()
        }
        (IpAddr::V6(source), IpAddr::V6(destination)) => {
            let [label, label_low] = number.to_be_bytes();
            let [len, len_low] = len.to_be_bytes();
            let start = [0x60, 0, label, label_low, len, len_low, protocol, hop_limit];
            [start.as_slice(), &source.octets(), &destination.octets()].concat()
        }
        _ => panic!("{source} and {destination} are of two families"),
    };
    [header.as_slice(), payload].concat()
}

/// A segment of TCP (RFC 9293, 3.1) that begins at `sequence` and acknowledges up to `acknowledged`.
pub fn tcp(source: u16, destination: u16, flags: u8, sequence: u32, acknowledged: u32) -> Vec<u8> {
    let mut segment = ports(source, destination);
    segment.extend(sequence.to_be_bytes());
    segment.extend(acknowledged.to_be_bytes());
    segment.extend([5 << 4, flags, 0xff, 0xff, 0, 0, 0, 0]);
    segment
}

/// A datagram of UDP (RFC 768) without a checksum, which IPv4 allows, or of UDP-Lite with one.
pub fn udp(source: u16, destination: u16, checksum: u16) -> Vec<u8> {
    let mut datagram = ports(source, destination);
    datagram.extend(8u16.to_be_bytes());
    datagram.extend(checksum.to_be_bytes());
    datagram
}

/// A packet of SCTP that opens an association (RFC 9260, 3.3.2).
pub fn sctp(source: u16, destination: u16) -> Vec<u8> {
    let mut packet = ports(source, destination);
    packet.extend([0; 8]);
    packet.extend([1, 0, 0, 20, 0, 0, 0, 1, 0, 0, 0xff, 0xff, 0, 1, 0, 1, 0, 0, 0, 1]);
    packet
}

/// A message of ICMP or ICMPv6; `identifier` is an echo's.
pub fn icmp(kind: u8, identifier: u16) -> Vec<u8> {
    let mut message = vec![kind, 0, 0, 0];
    message.extend(identifier.to_be_bytes());
    // As long as a neighbour's message at the least.
    message.extend([0; 18]);
    message
}

fn ports(source: u16, destination: u16) -> Vec<u8> {
    [source.to_be_bytes(), destination.to_be_bytes()].concat()
}
