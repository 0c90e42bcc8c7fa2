//! `log`: to the kernel log or to an NFLOG group (`net/netfilter/nft_log.c`).

use crate::netlink::attribute::{Attributes, Result, Writer};
use crate::ruleset::{Expr, LOG_LEVEL_WARNING, Log, LogTarget};

pub const NAME: &str = "log";

const NFTA_LOG_GROUP: u16 = 1;
const NFTA_LOG_PREFIX: u16 = 2;
const NFTA_LOG_SNAPLEN: u16 = 3;
const NFTA_LOG_QTHRESHOLD: u16 = 4;
const NFTA_LOG_LEVEL: u16 = 5;
const NFTA_LOG_FLAGS: u16 = 6;

pub fn encode(writer: &mut Writer, log: &Log) {
    if let Some(prefix) = &log.prefix {
        writer.string(NFTA_LOG_PREFIX, prefix);
    }
    match log.target {
        LogTarget::Kernel { level: LOG_LEVEL_WARNING } => {}
        LogTarget::Kernel { level } => writer.u32(NFTA_LOG_LEVEL, level),
        LogTarget::Group(group) => writer.u16(NFTA_LOG_GROUP, group),
    }
}

pub fn decode(attributes: Attributes) -> Result<Expr> {
    let (mut prefix, mut group, mut level) = (None, None, LOG_LEVEL_WARNING);
    for attribute in attributes {
        let attribute = attribute?;
        match attribute.kind {
            NFTA_LOG_GROUP => group = Some(attribute.u16()?),
            NFTA_LOG_PREFIX => prefix = Some(attribute.string()?),
            NFTA_LOG_LEVEL => level = attribute.u32()?,
            // Sent back as zero when they were not set.
            NFTA_LOG_SNAPLEN | NFTA_LOG_FLAGS if attribute.u32()? == 0 => {}
            NFTA_LOG_QTHRESHOLD if attribute.u16()? == 0 => {}
            _ => return attribute.unknown(),
        }
    }
    let target = group.map_or(LogTarget::Kernel { level }, LogTarget::Group);
    Ok(Expr::Log(Log { prefix, target }))
}
