//! `payload`: bytes of the packet into a register (`net/netfilter/nft_payload.c`).

use crate::netlink::attribute::{Attributes, Result, Writer, required};
use crate::ruleset::{Expr, PayloadBase, Register};

pub const NAME: &str = "payload";

const NFTA_PAYLOAD_DREG: u16 = 1;
const NFTA_PAYLOAD_BASE: u16 = 2;
const NFTA_PAYLOAD_OFFSET: u16 = 3;
const NFTA_PAYLOAD_LEN: u16 = 4;

pub fn encode(writer: &mut Writer, base: PayloadBase, offset: u32, len: u32, register: Register) {
    writer.u32(NFTA_PAYLOAD_DREG, register.0);
    writer.u32(NFTA_PAYLOAD_BASE, base.0);
    writer.u32(NFTA_PAYLOAD_OFFSET, offset);
    writer.u32(NFTA_PAYLOAD_LEN, len);
}

pub fn decode(attributes: Attributes) -> Result<Expr> {
    let (mut base, mut offset, mut len, mut register) = (None, None, None, None);
    for attribute in attributes {
        let attribute = attribute?;
        match attribute.kind {
            NFTA_PAYLOAD_DREG => register = Some(Register(attribute.u32()?)),
            NFTA_PAYLOAD_BASE => base = Some(PayloadBase(attribute.u32()?)),
            NFTA_PAYLOAD_OFFSET => offset = Some(attribute.u32()?),
            NFTA_PAYLOAD_LEN => len = Some(attribute.u32()?),
            _ => return attribute.unknown(),
        }
    }
    Ok(Expr::Payload {
        base: required(base, "payload base")?,
        offset: required(offset, "payload offset")?,
        len: required(len, "payload length")?,
        register: required(register, "register")?,
    })
}
