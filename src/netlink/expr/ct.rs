//! `ct`: connection-tracking data into a register (`net/netfilter/nft_ct.c`).

use crate::netlink::attribute::{Attributes, Result, Writer, required};
use crate::ruleset::{CtKey, Expr, FlowDirection, Register};

pub const NAME: &str = "ct";

const NFTA_CT_DREG: u16 = 1;
const NFTA_CT_KEY: u16 = 2;
const NFTA_CT_DIRECTION: u16 = 3;

pub fn encode(writer: &mut Writer, key: CtKey, direction: Option<FlowDirection>, register: Register) {
    writer.u32(NFTA_CT_KEY, key.0);
    if let Some(direction) = direction {
        writer.u8(NFTA_CT_DIRECTION, direction as u8);
    }
    writer.u32(NFTA_CT_DREG, register.0);
}

pub fn decode(attributes: Attributes) -> Result<Expr> {
    let (mut key, mut direction, mut register) = (None, None, None);
    for attribute in attributes {
        let attribute = attribute?;
        match attribute.kind {
            NFTA_CT_KEY => key = Some(CtKey(attribute.u32()?)),
            NFTA_CT_DREG => register = Some(Register(attribute.u32()?)),
            NFTA_CT_DIRECTION => {
                direction = Some(match attribute.u8()? {
                    0 => FlowDirection::Original,
                    1 => FlowDirection::Reply,
                    _ => return attribute.unknown(),
                });
            }
            _ => return attribute.unknown(),
        }
    }
    Ok(Expr::Ct { key: required(key, "ct key")?, direction, register: required(register, "register")? })
}
