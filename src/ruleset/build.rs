//! Writing rules: verbs that read like the rule they make.

use std::ops::RangeInclusive;

use super::datatype::interface_key;
use super::{
    CT_STATE_INVALID, CT_STATUS_DNAT, CmpOp, CtKey, DynsetOp, Expr, FIB_OIF, FIB_STAYS, FIB_WAY_BACK, FIB_WAY_OUT,
    FlowDirection, Limit, Log, MetaKey, PayloadBase, Register, Reject, Rule, Verdict,
};

/// ICMPv6 (IANA).
pub(super) const ICMPV6: u8 = 58;
/// Where the hop limit stands in an IPv6 header (RFC 8200).
const HOP_LIMIT: u32 = 7;
/// A frame for the host itself (`include/uapi/linux/if_packet.h`).
const PACKET_HOST: u8 = 0;

/// An address family inside the `inet` table: what has to be checked before an address is loaded,
/// so that no IPv6 packet is judged by the bytes at an IPv4 offset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Family {
    /// IPv4.
    Ipv4,
    /// IPv6.
    Ipv6,
}

/// The networks-or-hosts field of a packet that a rule looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct AddressField {
    offset: u32,
    len: u32,
}

impl Family {
    /// Both, in the order in which rules are written.
    pub const BOTH: [Self; 2] = [Self::Ipv4, Self::Ipv6];

    /// `NFPROTO_IPV4` or `NFPROTO_IPV6`.
    pub const fn nfproto(self) -> u8 {
        match self {
            Self::Ipv4 => 2,
            Self::Ipv6 => 10,
        }
    }

    /// The digit that names of sets end in.
    pub const fn digit(self) -> char {
        match self {
            Self::Ipv4 => '4',
            Self::Ipv6 => '6',
        }
    }

    /// Where the source address stands (RFC 791, RFC 8200).
    const fn source(self) -> AddressField {
        match self {
            Self::Ipv4 => AddressField { offset: 12, len: 4 },
            Self::Ipv6 => AddressField { offset: 8, len: 16 },
        }
    }

    /// What leaves only the first octet of an address.
    fn first_octet_mask(self) -> Vec<u8> {
        let mut mask = vec![u8::MAX];
        mask.resize(self.destination().len as usize, 0);
        mask
    }

    /// Where the destination address stands.
    const fn destination(self) -> AddressField {
        match self {
            Self::Ipv4 => AddressField { offset: 16, len: 4 },
            Self::Ipv6 => AddressField { offset: 24, len: 16 },
        }
    }
}

/// Which end of the packet's way through the host an interface match looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// `iifname`.
    Incoming,
    /// `oifname`.
    Outgoing,
}

impl Side {
    const fn key(self) -> MetaKey {
        match self {
            Self::Incoming => MetaKey::IIFNAME,
            Self::Outgoing => MetaKey::OIFNAME,
        }
    }

    const fn kind(self) -> MetaKey {
        match self {
            Self::Incoming => MetaKey::IIFKIND,
            Self::Outgoing => MetaKey::OIFKIND,
        }
    }
}

/// Where a key takes a packet's destination from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Destination {
    /// The packet as it is.
    Packet,
    /// What its flow was addressed to, before any address translation.
    Original,
}

/// The concatenated key of a packet: packed into registers from the first on.
#[derive(Debug)]
pub struct FlowKey {
    family: Family,
    loads: Vec<Expr>,
    word: u32,
}

impl FlowKey {
    /// A key of a packet of `family`, with nothing in it yet.
    pub fn new(family: Family) -> Self {
        Self { family, loads: Vec::new(), word: 0 }
    }

    /// Source and destination address and protocol.
    pub fn flow(family: Family) -> Self {
        Self::new(family).source().destination(Destination::Packet).protocol()
    }

    /// The source address as well.
    pub fn source(mut self) -> Self {
        let field = self.family.source();
        self.push(field.len, |register| payload(PayloadBase::NETWORK, field, register));
        self
    }

    /// The destination address as well.
    pub fn destination(mut self, from: Destination) -> Self {
        let field = self.family.destination();
        let key = match self.family {
            Family::Ipv4 => CtKey::DST_IP,
            Family::Ipv6 => CtKey::DST_IP6,
        };
        self.push(field.len, |register| match from {
            Destination::Packet => payload(PayloadBase::NETWORK, field, register),
            Destination::Original => Expr::Ct { key, direction: Some(FlowDirection::Original), register },
        });
        self
    }

    /// The protocol as well.
    pub fn protocol(mut self) -> Self {
        self.push(1, |register| Expr::Meta { key: MetaKey::L4PROTO, register });
        self
    }

    /// The destination port as well. Only for protocols that have ports: elsewhere the same bytes
    /// are a checksum or an identifier, and each packet would make a key of its own.
    pub fn port(mut self, from: Destination) -> Self {
        let field = AddressField { offset: 2, len: 2 };
        self.push(field.len, |register| match from {
            Destination::Packet => payload(PayloadBase::TRANSPORT, field, register),
            Destination::Original => {
                Expr::Ct { key: CtKey::PROTO_DST, direction: Some(FlowDirection::Original), register }
            }
        });
        self
    }

    fn push(&mut self, len: u32, load: impl FnOnce(Register) -> Expr) {
        self.loads.push(load(Register::at_word(self.word)));
        self.word += len.div_ceil(4);
    }
}

fn payload(base: PayloadBase, field: AddressField, register: Register) -> Expr {
    Expr::Payload { base, offset: field.offset, len: field.len, register }
}

impl Rule {
    /// A rule without a match.
    pub fn new() -> Self {
        Self::default()
    }

    /// Says why the rule is there; shown by `nft list`.
    pub fn comment(mut self, comment: &str) -> Self {
        self.comment = Some(comment.to_owned());
        self
    }

    fn with(mut self, expressions: impl IntoIterator<Item = Expr>) -> Self {
        self.expressions.extend(expressions);
        self
    }

    fn compare(self, op: CmpOp, data: &[u8]) -> Self {
        self.with([Expr::Cmp { register: Register::R1, op, data: data.to_vec() }])
    }

    fn meta(self, key: MetaKey) -> Self {
        self.with([Expr::Meta { key, register: Register::R1 }])
    }

    fn lookup(self, set: &str) -> Self {
        self.with([Expr::Lookup { set: set.to_owned(), register: Register::R1, inverted: false }])
    }

    fn lookup_not(self, set: &str) -> Self {
        self.with([Expr::Lookup { set: set.to_owned(), register: Register::R1, inverted: true }])
    }

    /// `meta nfproto ipv4` or `meta nfproto ipv6`.
    pub fn family(self, family: Family) -> Self {
        self.meta(MetaKey::NFPROTO).compare(CmpOp::Eq, &[family.nfproto()])
    }

    /// `ip daddr @set` or `ip6 daddr @set`.
    pub fn destination_in(self, family: Family, set: &str) -> Self {
        let load = payload(PayloadBase::NETWORK, family.destination(), Register::R1);
        self.family(family).with([load]).lookup(set)
    }

    /// `ip daddr & 255.0.0.0 @first ip daddr @set`: the set is not looked into for addresses of whose first octet
    /// it has none, which is most of them and costs a third.
    pub fn destination_in_both(self, family: Family, first: &str, set: &str) -> Self {
        let load = || payload(PayloadBase::NETWORK, family.destination(), Register::R1);
        let mask = family.first_octet_mask();
        let xor = vec![0; mask.len()];
        let octet = Expr::Bitwise { source: Register::R1, destination: Register::R1, mask, xor };
        self.family(family).with([load(), octet]).lookup(first).with([load()]).lookup(set)
    }

    /// `ip saddr . ip daddr … @set`: the packet's key in a set of concatenated keys.
    pub fn key_in(self, key: FlowKey, set: &str) -> Self {
        self.family(key.family).with(key.loads).lookup(set)
    }

    /// `fib saddr . iif oif missing`: packets whose source has no way back over the interface that they
    /// came in by. Nobody there has that address.
    pub fn forged(self) -> Self {
        self.route(FIB_WAY_BACK).compare(CmpOp::Eq, &[0; 4])
    }

    /// `fib daddr . iif oif exists`: packets that leave by the interface that they came in by.
    pub fn stays(self) -> Self {
        self.route(FIB_STAYS).compare(CmpOp::Eq, &1u32.to_ne_bytes())
    }

    /// `fib daddr oif missing`: packets that lead nowhere else, as those to the host's own addresses.
    pub fn to_host(self) -> Self {
        self.route(FIB_WAY_OUT).compare(CmpOp::Eq, &[0; 4])
    }

    fn route(self, flags: u32) -> Self {
        self.with([Expr::Fib { result: FIB_OIF, flags, register: Register::R1 }])
    }

    /// `ct status dnat`: packets of a flow whose destination was rewritten.
    pub fn translated(self) -> Self {
        self.flow_bit(CtKey::STATUS, CT_STATUS_DNAT)
    }

    /// `ct state invalid`: packets that belong to no flow and begin none.
    pub fn invalid(self) -> Self {
        self.flow_bit(CtKey::STATE, CT_STATE_INVALID)
    }

    fn flow_bit(self, key: CtKey, bit: u32) -> Self {
        let mask = Expr::Bitwise {
            source: Register::R1,
            destination: Register::R1,
            mask: bit.to_ne_bytes().to_vec(),
            xor: vec![0; 4],
        };
        let load = Expr::Ct { key, direction: None, register: Register::R1 };
        self.with([load, mask]).compare(CmpOp::Neq, &[0; 4])
    }

    /// `icmpv6 type FIRST-LAST ip6 hoplimit N`: messages of the link, which no router passes on.
    pub fn link_message(self, types: RangeInclusive<u8>, hop_limit: u8) -> Self {
        let load = |base, offset| Expr::Payload { base, offset, len: 1, register: Register::R1 };
        let (first, last) = types.into_inner();
        let rule = self.family(Family::Ipv6).protocol(ICMPV6).with([load(PayloadBase::TRANSPORT, 0)]);
        let rule = match first == last {
            true => rule.compare(CmpOp::Eq, &[first]),
            false => rule.compare(CmpOp::Gte, &[first]).compare(CmpOp::Lte, &[last]),
        };
        rule.with([load(PayloadBase::NETWORK, HOP_LIMIT)]).compare(CmpOp::Eq, &[hop_limit])
    }

    /// `meta pkttype != host`: what is for everybody or for a group.
    pub fn not_for_one_host(self) -> Self {
        self.meta(MetaKey::PKTTYPE).compare(CmpOp::Neq, &[PACKET_HOST])
    }

    /// `meta iifkind "bridge"` or `meta oifkind "bridge"`.
    pub fn bridge(self, side: Side) -> Self {
        self.meta(side.kind()).compare(CmpOp::Eq, &interface_key("bridge"))
    }

    /// `iifname @set` or `oifname @set`.
    pub fn interface_in(self, side: Side, set: &str) -> Self {
        self.meta(side.key()).lookup(set)
    }

    /// `iifname != @set` or `oifname != @set`.
    pub fn interface_not_in(self, side: Side, set: &str) -> Self {
        self.meta(side.key()).lookup_not(set)
    }

    /// `iifname "br-*"`: a compare of the prefix without its NUL, since an exact-match set would
    /// take the asterisk for a letter.
    pub fn interface_prefix(self, side: Side, prefix: &str) -> Self {
        self.meta(side.key()).compare(CmpOp::Eq, prefix.as_bytes())
    }

    /// `iifname != "br-lan*"`.
    pub fn interface_not_prefix(self, side: Side, prefix: &str) -> Self {
        self.meta(side.key()).compare(CmpOp::Neq, prefix.as_bytes())
    }

    /// `iifname "eth0"`: all 16 bytes.
    pub fn interface_is(self, side: Side, name: &str) -> Self {
        self.meta(side.key()).compare(CmpOp::Eq, &interface_key(name))
    }

    /// `meta l4proto @set`.
    pub fn protocol_in(self, set: &str) -> Self {
        self.meta(MetaKey::L4PROTO).lookup(set)
    }

    /// `meta l4proto != @set`.
    pub fn protocol_not_in(self, set: &str) -> Self {
        self.meta(MetaKey::L4PROTO).lookup_not(set)
    }

    /// `meta l4proto NUMBER`.
    pub fn protocol(self, number: u8) -> Self {
        self.meta(MetaKey::L4PROTO).compare(CmpOp::Eq, &[number])
    }

    /// `ct direction reply`: packets that answer a flow which the other side opened.
    pub fn reply(self) -> Self {
        self.with([Expr::Ct { key: CtKey::DIRECTION, direction: None, register: Register::R1 }])
            .compare(CmpOp::Eq, &[1])
    }

    /// `update @set { key … }`: each key gets its own copy of `expressions`, and its timeout
    /// renewed (an `add` would not renew it).
    pub fn update(self, set: &str, key: FlowKey, expressions: Vec<Expr>) -> Self {
        let update = Expr::Dynset { set: set.to_owned(), op: DynsetOp::Update, register: Register::R1, expressions };
        self.family(key.family).with(key.loads).with([update])
    }

    /// `limit rate …`: the rule ends here for what is above it.
    pub fn limit(self, limit: Limit) -> Self {
        self.with([Expr::Limit(limit)])
    }

    /// `counter`.
    pub fn count(self) -> Self {
        self.with([Expr::COUNTER])
    }

    /// `log …`.
    pub fn log(self, log: Log) -> Self {
        self.with([Expr::Log(log)])
    }

    /// `goto CHAIN`: a return there goes back to who jumped here.
    pub fn goto(self, chain: &str) -> Self {
        self.with([Expr::Verdict(Verdict::Goto(chain.to_owned()))])
    }

    /// `jump CHAIN`.
    pub fn jump(self, chain: &str) -> Self {
        self.with([Expr::Verdict(Verdict::Jump(chain.to_owned()))])
    }

    /// `return`: never accept, so that whoever hooks in later still decides.
    pub fn return_(self) -> Self {
        self.with([Expr::Verdict(Verdict::Return)])
    }

    /// `drop`.
    pub fn drop(self) -> Self {
        self.with([Expr::Verdict(Verdict::Drop)])
    }

    /// `reject with …`.
    pub fn reject(self, how: Reject) -> Self {
        self.with([Expr::Reject(how)])
    }
}
