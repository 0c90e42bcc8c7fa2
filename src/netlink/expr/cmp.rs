//! `cmp`: a register against a constant (`net/netfilter/nft_cmp.c`).

use super::{decode_data, encode_data};
use crate::netlink::attribute::{Attributes, Malformed, Result, Writer, required};
use crate::ruleset::{CmpOp, Expr, Register};

pub const NAME: &str = "cmp";

const NFTA_CMP_SREG: u16 = 1;
const NFTA_CMP_OP: u16 = 2;
const NFTA_CMP_DATA: u16 = 3;

pub fn encode(writer: &mut Writer, register: Register, op: CmpOp, data: &[u8]) {
    writer.u32(NFTA_CMP_SREG, register.0);
    writer.u32(NFTA_CMP_OP, op as u32);
    encode_data(writer, NFTA_CMP_DATA, data);
}

pub fn decode(attributes: Attributes) -> Result<Expr> {
    let (mut register, mut op, mut data) = (None, None, None);
    for attribute in attributes {
        let attribute = attribute?;
        match attribute.kind {
            NFTA_CMP_SREG => register = Some(Register(attribute.u32()?)),
            NFTA_CMP_OP => op = Some(decode_op(attribute.u32()?)?),
            NFTA_CMP_DATA => data = Some(decode_data(&attribute)?),
            _ => return attribute.unknown(),
        }
    }
    Ok(Expr::Cmp {
        register: required(register, "register")?,
        op: required(op, "operator")?,
        data: required(data, "value")?,
    })
}

/// The operator of that number; `range` numbers its two alike.
pub fn decode_op(number: u32) -> Result<CmpOp> {
    let ops = [CmpOp::Eq, CmpOp::Neq, CmpOp::Lt, CmpOp::Lte, CmpOp::Gt, CmpOp::Gte];
    let op = ops.into_iter().find(|op| *op as u32 == number);
    op.ok_or_else(|| Malformed(format!("unknown operator {number}")))
}
