//! Expressions as libnftnl takes them: a name and a list of attributes.

use std::borrow::Cow;
use std::ffi::CStr;

use nftnl::nftnl_sys as sys;

use super::ffi::Value;
use super::{MOST_EXPRESSIONS, Unencodable, c_text, check_value, name_text};
use crate::ruleset::{CtKey, Expr, FlowDirection, LOG_LEVEL_WARNING, Limit, Log, LogTarget, Register, Reject, Verdict};

/// The longest prefix of a log line in bytes (`NF_LOG_PREFIXLEN`, with its NUL).
const LONGEST_PREFIX: usize = 127;

/// `NFT_DYNSET_F_EXPR`: several expressions per element.
const HAS_EXPRESSIONS: u32 = 2;
/// `NFT_LOOKUP_F_INV` and `NFT_LIMIT_F_INV`.
const INVERTED: u32 = 1;
/// `NFT_BITWISE_BOOL`: mask and xor.
const MASK_XOR: u32 = 0;

/// An expression that libnftnl can write.
#[derive(Debug)]
pub struct Instruction<'a> {
    /// A name that libnftnl knows.
    pub name: &'static CStr,
    /// Attributes of that expression, `NFTNL_EXPR_…`, each with a value of the kind it takes.
    pub attributes: Vec<(u32, Value<'a>)>,
    /// The expressions inside, which only `dynset` has.
    pub inner: Vec<Self>,
}

/// The expressions of one rule.
pub fn instructions(expressions: &[Expr]) -> Result<Vec<Instruction<'_>>, Unencodable> {
    if count(expressions) > MOST_EXPRESSIONS {
        return Err(Unencodable::TooLong { what: "a rule's list of expressions", most: MOST_EXPRESSIONS });
    }
    expressions.iter().map(Instruction::new).collect()
}

/// How many expressions there are, those inside of others among them.
fn count(expressions: &[Expr]) -> usize {
    let inside = expressions.iter().map(|expression| match expression {
        Expr::Dynset { expressions, .. } => count(expressions),
        _ => 0,
    });
    expressions.len() + inside.sum::<usize>()
}

impl<'a> Instruction<'a> {
    fn new(expression: &'a Expr) -> Result<Self, Unencodable> {
        let (name, attributes) = match expression {
            Expr::Meta { key, register } => (
                c"meta",
                vec![(sys::NFTNL_EXPR_META_KEY, Value::U32(key.0)), (sys::NFTNL_EXPR_META_DREG, number(*register))],
            ),
            Expr::Ct { key, direction, register } => (c"ct", ct(*key, *direction, *register)),
            Expr::Fib { result, flags, register } => (
                c"fib",
                vec![
                    (sys::NFTNL_EXPR_FIB_RESULT, Value::U32(*result)),
                    (sys::NFTNL_EXPR_FIB_FLAGS, Value::U32(*flags)),
                    (sys::NFTNL_EXPR_FIB_DREG, number(*register)),
                ],
            ),
            Expr::Payload { base, offset, len, register } => (
                c"payload",
                vec![
                    (sys::NFTNL_EXPR_PAYLOAD_DREG, number(*register)),
                    (sys::NFTNL_EXPR_PAYLOAD_BASE, Value::U32(base.0)),
                    (sys::NFTNL_EXPR_PAYLOAD_OFFSET, Value::U32(*offset)),
                    (sys::NFTNL_EXPR_PAYLOAD_LEN, Value::U32(*len)),
                ],
            ),
            Expr::Cmp { register, op, data } => (
                c"cmp",
                vec![
                    (sys::NFTNL_EXPR_CMP_SREG, number(*register)),
                    (sys::NFTNL_EXPR_CMP_OP, Value::U32(*op as u32)),
                    (sys::NFTNL_EXPR_CMP_DATA, value(data)?),
                ],
            ),
            Expr::Bitwise { source, destination, mask, xor } => (
                c"bitwise",
                vec![
                    (sys::NFTNL_EXPR_BITWISE_SREG, number(*source)),
                    (sys::NFTNL_EXPR_BITWISE_DREG, number(*destination)),
                    (sys::NFTNL_EXPR_BITWISE_OP, Value::U32(MASK_XOR)),
                    (sys::NFTNL_EXPR_BITWISE_LEN, Value::U32(mask.len() as u32)),
                    (sys::NFTNL_EXPR_BITWISE_MASK, value(mask)?),
                    (sys::NFTNL_EXPR_BITWISE_XOR, value(xor)?),
                ],
            ),
            Expr::Range { register, op, from, to } => (
                c"range",
                vec![
                    (sys::NFTNL_EXPR_RANGE_SREG, number(*register)),
                    (sys::NFTNL_EXPR_RANGE_OP, Value::U32(*op as u32)),
                    (sys::NFTNL_EXPR_RANGE_FROM_DATA, value(from)?),
                    (sys::NFTNL_EXPR_RANGE_TO_DATA, value(to)?),
                ],
            ),
            Expr::Lookup { set, register, inverted } => (c"lookup", lookup(set, *register, *inverted)?),
            Expr::Dynset { set, op, register, expressions } => {
                let mut attributes = vec![
                    (sys::NFTNL_EXPR_DYNSET_SET_NAME, name_value(set)?),
                    (sys::NFTNL_EXPR_DYNSET_OP, Value::U32(*op as u32)),
                    (sys::NFTNL_EXPR_DYNSET_SREG_KEY, number(*register)),
                ];
                if expressions.len() > 1 {
                    attributes.push((sys::NFTNL_EXPR_DYNSET_FLAGS, Value::U32(HAS_EXPRESSIONS)));
                }
                let inner = expressions.iter().map(Instruction::new).collect::<Result<_, _>>()?;
                return Ok(Self { name: c"dynset", attributes, inner });
            }
            Expr::Limit(rate) => (c"limit", limit(rate)),
            Expr::Log(target) => (c"log", log(target)?),
            Expr::Counter { packets: 0, bytes: 0 } => (c"counter", Vec::new()),
            Expr::Counter { packets, bytes } => (
                c"counter",
                vec![
                    (sys::NFTNL_EXPR_CTR_PACKETS, Value::U64(*packets)),
                    (sys::NFTNL_EXPR_CTR_BYTES, Value::U64(*bytes)),
                ],
            ),
            Expr::Verdict(decision) => (c"immediate", verdict(decision)?),
            Expr::Immediate { register, data } => (
                c"immediate",
                vec![(sys::NFTNL_EXPR_IMM_DREG, number(*register)), (sys::NFTNL_EXPR_IMM_DATA, value(data)?)],
            ),
            Expr::Reject(how) => (c"reject", reject(*how)),
            Expr::Raw { name, .. } => return Err(Unencodable::Raw { name: name.clone() }),
        };
        Ok(Self { name, attributes, inner: Vec::new() })
    }
}

fn number(register: Register) -> Value<'static> {
    Value::U32(register.0)
}

fn value(bytes: &[u8]) -> Result<Value<'_>, Unencodable> {
    check_value("a value", bytes)?;
    Ok(Value::Bytes(bytes))
}

fn name_value(name: &str) -> Result<Value<'static>, Unencodable> {
    name_text(name).map(|name| Value::Text(Cow::Owned(name)))
}

fn ct(key: CtKey, direction: Option<FlowDirection>, register: Register) -> Vec<(u32, Value<'static>)> {
    let mut attributes = vec![(sys::NFTNL_EXPR_CT_KEY, Value::U32(key.0)), (sys::NFTNL_EXPR_CT_DREG, number(register))];
    attributes.extend(direction.map(|direction| (sys::NFTNL_EXPR_CT_DIR, Value::U8(direction as u8))));
    attributes
}

/// By name alone: beside a set's number that is right the kernel takes any name.
fn lookup(set: &str, register: Register, inverted: bool) -> Result<Vec<(u32, Value<'static>)>, Unencodable> {
    let mut attributes =
        vec![(sys::NFTNL_EXPR_LOOKUP_SET, name_value(set)?), (sys::NFTNL_EXPR_LOOKUP_SREG, number(register))];
    if inverted {
        attributes.push((sys::NFTNL_EXPR_LOOKUP_FLAGS, Value::U32(INVERTED)));
    }
    Ok(attributes)
}

fn limit(limit: &Limit) -> Vec<(u32, Value<'static>)> {
    vec![
        (sys::NFTNL_EXPR_LIMIT_RATE, Value::U64(limit.rate)),
        (sys::NFTNL_EXPR_LIMIT_UNIT, Value::U64(limit.unit)),
        (sys::NFTNL_EXPR_LIMIT_BURST, Value::U32(limit.burst)),
        (sys::NFTNL_EXPR_LIMIT_TYPE, Value::U32(u32::from(limit.bytes))),
        (sys::NFTNL_EXPR_LIMIT_FLAGS, Value::U32(if limit.inverted { INVERTED } else { 0 })),
    ]
}

fn log(log: &Log) -> Result<Vec<(u32, Value<'static>)>, Unencodable> {
    let mut attributes = Vec::new();
    if let Some(prefix) = &log.prefix {
        let prefix = c_text("a log prefix", prefix, LONGEST_PREFIX)?;
        attributes.push((sys::NFTNL_EXPR_LOG_PREFIX, Value::Text(Cow::Owned(prefix))));
    }
    match log.target {
        LogTarget::Kernel { level: LOG_LEVEL_WARNING } => {}
        LogTarget::Kernel { level } => attributes.push((sys::NFTNL_EXPR_LOG_LEVEL, Value::U32(level))),
        LogTarget::Group(group) => attributes.push((sys::NFTNL_EXPR_LOG_GROUP, Value::U16(group))),
    }
    Ok(attributes)
}

fn verdict(verdict: &Verdict) -> Result<Vec<(u32, Value<'static>)>, Unencodable> {
    use sys::libc::{NF_ACCEPT, NF_DROP, NFT_GOTO, NFT_JUMP, NFT_RETURN};
    let (code, chain) = match verdict {
        Verdict::Accept => (NF_ACCEPT, None),
        Verdict::Drop => (NF_DROP, None),
        Verdict::Return => (NFT_RETURN, None),
        Verdict::Jump(chain) => (NFT_JUMP, Some(chain)),
        Verdict::Goto(chain) => (NFT_GOTO, Some(chain)),
        Verdict::Other(code) => (*code, None),
    };
    let mut attributes = vec![
        (sys::NFTNL_EXPR_IMM_DREG, number(Register::VERDICT)),
        (sys::NFTNL_EXPR_IMM_VERDICT, Value::U32(code.cast_unsigned())),
    ];
    if let Some(chain) = chain {
        attributes.push((sys::NFTNL_EXPR_IMM_CHAIN, name_value(chain)?));
    }
    Ok(attributes)
}

fn reject(reject: Reject) -> Vec<(u32, Value<'static>)> {
    use sys::libc::{NFT_REJECT_ICMP_UNREACH, NFT_REJECT_ICMPX_UNREACH, NFT_REJECT_TCP_RST};
    let (kind, code) = match reject {
        Reject::Icmp(code) => (NFT_REJECT_ICMP_UNREACH, code),
        Reject::TcpReset => (NFT_REJECT_TCP_RST, 0),
        Reject::Icmpx(code) => (NFT_REJECT_ICMPX_UNREACH, code),
    };
    vec![
        (sys::NFTNL_EXPR_REJECT_TYPE, Value::U32(kind.cast_unsigned())),
        (sys::NFTNL_EXPR_REJECT_CODE, Value::U8(code)),
    ]
}
