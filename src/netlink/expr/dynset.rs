//! `dynset`: adds to a set from a rule (`net/netfilter/nft_dynset.c`).
//!
//! One expression per element goes in `NFTA_DYNSET_EXPR`, which every kernel knows; several go in
//! `NFTA_DYNSET_EXPRESSIONS` together with `NFT_DYNSET_F_EXPR`, which 5.10 does not know. The
//! kernel sends one or the other by the same rule.

use crate::netlink::attribute::{Attributes, Malformed, Result, Writer, required};
use crate::ruleset::{DynsetOp, Expr, Register};

pub const NAME: &str = "dynset";

const NFTA_DYNSET_SET_NAME: u16 = 1;
const NFTA_DYNSET_OP: u16 = 3;
const NFTA_DYNSET_SREG_KEY: u16 = 4;
const NFTA_DYNSET_TIMEOUT: u16 = 6;
const NFTA_DYNSET_EXPR: u16 = 7;
const NFTA_DYNSET_PAD: u16 = 8;
const NFTA_DYNSET_FLAGS: u16 = 9;
const NFTA_DYNSET_EXPRESSIONS: u16 = 10;
const NFTA_LIST_ELEM: u16 = 1;

/// `NFT_DYNSET_F_EXPR`.
const HAS_EXPRESSIONS: u32 = 2;

pub fn encode(writer: &mut Writer, set: &str, op: DynsetOp, register: Register, expressions: &[Expr]) {
    writer.string(NFTA_DYNSET_SET_NAME, set);
    writer.u32(NFTA_DYNSET_OP, op as u32);
    writer.u32(NFTA_DYNSET_SREG_KEY, register.0);
    match expressions {
        [] => {}
        [single] => super::encode(writer, NFTA_DYNSET_EXPR, single),
        several => {
            writer.u32(NFTA_DYNSET_FLAGS, HAS_EXPRESSIONS);
            writer.nest(NFTA_DYNSET_EXPRESSIONS, |writer| {
                several.iter().for_each(|expression| super::encode(writer, NFTA_LIST_ELEM, expression));
            });
        }
    }
}

pub fn decode(attributes: Attributes) -> Result<Expr> {
    let (mut set, mut op, mut register, mut expressions) = (None, None, None, Vec::new());
    for attribute in attributes {
        let attribute = attribute?;
        match attribute.kind {
            NFTA_DYNSET_SET_NAME => set = Some(attribute.string()?),
            NFTA_DYNSET_OP => op = Some(decode_op(attribute.u32()?)?),
            NFTA_DYNSET_SREG_KEY => register = Some(Register(attribute.u32()?)),
            NFTA_DYNSET_FLAGS if attribute.u32()? & !HAS_EXPRESSIONS == 0 => {}
            // Zero stands for the set's own.
            NFTA_DYNSET_TIMEOUT if attribute.u64()? == 0 => {}
            NFTA_DYNSET_PAD => {}
            NFTA_DYNSET_EXPR => expressions.push(super::decode(&attribute)?),
            NFTA_DYNSET_EXPRESSIONS => {
                for expression in attribute.nested() {
                    expressions.push(super::decode(&expression?)?);
                }
            }
            _ => return attribute.unknown(),
        }
    }
    Ok(Expr::Dynset {
        set: required(set, "set name")?,
        op: required(op, "operation")?,
        register: required(register, "register")?,
        expressions,
    })
}

fn decode_op(number: u32) -> Result<DynsetOp> {
    match number {
        0 => Ok(DynsetOp::Add),
        1 => Ok(DynsetOp::Update),
        other => Err(Malformed(format!("unknown set operation {other}"))),
    }
}
