//! `fib`: what the routing table says of an address of the packet (`net/netfilter/nft_fib.c`).

use crate::netlink::attribute::{Attributes, Result, Writer, required};
use crate::ruleset::{Expr, Register};

pub const NAME: &str = "fib";

const NFTA_FIB_DREG: u16 = 1;
const NFTA_FIB_RESULT: u16 = 2;
const NFTA_FIB_FLAGS: u16 = 3;

pub fn encode(writer: &mut Writer, result: u32, flags: u32, register: Register) {
    writer.u32(NFTA_FIB_DREG, register.0);
    writer.u32(NFTA_FIB_RESULT, result);
    writer.u32(NFTA_FIB_FLAGS, flags);
}

pub fn decode(attributes: Attributes) -> Result<Expr> {
    let (mut result, mut flags, mut register) = (None, None, None);
    for attribute in attributes {
        let attribute = attribute?;
        match attribute.kind {
            NFTA_FIB_DREG => register = Some(Register(attribute.u32()?)),
            NFTA_FIB_RESULT => result = Some(attribute.u32()?),
            NFTA_FIB_FLAGS => flags = Some(attribute.u32()?),
            _ => return attribute.unknown(),
        }
    }
    Ok(Expr::Fib {
        result: required(result, "fib result")?,
        flags: required(flags, "fib flags")?,
        register: required(register, "register")?,
    })
}
