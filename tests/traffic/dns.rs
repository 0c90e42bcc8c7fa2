//! DNS messages (RFC 1035): questions about one name, and a server for which every name exists.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use clap::{Args, ValueEnum};
use simple_dns::rdata::{A, AAAA, RData};
use simple_dns::{CLASS, Name, Packet, PacketFlag, QTYPE, Question, ResourceRecord, TYPE};

/// Seconds for which an answer may be kept.
const TIME_TO_LIVE: u32 = 1;

/// Larger than any answer by UDP that we get.
pub const LARGEST_ANSWER: usize = 4096;

/// Which addresses are asked for.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Record {
    /// IPv4
    A,
    /// IPv6
    Aaaa,
}

/// What every name has.
#[derive(Args, Clone, Copy)]
pub struct Zone {
    /// The IPv4 address of every name
    #[arg(long, value_name = "ADDRESS", default_value = "192.0.2.80")]
    a: Ipv4Addr,

    /// The IPv6 address of every name
    #[arg(long, value_name = "ADDRESS", default_value = "2001:db8:80::80")]
    aaaa: Ipv6Addr,
}

impl Zone {
    /// The answer to a question; none to what is no question.
    pub fn answer(self, question: &[u8]) -> Option<Vec<u8>> {
        let asked = Packet::parse(question).ok().filter(|packet| !packet.has_flags(PacketFlag::RESPONSE))?;
        let mut answer = Packet::new_reply(asked.id());
        answer.set_flags(PacketFlag::RECURSION_AVAILABLE);
        if asked.has_flags(PacketFlag::RECURSION_DESIRED) {
            answer.set_flags(PacketFlag::RECURSION_DESIRED);
        }
        for question in asked.questions {
            let data = match question.qtype {
                QTYPE::TYPE(TYPE::A) => Some(RData::A(A { address: self.a.to_bits() })),
                QTYPE::TYPE(TYPE::AAAA) => Some(RData::AAAA(AAAA { address: self.aaaa.to_bits() })),
                _ => None,
            };
            let record = |data| ResourceRecord::new(question.qname.clone(), CLASS::IN, TIME_TO_LIVE, data);
            answer.answers.extend(data.map(record));
            answer.questions.push(question);
        }
        answer.build_bytes_vec().ok()
    }
}

/// A question about a name.
pub fn question(id: u16, name: &str, record: Record) -> io::Result<Vec<u8>> {
    let kind = match record {
        Record::A => TYPE::A,
        Record::Aaaa => TYPE::AAAA,
    };
    let name = Name::new(name).map_err(io::Error::other)?;
    let mut packet = Packet::new_query(id);
    packet.set_flags(PacketFlag::RECURSION_DESIRED);
    packet.questions.push(Question::new(name, kind.into(), CLASS::IN.into(), false));
    packet.build_bytes_vec().map_err(io::Error::other)
}

/// The addresses in the answer to a question; none if it is the answer to something else.
pub fn addresses(id: u16, answer: &[u8]) -> Option<Vec<IpAddr>> {
    let answer = Packet::parse(answer).ok()?;
    let is_ours = answer.id() == id && answer.has_flags(PacketFlag::RESPONSE);
    let address = |record: &ResourceRecord| match &record.rdata {
        RData::A(a) => Some(IpAddr::from(Ipv4Addr::from_bits(a.address))),
        RData::AAAA(aaaa) => Some(IpAddr::from(Ipv6Addr::from_bits(aaaa.address))),
        _ => None,
    };
    is_ours.then(|| answer.answers.iter().filter_map(address).collect())
}

/// Reads one message from a TCP connection, where its length comes first (RFC 1035, 4.2.2).
pub fn read_message(mut stream: impl Read) -> io::Result<Vec<u8>> {
    let mut length = [0; 2];
    stream.read_exact(&mut length)?;
    let mut message = vec![0; usize::from(u16::from_be_bytes(length))];
    stream.read_exact(&mut message)?;
    Ok(message)
}

/// Writes one message to a TCP connection.
pub fn write_message(mut stream: impl Write, message: &[u8]) -> io::Result<()> {
    let length = u16::try_from(message.len()).map_err(io::Error::other)?;
    stream.write_all(&[&length.to_be_bytes(), message].concat())
}
