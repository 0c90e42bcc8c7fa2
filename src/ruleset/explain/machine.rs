//! One rule's expressions, one after the other.

use std::net::IpAddr;

use jiff::Timestamp;

use super::registers::Registers;
use super::{Packet, Tracked};
use crate::interval::{Address, Interval};
use crate::ruleset::datatype::interface_key;
use crate::ruleset::{
    CmpOp, CtKey, Elements, Expr, FIB_OIF, FIB_WAY_BACK, Family, FlowDirection, KeyBox, MetaKey, PayloadBase, Register,
    Reject, SET_FOREIGN_ELEMENTS, Set, Table, Verdict,
};

/// What limits and the meters are taken for, which depend on what came before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rates {
    /// Below their rates and sizes: there is room for this packet.
    Within,
    /// Above them.
    Exceeded,
}

/// An element that a packet's key was found in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The set.
    pub set: String,
    /// The element in nft's words.
    pub element: String,
    /// When the kernel takes it out; none when it stays.
    pub until: Option<Timestamp>,
}

/// What an expression does.
pub(super) enum Does<'t> {
    /// The rule goes on behind it.
    GoesOn,
    /// The rule ends without a match.
    BreaksOff,
    /// The rule ends with a verdict.
    Decides(&'t Verdict),
    /// The rule ends with the packet, and an answer to its sender.
    Rejects(Reject),
    /// This program does not know.
    Unknown,
}

/// The state of a rule's evaluation.
pub(super) struct Machine<'t, 'p> {
    table: &'t Table,
    packet: &'p Packet,
    now: Timestamp,
    rates: Rates,
    registers: Registers,
    /// The elements that were found so far.
    pub found: Vec<Found>,
}

impl<'t, 'p> Machine<'t, 'p> {
    pub fn new(table: &'t Table, packet: &'p Packet, now: Timestamp, rates: Rates) -> Self {
        Self { table, packet, now, rates, registers: Registers::new(), found: Vec::new() }
    }

    /// Evaluates one expression. Every kind is named here, so that a new one is not forgotten.
    pub fn evaluate(&mut self, expression: &'t Expr) -> Does<'t> {
        match expression {
            Expr::Meta { key, register } => self.load(*register, self.meta(*key)),
            Expr::Ct { key, direction, register } => self.load(*register, self.ct(*key, *direction)),
            Expr::Fib { result, flags, register } => self.load(*register, self.fib(*result, *flags)),
            Expr::Payload { base, offset, len, register } => {
                self.load(*register, self.payload(*base, *offset as usize, *len as usize))
            }
            Expr::Immediate { register, data } => self.load(*register, Value::Bytes(data.clone())),
            Expr::Bitwise { source, destination, mask, xor } => {
                let masked = self.registers.load(*source, mask.len()).filter(|_| mask.len() == xor.len());
                let masked = masked.map(|value| {
                    let bits = mask.iter().zip(xor);
                    value.iter().zip(bits).map(|(byte, (mask, xor))| byte & mask ^ xor).collect()
                });
                self.load(*destination, masked.map_or(Value::Unknown, Value::Bytes))
            }
            Expr::Cmp { register, op, data } => self.matches(self.compare(*register, *op, data)),
            Expr::Range { register, op, from, to } => self.matches(self.is_within(*register, *op, from, to)),
            Expr::Lookup { set, register, inverted } => self.look_up(set, *register, *inverted),
            // It is added, or renewed; where the set is full or the element's own limit exceeded, the
            // rule ends here.
            Expr::Dynset { .. } | Expr::Limit(_) if self.rates == Rates::Exceeded => Does::BreaksOff,
            Expr::Dynset { .. } | Expr::Limit(_) | Expr::Log(_) | Expr::Counter { .. } => Does::GoesOn,
            Expr::Verdict(verdict) => decide(verdict),
            Expr::Reject(reject) => Does::Rejects(*reject),
            Expr::Raw { .. } => Does::Unknown,
        }
    }

    fn load(&mut self, register: Register, value: Value) -> Does<'t> {
        match value {
            Value::Bytes(bytes) => match self.registers.store(register, &bytes) {
                Some(()) => Does::GoesOn,
                None => Does::Unknown,
            },
            Value::Absent => Does::BreaksOff,
            Value::Unknown => Does::Unknown,
        }
    }

    fn matches(&self, matches: Option<bool>) -> Does<'t> {
        match matches {
            Some(true) => Does::GoesOn,
            Some(false) => Does::BreaksOff,
            None => Does::Unknown,
        }
    }

    /// `nft_meta_get_eval` of `net/netfilter/nft_meta.c`.
    fn meta(&self, key: MetaKey) -> Value {
        let Packet { incoming, outgoing, .. } = self.packet;
        // Without an interface the name is empty, and the kind none at all.
        match key {
            MetaKey::IIFNAME => Value::Bytes(interface_key(&incoming.name)),
            MetaKey::OIFNAME => Value::Bytes(interface_key(outgoing.as_ref().map_or("", |link| &link.name))),
            MetaKey::IIFKIND => kind(incoming.kind.as_deref()),
            MetaKey::OIFKIND => kind(outgoing.as_ref().and_then(|link| link.kind.as_deref())),
            MetaKey::NFPROTO => Value::Bytes(vec![self.packet.family().nfproto()]),
            MetaKey::L4PROTO => Value::Bytes(vec![self.packet.protocol]),
            MetaKey::PKTTYPE => Value::Bytes(vec![self.packet.addressee as u8]),
            MetaKey(_) => Value::Unknown,
        }
    }

    /// `nft_ct_get_eval` of `net/netfilter/nft_ct.c`: a packet without a flow has a state and nothing else.
    fn ct(&self, key: CtKey, direction: Option<FlowDirection>) -> Value {
        let flow = self.packet.flow;
        let of = |value: fn(Tracked) -> Vec<u8>| flow.tracked().map_or(Value::Absent, |flow| Value::Bytes(value(flow)));
        match (key, direction) {
            (CtKey::STATE, None) => Value::Bytes(flow.state().to_ne_bytes().to_vec()),
            (CtKey::STATUS, None) => of(|flow| flow.status().to_ne_bytes().to_vec()),
            (CtKey::DIRECTION, None) => of(|flow| vec![flow.direction as u8]),
            (CtKey::PROTO_DST, Some(FlowDirection::Original)) => of(|flow| flow.port.to_be_bytes().to_vec()),
            (CtKey::DST_IP, Some(FlowDirection::Original)) => self.original(Family::Ipv4),
            (CtKey::DST_IP6, Some(FlowDirection::Original)) => self.original(Family::Ipv6),
            (CtKey(_), _) => Value::Unknown,
        }
    }

    fn original(&self, family: Family) -> Value {
        match (family, self.packet.flow.tracked().map(|flow| flow.destination)) {
            (Family::Ipv4, Some(IpAddr::V4(address))) => Value::Bytes(address.octets().to_vec()),
            (Family::Ipv6, Some(IpAddr::V6(address))) => Value::Bytes(address.octets().to_vec()),
            _ => Value::Absent,
        }
    }

    /// `nft_fib_store_result` of `net/netfilter/nft_fib.c`.
    fn fib(&self, result: u32, flags: u32) -> Value {
        match (result, flags) {
            (FIB_OIF, FIB_WAY_BACK) => Value::Bytes(u32::from(self.packet.way_back).to_ne_bytes().to_vec()),
            _ => Value::Unknown,
        }
    }

    /// `nft_payload_eval` of `net/netfilter/nft_payload.c`: what is not there ends the rule.
    fn payload(&self, base: PayloadBase, offset: usize, len: usize) -> Value {
        let header = match base {
            PayloadBase::NETWORK => self.packet.network_header(),
            PayloadBase::TRANSPORT => self.packet.transport.clone(),
            PayloadBase(_) => return Value::Unknown,
        };
        let bytes = header.get(offset..).and_then(|rest| rest.get(..len));
        bytes.map_or(Value::Absent, |bytes| Value::Bytes(bytes.to_vec()))
    }

    /// Bytes are compared as the network orders them.
    fn compare(&self, register: Register, op: CmpOp, data: &[u8]) -> Option<bool> {
        let order = self.registers.load(register, data.len())?.cmp(data);
        Some(match op {
            CmpOp::Eq => order.is_eq(),
            CmpOp::Neq => order.is_ne(),
            CmpOp::Lt => order.is_lt(),
            CmpOp::Lte => order.is_le(),
            CmpOp::Gt => order.is_gt(),
            CmpOp::Gte => order.is_ge(),
        })
    }

    fn is_within(&self, register: Register, op: CmpOp, from: &[u8], to: &[u8]) -> Option<bool> {
        let within =
            self.registers.load(register, from.len())? >= from && self.registers.load(register, to.len())? <= to;
        match op {
            CmpOp::Eq => Some(within),
            CmpOp::Neq => Some(!within),
            CmpOp::Lt | CmpOp::Lte | CmpOp::Gt | CmpOp::Gte => None,
        }
    }

    fn look_up(&mut self, name: &str, register: Register, inverted: bool) -> Does<'t> {
        // What packets put into a set, and what is not understood of one, is not known here.
        let set = self.table.set(name).filter(|set| !set.is_dynamic() && set.flags & SET_FOREIGN_ELEMENTS == 0);
        let Some(set) = set else {
            return Does::Unknown;
        };
        let Some(key) = usize::try_from(set.key_len()).ok().and_then(|len| self.registers.load(register, len)) else {
            return Does::Unknown;
        };
        let found = find(set, key, self.now);
        let is_in = found.is_some();
        self.found.extend(found);
        self.matches(Some(is_in != inverted))
    }
}

/// What is loaded.
enum Value {
    Bytes(Vec<u8>),
    /// The packet has none, which ends the rule.
    Absent,
    /// This program does not know.
    Unknown,
}

fn kind(kind: Option<&str>) -> Value {
    kind.map_or(Value::Absent, |kind| Value::Bytes(interface_key(kind)))
}

fn decide(verdict: &Verdict) -> Does<'_> {
    match verdict {
        // `NFT_CONTINUE` and `NFT_BREAK`.
        Verdict::Other(-1) => Does::GoesOn,
        Verdict::Other(-2) => Does::BreaksOff,
        Verdict::Other(_) => Does::Unknown,
        Verdict::Accept | Verdict::Drop | Verdict::Return | Verdict::Jump(_) | Verdict::Goto(_) => {
            Does::Decides(verdict)
        }
    }
}

/// The element of `set` that `key` is in.
fn find(set: &Set, key: &[u8], now: Timestamp) -> Option<Found> {
    let found = |element: String, until| Found { set: set.name.clone(), element, until };
    match &set.elements {
        Elements::Ipv4(intervals) => interval(intervals, key).map(|element| found(element, None)),
        Elements::Ipv6(intervals) => interval(intervals, key).map(|element| found(element, None)),
        Elements::Exact(keys) => {
            keys.iter().find(|other| *other == key).map(|element| found(set.key_text(element), None))
        }
        Elements::Boxes(boxes) => {
            let stays = |element: &&KeyBox| element.expiry.is_none_or(|expiry| now < expiry.at);
            let element = boxes.iter().filter(stays).find(|element| holds(set, element, key))?;
            Some(found(set.keys_text(element), element.expiry.map(|expiry| expiry.at)))
        }
    }
}

fn interval<A: Address>(intervals: &[Interval<A>], key: &[u8]) -> Option<String> {
    let address = A::from_octets(key)?;
    let begun = intervals.partition_point(|interval| interval.first() <= address);
    let last = begun.checked_sub(1).and_then(|last| intervals.get(last));
    last.filter(|interval| interval.contains(address)).map(ToString::to_string)
}

/// Whether each field of `key` is between those of the box, as bytes in the network's order.
fn holds(set: &Set, element: &KeyBox, key: &[u8]) -> bool {
    let bounds = set.fields(&element.first).zip(set.fields(&element.last));
    bounds.zip(set.fields(key)).all(|(((_, first), (_, last)), (_, value))| first <= value && value <= last)
}
