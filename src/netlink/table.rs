//! The table's attributes (`enum nft_table_attributes`).

use super::attribute::{Attributes, Result, Writer, required};
use super::userdata;
use crate::ruleset::Table;

/// `NFTA_TABLE_NAME`.
pub const NFTA_TABLE_NAME: u16 = 1;
const NFTA_TABLE_FLAGS: u16 = 2;
const NFTA_TABLE_USERDATA: u16 = 6;
const NFTA_TABLE_OWNER: u16 = 7;

/// Writes name, flags and comment.
pub fn encode(writer: &mut Writer, name: &str, flags: u32, comment: Option<&str>) {
    writer.string(NFTA_TABLE_NAME, name);
    writer.u32(NFTA_TABLE_FLAGS, flags);
    if let Some(comment) = comment {
        writer.bytes(NFTA_TABLE_USERDATA, &userdata::comment(comment));
    }
}

/// Reads a table, without what is in it.
pub fn decode(attributes: Attributes) -> Result<Table> {
    let (mut name, mut flags, mut comment, mut owner) = (None, 0, None, None);
    for attribute in attributes {
        let attribute = attribute?;
        match attribute.kind {
            NFTA_TABLE_NAME => name = Some(attribute.string()?),
            NFTA_TABLE_FLAGS => flags = attribute.u32()?,
            NFTA_TABLE_OWNER => owner = Some(attribute.u32()?),
            NFTA_TABLE_USERDATA => comment = userdata::read_comment(attribute.payload),
            _ => {}
        }
    }
    Ok(Table { name: required(name, "table name")?, comment, flags, owner, sets: Vec::new(), chains: Vec::new() })
}
