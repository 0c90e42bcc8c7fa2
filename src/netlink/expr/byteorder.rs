//! `byteorder`: turns the bytes of the numbers in a register around (`net/netfilter/nft_byteorder.c`).
//!
//! Nothing here writes one. But nft 1.0.6 puts one behind the protocol in a key that it looks up in a
//! set with an interval in each field, for numbers of 2 bytes in the 1 byte that a protocol has:
//! the kernel turns around as many as fit, which is none.

use crate::netlink::attribute::{Attributes, Result, required};
use crate::ruleset::Expr;

const NAME: &str = "byteorder";

const NFTA_BYTEORDER_SREG: u16 = 1;
const NFTA_BYTEORDER_DREG: u16 = 2;
const NFTA_BYTEORDER_OP: u16 = 3;
const NFTA_BYTEORDER_LEN: u16 = 4;
const NFTA_BYTEORDER_SIZE: u16 = 5;

/// Whether the expression changes nothing, so that the rule is the same without it.
pub fn does_nothing(expression: &Expr) -> bool {
    match expression {
        Expr::Raw { name, data } if name == NAME => fits_nothing(Attributes::new(data)).unwrap_or(false),
        _ => false,
    }
}

/// Whether there is less to turn around than one number, in the place where it is.
fn fits_nothing(attributes: Attributes) -> Result<bool> {
    let (mut source, mut destination, mut len, mut size) = (None, None, None, None);
    for attribute in attributes {
        let attribute = attribute?;
        match attribute.kind {
            NFTA_BYTEORDER_SREG => source = Some(attribute.u32()?),
            NFTA_BYTEORDER_DREG => destination = Some(attribute.u32()?),
            NFTA_BYTEORDER_OP => {}
            NFTA_BYTEORDER_LEN => len = Some(attribute.u32()?),
            NFTA_BYTEORDER_SIZE => size = Some(attribute.u32()?),
            _ => return attribute.unknown(),
        }
    }
    Ok(required(source, "source register")? == required(destination, "destination register")?
        && required(len, "length")? < required(size, "size")?)
}
