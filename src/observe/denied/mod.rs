//! The denied flows: what is known of each, which are meant, and how they are put together.

mod filter;
mod fold;
mod follow;
mod group;
mod line;
mod log;
mod names;

use std::cmp::Reverse;

use jiff::{SignedDuration, Timestamp};

pub use filter::{Filter, PortFilter};
pub use fold::{Folded, fold};
pub use follow::{Follow, News};
pub use group::{By, Group, group};
pub use line::{Clock, Line, Prefixes, read_line};
pub use log::Log;
pub(super) use names::PROJECT;
pub use names::{Names, Place};

use crate::config::{Mode, Protocol};
use crate::host::Flow;
use crate::netlink::Remembered;

/// A denied flow, and what is known of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Denied {
    /// The flow, by the destination that was asked for, as far as that is known.
    pub flow: Flow,
    /// How many packets, from the meters; how many lines, from a log, whose limits keep most packets out of it. None
    /// where the kernel does not count by flow.
    pub packets: Option<u64>,
    /// How many bytes they had. A log's lines tell it as well, of the packets that were logged.
    pub bytes: Option<u64>,
    /// The first packet; none where nothing tells it: the meters do not.
    pub first: Option<Timestamp>,
    /// The last one; none in lines of a log without a time.
    pub last: Option<Timestamp>,
    /// Whether they were dropped or only noted; none where nothing tells it.
    pub mode: Option<Mode>,
}

impl Denied {
    /// What a meter remembered at `now` under a wall in that mode.
    pub fn remembered(remembered: &Remembered, mode: Option<Mode>, now: Timestamp) -> Self {
        let age = SignedDuration::from_millis(i64::try_from(remembered.age).unwrap_or(i64::MAX));
        let (packets, bytes) = remembered.count.unzip();
        Self { flow: remembered.flow, packets, bytes, first: None, last: now.checked_sub(age).ok(), mode }
    }

    /// Takes in what else was seen of the same flow.
    fn add(&mut self, other: &Self) {
        self.packets = sum(self.packets, other.packets);
        self.bytes = sum(self.bytes, other.bytes);
        self.first = earliest(self.first, other.first);
        self.last = self.last.max(other.last);
        self.mode = match (self.mode, other.mode) {
            (Some(Mode::Enforce), _) | (_, Some(Mode::Enforce)) => Some(Mode::Enforce),
            (mode, other) => mode.or(other),
        };
    }
}

/// In which order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Most packets first.
    Packets,
    /// Most bytes first.
    Bytes,
    /// The latest first.
    Last,
    /// By source, destination, protocol and port.
    Flow,
}

/// Brings flows into that order; what is equal in it stays by its flow.
pub fn sort<T: AsRef<Denied>>(flows: &mut [T], order: Order) {
    flows.sort_unstable_by_key(|flow| flow.as_ref().flow);
    match order {
        Order::Packets => flows.sort_by_key(|flow| Reverse(flow.as_ref().packets)),
        Order::Bytes => flows.sort_by_key(|flow| Reverse(flow.as_ref().bytes)),
        Order::Last => flows.sort_by_key(|flow| Reverse(flow.as_ref().last)),
        Order::Flow => {}
    }
}

impl AsRef<Self> for Denied {
    fn as_ref(&self) -> &Self {
        self
    }
}

/// The name of an IP protocol, or its number.
pub fn protocol_name(protocol: u8) -> String {
    match Protocol::from_number(protocol) {
        Ok(named) => named.to_string(),
        // By its own number it has no word in the configuration.
        Err(_) => "icmpv6".to_owned(),
    }
}

fn sum(one: Option<u64>, other: Option<u64>) -> Option<u64> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.saturating_add(other)),
        (one, other) => one.or(other),
    }
}

fn earliest(one: Option<Timestamp>, other: Option<Timestamp>) -> Option<Timestamp> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

#[cfg(test)]
mod tests;
