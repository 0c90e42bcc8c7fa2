//! A batch: the messages between begin and end that the kernel takes together or not at all.

use std::ops::Range;

use super::attribute::{Attributes, HEADER_LEN as ATTRIBUTE_HEADER_LEN};
use super::error::Refusal;
use super::locate::{Place, locate};
use super::message::{
    self, APPEND, BATCH_BEGIN, BATCH_END, CAPPED, CREATE, EXCLUSIVE, FAMILY_INET, FAMILY_UNSPEC, HAS_EXTENDED_ACK,
    HEADER_LEN, Kind, Message, Messages,
};
use super::{chain, element, rule, set, table};
use crate::ruleset::{Change, TABLE_NAME, TABLE_OWNER, TABLE_PERSIST};

/// `NFNL_BATCH_GENID`: refuse the batch (ERESTART) unless the ruleset is still at this generation.
const NFNL_BATCH_GENID: u16 = 1;
/// The nfnetlink resource of a batch is the subsystem it is for.
const NFNL_SUBSYS_NFTABLES: u16 = 10;

/// More than all takes that is no element, most often.
const MOST_OTHER: usize = 32 * 1024;

/// A batch ready to be sent in one piece.
#[derive(Debug, Default)]
pub struct Batch {
    bytes: Vec<u8>,
    /// Where each message stands, by its sequence number, and the change it is part of. The
    /// begin message has number 0.
    messages: Vec<(Range<usize>, Option<usize>)>,
}

/// An error that the kernel sent for a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nack {
    /// The message's sequence number.
    pub sequence: u32,
    /// The errno, positive.
    pub errno: i32,
    /// The byte of the message that it is about, from the start of its header.
    pub offset: Option<usize>,
    /// The kernel's words.
    pub words: Option<String>,
}

impl Batch {
    /// Encodes `changes`, to be taken only while the ruleset is at `generation`, which is never 0:
    /// that would mean "at any".
    pub fn encode(changes: &[Change], generation: u32) -> Self {
        Self::encode_in(TABLE_NAME, changes, generation)
    }

    /// As [`Batch::encode`], for a table of another name.
    pub(super) fn encode_in(table: &str, changes: &[Change], generation: u32) -> Self {
        // At once: a buffer of megabytes that grows is there twice for a while.
        let mut batch = Self { bytes: Vec::with_capacity(room_for(changes)), messages: Vec::new() };
        batch.push(BATCH_BEGIN, 0, FAMILY_UNSPEC, None, |writer| writer.u32(NFNL_BATCH_GENID, generation));
        for (index, change) in changes.iter().enumerate() {
            batch.push_change(table, index, change);
        }
        batch.push(BATCH_END, 0, FAMILY_UNSPEC, None, |_| {});
        batch
    }

    /// Adds the messages of one change, which has that index among the batch's changes.
    pub(super) fn push_change(&mut self, name: &str, index: usize, change: &Change) {
        let id = index as u32 + 1;
        let mut add = |kind: Kind, flags: u16, write: &dyn Fn(&mut super::attribute::Writer)| {
            self.push(kind.number(), flags, FAMILY_INET, Some(index), write);
        };
        match change {
            Change::AddTable { comment, flags } => add(Kind::NewTable, CREATE | EXCLUSIVE, &|writer| {
                table::encode(writer, name, *flags, comment.as_deref());
            }),
            Change::Wake { flags } => {
                add(Kind::NewTable, 0, &|writer| table::encode(writer, name, *flags, None));
            }
            Change::Own => {
                add(Kind::NewTable, 0, &|writer| table::encode(writer, name, TABLE_OWNER | TABLE_PERSIST, None));
            }
            Change::DeleteTable => add(Kind::DelTable, 0, &|writer| writer.string(table::NFTA_TABLE_NAME, name)),
            Change::AddSet(set) => {
                add(Kind::NewSet, CREATE | EXCLUSIVE, &|writer| set::encode(writer, name, set, id));
            }
            Change::DeleteSet(set) => add(Kind::DelSet, 0, &|writer| set::encode_name(writer, name, set)),
            Change::AddElements(set) => {
                for range in element::pieces(set) {
                    add(Kind::NewSetElem, CREATE | EXCLUSIVE, &|writer| {
                        element::encode(writer, name, set, range.clone());
                    });
                }
            }
            Change::DeleteElements(set) => {
                for range in element::pieces(set) {
                    add(Kind::DelSetElem, 0, &|writer| element::encode(writer, name, set, range.clone()));
                }
            }
            Change::AddChain(chain) => {
                add(Kind::NewChain, CREATE | EXCLUSIVE, &|writer| chain::encode(writer, name, chain));
            }
            Change::SetPolicy(chain) => add(Kind::NewChain, 0, &|writer| chain::encode(writer, name, chain)),
            Change::DeleteChain(chain) => add(Kind::DelChain, 0, &|writer| chain::encode_name(writer, name, chain)),
            Change::AddRule { chain, rule, before, .. } => {
                // With a position, appending would mean "behind it".
                let flags = if before.is_some() { CREATE } else { CREATE | APPEND };
                add(Kind::NewRule, flags, &|writer| rule::encode(writer, name, chain, rule, *before));
            }
            Change::DeleteRule { chain, rule } => {
                add(Kind::DelRule, 0, &|writer| rule::encode_handle(writer, name, chain, rule.handle));
            }
        }
    }

    fn push(
        &mut self,
        kind: u16,
        flags: u16,
        family: u8,
        change: Option<usize>,
        write: impl FnOnce(&mut super::attribute::Writer),
    ) {
        let resource = if change.is_none() { NFNL_SUBSYS_NFTABLES } else { 0 };
        self.push_message(change, |bytes, sequence| {
            message::append(bytes, kind, flags, sequence, family, resource, write)
        });
    }

    /// Adds one message, which is part of that change. `append` puts it behind the bytes that it
    /// gets, under the sequence number that it gets.
    pub(super) fn push_message(&mut self, change: Option<usize>, append: impl FnOnce(Vec<u8>, u32) -> Vec<u8>) {
        let start = self.bytes.len();
        let sequence = self.messages.len() as u32;
        self.bytes = append(std::mem::take(&mut self.bytes), sequence);
        self.messages.push((start..self.bytes.len(), change));
    }

    /// The datagram.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// How many messages it has, begin and end among them.
    pub fn len(&self) -> usize {
        self.messages.len()
    }

    /// Whether it has no message at all, which no encoded batch is.
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// What the kernel's error says about which of `changes`.
    pub fn refusal<'a>(&self, nack: &Nack, changes: &'a [Change]) -> (Refusal, Option<&'a Change>) {
        let (range, index) = self.messages.get(nack.sequence as usize).cloned().unwrap_or_default();
        let change = index.and_then(|index| changes.get(index));
        let place = match (nack.offset, change, self.bytes.get(range)) {
            (Some(offset), Some(change), Some(message)) => locate(message, offset, change),
            _ => Place::default(),
        };
        (Refusal::new(change, &place, nack.errno, nack.words.clone()), change)
    }
}

/// The bytes that a batch of them takes, or a few more.
fn room_for(changes: &[Change]) -> usize {
    let each = changes.iter().map(|change| match change {
        Change::AddElements(set) | Change::DeleteElements(set) => element::most_bytes(set),
        _ => 0,
    });
    let elements: usize = each.sum();
    // What a hundred elements take is far more than the header of a message with a thousand.
    elements + elements / 100 + MOST_OTHER
}

/// The errors in a datagram.
pub fn nacks(datagram: &[u8]) -> impl Iterator<Item = Nack> + '_ {
    Messages(datagram).filter(|message| message.kind == message::ERROR).filter_map(|message| read_nack(&message))
}

/// `NLMSGERR_ATTR_MSG`.
const NLMSGERR_ATTR_MSG: u16 = 1;
/// `NLMSGERR_ATTR_OFFS`, in host order.
const NLMSGERR_ATTR_OFFS: u16 = 2;

/// Reads `struct nlmsgerr` and the attributes behind it; none when it acknowledges.
pub fn read_nack(message: &Message) -> Option<Nack> {
    let (errno, quoted) = message.payload.split_first_chunk::<4>()?;
    let errno = i32::from_ne_bytes(*errno).wrapping_neg();
    let quoted_len = u32::from_ne_bytes(*quoted.first_chunk::<4>()?) as usize;
    let skipped = if message.flags & CAPPED != 0 { HEADER_LEN } else { quoted_len.next_multiple_of(4) };
    let mut nack = Nack { sequence: message.sequence, errno, offset: None, words: None };
    if message.flags & HAS_EXTENDED_ACK != 0 {
        for attribute in Attributes::new(quoted.get(skipped..).unwrap_or_default()).flatten() {
            match attribute.kind {
                NLMSGERR_ATTR_MSG => nack.words = attribute.string().ok().filter(|words| !words.is_empty()),
                NLMSGERR_ATTR_OFFS => {
                    nack.offset = attribute.payload.first_chunk().map(|bytes| u32::from_ne_bytes(*bytes) as usize);
                }
                _ => {}
            }
        }
    }
    (errno != 0).then_some(nack)
}

/// The most bytes that an error can take in the receive buffer, as the kernel counts them: a small
/// datagram and the overhead of its buffer.
pub const NACK_BYTES: usize = 1024 + ATTRIBUTE_HEADER_LEN;
