//! `immediate`: a verdict, or a constant into a register (`net/netfilter/nft_immediate.c`).

use super::{NFTA_DATA_VALUE, encode_data};
use crate::netlink::attribute::{Attributes, Malformed, Result, Writer, required};
use crate::ruleset::{Expr, Register, Verdict};

pub const NAME: &str = "immediate";

const NFTA_IMMEDIATE_DREG: u16 = 1;
const NFTA_IMMEDIATE_DATA: u16 = 2;
const NFTA_DATA_VERDICT: u16 = 2;
const NFTA_VERDICT_CODE: u16 = 1;
const NFTA_VERDICT_CHAIN: u16 = 2;

/// `NF_DROP`.
const DROP: i32 = 0;
/// `NF_ACCEPT`.
const ACCEPT: i32 = 1;
/// `NFT_JUMP`.
const JUMP: i32 = -3;
/// `NFT_GOTO`.
const GOTO: i32 = -4;
/// `NFT_RETURN`.
const RETURN: i32 = -5;

pub fn encode_verdict(writer: &mut Writer, verdict: &Verdict) {
    let (code, chain) = match verdict {
        Verdict::Accept => (ACCEPT, None),
        Verdict::Drop => (DROP, None),
        Verdict::Return => (RETURN, None),
        Verdict::Jump(chain) => (JUMP, Some(chain)),
        Verdict::Goto(chain) => (GOTO, Some(chain)),
        Verdict::Other(code) => (*code, None),
    };
    writer.u32(NFTA_IMMEDIATE_DREG, Register::VERDICT.0);
    writer.nest(NFTA_IMMEDIATE_DATA, |writer| {
        writer.nest(NFTA_DATA_VERDICT, |writer| {
            writer.u32(NFTA_VERDICT_CODE, code.cast_unsigned());
            if let Some(chain) = chain {
                writer.string(NFTA_VERDICT_CHAIN, chain);
            }
        });
    });
}

pub fn encode_value(writer: &mut Writer, register: Register, data: &[u8]) {
    writer.u32(NFTA_IMMEDIATE_DREG, register.0);
    encode_data(writer, NFTA_IMMEDIATE_DATA, data);
}

pub fn decode(attributes: Attributes) -> Result<Expr> {
    let (mut register, mut verdict, mut value) = (None, None, None);
    for attribute in attributes {
        let attribute = attribute?;
        match attribute.kind {
            NFTA_IMMEDIATE_DREG => register = Some(Register(attribute.u32()?)),
            NFTA_IMMEDIATE_DATA => {
                for data in attribute.nested() {
                    let data = data?;
                    match data.kind {
                        NFTA_DATA_VERDICT => verdict = Some(decode_verdict(data.nested())?),
                        NFTA_DATA_VALUE => value = Some(data.payload.to_vec()),
                        _ => return data.unknown(),
                    }
                }
            }
            _ => return attribute.unknown(),
        }
    }
    match (required(register, "register")?, verdict, value) {
        (Register::VERDICT, Some(verdict), None) => Ok(Expr::Verdict(verdict)),
        (register, None, Some(data)) if register != Register::VERDICT => Ok(Expr::Immediate { register, data }),
        _ => Err(Malformed("an immediate needs a verdict or a value".to_owned())),
    }
}

fn decode_verdict(attributes: Attributes) -> Result<Verdict> {
    let (mut code, mut chain) = (None, None);
    for attribute in attributes {
        let attribute = attribute?;
        match attribute.kind {
            NFTA_VERDICT_CODE => code = Some(attribute.u32()?.cast_signed()),
            NFTA_VERDICT_CHAIN => chain = Some(attribute.string()?),
            _ => return attribute.unknown(),
        }
    }
    match (required(code, "verdict code")?, chain) {
        (JUMP, Some(chain)) => Ok(Verdict::Jump(chain)),
        (GOTO, Some(chain)) => Ok(Verdict::Goto(chain)),
        (ACCEPT, None) => Ok(Verdict::Accept),
        (DROP, None) => Ok(Verdict::Drop),
        (RETURN, None) => Ok(Verdict::Return),
        (code, None) if code != JUMP && code != GOTO => Ok(Verdict::Other(code)),
        (code, _) => Err(Malformed(format!("verdict {code} with or without its chain"))),
    }
}
