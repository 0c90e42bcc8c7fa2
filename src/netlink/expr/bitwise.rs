//! `bitwise`: mask and xor (`net/netfilter/nft_bitwise.c`). The kernel's shifts stay raw.

use super::{decode_data, encode_data};
use crate::netlink::attribute::{Attributes, Result, Writer, required};
use crate::ruleset::{Expr, Register};

pub const NAME: &str = "bitwise";

const NFTA_BITWISE_SREG: u16 = 1;
const NFTA_BITWISE_DREG: u16 = 2;
const NFTA_BITWISE_LEN: u16 = 3;
const NFTA_BITWISE_MASK: u16 = 4;
const NFTA_BITWISE_XOR: u16 = 5;
const NFTA_BITWISE_OP: u16 = 6;

/// `NFT_BITWISE_MASK_XOR`.
const MASK_XOR: u32 = 0;

pub fn encode(writer: &mut Writer, source: Register, destination: Register, mask: &[u8], xor: &[u8]) {
    writer.u32(NFTA_BITWISE_SREG, source.0);
    writer.u32(NFTA_BITWISE_DREG, destination.0);
    writer.u32(NFTA_BITWISE_LEN, mask.len() as u32);
    writer.u32(NFTA_BITWISE_OP, MASK_XOR);
    encode_data(writer, NFTA_BITWISE_MASK, mask);
    encode_data(writer, NFTA_BITWISE_XOR, xor);
}

pub fn decode(attributes: Attributes) -> Result<Expr> {
    let (mut source, mut destination, mut mask, mut xor) = (None, None, None, None);
    for attribute in attributes {
        let attribute = attribute?;
        match attribute.kind {
            NFTA_BITWISE_SREG => source = Some(Register(attribute.u32()?)),
            NFTA_BITWISE_DREG => destination = Some(Register(attribute.u32()?)),
            NFTA_BITWISE_MASK => mask = Some(decode_data(&attribute)?),
            NFTA_BITWISE_XOR => xor = Some(decode_data(&attribute)?),
            NFTA_BITWISE_LEN => {}
            NFTA_BITWISE_OP if attribute.u32()? == MASK_XOR => {}
            _ => return attribute.unknown(),
        }
    }
    Ok(Expr::Bitwise {
        source: required(source, "source register")?,
        destination: required(destination, "destination register")?,
        mask: required(mask, "mask")?,
        xor: required(xor, "xor")?,
    })
}
