//! A chain's attributes (`enum nft_chain_attributes`).

use super::attribute::{Attributes, Malformed, Result, Writer, required};
use super::userdata;
use crate::ruleset::{Base, Chain, ChainPolicy, Hook};

/// `NFTA_CHAIN_TABLE`.
pub const NFTA_CHAIN_TABLE: u16 = 1;
/// `NFTA_CHAIN_NAME`.
pub const NFTA_CHAIN_NAME: u16 = 3;
const NFTA_CHAIN_HOOK: u16 = 4;
const NFTA_CHAIN_POLICY: u16 = 5;
/// `NFTA_CHAIN_TYPE`.
pub const NFTA_CHAIN_TYPE: u16 = 7;
const NFTA_CHAIN_USERDATA: u16 = 12;
const NFTA_HOOK_HOOKNUM: u16 = 1;
const NFTA_HOOK_PRIORITY: u16 = 2;

/// `NF_DROP` as a policy.
const DROP: u32 = 0;
/// `NF_ACCEPT` as a policy.
const ACCEPT: u32 = 1;

/// Writes the chain without its rules.
pub fn encode(writer: &mut Writer, table: &str, chain: &Chain) {
    writer.string(NFTA_CHAIN_TABLE, table);
    writer.string(NFTA_CHAIN_NAME, &chain.name);
    if let Some(base) = &chain.base {
        writer.string(NFTA_CHAIN_TYPE, &base.kind);
        writer.u32(NFTA_CHAIN_POLICY, policy_number(base.policy));
        writer.nest(NFTA_CHAIN_HOOK, |writer| {
            writer.u32(NFTA_HOOK_HOOKNUM, base.hook.0);
            writer.u32(NFTA_HOOK_PRIORITY, base.priority.cast_unsigned());
        });
    }
    if let Some(comment) = &chain.comment {
        writer.bytes(NFTA_CHAIN_USERDATA, &userdata::comment(comment));
    }
}

/// The kernel's number of a policy.
pub fn policy_number(policy: ChainPolicy) -> u32 {
    match policy {
        ChainPolicy::Accept => ACCEPT,
        ChainPolicy::Drop => DROP,
    }
}

/// Writes which chain is meant.
pub fn encode_name(writer: &mut Writer, table: &str, name: &str) {
    writer.string(NFTA_CHAIN_TABLE, table);
    writer.string(NFTA_CHAIN_NAME, name);
}

/// Reads a chain, without its rules, and the table it is in.
pub fn decode(attributes: Attributes) -> Result<(String, Chain)> {
    let (mut table, mut name, mut kind, mut hook, mut policy, mut comment) = (None, None, None, None, None, None);
    for attribute in attributes {
        let attribute = attribute?;
        match attribute.kind {
            NFTA_CHAIN_TABLE => table = Some(attribute.string()?),
            NFTA_CHAIN_NAME => name = Some(attribute.string()?),
            NFTA_CHAIN_TYPE => kind = Some(attribute.string()?),
            NFTA_CHAIN_HOOK => hook = Some(decode_hook(attribute.nested())?),
            NFTA_CHAIN_POLICY => policy = Some(decode_policy(attribute.u32()?)?),
            NFTA_CHAIN_USERDATA => comment = userdata::read_comment(attribute.payload),
            _ => {}
        }
    }
    let base = match hook {
        Some((hook, priority)) => Some(Base {
            kind: required(kind, "chain type")?,
            hook,
            priority,
            policy: policy.unwrap_or(ChainPolicy::Accept),
        }),
        None => None,
    };
    let chain = Chain { name: required(name, "chain name")?, base, comment, rules: Vec::new() };
    Ok((required(table, "table name")?, chain))
}

fn decode_hook(attributes: Attributes) -> Result<(Hook, i32)> {
    let (mut hook, mut priority) = (None, None);
    for attribute in attributes {
        let attribute = attribute?;
        match attribute.kind {
            NFTA_HOOK_HOOKNUM => hook = Some(Hook(attribute.u32()?)),
            NFTA_HOOK_PRIORITY => priority = Some(attribute.u32()?.cast_signed()),
            _ => {}
        }
    }
    Ok((required(hook, "hook")?, required(priority, "priority")?))
}

fn decode_policy(number: u32) -> Result<ChainPolicy> {
    match number {
        DROP => Ok(ChainPolicy::Drop),
        ACCEPT => Ok(ChainPolicy::Accept),
        other => Err(Malformed(format!("unknown policy {other}"))),
    }
}
