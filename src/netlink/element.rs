//! Set elements (`enum nft_set_elem_list_attributes`, `enum nft_set_elem_attributes`).
//!
//! An interval is two elements: its first address, and the address behind its last one with
//! `NFT_SET_ELEM_INTERVAL_END`; an interval up to the highest address has no second. A box of a
//! concatenated key is one element with two keys, the lowest and the highest.

use std::ops::Range;

use super::attribute::{Attribute, Attributes, HEADER_LEN, Malformed, Result, Writer, required};
use super::userdata;
use crate::interval::{Address, Interval};
use crate::ruleset::{Elements, Expiry, KeyBox, Set};

const NFTA_SET_ELEM_LIST_TABLE: u16 = 1;
const NFTA_SET_ELEM_LIST_SET: u16 = 2;
/// `NFTA_SET_ELEM_LIST_ELEMENTS`.
pub const NFTA_SET_ELEM_LIST_ELEMENTS: u16 = 3;
pub(super) const NFTA_LIST_ELEM: u16 = 1;
pub(super) const NFTA_SET_ELEM_KEY: u16 = 1;
const NFTA_SET_ELEM_FLAGS: u16 = 3;
pub(super) const NFTA_SET_ELEM_TIMEOUT: u16 = 4;
pub(super) const NFTA_SET_ELEM_EXPIRATION: u16 = 5;
const NFTA_SET_ELEM_USERDATA: u16 = 6;
const NFTA_SET_ELEM_KEY_END: u16 = 10;
pub(super) const NFTA_DATA_VALUE: u16 = 1;

/// `NFT_SET_ELEM_INTERVAL_END`.
pub const INTERVAL_END: u32 = 1;

/// The most bytes of elements in one message: an attribute's length has 16 bits, and the list's
/// own header and the last element still have to fit.
const MOST_BYTES: usize = 60_000;

/// The bytes of a timeout and of the longest comment that says when it is over.
const EXPIRY_LEN: usize = 2 * HEADER_LEN + 8 + 64;

/// A key as it stands in a message, and whether it ends an interval.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bound<K> {
    /// The bytes of the key.
    pub key: K,
    /// Starts sort behind ends of the same key, which belong to the interval before.
    pub starts: bool,
}

/// The bytes that an element takes at most.
fn most_bytes_each(set: &Set) -> usize {
    match &set.elements {
        Elements::Ipv4(_) => 2 * (3 * HEADER_LEN + 4) + HEADER_LEN + 4,
        Elements::Ipv6(_) => 2 * (3 * HEADER_LEN + 16) + HEADER_LEN + 4,
        Elements::Exact(keys) => {
            3 * HEADER_LEN + keys.iter().map(Vec::len).max().unwrap_or_default().next_multiple_of(4)
        }
        Elements::Boxes(_) => 5 * HEADER_LEN + 2 * set.key_len() as usize + EXPIRY_LEN,
    }
}

/// The bytes that the elements of a set take at most, but for the messages that they are in.
pub fn most_bytes(set: &Set) -> usize {
    set.elements.len() * most_bytes_each(set)
}

/// The elements of a set in pieces that each fit one message.
///
/// The two bounds of an interval are never parted.
pub fn pieces(set: &Set) -> Vec<Range<usize>> {
    let each = most_bytes_each(set);
    let (step, len) = ((MOST_BYTES / each).max(1), set.elements.len());
    (0..len).step_by(step).map(|start| start..(start + step).min(len)).collect()
}

/// Writes the elements of `range`.
pub fn encode(writer: &mut Writer, table: &str, set: &Set, range: Range<usize>) {
    encode_set(writer, table, &set.name);
    writer.nest(NFTA_SET_ELEM_LIST_ELEMENTS, |writer| match &set.elements {
        Elements::Ipv4(elements) => encode_intervals(writer, elements.get(range).unwrap_or_default()),
        Elements::Ipv6(elements) => encode_intervals(writer, elements.get(range).unwrap_or_default()),
        Elements::Exact(keys) => {
            keys.get(range).unwrap_or_default().iter().for_each(|key| encode_one(writer, key, true));
        }
        Elements::Boxes(boxes) => {
            boxes.get(range).unwrap_or_default().iter().for_each(|element| encode_box(writer, element));
        }
    });
}

/// Writes which set's elements are meant.
pub fn encode_set(writer: &mut Writer, table: &str, set: &str) {
    writer.string(NFTA_SET_ELEM_LIST_TABLE, table);
    writer.string(NFTA_SET_ELEM_LIST_SET, set);
}

/// The bounds of intervals in the order in which they are sent.
pub fn bounds<A: Address>(intervals: &[Interval<A>]) -> impl Iterator<Item = Bound<A>> + '_ {
    intervals.iter().flat_map(|interval| {
        let end = interval.last().successor().map(|key| Bound { key, starts: false });
        [Some(Bound { key: interval.first(), starts: true }), end].into_iter().flatten()
    })
}

fn encode_intervals<A: Address>(writer: &mut Writer, intervals: &[Interval<A>]) {
    for bound in bounds(intervals) {
        encode_one(writer, bound.key.octets().as_ref(), bound.starts);
    }
}

fn encode_one(writer: &mut Writer, key: &[u8], starts: bool) {
    writer.nest(NFTA_LIST_ELEM, |writer| {
        if !starts {
            writer.u32(NFTA_SET_ELEM_FLAGS, INTERVAL_END);
        }
        writer.nest(NFTA_SET_ELEM_KEY, |writer| writer.bytes(NFTA_DATA_VALUE, key));
    });
}

fn encode_box(writer: &mut Writer, element: &KeyBox) {
    writer.nest(NFTA_LIST_ELEM, |writer| {
        writer.nest(NFTA_SET_ELEM_KEY, |writer| writer.bytes(NFTA_DATA_VALUE, &element.first));
        writer.nest(NFTA_SET_ELEM_KEY_END, |writer| writer.bytes(NFTA_DATA_VALUE, &element.last));
        if let Some(expiry) = element.expiry {
            writer.u64(NFTA_SET_ELEM_TIMEOUT, expiry.left);
            writer.bytes(NFTA_SET_ELEM_USERDATA, &userdata::comment(&expiry.comment()));
        }
    });
}

/// One element as the kernel sends it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Element {
    /// Its key, and whether it ends an interval.
    pub bound: Bound<Vec<u8>>,
    /// The highest key of a box.
    pub last: Option<Vec<u8>>,
    /// The time until it runs out, in milliseconds.
    pub left: Option<u64>,
    /// Its comment.
    pub comment: Option<String>,
}

impl Element {
    /// A box of ours: one that runs out says in its comment when.
    fn into_box(self) -> Result<KeyBox> {
        let said = self.left.map(|left| Expiry::from_comment(self.comment.as_deref()?, left));
        let expiry = match said {
            Some(None) => return Err(Malformed("an element that runs out at no known time".to_owned())),
            Some(expiry) => expiry,
            None => None,
        };
        let last = self.last.unwrap_or_else(|| self.bound.key.clone());
        Ok(KeyBox { first: self.bound.key, last, expiry })
    }
}

/// The elements of a set as they come from the kernel, message by message.
#[derive(Debug)]
pub struct Collector {
    elements: Vec<Element>,
    foreign: Option<Malformed>,
}

/// Why what was collected is not what the set holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unusable {
    /// Some of it is none of ours.
    Foreign(Malformed),
    /// An element came twice: the kernel's hash grew while it was walked (`nft_rhash_walk` begins anew and skips as many
    /// as it had listed), and for each that comes twice another one may be missing. It grows on by itself for a while
    /// after many elements were put in: of 100,000 every tenth listing or so lacks 4,000.
    Torn,
}

impl From<Malformed> for Unusable {
    fn from(error: Malformed) -> Self {
        Self::Foreign(error)
    }
}

impl Collector {
    /// One that has seen nothing yet.
    pub fn new() -> Self {
        Self { elements: Vec::new(), foreign: None }
    }

    /// Takes the elements of one message.
    pub fn add(&mut self, attributes: Attributes) -> Result<()> {
        let Some(list) = attributes.find(NFTA_SET_ELEM_LIST_ELEMENTS)? else {
            return Ok(());
        };
        for element in list.nested() {
            match decode(&element?) {
                Ok(element) => self.elements.push(element),
                // Such as `*`, which has no key.
                Err(error) => self.foreign = Some(error),
            }
        }
        Ok(())
    }

    /// What was collected, as elements of the kind that `set` holds.
    pub fn finish(self, set: &Set) -> std::result::Result<Elements, Unusable> {
        if let Some(error) = self.foreign {
            return Err(error.into());
        }
        if set.holds_boxes() {
            let mut boxes = self.elements.into_iter().map(Element::into_box).collect::<Result<Vec<_>>>()?;
            boxes.sort_unstable();
            return Ok(Elements::Boxes(boxes));
        }
        let mut bounds: Vec<_> = self.elements.into_iter().map(|element| element.bound).collect();
        bounds.sort_unstable();
        match &set.elements {
            Elements::Ipv4(_) => Ok(Elements::Ipv4(intervals(bounds)?)),
            Elements::Ipv6(_) => Ok(Elements::Ipv6(intervals(bounds)?)),
            _ if bounds.windows(2).any(|pair| matches!(pair, [one, next] if one == next)) => Err(Unusable::Torn),
            _ => Ok(Elements::Exact(bounds.into_iter().map(|bound| bound.key).collect())),
        }
    }
}

impl Default for Collector {
    fn default() -> Self {
        Self::new()
    }
}

/// Reads one element.
pub fn decode(element: &Attribute) -> Result<Element> {
    let (mut key, mut starts, mut last, mut left, mut comment) = (None, true, None, None, None);
    for attribute in element.nested() {
        let attribute = attribute?;
        match attribute.kind {
            NFTA_SET_ELEM_KEY => key = value(&attribute)?,
            NFTA_SET_ELEM_KEY_END => last = value(&attribute)?,
            NFTA_SET_ELEM_FLAGS => starts = attribute.u32()? & INTERVAL_END == 0,
            // What was declared, until the kernel says what of it is left.
            NFTA_SET_ELEM_TIMEOUT => left = left.or(Some(attribute.u64()?)),
            NFTA_SET_ELEM_EXPIRATION => left = Some(attribute.u64()?),
            NFTA_SET_ELEM_USERDATA => comment = userdata::read_comment(attribute.payload),
            _ => {}
        }
    }
    Ok(Element { bound: Bound { key: required(key, "element key")?, starts }, last, left, comment })
}

fn value(key: &Attribute) -> Result<Option<Vec<u8>>> {
    Ok(key.nested().find(NFTA_DATA_VALUE)?.map(|value| value.payload.to_vec()))
}

/// Pairs sorted bounds. `nft` puts an end at the lowest address in front of all, which ends
/// nothing.
fn intervals<A: Address>(bounds: Vec<Bound<Vec<u8>>>) -> Result<Vec<Interval<A>>> {
    let mut intervals = Vec::with_capacity(bounds.len() / 2);
    let mut open = None;
    for bound in bounds {
        let address = A::from_octets(&bound.key).ok_or_else(|| Malformed("a key of another family".to_owned()))?;
        // A start ends the interval before it as well.
        if let (Some(first), Some(last)) = (open.take(), address.predecessor()) {
            intervals.extend(Interval::new(first, last));
        }
        open = bound.starts.then_some(address);
    }
    intervals.extend(open.and_then(|first| Interval::new(first, A::MAX)));
    Ok(intervals)
}
