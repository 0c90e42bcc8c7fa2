//! `reject`: drop and say so (`net/netfilter/nft_reject_inet.c`).

use crate::netlink::attribute::{Attributes, Malformed, Result, Writer, required};
use crate::ruleset::{Expr, Reject};

pub const NAME: &str = "reject";

const NFTA_REJECT_TYPE: u16 = 1;
const NFTA_REJECT_ICMP_CODE: u16 = 2;

/// `NFT_REJECT_ICMP_UNREACH`.
const ICMP_UNREACH: u32 = 0;
/// `NFT_REJECT_TCP_RST`.
const TCP_RST: u32 = 1;
/// `NFT_REJECT_ICMPX_UNREACH`.
const ICMPX_UNREACH: u32 = 2;

pub fn encode(writer: &mut Writer, reject: Reject) {
    let (kind, code) = match reject {
        Reject::Icmp(code) => (ICMP_UNREACH, Some(code)),
        Reject::TcpReset => (TCP_RST, None),
        Reject::Icmpx(code) => (ICMPX_UNREACH, Some(code)),
    };
    writer.u32(NFTA_REJECT_TYPE, kind);
    // nft writes the code for a reset too, and the kernel sends it back only for the others.
    writer.u8(NFTA_REJECT_ICMP_CODE, code.unwrap_or(0));
}

pub fn decode(attributes: Attributes) -> Result<Expr> {
    let (mut kind, mut code) = (None, None);
    for attribute in attributes {
        let attribute = attribute?;
        match attribute.kind {
            NFTA_REJECT_TYPE => kind = Some(attribute.u32()?),
            NFTA_REJECT_ICMP_CODE => code = Some(attribute.u8()?),
            _ => return attribute.unknown(),
        }
    }
    let reject = match required(kind, "reject type")? {
        TCP_RST => Reject::TcpReset,
        ICMP_UNREACH => Reject::Icmp(required(code, "ICMP code")?),
        ICMPX_UNREACH => Reject::Icmpx(required(code, "ICMP code")?),
        other => return Err(Malformed(format!("unknown reject type {other}"))),
    };
    Ok(Expr::Reject(reject))
}
