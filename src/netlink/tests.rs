//! Tables, chains, rules, sets and elements: what is written reads back, and what is no such
//! object is refused without a panic.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::ops::Range;

use jiff::Timestamp;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::attribute::{Attributes, Writer};
use super::element::{Collector, Unusable};
use super::{chain, decode_any, element, expr, message, nacks, rule, set, table};
use crate::interval::{Interval, normalise};
use crate::ruleset::{
    Base, Chain, ChainPolicy, CmpOp, CtKey, DataType, DynsetOp, Elements, Expiry, Expr, FlowDirection, Hook, KeyBox,
    Limit, Log, LogTarget, MetaKey, PayloadBase, Register, Reject, Rule, SET_ANONYMOUS, SET_FOREIGN_ELEMENTS, Set,
    Verdict,
};

/// A name as the kernel takes it.
fn any_name() -> impl Strategy<Value = String> {
    "[a-zA-Z][a-zA-Z0-9_./-]{0,30}"
}

/// A comment, which has no NUL in it.
fn any_comment() -> impl Strategy<Value = Option<String>> {
    option::of("[^\0]{0,60}")
}

fn any_register() -> impl Strategy<Value = Register> {
    prop_oneof![1u32..=4, 8u32..=23].prop_map(Register)
}

fn any_data() -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 0..=16)
}

fn any_op() -> impl Strategy<Value = CmpOp> {
    prop::sample::select(vec![CmpOp::Eq, CmpOp::Neq, CmpOp::Lt, CmpOp::Lte, CmpOp::Gt, CmpOp::Gte])
}

fn any_verdict() -> impl Strategy<Value = Verdict> {
    let known = vec![Verdict::Accept, Verdict::Drop, Verdict::Return];
    // The codes in between are those of jump and goto, and of return.
    let other = prop_oneof![2..=i32::MAX, i32::MIN..=-6, -2..=-1].prop_map(Verdict::Other);
    prop_oneof![
        prop::sample::select(known),
        any_name().prop_map(Verdict::Jump),
        any_name().prop_map(Verdict::Goto),
        other
    ]
}

fn any_limit() -> impl Strategy<Value = Limit> {
    (any::<u64>(), any::<u64>(), any::<u32>(), any::<bool>(), any::<bool>())
        .prop_map(|(rate, unit, burst, bytes, inverted)| Limit { rate, unit, burst, bytes, inverted })
}

fn any_log() -> impl Strategy<Value = Log> {
    let level = any::<u32>().prop_map(|level| LogTarget::Kernel { level });
    let target = prop_oneof![level, any::<u16>().prop_map(LogTarget::Group)];
    (option::of("[ -~]{0,127}"), target).prop_map(|(prefix, target)| Log { prefix, target })
}

fn any_reject() -> impl Strategy<Value = Reject> {
    prop_oneof![Just(Reject::TcpReset), any::<u8>().prop_map(Reject::Icmp), any::<u8>().prop_map(Reject::Icmpx)]
}

/// An expression that holds no other.
fn any_plain_expression() -> impl Strategy<Value = Expr> {
    // The kernel's attributes are whole words.
    let words = vec(any::<[u8; 4]>(), 0..8).prop_map(|words| words.concat());
    let unknown = ("[a-z]{1,3}_[a-z]{1,9}", words).prop_map(|(name, data)| Expr::Raw { name, data });
    prop_oneof![
        (any::<u32>(), any_register()).prop_map(|(key, register)| Expr::Meta { key: MetaKey(key), register }),
        (any::<u32>(), any::<u32>(), any_register()).prop_map(|(result, flags, register)| Expr::Fib {
            result,
            flags,
            register
        }),
        (any::<u32>(), any_direction(), any_register()).prop_map(|(key, direction, register)| Expr::Ct {
            key: CtKey(key),
            direction,
            register
        }),
        (0u32..4, any::<u32>(), any::<u32>(), any_register()).prop_map(|(base, offset, len, register)| {
            Expr::Payload { base: PayloadBase(base), offset, len, register }
        }),
        (any_register(), any_op(), any_data()).prop_map(|(register, op, data)| Expr::Cmp { register, op, data }),
        (any_register(), any_register(), any_data(), any_data())
            .prop_map(|(source, destination, mask, xor)| { Expr::Bitwise { source, destination, mask, xor } }),
        (any_register(), any_op(), any_data(), any_data()).prop_map(|(register, op, from, to)| Expr::Range {
            register,
            op,
            from,
            to
        }),
        (any_name(), any_register(), any::<bool>()).prop_map(|(set, register, inverted)| Expr::Lookup {
            set,
            register,
            inverted
        }),
        any_limit().prop_map(Expr::Limit),
        any_log().prop_map(Expr::Log),
        (any::<u64>(), any::<u64>()).prop_map(|(packets, bytes)| Expr::Counter { packets, bytes }),
        any_verdict().prop_map(Expr::Verdict),
        (any_register(), any_data()).prop_map(|(register, data)| Expr::Immediate { register, data }),
        any_reject().prop_map(Expr::Reject),
        unknown,
    ]
}

fn any_direction() -> impl Strategy<Value = Option<FlowDirection>> {
    option::of(prop::sample::select(vec![FlowDirection::Original, FlowDirection::Reply]))
}

/// Any expression.
pub fn any_expression() -> impl Strategy<Value = Expr> {
    let op = prop::sample::select(vec![DynsetOp::Add, DynsetOp::Update]);
    let inner = vec(any_plain_expression(), 0..4);
    let dynset = (any_name(), op, any_register(), inner).prop_map(|(set, op, register, expressions)| Expr::Dynset {
        set,
        op,
        register,
        expressions,
    });
    prop_oneof![9 => any_plain_expression(), 1 => dynset]
}

fn any_chain() -> impl Strategy<Value = Chain> {
    let policy = prop::sample::select(vec![ChainPolicy::Accept, ChainPolicy::Drop]);
    let base = (any_name(), any::<u32>(), any::<i32>(), policy).prop_map(|(kind, hook, priority, policy)| Base {
        kind,
        hook: Hook(hook),
        priority,
        policy,
    });
    (any_name(), option::of(base), any_comment()).prop_map(|(name, base, comment)| Chain {
        name,
        base,
        comment,
        rules: Vec::new(),
    })
}

fn any_set() -> impl Strategy<Value = Set> {
    let fields = vec![DataType::Ipv4Addr, DataType::Ipv6Addr, DataType::InetProto, DataType::InetService];
    let concatenation = vec(prop::sample::select(fields), 2..5);
    let other = (42u32..63, 1u32..16).prop_map(|(id, len)| vec![DataType::Other { id, len }]);
    let key = prop_oneof![concatenation, Just(vec![DataType::IfName]), Just(vec![DataType::Ipv6Addr]), other];
    let declaration = (any_name(), key, 0u32..=0xff, option::of(1u64..), option::of(1u32..));
    declaration.prop_map(|(name, key, flags, timeout, size)| {
        let flags = flags & !(SET_FOREIGN_ELEMENTS | SET_ANONYMOUS);
        let declared = Set { name, key, flags, timeout, size, elements: Elements::Exact(Vec::new()) };
        let elements = match declared.key.as_slice() {
            [DataType::Ipv6Addr] if declared.is_interval() => Elements::Ipv6(Vec::new()),
            [_, _, ..] if declared.holds_boxes() => Elements::Boxes(Vec::new()),
            _ => Elements::Exact(Vec::new()),
        };
        Set { elements, ..declared }
    })
}

fn written(write: impl FnOnce(&mut Writer)) -> Vec<u8> {
    let mut writer = Writer::default();
    write(&mut writer);
    writer.into_bytes()
}

/// The elements of `set` as a reader collects them from the messages that they are written in.
fn elements_read_back(set: &Set) -> Elements {
    let mut collector = Collector::new();
    for piece in element::pieces(set) {
        let bytes = written(|writer| element::encode(writer, "dockwall", set, piece));
        assert!(bytes.len() < 1 << 16, "{} bytes", bytes.len());
        collector.add(Attributes::new(&bytes)).unwrap();
    }
    collector.finish(set).unwrap()
}

/// As the kernel lists it while it grows.
#[test]
fn a_set_of_which_an_element_was_listed_twice_is_torn() {
    let set = Set::exact("containers", DataType::IfName, (0..4).map(|index| vec![index; 16]).collect());
    let bytes = |range| written(|writer| element::encode(writer, "dockwall", &set, range));
    let read = |ranges: [Range<usize>; 2]| {
        let mut collector = Collector::new();
        ranges.into_iter().for_each(|range| collector.add(Attributes::new(&bytes(range))).unwrap());
        collector.finish(&set)
    };
    assert_eq!(read([0..2, 2..4]), Ok(set.elements.clone()));
    assert_eq!(read([0..2, 1..3]), Err(Unusable::Torn));
}

proptest! {
    #[test]
    fn a_table_reads_back(name in any_name(), flags in any::<u32>(), comment in any_comment()) {
        let bytes = written(|writer| table::encode(writer, &name, flags, comment.as_deref()));
        let read = table::decode(Attributes::new(&bytes)).unwrap();
        prop_assert_eq!((read.name, read.flags, read.comment), (name, flags, comment));
    }

    #[test]
    fn a_chain_reads_back(chain in any_chain()) {
        let bytes = written(|writer| chain::encode(writer, "dockwall", &chain));
        prop_assert_eq!(chain::decode(Attributes::new(&bytes)), Ok(("dockwall".to_owned(), chain)));
    }

    #[test]
    fn a_rule_reads_back(expressions in vec(any_expression(), 0..12), comment in any_comment(), position in any::<u64>()) {
        let rule = Rule { expressions, comment, handle: None };
        let bytes = written(|writer| rule::encode(writer, "dockwall", "forward", &rule, Some(position)));
        // As dockwall writes it.
        let expressions = rule.expressions.iter().cloned().flat_map(expr::as_compares).collect();
        prop_assert_eq!(rule::decode(Attributes::new(&bytes)), Ok(("forward".to_owned(), Rule { expressions, ..rule })));
    }

    #[test]
    fn a_set_reads_back(set in any_set()) {
        let bytes = written(|writer| set::encode(writer, "dockwall", &set, 1));
        prop_assert_eq!(set::decode(Attributes::new(&bytes)), Ok(set));
    }

    #[test]
    fn intervals_read_back(v4 in vec(any::<(u32, u32)>(), 0..20), v6 in vec(any::<(u128, u128)>(), 0..20), end: bool) {
        let v4 = v4.into_iter().chain(end.then_some((u32::MAX - 9, u32::MAX)));
        let v4 = v4.map(|(a, b)| Interval::new(Ipv4Addr::from(a.min(b)), a.max(b).into()).unwrap()).collect();
        let set = Set::ipv4_intervals("deny4", normalise(v4));
        prop_assert_eq!(elements_read_back(&set), set.elements);
        let v6 = v6.into_iter().map(|(a, b)| Interval::new(Ipv6Addr::from(a.min(b)), a.max(b).into()).unwrap());
        let set = Set::ipv6_intervals("deny6", normalise(v6.collect()));
        prop_assert_eq!(elements_read_back(&set), set.elements);
    }

    #[test]
    fn boxes_read_back(boxes in vec((any::<[u8; 12]>(), any::<[u8; 12]>(), option::of(1i64..1_000_000)), 0..20)) {
        let now = Timestamp::UNIX_EPOCH;
        let mut boxes: Vec<KeyBox> = boxes
            .into_iter()
            .map(|(first, last, second)| KeyBox {
                first: first.to_vec(),
                last: last.to_vec(),
                expiry: second.and_then(|second| Expiry::new(Timestamp::from_second(second).unwrap(), now)),
            })
            .collect();
        boxes.sort();
        let set = Set::boxes("grant4-proto", vec![DataType::Ipv4Addr, DataType::Ipv4Addr, DataType::InetProto], boxes);
        prop_assert_eq!(elements_read_back(&set), set.elements);
    }

    #[test]
    fn keys_read_back(mut keys in vec(any::<[u8; 16]>(), 0..20)) {
        keys.sort();
        let set = Set::exact("containers", DataType::IfName, keys.into_iter().map(Vec::from).collect());
        prop_assert_eq!(elements_read_back(&set), set.elements);
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in vec(any::<u8>(), 0..300)) {
        decode_any(&bytes);
    }

    #[test]
    fn a_damaged_rule_never_panics(
        expressions in vec(any_expression(), 1..6),
        damages in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let rule = Rule { expressions, ..Rule::new() };
        let mut bytes = written(|writer| rule::encode(writer, "dockwall", "forward", &rule, None));
        for (position, damage) in damages {
            let position = position.index(bytes.len());
            bytes[position] = damage;
        }
        decode_any(&bytes);
    }
}

#[test]
fn i2_seventy_thousand_intervals_go_into_messages_below_64_kib() {
    let network = |index: u32| Interval::new(Ipv4Addr::from(index * 64), Ipv4Addr::from(index * 64 + 31)).unwrap();
    let set = Set::ipv4_intervals("deny4", (1..=70_000).map(network).collect());
    assert_eq!(elements_read_back(&set), set.elements);
    let widest = |index: u32| Interval::from(Ipv6Addr::from(u128::from(index) << 64));
    let set = Set::ipv6_intervals("deny6", (1..=5_000).map(widest).collect());
    assert_eq!(elements_read_back(&set), set.elements);
}

#[test]
fn an_errno_that_has_no_positive_is_no_panic() {
    let mut error = message::append(Vec::new(), message::ERROR, 0, 1, 0, 0, |writer| writer.raw(&[0; 16]));
    error[message::HEADER_LEN..message::HEADER_LEN + 4].copy_from_slice(&i32::MIN.to_ne_bytes());
    assert_eq!(nacks(&error).count(), 1);
}
