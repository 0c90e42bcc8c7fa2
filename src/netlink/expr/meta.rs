//! `meta`: packet metadata into a register (`net/netfilter/nft_meta.c`).

use crate::netlink::attribute::{Attributes, Result, Writer, required};
use crate::ruleset::{Expr, MetaKey, Register};

pub const NAME: &str = "meta";

const NFTA_META_DREG: u16 = 1;
const NFTA_META_KEY: u16 = 2;

pub fn encode(writer: &mut Writer, key: MetaKey, register: Register) {
    writer.u32(NFTA_META_KEY, key.0);
    writer.u32(NFTA_META_DREG, register.0);
}

pub fn decode(attributes: Attributes) -> Result<Expr> {
    let (mut key, mut register) = (None, None);
    for attribute in attributes {
        let attribute = attribute?;
        match attribute.kind {
            NFTA_META_KEY => key = Some(MetaKey(attribute.u32()?)),
            NFTA_META_DREG => register = Some(Register(attribute.u32()?)),
            _ => return attribute.unknown(),
        }
    }
    Ok(Expr::Meta { key: required(key, "meta key")?, register: required(register, "register")? })
}
