//! A rule's attributes (`enum nft_rule_attributes`).

use super::attribute::{Attributes, Result, Writer, required};
use super::{expr, userdata};
use crate::ruleset::Rule;

/// `NFTA_RULE_TABLE`.
pub const NFTA_RULE_TABLE: u16 = 1;
/// `NFTA_RULE_CHAIN`.
pub const NFTA_RULE_CHAIN: u16 = 2;
const NFTA_RULE_HANDLE: u16 = 3;
/// `NFTA_RULE_EXPRESSIONS`.
pub const NFTA_RULE_EXPRESSIONS: u16 = 4;
const NFTA_RULE_POSITION: u16 = 6;
const NFTA_RULE_USERDATA: u16 = 7;
/// `NFTA_LIST_ELEM`.
const NFTA_LIST_ELEM: u16 = 1;

/// Writes the rule; with `position` it goes in front of the rule of that handle.
pub fn encode(writer: &mut Writer, table: &str, chain: &str, rule: &Rule, position: Option<u64>) {
    writer.string(NFTA_RULE_TABLE, table);
    writer.string(NFTA_RULE_CHAIN, chain);
    if let Some(position) = position {
        writer.u64(NFTA_RULE_POSITION, position);
    }
    writer.nest(NFTA_RULE_EXPRESSIONS, |writer| {
        rule.expressions.iter().for_each(|expression| expr::encode(writer, NFTA_LIST_ELEM, expression));
    });
    if let Some(comment) = &rule.comment {
        writer.bytes(NFTA_RULE_USERDATA, &userdata::comment(comment));
    }
}

/// Writes which rule is meant; without a handle all of the chain.
pub fn encode_handle(writer: &mut Writer, table: &str, chain: &str, handle: Option<u64>) {
    writer.string(NFTA_RULE_TABLE, table);
    writer.string(NFTA_RULE_CHAIN, chain);
    if let Some(handle) = handle {
        writer.u64(NFTA_RULE_HANDLE, handle);
    }
}

/// Reads a rule and the chain it is in, without what does nothing in it, and with ranges as dockwall writes them.
pub fn decode(attributes: Attributes) -> Result<(String, Rule)> {
    let (mut chain, mut rule) = (None, Rule::default());
    for attribute in attributes {
        let attribute = attribute?;
        match attribute.kind {
            NFTA_RULE_CHAIN => chain = Some(attribute.string()?),
            NFTA_RULE_HANDLE => rule.handle = Some(attribute.u64()?),
            NFTA_RULE_EXPRESSIONS => {
                for expression in attribute.nested() {
                    rule.expressions.extend(expr::as_compares(expr::decode(&expression?)?));
                }
                rule.expressions.retain(|expression| !expr::does_nothing(expression));
                expr::widen_presence(&mut rule.expressions);
            }
            NFTA_RULE_USERDATA => rule.comment = userdata::read_comment(attribute.payload),
            _ => {}
        }
    }
    Ok((required(chain, "chain name")?, rule))
}
