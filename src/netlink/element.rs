//! Set elements (`enum nft_set_elem_list_attributes`, `enum nft_set_elem_attributes`).
//!
//! An interval is two elements: its first address, and the address behind its last one with
//! `NFT_SET_ELEM_INTERVAL_END`; an interval up to the highest address has no second.

use std::ops::Range;

use super::attribute::{Attribute, Attributes, HEADER_LEN, Malformed, Result, Writer, required};
use crate::interval::{Address, Interval};
use crate::ruleset::{Elements, Set};

const NFTA_SET_ELEM_LIST_TABLE: u16 = 1;
const NFTA_SET_ELEM_LIST_SET: u16 = 2;
/// `NFTA_SET_ELEM_LIST_ELEMENTS`.
pub const NFTA_SET_ELEM_LIST_ELEMENTS: u16 = 3;
const NFTA_LIST_ELEM: u16 = 1;
const NFTA_SET_ELEM_KEY: u16 = 1;
const NFTA_SET_ELEM_FLAGS: u16 = 3;
const NFTA_DATA_VALUE: u16 = 1;

/// `NFT_SET_ELEM_INTERVAL_END`.
pub const INTERVAL_END: u32 = 1;

/// The most bytes of elements in one message: an attribute's length has 16 bits, and the list's
/// own header and the last element still have to fit.
const MOST_BYTES: usize = 60_000;

/// One element as it stands in a message: its key, and whether it ends an interval.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bound<K> {
    /// The bytes of the key.
    pub key: K,
    /// Starts sort behind ends of the same key, which belong to the interval before.
    pub starts: bool,
}

/// The elements of a set in pieces that each fit one message.
///
/// The two bounds of an interval are never parted.
pub fn pieces(set: &Set) -> Vec<Range<usize>> {
    let each = match &set.elements {
        Elements::Ipv4(_) => 2 * (3 * HEADER_LEN + 4) + HEADER_LEN + 4,
        Elements::Ipv6(_) => 2 * (3 * HEADER_LEN + 16) + HEADER_LEN + 4,
        Elements::Exact(keys) => {
            3 * HEADER_LEN + keys.iter().map(Vec::len).max().unwrap_or_default().next_multiple_of(4)
        }
    };
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

/// The elements of a set as they come from the kernel, message by message.
#[derive(Debug)]
pub struct Collector {
    bounds: Vec<Bound<Vec<u8>>>,
    foreign: Option<Malformed>,
}

impl Collector {
    /// One that has seen nothing yet.
    pub fn new() -> Self {
        Self { bounds: Vec::new(), foreign: None }
    }

    /// Takes the elements of one message.
    pub fn add(&mut self, attributes: Attributes) -> Result<()> {
        let Some(list) = attributes.find(NFTA_SET_ELEM_LIST_ELEMENTS)? else {
            return Ok(());
        };
        for element in list.nested() {
            match decode(&element?) {
                Ok(bound) => self.bounds.push(bound),
                // Such as `*`, which has no key.
                Err(error) => self.foreign = Some(error),
            }
        }
        Ok(())
    }

    /// What was collected, as elements of the kind that `set` holds.
    pub fn finish(mut self, set: &Set) -> Result<Elements> {
        if let Some(error) = self.foreign {
            return Err(error);
        }
        self.bounds.sort_unstable();
        match &set.elements {
            Elements::Ipv4(_) => intervals(self.bounds).map(Elements::Ipv4),
            Elements::Ipv6(_) => intervals(self.bounds).map(Elements::Ipv6),
            Elements::Exact(_) => Ok(Elements::Exact(self.bounds.into_iter().map(|bound| bound.key).collect())),
        }
    }
}

impl Default for Collector {
    fn default() -> Self {
        Self::new()
    }
}

/// Reads one element.
pub fn decode(element: &Attribute) -> Result<Bound<Vec<u8>>> {
    let (mut key, mut starts) = (None, true);
    for attribute in element.nested() {
        let attribute = attribute?;
        match attribute.kind {
            NFTA_SET_ELEM_KEY => key = attribute.nested().find(NFTA_DATA_VALUE)?.map(|value| value.payload.to_vec()),
            NFTA_SET_ELEM_FLAGS => starts = attribute.u32()? & INTERVAL_END == 0,
            _ => {}
        }
    }
    Ok(Bound { key: required(key, "element key")?, starts })
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
