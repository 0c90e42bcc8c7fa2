//! `range`: a register between two constants (`net/netfilter/nft_range.c`).

use super::cmp::decode_op;
use super::{decode_data, encode_data};
use crate::netlink::attribute::{Attributes, Result, Writer, required};
use crate::ruleset::{CmpOp, Expr, Register};

pub const NAME: &str = "range";

const NFTA_RANGE_SREG: u16 = 1;
const NFTA_RANGE_OP: u16 = 2;
const NFTA_RANGE_FROM_DATA: u16 = 3;
const NFTA_RANGE_TO_DATA: u16 = 4;

/// The expression, or where it is a range, the two compares that say the same: so `nft` writes an interval until
/// 1.0.6, and dockwall does, while `nft` 1.1.3 writes a range.
pub fn as_compares(expression: Expr) -> Vec<Expr> {
    match expression {
        Expr::Range { register, op: CmpOp::Eq, from, to } => {
            vec![Expr::Cmp { register, op: CmpOp::Gte, data: from }, Expr::Cmp { register, op: CmpOp::Lte, data: to }]
        }
        other => vec![other],
    }
}

pub fn encode(writer: &mut Writer, register: Register, op: CmpOp, from: &[u8], to: &[u8]) {
    writer.u32(NFTA_RANGE_SREG, register.0);
    writer.u32(NFTA_RANGE_OP, op as u32);
    encode_data(writer, NFTA_RANGE_FROM_DATA, from);
    encode_data(writer, NFTA_RANGE_TO_DATA, to);
}

pub fn decode(attributes: Attributes) -> Result<Expr> {
    let (mut register, mut op, mut from, mut to) = (None, None, None, None);
    for attribute in attributes {
        let attribute = attribute?;
        match attribute.kind {
            NFTA_RANGE_SREG => register = Some(Register(attribute.u32()?)),
            NFTA_RANGE_OP => op = Some(decode_op(attribute.u32()?)?),
            NFTA_RANGE_FROM_DATA => from = Some(decode_data(&attribute)?),
            NFTA_RANGE_TO_DATA => to = Some(decode_data(&attribute)?),
            _ => return attribute.unknown(),
        }
    }
    Ok(Expr::Range {
        register: required(register, "register")?,
        op: required(op, "operator")?,
        from: required(from, "lower bound")?,
        to: required(to, "upper bound")?,
    })
}
