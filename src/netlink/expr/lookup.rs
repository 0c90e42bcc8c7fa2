//! `lookup`: a register's value in a set (`net/netfilter/nft_lookup.c`).
//!
//! The set is referred to by name alone: with a valid `NFTA_LOOKUP_SET_ID` beside it the kernel
//! takes a wrong name in silence (measured on 6.18).

use crate::netlink::attribute::{Attributes, Result, Writer, required};
use crate::ruleset::{Expr, Register};

pub const NAME: &str = "lookup";

const NFTA_LOOKUP_SET: u16 = 1;
const NFTA_LOOKUP_SREG: u16 = 2;
const NFTA_LOOKUP_FLAGS: u16 = 5;

/// `NFT_LOOKUP_F_INV`.
const INVERTED: u32 = 1;

pub fn encode(writer: &mut Writer, set: &str, register: Register, inverted: bool) {
    writer.string(NFTA_LOOKUP_SET, set);
    writer.u32(NFTA_LOOKUP_SREG, register.0);
    if inverted {
        writer.u32(NFTA_LOOKUP_FLAGS, INVERTED);
    }
}

pub fn decode(attributes: Attributes) -> Result<Expr> {
    let (mut set, mut register, mut inverted) = (None, None, false);
    for attribute in attributes {
        let attribute = attribute?;
        match attribute.kind {
            NFTA_LOOKUP_SET => set = Some(attribute.string()?),
            NFTA_LOOKUP_SREG => register = Some(Register(attribute.u32()?)),
            NFTA_LOOKUP_FLAGS if attribute.u32()? & !INVERTED == 0 => inverted = attribute.u32()? != 0,
            _ => return attribute.unknown(),
        }
    }
    Ok(Expr::Lookup { set: required(set, "set name")?, register: required(register, "register")?, inverted })
}
