//! The expressions' codecs, one file each: how its attributes are written, and read back.
//!
//! Adding one: its file, its line in `name`, in `encode_into` and in `decode_known`.

mod bitwise;
mod byteorder;
mod cmp;
mod counter;
mod ct;
mod dynset;
mod fib;
mod immediate;
mod limit;
mod log;
mod lookup;
mod meta;
mod payload;
mod range;
mod reject;

pub use self::byteorder::does_nothing;
pub use self::fib::widen_presence;
pub use self::range::as_compares;
use super::attribute::{Attribute, Malformed, Result, Writer, required};
use crate::ruleset::Expr;

/// `NFTA_EXPR_NAME`.
pub const NFTA_EXPR_NAME: u16 = 1;
/// `NFTA_EXPR_DATA`.
pub const NFTA_EXPR_DATA: u16 = 2;
/// `NFTA_DATA_VALUE`: bytes inside a value.
const NFTA_DATA_VALUE: u16 = 1;

/// Writes `expression` as one attribute of type `kind`.
pub fn encode(writer: &mut Writer, kind: u16, expression: &Expr) {
    writer.nest(kind, |writer| {
        writer.string(NFTA_EXPR_NAME, name(expression));
        writer.nest(NFTA_EXPR_DATA, |writer| encode_into(writer, expression));
    });
}

/// Reads the expression that [`encode`] wrote or the kernel sent. One that is not known here, or
/// has an attribute that is not known, is kept as it came.
pub fn decode(attribute: &Attribute) -> Result<Expr> {
    let inner = attribute.nested();
    let name = required(inner.find(NFTA_EXPR_NAME)?, "expression name")?.string()?;
    let data = inner.find(NFTA_EXPR_DATA)?.map_or(&[][..], |data| data.payload);
    Ok(decode_known(&name, data).unwrap_or_else(|_| Expr::Raw { name, data: data.to_vec() }))
}

/// The kernel's name of the expression.
pub fn name(expression: &Expr) -> &str {
    match expression {
        Expr::Meta { .. } => meta::NAME,
        Expr::Ct { .. } => ct::NAME,
        Expr::Fib { .. } => fib::NAME,
        Expr::Payload { .. } => payload::NAME,
        Expr::Cmp { .. } => cmp::NAME,
        Expr::Bitwise { .. } => bitwise::NAME,
        Expr::Range { .. } => range::NAME,
        Expr::Lookup { .. } => lookup::NAME,
        Expr::Dynset { .. } => dynset::NAME,
        Expr::Limit(_) => limit::NAME,
        Expr::Log(_) => log::NAME,
        Expr::Counter { .. } => counter::NAME,
        Expr::Verdict(_) | Expr::Immediate { .. } => immediate::NAME,
        Expr::Reject(_) => reject::NAME,
        Expr::Raw { name, .. } => name,
    }
}

fn encode_into(writer: &mut Writer, expression: &Expr) {
    match expression {
        Expr::Meta { key, register } => meta::encode(writer, *key, *register),
        Expr::Ct { key, direction, register } => ct::encode(writer, *key, *direction, *register),
        Expr::Fib { result, flags, register } => fib::encode(writer, *result, *flags, *register),
        Expr::Payload { base, offset, len, register } => payload::encode(writer, *base, *offset, *len, *register),
        Expr::Cmp { register, op, data } => cmp::encode(writer, *register, *op, data),
        Expr::Bitwise { source, destination, mask, xor } => {
            bitwise::encode(writer, *source, *destination, mask, xor);
        }
        Expr::Range { register, op, from, to } => range::encode(writer, *register, *op, from, to),
        Expr::Lookup { set, register, inverted } => lookup::encode(writer, set, *register, *inverted),
        Expr::Dynset { set, op, register, expressions } => dynset::encode(writer, set, *op, *register, expressions),
        Expr::Limit(limit) => limit::encode(writer, limit),
        Expr::Log(log) => log::encode(writer, log),
        Expr::Counter { packets, bytes } => counter::encode(writer, *packets, *bytes),
        Expr::Verdict(verdict) => immediate::encode_verdict(writer, verdict),
        Expr::Immediate { register, data } => immediate::encode_value(writer, *register, data),
        Expr::Reject(reject) => reject::encode(writer, *reject),
        Expr::Raw { data, .. } => writer.raw(data),
    }
}

fn decode_known(name: &str, data: &[u8]) -> Result<Expr> {
    let attributes = super::attribute::Attributes::new(data);
    match name {
        meta::NAME => meta::decode(attributes),
        ct::NAME => ct::decode(attributes),
        fib::NAME => fib::decode(attributes),
        payload::NAME => payload::decode(attributes),
        cmp::NAME => cmp::decode(attributes),
        bitwise::NAME => bitwise::decode(attributes),
        range::NAME => range::decode(attributes),
        lookup::NAME => lookup::decode(attributes),
        dynset::NAME => dynset::decode(attributes),
        limit::NAME => limit::decode(attributes),
        log::NAME => log::decode(attributes),
        counter::NAME => counter::decode(attributes),
        immediate::NAME => immediate::decode(attributes),
        reject::NAME => reject::decode(attributes),
        other => Err(Malformed(format!("unknown expression {other}"))),
    }
}

/// Writes bytes as `NFTA_DATA_VALUE` inside an attribute of type `kind`.
fn encode_data(writer: &mut Writer, kind: u16, data: &[u8]) {
    writer.nest(kind, |writer| writer.bytes(NFTA_DATA_VALUE, data));
}

/// Reads what [`encode_data`] wrote.
fn decode_data(attribute: &Attribute) -> Result<Vec<u8>> {
    required(attribute.nested().find(NFTA_DATA_VALUE)?, "value").map(|value| value.payload.to_vec())
}

#[cfg(test)]
mod tests;
