//! `limit`: a token bucket (`net/netfilter/nft_limit.c`). The unit is in seconds.

use crate::netlink::attribute::{Attributes, Result, Writer, required};
use crate::ruleset::{Expr, Limit};

pub const NAME: &str = "limit";

const NFTA_LIMIT_RATE: u16 = 1;
const NFTA_LIMIT_UNIT: u16 = 2;
const NFTA_LIMIT_BURST: u16 = 3;
const NFTA_LIMIT_TYPE: u16 = 4;
const NFTA_LIMIT_FLAGS: u16 = 5;
const NFTA_LIMIT_PAD: u16 = 6;

/// `NFT_LIMIT_F_INV`.
const INVERTED: u32 = 1;

pub fn encode(writer: &mut Writer, limit: &Limit) {
    writer.u64(NFTA_LIMIT_RATE, limit.rate);
    writer.u64(NFTA_LIMIT_UNIT, limit.unit);
    writer.u32(NFTA_LIMIT_BURST, limit.burst);
    writer.u32(NFTA_LIMIT_TYPE, u32::from(limit.bytes));
    writer.u32(NFTA_LIMIT_FLAGS, if limit.inverted { INVERTED } else { 0 });
}

pub fn decode(attributes: Attributes) -> Result<Expr> {
    let (mut rate, mut unit, mut burst, mut bytes, mut inverted) = (None, None, 0, false, false);
    for attribute in attributes {
        let attribute = attribute?;
        match attribute.kind {
            NFTA_LIMIT_RATE => rate = Some(attribute.u64()?),
            NFTA_LIMIT_UNIT => unit = Some(attribute.u64()?),
            NFTA_LIMIT_BURST => burst = attribute.u32()?,
            NFTA_LIMIT_TYPE if attribute.u32()? <= 1 => bytes = attribute.u32()? == 1,
            NFTA_LIMIT_FLAGS if attribute.u32()? & !INVERTED == 0 => inverted = attribute.u32()? != 0,
            NFTA_LIMIT_PAD => {}
            _ => return attribute.unknown(),
        }
    }
    Ok(Expr::Limit(Limit { rate: required(rate, "rate")?, unit: required(unit, "unit")?, burst, bytes, inverted }))
}
