//! Netlink messages: a 16-byte header, nfnetlink's 4 bytes, attributes
//! (`include/uapi/linux/netlink.h`, `include/uapi/linux/netfilter/nfnetlink.h`).

use super::attribute::Writer;

/// Bytes of `struct nlmsghdr`.
pub const HEADER_LEN: usize = 16;
/// Bytes of `struct nfgenmsg`, behind the header.
pub const NFGEN_LEN: usize = 4;

/// `NLM_F_REQUEST`.
pub const REQUEST: u16 = 0x1;
/// `NLM_F_DUMP_INTR`: the ruleset changed while it was being sent.
pub const DUMP_INTERRUPTED: u16 = 0x10;
/// `NLM_F_DUMP`.
pub const DUMP: u16 = 0x300;
/// `NLM_F_CREATE`.
pub const CREATE: u16 = 0x400;
/// `NLM_F_EXCL`: fail when it is there.
pub const EXCLUSIVE: u16 = 0x200;
/// `NLM_F_APPEND`: behind the last rule, or behind the position.
pub const APPEND: u16 = 0x800;
/// `NLM_F_CAPPED`: an error quotes the header of its message only.
pub const CAPPED: u16 = 0x100;
/// `NLM_F_ACK_TLVS`: an error carries attributes.
pub const HAS_EXTENDED_ACK: u16 = 0x200;

/// `NLMSG_ERROR`.
pub const ERROR: u16 = 2;
/// `NLMSG_DONE`.
pub const DONE: u16 = 3;
/// `NFNL_MSG_BATCH_BEGIN`.
pub const BATCH_BEGIN: u16 = 16;
/// `NFNL_MSG_BATCH_END`.
pub const BATCH_END: u16 = 17;

/// `NFPROTO_UNSPEC`.
pub const FAMILY_UNSPEC: u8 = 0;
/// `NFPROTO_INET`: one table for IPv4 and IPv6.
pub const FAMILY_INET: u8 = 1;
/// `NFPROTO_IPV4`.
pub const FAMILY_IPV4: u8 = 2;
/// `NFPROTO_IPV6`.
pub const FAMILY_IPV6: u8 = 10;

/// `NFNL_SUBSYS_NFTABLES`.
pub const SUBSYSTEM: u16 = 10;

/// The nf_tables messages (`enum nf_tables_msg_types`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "each is the kernel's NFT_MSG_ of that name")]
pub enum Kind {
    NewTable = 0,
    GetTable = 1,
    DelTable = 2,
    NewChain = 3,
    GetChain = 4,
    DelChain = 5,
    NewRule = 6,
    GetRule = 7,
    DelRule = 8,
    NewSet = 9,
    GetSet = 10,
    DelSet = 11,
    NewSetElem = 12,
    GetSetElem = 13,
    DelSetElem = 14,
    NewGen = 15,
    GetGen = 16,
    GetFlowtable = 23,
}

impl Kind {
    /// The message type with its subsystem.
    pub fn number(self) -> u16 {
        SUBSYSTEM << 8 | self as u16
    }
}

/// Appends a message to `bytes`: `write` writes its attributes.
pub fn append(
    bytes: Vec<u8>,
    kind: u16,
    flags: u16,
    sequence: u32,
    family: u8,
    resource: u16,
    write: impl FnOnce(&mut Writer),
) -> Vec<u8> {
    let start = bytes.len();
    let mut writer = Writer::append_to(bytes);
    writer.raw(&[0; 4]);
    writer.raw(&kind.to_ne_bytes());
    writer.raw(&(REQUEST | flags).to_ne_bytes());
    writer.raw(&sequence.to_ne_bytes());
    writer.raw(&[0; 4]);
    // Version NFNETLINK_V0; the resource is a number in network order.
    let [high, low] = resource.to_be_bytes();
    writer.raw(&[family, 0, high, low]);
    write(&mut writer);
    let mut bytes = writer.into_bytes();
    let len = (bytes.len() - start) as u32;
    if let Some(field) = bytes.get_mut(start..start + 4) {
        field.copy_from_slice(&len.to_ne_bytes());
    }
    bytes
}

/// A message as received.
#[derive(Debug, Clone, Copy)]
pub struct Message<'a> {
    /// Its type with its subsystem.
    pub kind: u16,
    /// `NLM_F_…`.
    pub flags: u16,
    /// The number of the request it answers.
    pub sequence: u32,
    /// What follows the header.
    pub payload: &'a [u8],
}

impl<'a> Message<'a> {
    /// The attributes behind nfnetlink's header.
    pub fn attributes(&self) -> super::attribute::Attributes<'a> {
        super::attribute::Attributes::new(self.payload.get(NFGEN_LEN..).unwrap_or_default())
    }

    /// Whether it is an nf_tables message of that kind.
    pub fn is(&self, kind: Kind) -> bool {
        self.kind == kind.number()
    }
}

/// The messages in a datagram. What is no whole message ends it.
#[derive(Debug)]
pub struct Messages<'a>(pub &'a [u8]);

impl<'a> Iterator for Messages<'a> {
    type Item = Message<'a>;

    fn next(&mut self) -> Option<Message<'a>> {
        let &[l0, l1, l2, l3, k0, k1, f0, f1, s0, s1, s2, s3, ..] = self.0 else {
            return None;
        };
        let len = u32::from_ne_bytes([l0, l1, l2, l3]) as usize;
        let payload = self.0.get(HEADER_LEN..len)?;
        self.0 = self.0.get(len.next_multiple_of(4)..).unwrap_or_default();
        Some(Message {
            kind: u16::from_ne_bytes([k0, k1]),
            flags: u16::from_ne_bytes([f0, f1]),
            sequence: u32::from_ne_bytes([s0, s1, s2, s3]),
            payload,
        })
    }
}
