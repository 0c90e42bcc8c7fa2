//! `fib`: what the routing table says of an address of the packet (`net/netfilter/nft_fib.c`).

use crate::netlink::attribute::{Attributes, Result, Writer, required};
use crate::ruleset::{Expr, FIB_PRESENT, Register};

pub const NAME: &str = "fib";

const NFTA_FIB_DREG: u16 = 1;
const NFTA_FIB_RESULT: u16 = 2;
const NFTA_FIB_FLAGS: u16 = 3;

/// Has each compare of whether there is a route take all four bytes, as `nft` until 1.1.3 and dockwall write it:
/// 1.1.7 compares the first alone, and the kernel fills all of them (`nft_reg_store8`).
pub fn widen_presence(expressions: &mut [Expr]) {
    for at in 1..expressions.len() {
        let Some([Expr::Fib { flags, register: loaded, .. }, Expr::Cmp { register, data, .. }]) =
            expressions.get_mut(at - 1..=at)
        else {
            continue;
        };
        if let ([present], true) = (data.as_slice(), *flags & FIB_PRESENT != 0 && loaded == register) {
            *data = u32::from(*present).to_ne_bytes().to_vec();
        }
    }
}

pub fn encode(writer: &mut Writer, result: u32, flags: u32, register: Register) {
    writer.u32(NFTA_FIB_DREG, register.0);
    writer.u32(NFTA_FIB_RESULT, result);
    writer.u32(NFTA_FIB_FLAGS, flags);
}

pub fn decode(attributes: Attributes) -> Result<Expr> {
    let (mut result, mut flags, mut register) = (None, None, None);
    for attribute in attributes {
        let attribute = attribute?;
        match attribute.kind {
            NFTA_FIB_DREG => register = Some(Register(attribute.u32()?)),
            NFTA_FIB_RESULT => result = Some(attribute.u32()?),
            NFTA_FIB_FLAGS => flags = Some(attribute.u32()?),
            _ => return attribute.unknown(),
        }
    }
    Ok(Expr::Fib {
        result: required(result, "fib result")?,
        flags: required(flags, "fib flags")?,
        register: required(register, "register")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ruleset::{CmpOp, FIB_OIF, FIB_WAY_BACK};

    #[test]
    fn a_compare_of_one_byte_is_one_of_four_only_where_presence_is_loaded() {
        for (flags, register, len) in
            [(FIB_WAY_BACK, Register::R1, 4), (FIB_WAY_BACK, Register(2), 1), (1, Register::R1, 1)]
        {
            let fib = Expr::Fib { result: FIB_OIF, flags, register: Register::R1 };
            let mut expressions = vec![fib, Expr::Cmp { register, op: CmpOp::Eq, data: vec![1] }];
            widen_presence(&mut expressions);
            let data = [&1u32.to_ne_bytes()[..], &[1]][usize::from(len == 1)].to_vec();
            assert_eq!(expressions[1], Expr::Cmp { register, op: CmpOp::Eq, data });
        }
    }
}
