//! `ct`: connection-tracking data into a register (`net/netfilter/nft_ct.c`).

use crate::netlink::attribute::{Attributes, Result, Writer, required};
use crate::ruleset::{CtKey, Expr, Register};

pub const NAME: &str = "ct";

const NFTA_CT_DREG: u16 = 1;
const NFTA_CT_KEY: u16 = 2;

pub fn encode(writer: &mut Writer, key: CtKey, register: Register) {
    writer.u32(NFTA_CT_KEY, key.0);
    writer.u32(NFTA_CT_DREG, register.0);
}

pub fn decode(attributes: Attributes) -> Result<Expr> {
    let (mut key, mut register) = (None, None);
    for attribute in attributes {
        let attribute = attribute?;
        match attribute.kind {
            NFTA_CT_KEY => key = Some(CtKey(attribute.u32()?)),
            NFTA_CT_DREG => register = Some(Register(attribute.u32()?)),
            _ => return attribute.unknown(),
        }
    }
    Ok(Expr::Ct { key: required(key, "ct key")?, register: required(register, "register")? })
}
