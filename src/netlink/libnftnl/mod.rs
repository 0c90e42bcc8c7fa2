//! netfilter's own libraries instead of the crate's codec: libnftnl writes the messages, libmnl
//! moves them. Built with the feature `libnftnl`.
//!
//! Only who writes the bytes differs: the batch, the order and numbers of its messages, the flags
//! and the generation it is for are those of [`Batch::encode`], so that errors are traced back to
//! a rule in the same way. What the attributes are called and where they go is libnftnl's to know.
//!
//! nftnl's safe types carry the rules. Sets with intervals, concatenations, a size or a timeout,
//! interval ends, userdata of tables and chains, and a message without an acknowledgement are
//! beyond them, so the rest goes through its `nftnl_sys`: `ffi` and `socket` hold all unsafe code
//! of the crate.

mod expression;
mod ffi;
mod socket;

use std::ffi::{CStr, CString};

use nftnl::{MsgType, ProtoFamily, nftnl_sys as sys};

use self::ffi::{Message, Owned, Value};
use super::batch::Batch;
use super::message::{APPEND, CREATE, EXCLUSIVE, Kind};
use super::{chain, element, set};
use crate::interval::{Address, Interval};
use crate::ruleset::{
    Base, ByteOrder, Chain, Change, Elements, KeyBox, Rule, Set, TABLE_NAME, TABLE_OWNER, TABLE_PERSIST,
};

pub use self::socket::RawSocket;

/// [`TABLE_NAME`](crate::ruleset::TABLE_NAME) as C has it.
const TABLE: &CStr = c"dockwall";
/// The longest name in bytes (`NFT_NAME_MAXLEN`, with its NUL).
const LONGEST_NAME: usize = 255;
/// The longest value in bytes (`NFT_DATA_VALUE_MAXLEN`). libnftnl copies a longer one over
/// whatever is behind it.
const LONGEST_VALUE: usize = 64;
/// The longest comment of a table or chain, whose length with its NUL has 8 bits.
const LONGEST_COMMENT: usize = 254;
/// The longest comment that nftnl takes for a rule: 128 bytes less header and NUL.
const LONGEST_RULE_COMMENT: usize = 125;
/// The most fields of a key (`NFT_REG32_COUNT`), each of one register of 32 bits or more.
const MOST_FIELDS: usize = 16;
/// The most expressions in a rule (`NFT_RULE_MAXEXPRS`).
const MOST_EXPRESSIONS: usize = 128;

/// Why libnftnl cannot write a change. No table that [`crate::ruleset::compile`] makes has such a
/// thing in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unencodable {
    /// It has no place for attributes that it does not know by themselves.
    #[error("libnftnl takes no raw expression, such as this {name}")]
    Raw {
        /// The expression's name.
        name: String,
    },
    /// More than it has room for.
    #[error("{what} is longer than {most}, which is the most that libnftnl takes")]
    TooLong {
        /// What is too long.
        what: &'static str,
        /// How long it may be.
        most: usize,
    },
    /// Its texts end at the first NUL.
    #[error("{what} has a NUL in it, where libnftnl would end it")]
    Nul {
        /// What has it.
        what: &'static str,
    },
}

/// Encodes `changes`, to be taken only while the ruleset is at `generation`: the messages of
/// [`Batch::encode`], written by libnftnl. A change that is [`Unencodable`] has its messages
/// written by the crate's own codec.
pub fn encode(changes: &[Change], generation: u32) -> Batch {
    let mut batch = Batch::default();
    push(&mut batch, None, |sequence| Message::begin(sequence, generation));
    for (index, change) in changes.iter().enumerate() {
        if push_change(&mut batch, index, change).is_err() {
            batch.push_change(TABLE_NAME, index, change);
        }
    }
    push(&mut batch, None, Message::end);
    batch
}

/// Whether libnftnl can write `change`.
///
/// # Errors
/// [`Unencodable`] says why it cannot.
pub fn check(change: &Change) -> Result<(), Unencodable> {
    push_change(&mut Batch::default(), 0, change)
}

fn push(batch: &mut Batch, change: Option<usize>, write: impl FnOnce(u32) -> Message) {
    batch.push_message(change, |mut bytes, sequence| {
        bytes.extend_from_slice(write(sequence).bytes());
        bytes
    });
}

/// Adds the messages of one change: all of them, or none and the reason.
fn push_change(batch: &mut Batch, index: usize, change: &Change) -> Result<(), Unencodable> {
    match change {
        Change::AddTable { comment, flags } => {
            let table = table_object(Some(*flags), comment.as_deref())?;
            push(batch, Some(index), |sequence| table.message(Kind::NewTable, CREATE | EXCLUSIVE, sequence));
        }
        Change::Wake { flags } => {
            let table = table_object(Some(*flags), None)?;
            push(batch, Some(index), |sequence| table.message(Kind::NewTable, 0, sequence));
        }
        Change::Own => {
            let table = table_object(Some(TABLE_OWNER | TABLE_PERSIST), None)?;
            push(batch, Some(index), |sequence| table.message(Kind::NewTable, 0, sequence));
        }
        Change::DeleteTable => {
            let table = table_object(None, None)?;
            push(batch, Some(index), |sequence| table.message(Kind::DelTable, 0, sequence));
        }
        Change::AddSet(declared) => {
            // The number that tells the sets of one batch apart; nothing refers to it.
            let set = set_object(declared, index as u32 + 1)?;
            push(batch, Some(index), |sequence| set.message(Kind::NewSet, CREATE | EXCLUSIVE, sequence));
        }
        Change::DeleteSet(name) => {
            let set = named_set(&name_text(name)?);
            push(batch, Some(index), |sequence| set.message(Kind::DelSet, 0, sequence));
        }
        Change::AddElements(set) => push_elements(batch, index, set, Kind::NewSetElem, CREATE | EXCLUSIVE)?,
        Change::DeleteElements(set) => push_elements(batch, index, set, Kind::DelSetElem, 0)?,
        Change::AddChain(declared) => {
            let chain = chain_object(declared)?;
            push(batch, Some(index), |sequence| chain.message(Kind::NewChain, CREATE | EXCLUSIVE, sequence));
        }
        Change::SetPolicy(declared) => {
            let chain = chain_object(declared)?;
            push(batch, Some(index), |sequence| chain.message(Kind::NewChain, 0, sequence));
        }
        Change::DeleteChain(name) => {
            let chain = named_chain(&name_text(name)?);
            push(batch, Some(index), |sequence| chain.message(Kind::DelChain, 0, sequence));
        }
        Change::AddRule { chain, rule, before, .. } => push_rule(batch, index, chain, rule, *before)?,
        Change::DeleteRule { chain, rule } => {
            let chain = name_text(chain)?;
            with_rule(&chain, |mut object| {
                rule.handle.into_iter().for_each(|handle| object.set_handle(handle));
                push(batch, Some(index), |sequence| Message::rule(&object, MsgType::Del, 0, sequence));
            });
        }
    }
    Ok(())
}

fn push_rule(
    batch: &mut Batch,
    index: usize,
    chain: &str,
    rule: &Rule,
    before: Option<u64>,
) -> Result<(), Unencodable> {
    let chain = name_text(chain)?;
    let comment = rule.comment.as_deref().map(|text| c_text("a rule's comment", text, LONGEST_RULE_COMMENT));
    let comment = comment.transpose()?;
    let instructions = expression::instructions(&rule.expressions)?;
    // With a position, appending would mean "behind it".
    let flags = if before.is_some() { CREATE } else { CREATE | APPEND };
    with_rule(&chain, |mut object| {
        before.into_iter().for_each(|position| object.set_position(position));
        instructions.iter().for_each(|instruction| object.add_expr(instruction));
        match comment.map(|comment| object.set_comment(comment)) {
            None | Some(Ok(())) => {
                push(batch, Some(index), |sequence| Message::rule(&object, MsgType::Add, flags, sequence));
                Ok(())
            }
            Some(Err(_)) => Err(Unencodable::TooLong { what: "a rule's comment", most: LONGEST_RULE_COMMENT }),
        }
    })
}

/// Hands out an empty rule of `chain`.
fn with_rule<T>(chain: &CStr, fill: impl FnOnce(nftnl::Rule) -> T) -> T {
    let table = nftnl::Table::new(TABLE, ProtoFamily::Inet);
    let chain = nftnl::Chain::new(chain, &table);
    fill(nftnl::Rule::new(&chain))
}

fn push_elements(batch: &mut Batch, index: usize, set: &Set, kind: Kind, flags: u16) -> Result<(), Unencodable> {
    let name = name_text(&set.name)?;
    match &set.elements {
        Elements::Exact(keys) => keys.iter().try_for_each(|key| check_value("an element", key))?,
        Elements::Boxes(boxes) => {
            let mut keys = boxes.iter().flat_map(|element| [&element.first, &element.last]);
            keys.try_for_each(|key| check_value("an element", key))?;
        }
        Elements::Ipv4(_) | Elements::Ipv6(_) => {}
    }
    for range in element::pieces(set) {
        // Never its number: beside a number that is right the kernel takes any name.
        let mut piece = named_set(&name);
        match &set.elements {
            Elements::Ipv4(all) => add_intervals(&mut piece, all.get(range).unwrap_or_default()),
            Elements::Ipv6(all) => add_intervals(&mut piece, all.get(range).unwrap_or_default()),
            Elements::Exact(all) => {
                let keys = all.get(range).unwrap_or_default();
                keys.iter().for_each(|key| piece.add_element(&[(sys::NFTNL_SET_ELEM_KEY, Value::Bytes(key))]));
            }
            Elements::Boxes(all) => {
                let boxes = all.get(range).unwrap_or_default();
                boxes.iter().for_each(|element| add_box(&mut piece, element));
            }
        }
        push(batch, Some(index), |sequence| piece.elements_message(kind, flags, sequence));
    }
    Ok(())
}

fn add_intervals<A: Address>(set: &mut Owned<sys::nftnl_set>, intervals: &[Interval<A>]) {
    for bound in element::bounds(intervals) {
        let octets = bound.key.octets();
        let key = (sys::NFTNL_SET_ELEM_KEY, Value::Bytes(octets.as_ref()));
        match bound.starts {
            true => set.add_element(&[key]),
            false => set.add_element(&[key, (sys::NFTNL_SET_ELEM_FLAGS, Value::U32(element::INTERVAL_END))]),
        }
    }
}

fn add_box(set: &mut Owned<sys::nftnl_set>, element: &KeyBox) {
    let KeyBox { first, last, expiry } = element;
    let keys = [(sys::NFTNL_SET_ELEM_KEY, Value::Bytes(first)), (sys::NFTNL_SET_ELEM_KEY_END, Value::Bytes(last))];
    let Some(expiry) = expiry else {
        return set.add_element(&keys);
    };
    // A date: short, and without a NUL.
    let comment = CString::new(expiry.comment()).unwrap_or_default();
    let comment = ffi::comment(sys::NFTNL_UDATA_SET_ELEM_COMMENT, &comment);
    let [first, last] = keys;
    let timeout = (sys::NFTNL_SET_ELEM_TIMEOUT, Value::U64(expiry.left));
    set.add_element(&[first, last, timeout, (sys::NFTNL_SET_ELEM_USERDATA, Value::Bytes(&comment))]);
}

fn table_object(flags: Option<u32>, comment: Option<&str>) -> Result<Owned<sys::nftnl_table>, Unencodable> {
    let mut table = Owned::<sys::nftnl_table>::new();
    table.set(sys::NFTNL_TABLE_NAME, &Value::text(TABLE));
    flags.into_iter().for_each(|flags| table.set(sys::NFTNL_TABLE_FLAGS, &Value::U32(flags)));
    if let Some(comment) = comment {
        let comment = c_text("a table's comment", comment, LONGEST_COMMENT)?;
        let userdata = ffi::comment(sys::NFTNL_UDATA_TABLE_COMMENT, &comment);
        table.set(sys::NFTNL_TABLE_USERDATA, &Value::Bytes(&userdata));
    }
    Ok(table)
}

fn named_chain(name: &CStr) -> Owned<sys::nftnl_chain> {
    let mut chain = Owned::<sys::nftnl_chain>::new();
    chain.set(sys::NFTNL_CHAIN_TABLE, &Value::text(TABLE));
    chain.set(sys::NFTNL_CHAIN_NAME, &Value::text(name));
    chain
}

fn chain_object(declared: &Chain) -> Result<Owned<sys::nftnl_chain>, Unencodable> {
    let mut chain = named_chain(&name_text(&declared.name)?);
    if let Some(Base { kind, hook, priority, policy }) = &declared.base {
        let kind = name_text(kind)?;
        chain.set(sys::NFTNL_CHAIN_TYPE, &Value::text(&kind));
        chain.set(sys::NFTNL_CHAIN_HOOKNUM, &Value::U32(hook.0));
        chain.set(sys::NFTNL_CHAIN_PRIO, &Value::U32(priority.cast_unsigned()));
        chain.set(sys::NFTNL_CHAIN_POLICY, &Value::U32(chain::policy_number(*policy)));
    }
    if let Some(comment) = &declared.comment {
        let comment = c_text("a chain's comment", comment, LONGEST_COMMENT)?;
        let userdata = ffi::comment(sys::NFTNL_UDATA_CHAIN_COMMENT, &comment);
        chain.set(sys::NFTNL_CHAIN_USERDATA, &Value::Bytes(&userdata));
    }
    Ok(chain)
}

fn named_set(name: &CStr) -> Owned<sys::nftnl_set> {
    let mut set = Owned::<sys::nftnl_set>::new();
    set.set(sys::NFTNL_SET_TABLE, &Value::text(TABLE));
    set.set(sys::NFTNL_SET_NAME, &Value::text(name));
    set
}

fn set_object(declared: &Set, number: u32) -> Result<Owned<sys::nftnl_set>, Unencodable> {
    let mut set = named_set(&name_text(&declared.name)?);
    set.set(sys::NFTNL_SET_FLAGS, &Value::U32(declared.flags));
    set.set(sys::NFTNL_SET_KEY_TYPE, &Value::U32(set::key_type(declared)));
    set.set(sys::NFTNL_SET_KEY_LEN, &Value::U32(declared.key_len()));
    set.set(sys::NFTNL_SET_ID, &Value::U32(number));
    set::declared_size(declared).into_iter().for_each(|size| set.set(sys::NFTNL_SET_DESC_SIZE, &Value::U32(size)));
    if declared.holds_boxes() {
        let lengths = field_lengths(declared)?;
        set.set(sys::NFTNL_SET_DESC_CONCAT, &Value::Bytes(&lengths));
    }
    declared.timeout.into_iter().for_each(|timeout| set.set(sys::NFTNL_SET_TIMEOUT, &Value::U64(timeout)));
    let userdata = ffi::number(sys::NFTNL_UDATA_SET_KEYBYTEORDER, byte_order(declared));
    set.set(sys::NFTNL_SET_USERDATA, &Value::Bytes(&userdata));
    Ok(set)
}

/// The bytes of each field of the key, in a byte each.
fn field_lengths(set: &Set) -> Result<Vec<u8>, Unencodable> {
    let lengths: Option<Vec<u8>> = set.key.iter().map(|field| u8::try_from(field.len()).ok()).collect();
    let lengths = lengths.filter(|lengths| lengths.len() <= MOST_FIELDS);
    lengths.ok_or(Unencodable::TooLong { what: "a set's key", most: LONGEST_VALUE })
}

/// How `nft` is to list the keys: a concatenation has no order of its own.
fn byte_order(set: &Set) -> u32 {
    match set.key.as_slice() {
        [single] => single.byte_order() as u32,
        _ => ByteOrder::None as u32,
    }
}

fn name_text(name: &str) -> Result<CString, Unencodable> {
    c_text("a name", name, LONGEST_NAME)
}

fn c_text(what: &'static str, text: &str, most: usize) -> Result<CString, Unencodable> {
    if text.len() > most {
        return Err(Unencodable::TooLong { what, most });
    }
    CString::new(text).map_err(|_| Unencodable::Nul { what })
}

fn check_value(what: &'static str, value: &[u8]) -> Result<(), Unencodable> {
    if value.len() > LONGEST_VALUE { Err(Unencodable::TooLong { what, most: LONGEST_VALUE }) } else { Ok(()) }
}
