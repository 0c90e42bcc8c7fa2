//! `counter`: packets and bytes (`net/netfilter/nft_counter.c`).

use crate::netlink::attribute::{Attributes, Result, Writer};
use crate::ruleset::Expr;

pub const NAME: &str = "counter";

const NFTA_COUNTER_BYTES: u16 = 1;
const NFTA_COUNTER_PACKETS: u16 = 2;
const NFTA_COUNTER_PAD: u16 = 3;

pub fn encode(writer: &mut Writer, packets: u64, bytes: u64) {
    if (packets, bytes) != (0, 0) {
        writer.u64(NFTA_COUNTER_BYTES, bytes);
        writer.u64(NFTA_COUNTER_PACKETS, packets);
    }
}

pub fn decode(attributes: Attributes) -> Result<Expr> {
    let (mut packets, mut bytes) = (0, 0);
    for attribute in attributes {
        let attribute = attribute?;
        match attribute.kind {
            NFTA_COUNTER_BYTES => bytes = attribute.u64()?,
            NFTA_COUNTER_PACKETS => packets = attribute.u64()?,
            NFTA_COUNTER_PAD => {}
            _ => return attribute.unknown(),
        }
    }
    Ok(Expr::Counter { packets, bytes })
}
