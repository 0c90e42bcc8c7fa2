//! Each expression as the kernel sends it and as this program writes it.

use proptest::prelude::*;

use super::*;
use crate::netlink::attribute::Attributes;
use crate::ruleset::{
    CmpOp, CtKey, DynsetOp, FIB_OIF, FIB_WAY_BACK, FlowDirection, LOG_LEVEL_WARNING, Limit, Log, LogTarget, MetaKey,
    PayloadBase, Register, Reject, Verdict,
};

/// What `encode` writes, as the one attribute that it is.
fn round_trip(expression: &Expr) -> Result<Expr> {
    let mut writer = Writer::default();
    encode(&mut writer, 1, expression);
    let bytes = writer.into_bytes();
    let attribute = Attributes::new(&bytes).next().unwrap()?;
    decode(&attribute)
}

fn bytes(hexadecimal: &str) -> Vec<u8> {
    let digits: Vec<char> = hexadecimal.chars().filter(|digit| *digit != ' ').collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(&pair.iter().collect::<String>(), 16).unwrap()).collect()
}

fn cmp(data: &[u8]) -> Expr {
    Expr::Cmp { register: Register::R1, op: CmpOp::Eq, data: data.to_vec() }
}

fn meter() -> Expr {
    let limit = Limit { rate: 6, unit: 60, burst: 5, bytes: false, inverted: false };
    let expressions = vec![Expr::COUNTER, Expr::Limit(limit)];
    Expr::Dynset { set: "d4".to_owned(), op: DynsetOp::Update, register: Register::R1, expressions }
}

/// What kernel 6.18 listed of rules that nft 1.0.6 made: nft's notation (`nft --debug=netlink`),
/// the expression's name, its attributes in hexadecimal, and what they are.
fn as_the_kernel_sends_them() -> Vec<(&'static str, &'static str, &'static str, Expr)> {
    let r1 = Register::R1;
    let payload = |base, offset, len| Expr::Payload { base, offset, len, register: r1 };
    let lookup = |set: &str, inverted| Expr::Lookup { set: set.to_owned(), register: r1, inverted };
    let log = |prefix: Option<&str>, target| Expr::Log(Log { prefix: prefix.map(str::to_owned), target });
    vec![
        (
            "[ meta load iifname => reg 1 ]",
            "meta",
            "08000200 00000006 08000100 00000001",
            Expr::Meta { key: MetaKey::IIFNAME, register: r1 },
        ),
        (
            "[ meta load l4proto => reg 9 ]",
            "meta",
            "08000200 00000010 08000100 00000009",
            Expr::Meta { key: MetaKey::L4PROTO, register: Register::at_word(1) },
        ),
        (
            "[ cmp eq reg 1 0x002d7262 ]",
            "cmp",
            "08000100 00000001 08000200 00000000 0c000300 07000100 62722d00",
            cmp(b"br-"),
        ),
        (
            "[ cmp gte reg 1 0x0000401f ]",
            "cmp",
            "08000100 00000001 08000200 00000005 0c000300 06000100 1f400000",
            Expr::Cmp { register: r1, op: CmpOp::Gte, data: vec![0x1f, 0x40] },
        ),
        (
            "[ payload load 4b @ network header + 16 => reg 1 ]",
            "payload",
            "08000100 00000001 08000200 00000001 08000300 00000010 08000400 00000004",
            payload(PayloadBase::NETWORK, 16, 4),
        ),
        (
            "[ payload load 2b @ transport header + 2 => reg 1 ]",
            "payload",
            "08000100 00000001 08000200 00000002 08000300 00000002 08000400 00000002",
            payload(PayloadBase::TRANSPORT, 2, 2),
        ),
        (
            "[ lookup reg 1 set deny4 ]",
            "lookup",
            "0a000100 64656e79 34000000 08000200 00000001 08000500 00000000",
            lookup("deny4", false),
        ),
        (
            "[ lookup reg 1 set pp 0x1 ]",
            "lookup",
            "07000100 70700000 08000200 00000001 08000500 00000001",
            lookup("pp", true),
        ),
        (
            "[ ct load direction => reg 1 ]",
            "ct",
            "08000100 00000001 08000200 00000001",
            Expr::Ct { key: CtKey::DIRECTION, direction: None, register: r1 },
        ),
        (
            "[ fib saddr . iif oif present => reg 1 ]",
            "fib",
            "08000100 00000001 08000200 00000001 08000300 00000029",
            Expr::Fib { result: FIB_OIF, flags: FIB_WAY_BACK, register: r1 },
        ),
        (
            "[ ct load proto_dst => reg 1 , dir original ]",
            "ct",
            "08000100 00000001 08000200 0000000c 05000300 00000000",
            Expr::Ct { key: CtKey::PROTO_DST, direction: Some(FlowDirection::Original), register: r1 },
        ),
        (
            "[ bitwise reg 1 = ( reg 1 & 0x00000006 ) ^ 0x00000000 ]",
            "bitwise",
            "08000100 00000001 08000200 00000001 08000300 00000004 08000600 00000000 \
             0c000400 08000100 06000000 0c000500 08000100 00000000",
            Expr::Bitwise { source: r1, destination: r1, mask: vec![6, 0, 0, 0], xor: vec![0; 4] },
        ),
        (
            "[ dynset update reg_key 1 set d4 expr [ counter pkts 0 bytes 0 ] \
             expr [ limit rate 6/minute burst 5 type packets flags 0x0 ] ]",
            "dynset",
            "08000400 00000001 08000300 00000001 07000100 64340000 0c000600 00000000 00000000 74000a00 \
             2c000100 0c000100 636f756e 74657200 1c000200 0c000100 00000000 00000000 0c000200 00000000 00000000 \
             44000100 0a000100 6c696d69 74000000 34000200 0c000100 00000000 00000006 0c000200 00000000 0000003c \
             08000300 00000005 08000400 00000000 08000500 00000000 08000900 00000000",
            meter(),
        ),
        (
            "[ limit rate 50/second burst 5 type packets flags 0x0 ]",
            "limit",
            "0c000100 00000000 00000032 0c000200 00000000 00000001 08000300 00000005 08000400 00000000 \
             08000500 00000000",
            Expr::Limit(Limit { rate: 50, unit: 1, burst: 5, bytes: false, inverted: false }),
        ),
        (
            "[ counter pkts 2 bytes 120 ]",
            "counter",
            "0c000100 00000000 00000078 0c000200 00000000 00000002",
            Expr::Counter { packets: 2, bytes: 120 },
        ),
        (
            "[ log prefix DROP  ]",
            "log",
            "0a000200 44524f50 20000000 08000500 00000004",
            log(Some("DROP "), LogTarget::Kernel { level: LOG_LEVEL_WARNING }),
        ),
        (
            "[ log prefix A group 7 snaplen 0 qthreshold 0 ]",
            "log",
            "06000200 41000000 06000100 00070000",
            log(Some("A"), LogTarget::Group(7)),
        ),
        ("[ log level 6 ]", "log", "08000500 00000006", log(None, LogTarget::Kernel { level: 6 })),
        ("[ reject type 1 code 0 ]", "reject", "08000100 00000001", Expr::Reject(Reject::TcpReset)),
        (
            "[ reject type 2 code 3 ]",
            "reject",
            "08000100 00000002 05000200 03000000",
            Expr::Reject(Reject::ADMIN_PROHIBITED),
        ),
        (
            "[ immediate reg 0 jump -> DROP ]",
            "immediate",
            "08000100 00000000 1c000200 18000200 08000100 fffffffd 09000200 44524f50 00000000",
            Expr::Verdict(Verdict::Jump("DROP".to_owned())),
        ),
        (
            "[ immediate reg 0 return ]",
            "immediate",
            "08000100 00000000 10000200 0c000200 08000100 fffffffb",
            Expr::Verdict(Verdict::Return),
        ),
        (
            "[ immediate reg 0 drop ]",
            "immediate",
            "08000100 00000000 10000200 0c000200 08000100 00000000",
            Expr::Verdict(Verdict::Drop),
        ),
    ]
}

#[test]
#[cfg(target_endian = "little")]
fn what_the_kernel_sends_is_understood() {
    for (notation, name, attributes, expression) in as_the_kernel_sends_them() {
        assert_eq!(decode_known(name, &bytes(attributes)), Ok(expression.clone()), "{notation}");
        assert_eq!(super::name(&expression), name, "{notation}");
        assert_eq!(round_trip(&expression), Ok(expression), "{notation}");
    }
}

#[test]
fn an_attribute_that_is_not_known_makes_the_expression_raw() {
    let mut data = bytes("08000200 00000006 08000100 00000001");
    data.extend([8, 0, 99, 0, 1, 2, 3, 4]);
    let raw = Expr::Raw { name: "meta".to_owned(), data };
    assert_eq!(round_trip(&raw), Ok(raw.clone()));
}

#[test]
#[cfg(target_endian = "little")]
fn turning_around_less_than_a_number_does_nothing() {
    // `[ byteorder reg 10 = hton(reg 10, 2, 1) ]`, as nft 1.0.6 writes it.
    let no_op = "08000100 0000000a 08000200 0000000a 08000300 00000001 08000400 00000001 08000500 00000002";
    let raw = |attributes: &str, name: &str| Expr::Raw { name: name.to_owned(), data: bytes(attributes) };
    assert!(does_nothing(&raw(no_op, "byteorder")));
    assert!(!does_nothing(&raw(no_op, "bitwise")));
    // A whole number, another register, an attribute too many, one too few.
    assert!(!does_nothing(&raw(&no_op.replace("08000400 00000001", "08000400 00000002"), "byteorder")));
    assert!(!does_nothing(&raw(&no_op.replace("08000200 0000000a", "08000200 0000000b"), "byteorder")));
    assert!(!does_nothing(&raw(&format!("{no_op} 08000900 00000000"), "byteorder")));
    assert!(!does_nothing(&raw(&no_op.replace("08000500 00000002", ""), "byteorder")));
    assert!(!does_nothing(&Expr::COUNTER));
}

#[test]
fn a_prefix_is_compared_without_its_nul_and_a_whole_name_with_all_16_bytes() {
    let mut writer = Writer::default();
    encode(&mut writer, 1, &cmp(b"br-"));
    assert!(writer.into_bytes().ends_with(&[7, 0, 1, 0, b'b', b'r', b'-', 0]));
    let mut writer = Writer::default();
    encode(&mut writer, 1, &cmp(&crate::ruleset::interface_key("eth0")));
    assert!(writer.into_bytes().ends_with(b"\x14\0\x01\0eth0\0\0\0\0\0\0\0\0\0\0\0\0"));
}

proptest! {
    #[test]
    fn every_expression_reads_back(expression in crate::netlink::tests::any_expression()) {
        prop_assert_eq!(round_trip(&expression), Ok(expression));
    }

    #[test]
    fn arbitrary_attributes_never_panic(
        name in prop::sample::select(as_the_kernel_sends_them()).prop_map(|(_, name, ..)| name),
        data in prop::collection::vec(any::<u8>(), 0..80),
    ) {
        let _ = decode_known(name, &data);
    }

    #[test]
    fn damaged_attributes_never_panic_and_are_kept_or_understood(
        (_, name, attributes, _) in prop::sample::select(as_the_kernel_sends_them()),
        position in any::<prop::sample::Index>(),
        damage in any::<u8>(),
    ) {
        let mut data = bytes(attributes);
        let position = position.index(data.len());
        data[position] = damage;
        let raw = Expr::Raw { name: name.to_owned(), data };
        let once = round_trip(&raw).unwrap();
        prop_assert_eq!(round_trip(&once), Ok(once));
    }
}
