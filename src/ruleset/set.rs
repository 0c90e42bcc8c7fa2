//! Sets and their elements.

use std::cmp::Ordering;
use std::net::{Ipv4Addr, Ipv6Addr};

use jiff::Timestamp;

use super::DataType;
use crate::interval::Interval;

/// Belongs to one rule and goes with it (`NFT_SET_ANONYMOUS`). No set of ours does.
pub const SET_ANONYMOUS: u32 = 0x1;
/// Elements never change (`NFT_SET_CONSTANT`).
pub const SET_CONSTANT: u32 = 0x2;
/// Elements are intervals (`NFT_SET_INTERVAL`).
pub const SET_INTERVAL: u32 = 0x4;
/// Elements expire (`NFT_SET_TIMEOUT`).
pub const SET_TIMEOUT: u32 = 0x10;
/// Elements are intervals in each field of a concatenated key (`NFT_SET_CONCAT`, Linux 5.6).
pub const SET_CONCAT: u32 = 0x80;
/// Elements are added by rules as packets pass (`NFT_SET_EVAL`, `dynamic` in nft's words).
pub const SET_DYNAMIC: u32 = 0x20;
/// The size that the kernel gives to a set without one, when a rule comes to fill it
/// (`nft_dynset_init` in `net/netfilter/nft_dynset.c`).
pub const DYNAMIC_SIZE: u32 = 0xffff;

/// Not a flag of the kernel's: the set was read with elements in it that have no place in
/// [`Elements`]. No set of ours is declared so, and thus it is made anew.
pub const SET_FOREIGN_ELEMENTS: u32 = 1 << 31;

/// A named set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Set {
    /// The name; at most 15 bytes, so that no kernel finds it too long.
    pub name: String,
    /// The types of the key's fields, one or more.
    pub key: Vec<DataType>,
    /// The kernel's `NFT_SET_*` bits.
    pub flags: u32,
    /// How long an element stays, in milliseconds.
    pub timeout: Option<u64>,
    /// The most elements it takes.
    pub size: Option<u32>,
    /// What is in it; of a dynamic set nothing, since packets fill it.
    pub elements: Elements,
}

impl Set {
    /// A set of IPv4 intervals.
    pub fn ipv4_intervals(name: &str, elements: Vec<Interval<Ipv4Addr>>) -> Self {
        Self::holding(name, DataType::Ipv4Addr, SET_INTERVAL, Elements::Ipv4(elements))
    }

    /// A set of IPv6 intervals.
    pub fn ipv6_intervals(name: &str, elements: Vec<Interval<Ipv6Addr>>) -> Self {
        Self::holding(name, DataType::Ipv6Addr, SET_INTERVAL, Elements::Ipv6(elements))
    }

    /// A set of keys that are matched exactly, each the bytes of one field of type `key`.
    pub fn exact(name: &str, key: DataType, elements: Vec<Vec<u8>>) -> Self {
        Self::holding(name, key, 0, Elements::Exact(elements))
    }

    /// A set of concatenated keys that are matched exactly.
    pub fn exact_keys(name: &str, key: Vec<DataType>, elements: Vec<Vec<u8>>) -> Self {
        Self { key, ..Self::holding(name, DataType::Ipv4Addr, 0, Elements::Exact(elements)) }
    }

    /// A set of disjoint boxes, some of which may run out.
    pub fn boxes(name: &str, key: Vec<DataType>, elements: Vec<KeyBox>) -> Self {
        let flags = SET_INTERVAL | SET_CONCAT | SET_TIMEOUT;
        Self { key, ..Self::holding(name, DataType::Ipv4Addr, flags, Elements::Boxes(elements)) }
    }

    /// A set that rules fill: `size` keys at most, each for `timeout` milliseconds.
    pub fn dynamic(name: &str, key: Vec<DataType>, size: u32, timeout: u64) -> Self {
        let flags = SET_DYNAMIC | SET_TIMEOUT;
        let elements = Elements::Exact(Vec::new());
        Self { name: name.to_owned(), key, flags, timeout: Some(timeout), size: Some(size), elements }
    }

    fn holding(name: &str, key: DataType, flags: u32, elements: Elements) -> Self {
        Self { name: name.to_owned(), key: vec![key], flags, timeout: None, size: None, elements }
    }

    /// Whether packets fill it, so that its elements are state and not definition.
    pub fn is_dynamic(&self) -> bool {
        self.flags & SET_DYNAMIC != 0
    }

    /// Whether it is part of a rule, such as `{ 10.0.0.1, 10.0.0.2 }`.
    pub fn is_anonymous(&self) -> bool {
        self.flags & SET_ANONYMOUS != 0
    }

    /// Whether its elements are boxes of a concatenated key.
    pub fn holds_boxes(&self) -> bool {
        self.flags & SET_CONCAT != 0
    }

    /// Whether its elements are intervals.
    pub fn is_interval(&self) -> bool {
        self.flags & SET_INTERVAL != 0
    }

    /// The bytes of a key in a set: each field padded to a whole 4-byte register.
    pub fn key_len(&self) -> u32 {
        match self.key.as_slice() {
            [single] => single.len(),
            fields => fields.iter().map(|field| field.len().next_multiple_of(4)).sum(),
        }
    }

    /// Whether the two are declared alike, whatever they hold.
    pub fn same_declaration(&self, other: &Self) -> bool {
        (&self.key, self.flags, self.timeout, self.size) == (&other.key, other.flags, other.timeout, other.size)
    }
}

/// What a set holds, sorted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Elements {
    /// Disjoint IPv4 intervals.
    Ipv4(Vec<Interval<Ipv4Addr>>),
    /// Disjoint IPv6 intervals.
    Ipv6(Vec<Interval<Ipv6Addr>>),
    /// Keys matched exactly, or of a set whose key we have no type for.
    Exact(Vec<Vec<u8>>),
    /// Disjoint boxes of concatenated keys.
    Boxes(Vec<KeyBox>),
}

/// A box of concatenated keys: an interval in each field.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyBox {
    /// The lowest value of each field, each padded to 4 bytes.
    pub first: Vec<u8>,
    /// The highest value of each field, padded alike.
    pub last: Vec<u8>,
    /// When the kernel takes it out; none when it stays.
    pub expiry: Option<Expiry>,
}

/// When an element runs out. Two are equal when they run out at the same instant, whenever they
/// were looked at.
#[derive(Debug, Clone, Copy)]
pub struct Expiry {
    /// The instant. The kernel knows it by the element's comment, since what it says of the time
    /// left is different at each look.
    pub at: Timestamp,
    /// The time left when this was made or read, in milliseconds.
    pub left: u64,
}

impl Expiry {
    /// What runs out at `at`, seen at `now`; none when it has run out. The kernel takes no timeout of zero for one,
    /// and refuses what is longer than `LONGEST_TIMEOUT`.
    pub fn new(at: Timestamp, now: Timestamp) -> Option<Self> {
        let left = u64::try_from(at.duration_since(now).as_millis()).ok().filter(|left| *left > 0)?;
        Some(Self { at, left: left.min(LONGEST_TIMEOUT) })
    }

    /// The element's comment.
    pub fn comment(&self) -> String {
        format!("{UNTIL}{}", self.at)
    }

    /// Reads it back from the comment and the time left.
    pub fn from_comment(comment: &str, left: u64) -> Option<Self> {
        Some(Self { at: comment.strip_prefix(UNTIL)?.parse().ok()?, left })
    }
}

/// The longest timeout in milliseconds, 584 years: the kernel reckons in nanoseconds of 64 bits
/// (`nf_msecs_to_jiffies64`).
const LONGEST_TIMEOUT: u64 = u64::MAX / 1_000_000 - 1;

/// What the comment of an element that runs out begins with.
const UNTIL: &str = "until ";

impl PartialEq for Expiry {
    fn eq(&self, other: &Self) -> bool {
        self.at == other.at
    }
}

impl Eq for Expiry {}

impl PartialOrd for Expiry {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Expiry {
    fn cmp(&self, other: &Self) -> Ordering {
        self.at.cmp(&other.at)
    }
}

impl Elements {
    /// How many there are.
    pub fn len(&self) -> usize {
        match self {
            Self::Ipv4(elements) => elements.len(),
            Self::Ipv6(elements) => elements.len(),
            Self::Exact(elements) => elements.len(),
            Self::Boxes(elements) => elements.len(),
        }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A list of the same kind with nothing in it.
    pub fn none(&self) -> Self {
        match self {
            Self::Ipv4(_) => Self::Ipv4(Vec::new()),
            Self::Ipv6(_) => Self::Ipv6(Vec::new()),
            Self::Exact(_) => Self::Exact(Vec::new()),
            Self::Boxes(_) => Self::Boxes(Vec::new()),
        }
    }

    /// Takes out what has run out at `now`, as the kernel does by itself.
    pub fn drop_expired(&mut self, now: Timestamp) {
        if let Self::Boxes(boxes) = self {
            boxes.retain(|element| element.expiry.is_none_or(|expiry| now < expiry.at));
        }
    }

    /// Those in `self` that are not in `other`; both of one kind. All of `self` where they are
    /// not.
    pub fn without(&self, other: &Self) -> Self {
        match (self, other) {
            (Self::Ipv4(a), Self::Ipv4(b)) => Self::Ipv4(sorted_difference(a, b)),
            (Self::Ipv6(a), Self::Ipv6(b)) => Self::Ipv6(sorted_difference(a, b)),
            (Self::Exact(a), Self::Exact(b)) => Self::Exact(sorted_difference(a, b)),
            (Self::Boxes(a), Self::Boxes(b)) => Self::Boxes(sorted_difference(a, b)),
            (all, _) => all.clone(),
        }
    }

    /// The same without a copy of what stays.
    pub fn into_without(self, other: &Self) -> Self {
        match (self, other) {
            (Self::Ipv4(a), Self::Ipv4(b)) => Self::Ipv4(retain_difference(a, b)),
            (Self::Ipv6(a), Self::Ipv6(b)) => Self::Ipv6(retain_difference(a, b)),
            (Self::Exact(a), Self::Exact(b)) => Self::Exact(retain_difference(a, b)),
            (Self::Boxes(a), Self::Boxes(b)) => Self::Boxes(retain_difference(a, b)),
            (all, _) => all,
        }
    }
}

/// The elements of sorted `a` that sorted `b` lacks, in linear time.
fn sorted_difference<T: Ord + Clone>(a: &[T], b: &[T]) -> Vec<T> {
    let mut lacks = lacking(b);
    a.iter().filter(|element| lacks(element)).cloned().collect()
}

/// The same in place of `a`, which may be large.
fn retain_difference<T: Ord>(mut a: Vec<T>, b: &[T]) -> Vec<T> {
    a.retain(lacking(b));
    a.shrink_to_fit();
    a
}

/// Whether sorted `list` lacks an element. To be asked in order.
fn lacking<T: Ord>(list: &[T]) -> impl FnMut(&T) -> bool {
    let mut list = list.iter().peekable();
    move |element| {
        while list.next_if(|other| *other < element).is_some() {}
        list.peek() != Some(&element)
    }
}
