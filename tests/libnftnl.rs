//! libnftnl is the second opinion on our codec: message for message it writes the same attributes.
//! And what its messages make of the kernel is what `nft` makes of the rendered text.
//!
//! The two differ in what [`Tree::normalised`] takes away, and in nothing else.
#![cfg(feature = "libnftnl")]
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use dockwall::netlink::libnftnl::{self, Unencodable};
use dockwall::netlink::message::{HEADER_LEN, Kind, Messages, NFGEN_LEN};
use dockwall::netlink::{Batch, Commit, Error};
use dockwall::ruleset::{
    Chain, ChainPolicy, Change, CmpOp, CtKey, DataType, DynsetOp, Elements, Expiry, Expr, FlowDirection, Hook, KeyBox,
    Limit, Log, LogTarget, MetaKey, PayloadBase, Register, Reject, Rule, Set, Table, Verdict, diff,
};
use proptest::prelude::*;
use support::Netns;
use support::policies::{any_policy, now, plain, table};

/// `NLA_F_NESTED`.
const NESTED: u16 = 0x8000;
/// `NFTA_SET_ELEM_LIST_ELEMENTS`.
const ELEMENTS: u16 = NESTED | 3;
/// `NFTA_RULE_EXPRESSIONS`.
const EXPRESSIONS: u16 = NESTED | 4;

/// An attribute, with its flags: what it holds, or what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Tree {
    Nest(u16, Vec<Tree>),
    Leaf(u16, Vec<u8>),
}

impl Tree {
    /// The attributes one after the other, sorted by type. Members of a list are of one type, and
    /// stay in their order.
    fn parse(mut bytes: &[u8]) -> Vec<Self> {
        let mut trees = Vec::new();
        while !bytes.is_empty() {
            let len = usize::from(u16::from_ne_bytes([bytes[0], bytes[1]]));
            let kind = u16::from_ne_bytes([bytes[2], bytes[3]]);
            let payload = &bytes[4..len];
            trees.push(match kind & NESTED {
                0 => Self::Leaf(kind, payload.to_vec()),
                _ => Self::Nest(kind, Self::parse(payload)),
            });
            let padded = len.next_multiple_of(4);
            assert!(bytes[len..padded].iter().all(|byte| *byte == 0), "padding");
            bytes = &bytes[padded..];
        }
        trees.sort_by_key(Self::kind);
        trees
    }

    fn kind(&self) -> u16 {
        match self {
            Self::Nest(kind, _) | Self::Leaf(kind, _) => *kind,
        }
    }

    /// Without what libnftnl writes otherwise, and the kernel does not look at:
    ///
    /// - It numbers the elements of a set from 1 on, where ours, as the header says, are all
    ///   `NFTA_LIST_ELEM`.
    /// - A rule without expressions has no list of them, where ours has an empty one.
    fn normalised(message: u16, trees: Vec<Self>) -> Vec<Self> {
        let elements = [Kind::NewSetElem, Kind::DelSetElem].map(Kind::number).contains(&message);
        let rule = message == Kind::NewRule.number();
        let same = |tree| match tree {
            Self::Nest(ELEMENTS, members) if elements => {
                let members = members.into_iter().map(|member| match member {
                    Self::Nest(_, inner) => Self::Nest(NESTED | 1, inner),
                    leaf => leaf,
                });
                Self::Nest(ELEMENTS, members.collect())
            }
            other => other,
        };
        let trees = trees.into_iter().map(same);
        trees.filter(|tree| !rule || *tree != Self::Nest(EXPRESSIONS, Vec::new())).collect()
    }
}

/// A message: its header but for the length, nfnetlink's, and its attributes.
type Decoded = (u16, u16, u32, Vec<u8>, Vec<Tree>);

fn decode(batch: &Batch) -> Vec<Decoded> {
    let messages = Messages(batch.bytes()).map(|message| {
        let (nfgen, attributes) = message.payload.split_at(NFGEN_LEN);
        let attributes = Tree::normalised(message.kind, Tree::parse(attributes));
        (message.kind, message.flags, message.sequence, nfgen.to_vec(), attributes)
    });
    let messages: Vec<_> = messages.collect();
    assert_eq!(messages.len(), batch.len());
    messages
}

/// That both encoders write the changes alike, and libnftnl all of them.
fn check_alike(changes: &[Change]) -> Result<(), TestCaseError> {
    for change in changes {
        prop_assert_eq!(libnftnl::check(change), Ok(()), "{}", change);
    }
    let (theirs, ours) = (libnftnl::encode(changes, 7), Batch::encode(changes, 7));
    prop_assert_eq!(decode(&theirs), decode(&ours));
    Ok(())
}

/// The table as if it had been read: its rules have handles.
fn as_read(mut table: Table) -> Table {
    let rules = table.chains.iter_mut().flat_map(|chain| &mut chain.rules);
    rules.zip(1000..).for_each(|(rule, handle)| rule.handle = Some(handle));
    table
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_table_and_any_change_of_it_are_written_alike(before in any_policy(), after in any_policy()) {
        let (before, after) = (table(&before, 1), table(&after, 2));
        check_alike(&diff(None, &before))?;
        check_alike(&diff(Some(&as_read(before)), &after))?;
    }

    #[test]
    fn any_rule_is_written_alike(
        expressions in prop::collection::vec(any_expression(), 0..12),
        comment in prop::option::of("[ -~]{0,125}"),
        before in prop::option::of(any::<u64>()),
    ) {
        let rule = Rule { expressions, comment, handle: None };
        check_alike(&[Change::AddRule { chain: "forward".to_owned(), rule, number: 1, before }])?;
    }

    #[test]
    fn any_chain_is_written_alike(
        comment in prop::option::of("\\PC{0,63}"),
        base in prop::option::of((0u32..6, any::<i32>(), any::<bool>())),
    ) {
        let mut chain = Chain { comment, ..Chain::regular("some chain", Vec::new()) };
        if let Some((hook, priority, drop)) = base {
            chain.base = Chain::filter("", Hook(hook), priority, Vec::new()).base;
            chain.base.as_mut().unwrap().policy = if drop { ChainPolicy::Drop } else { ChainPolicy::Accept };
        }
        check_alike(&[Change::AddChain(chain.clone()), Change::SetPolicy(chain)])?;
    }
}

fn any_register() -> impl Strategy<Value = Register> {
    prop_oneof![1u32..=4, 8u32..24].prop_map(Register)
}

fn any_value() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 1..=64)
}

fn any_verdict() -> impl Strategy<Value = Verdict> {
    prop_oneof![
        Just(Verdict::Accept),
        Just(Verdict::Drop),
        Just(Verdict::Return),
        "[!-~]{1,127}".prop_map(Verdict::Jump),
        "[!-~]{1,127}".prop_map(Verdict::Goto),
        any::<i32>().prop_map(Verdict::Other),
    ]
}

/// Any expression but a raw one.
fn any_expression() -> impl Strategy<Value = Expr> {
    let (name, register, value) = (|| "[!-~]{1,31}", any_register, any_value);
    let op = || prop::sample::select(vec![CmpOp::Eq, CmpOp::Neq, CmpOp::Lt, CmpOp::Lte, CmpOp::Gt, CmpOp::Gte]);
    let limit = (any::<u64>(), any::<u64>(), any::<u32>(), any::<bool>(), any::<bool>())
        .prop_map(|(rate, unit, burst, bytes, inverted)| Limit { rate, unit, burst, bytes, inverted });
    let target =
        prop_oneof![(0u32..8).prop_map(|level| LogTarget::Kernel { level }), any::<u16>().prop_map(LogTarget::Group)];
    let log = (prop::option::of("[ -~]{0,127}"), target).prop_map(|(prefix, target)| Log { prefix, target });
    let reject =
        prop_oneof![any::<u8>().prop_map(Reject::Icmp), any::<u8>().prop_map(Reject::Icmpx), Just(Reject::TcpReset)];
    let direction = prop::option::of(prop::sample::select(vec![FlowDirection::Original, FlowDirection::Reply]));
    let counter = prop_oneof![Just((0, 0)), any::<(u64, u64)>()];
    let leaf = prop_oneof![
        (any::<u32>(), register()).prop_map(|(key, register)| Expr::Meta { key: MetaKey(key), register }),
        (any::<(u32, u32)>(), register()).prop_map(|((result, flags), register)| Expr::Fib { result, flags, register }),
        (any::<u32>(), direction, register()).prop_map(|(key, direction, register)| Expr::Ct {
            key: CtKey(key),
            direction,
            register
        }),
        (any::<(u32, u32, u32)>(), register()).prop_map(|((base, offset, len), register)| {
            Expr::Payload { base: PayloadBase(base), offset, len, register }
        }),
        (register(), op(), value()).prop_map(|(register, op, data)| Expr::Cmp { register, op, data }),
        (register(), register(), value(), value()).prop_map(|(source, destination, mask, xor)| Expr::Bitwise {
            source,
            destination,
            mask,
            xor
        }),
        (register(), op(), value(), value()).prop_map(|(register, op, from, to)| Expr::Range {
            register,
            op,
            from,
            to
        }),
        (name(), register(), any::<bool>()).prop_map(|(set, register, inverted)| Expr::Lookup {
            set,
            register,
            inverted
        }),
        limit.prop_map(Expr::Limit),
        log.prop_map(Expr::Log),
        counter.prop_map(|(packets, bytes)| Expr::Counter { packets, bytes }),
        any_verdict().prop_map(Expr::Verdict),
        (register(), value()).prop_map(|(register, data)| Expr::Immediate { register, data }),
        reject.prop_map(Expr::Reject),
    ];
    leaf.prop_recursive(1, 5, 4, move |inner| {
        let op = prop_oneof![Just(DynsetOp::Add), Just(DynsetOp::Update)];
        (name(), op, register(), prop::collection::vec(inner, 0..4))
            .prop_map(|(set, op, register, expressions)| Expr::Dynset { set, op, register, expressions })
    })
}

/// A set of 20,000 addresses, none beside another.
fn large_set() -> Set {
    let addresses = (0..20_000u32).map(|index| std::net::Ipv4Addr::from(0x0a00_0000 + 2 * index).into());
    Set::ipv4_intervals("large", addresses.collect())
}

#[test]
fn elements_are_split_at_the_same_places_below_64_kib() {
    let changes = [Change::AddElements(large_set()), Change::DeleteElements(large_set())];
    check_alike(&changes).unwrap();
    let theirs = libnftnl::encode(&changes, 7);
    assert!(theirs.len() > 20, "{}", theirs.len());
    let longest = Messages(theirs.bytes()).map(|message| HEADER_LEN + message.payload.len()).max();
    assert!(longest.unwrap() < 64 * 1024, "{longest:?}");
}

/// A set of 5,000 boxes, every other of which runs out.
fn large_set_of_boxes() -> Set {
    let key = vec![DataType::Ipv6Addr, DataType::Ipv6Addr, DataType::InetProto, DataType::InetService];
    let expiry = Expiry::new(now() + jiff::SignedDuration::from_hours(1), now());
    let boxes = (0..5_000u16).map(|index| {
        let field =
            |[high, low]: [u8; 2]| [vec![high, low], vec![0; 14], vec![0; 16], vec![6, 0, 0, 0], vec![high, low, 0, 0]];
        let (first, mut last) = (field(index.to_be_bytes()).concat(), field(index.to_be_bytes()).concat());
        last[16..32].fill(0xff);
        KeyBox { first, last, expiry: expiry.filter(|_| index % 2 == 0) }
    });
    Set::boxes("boxes", key, boxes.collect())
}

#[test]
fn boxes_are_split_at_the_same_places_and_keep_their_time() {
    let set = large_set_of_boxes();
    let changes = [
        Change::AddSet(Set { elements: set.elements.none(), ..set.clone() }),
        Change::AddElements(set.clone()),
        Change::DeleteElements(set.clone()),
    ];
    check_alike(&changes).unwrap();
    let theirs = libnftnl::encode(&changes, 7);
    assert!(theirs.len() > 20, "{}", theirs.len());
    let longest = Messages(theirs.bytes()).map(|message| HEADER_LEN + message.payload.len()).max();
    assert!(longest.unwrap() < 64 * 1024, "{longest:?}");

    let netns = Netns::new();
    let mut want = table(&plain(), 7);
    want.sets.push(set.clone());
    assert_eq!(netns.replace(&want).batches, 1);
    assert_eq!(netns.table().set("boxes").unwrap().elements, set.elements);
    assert_eq!(netns.replace(&want).batches, 0);
}

#[test]
fn a_key_that_libnftnl_has_no_room_for_is_said() {
    let wide = |key| Change::AddSet(Set { key, ..Set::boxes("boxes", Vec::new(), Vec::new()) });
    let too_long = Err(Unencodable::TooLong { what: "a set's key", most: 64 });
    assert_eq!(libnftnl::check(&wide(vec![DataType::InetProto; 17])), too_long);
    assert_eq!(libnftnl::check(&wide(vec![DataType::Other { id: 1, len: 300 }; 2])), too_long);
    let long = KeyBox { first: vec![0; 68], last: vec![0; 68], expiry: None };
    let long = Set { elements: Elements::Boxes(vec![long]), ..large_set_of_boxes() };
    let too_long = Err(Unencodable::TooLong { what: "an element", most: 64 });
    assert_eq!(libnftnl::check(&Change::AddElements(long)), too_long);
}

#[test]
fn taking_the_table_away_waking_and_owning_it_are_written_alike() {
    check_alike(&[Change::DeleteTable, Change::Wake { flags: 0 }, Change::Own]).unwrap();
}

#[test]
fn what_libnftnl_has_no_place_for_is_said_and_written_by_our_codec() {
    let rule = |expression| Change::AddRule {
        chain: "forward".to_owned(),
        rule: Rule { expressions: vec![expression], ..Rule::default() },
        number: 1,
        before: None,
    };
    let raw = rule(Expr::Raw { name: "osf".to_owned(), data: vec![8, 0, 1, 0, 0, 0, 0, 1] });
    let long = rule(Expr::Immediate { register: Register::R1, data: vec![0xff; 65] });
    let nul = rule(Expr::Verdict(Verdict::Jump("a\0b".to_owned())));
    let many = Rule { expressions: vec![Expr::COUNTER; 129], ..Rule::default() };
    let many = Change::AddRule { chain: "forward".to_owned(), rule: many, number: 1, before: None };
    assert_eq!(libnftnl::check(&raw), Err(Unencodable::Raw { name: "osf".to_owned() }));
    assert_eq!(libnftnl::check(&long), Err(Unencodable::TooLong { what: "a value", most: 64 }));
    assert_eq!(libnftnl::check(&nul), Err(Unencodable::Nul { what: "a name" }));
    assert!(matches!(libnftnl::check(&many), Err(Unencodable::TooLong { most: 128, .. })));
    let changes = [raw, Change::DeleteChain("other".to_owned()), long, nul, many];
    assert_eq!(decode(&libnftnl::encode(&changes, 7)), decode(&Batch::encode(&changes, 7)));
}

#[test]
fn the_kernel_lists_what_nft_makes_of_the_rendered_text() {
    let (by_nft, by_us) = (Netns::new(), Netns::new());
    let mut want = table(&plain(), 7);
    want.sets.push(large_set());
    by_nft.load(&want.to_string());
    let sent = by_us.replace(&want);
    assert_eq!(sent.batches, 1);
    assert_eq!(by_nft.list(), by_us.list());
    assert_eq!(by_us.replace(&want).batches, 0);
}

#[test]
fn a_batch_for_another_generation_is_not_taken() {
    let netns = Netns::new();
    netns.replace(&table(&plain(), 7));
    let generation = netns.read().generation;
    let taken = netns.kernel().commit(&[Change::DeleteTable], generation.wrapping_sub(1)).unwrap();
    assert_eq!(taken, Commit::Stale(None));
    assert!(netns.read().table.is_some());
}

#[test]
fn a_refused_rule_is_named_with_its_expression_and_nothing_of_the_batch_is_taken() {
    let netns = Netns::new();
    let mut want = table(&plain(), 7);
    let missing = Expr::Lookup { set: "nowhere".to_owned(), register: Register::R1, inverted: false };
    want.chains.last_mut().unwrap().rules.push(Rule { expressions: vec![Expr::COUNTER, missing], ..Rule::default() });
    let Err(Error::Refused(refused)) = netns.try_replace(&want) else { panic!("taken") };
    let [refusal] = refused.refusals.as_slice() else { panic!("{refused}") };
    assert!(refusal.to_string().contains("lookup") || refusal.to_string().contains("@nowhere"), "{refusal}");
    assert_eq!(netns.read().table, None);
}

#[test]
fn thousands_of_rules_go_in_one_batch() {
    let netns = Netns::new();
    let mut want = table(&plain(), 7);
    let rule = Rule { expressions: vec![Expr::COUNTER], ..Rule::default() };
    want.chains.last_mut().unwrap().rules.extend(std::iter::repeat_n(rule, 3000));
    assert_eq!(netns.replace(&want).batches, 1);
    assert_eq!(netns.table().chains.last().unwrap().rules.len(), want.chains.last().unwrap().rules.len());
}
