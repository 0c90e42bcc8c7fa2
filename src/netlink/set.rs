//! A set's attributes (`enum nft_set_attributes`).

use super::attribute::{Attributes, Result, Writer, required};
use super::userdata;
use crate::ruleset::{DYNAMIC_SIZE, DataType, Elements, SET_CONCAT, SET_INTERVAL, Set};

/// `NFTA_SET_TABLE`.
pub const NFTA_SET_TABLE: u16 = 1;
/// `NFTA_SET_NAME`.
pub const NFTA_SET_NAME: u16 = 2;
const NFTA_SET_FLAGS: u16 = 3;
const NFTA_SET_KEY_TYPE: u16 = 4;
const NFTA_SET_KEY_LEN: u16 = 5;
const NFTA_SET_DESC: u16 = 9;
const NFTA_SET_ID: u16 = 10;
const NFTA_SET_TIMEOUT: u16 = 11;
const NFTA_SET_USERDATA: u16 = 13;
const NFTA_SET_DESC_SIZE: u16 = 1;
const NFTA_SET_DESC_CONCAT: u16 = 2;
const NFTA_LIST_ELEM: u16 = 1;
const NFTA_SET_FIELD_LEN: u16 = 1;

/// The bits per field in the number of a concatenated type.
const TYPE_BITS: u32 = 6;

/// Writes the declaration. `id` tells the sets of one batch apart; the kernel asks for one, and
/// nothing here refers to it.
pub fn encode(writer: &mut Writer, table: &str, set: &Set, id: u32) {
    writer.string(NFTA_SET_TABLE, table);
    writer.string(NFTA_SET_NAME, &set.name);
    writer.u32(NFTA_SET_FLAGS, set.flags);
    writer.u32(NFTA_SET_KEY_TYPE, key_type(set));
    writer.u32(NFTA_SET_KEY_LEN, set.key_len());
    writer.u32(NFTA_SET_ID, id);
    let size = declared_size(set);
    if size.is_some() || set.holds_boxes() {
        writer.nest(NFTA_SET_DESC, |writer| encode_description(writer, set, size));
    }
    if let Some(timeout) = set.timeout {
        writer.u64(NFTA_SET_TIMEOUT, timeout);
    }
    writer.bytes(NFTA_SET_USERDATA, &userdata(set));
}

/// Writes how many elements it takes, and the bytes of each field where the fields have intervals:
/// as in a packet, without the padding that they have in a key.
fn encode_description(writer: &mut Writer, set: &Set, size: Option<u32>) {
    if let Some(size) = size {
        writer.u32(NFTA_SET_DESC_SIZE, size);
    }
    if set.holds_boxes() {
        writer.nest(NFTA_SET_DESC_CONCAT, |writer| {
            for field in &set.key {
                writer.nest(NFTA_LIST_ELEM, |writer| writer.u32(NFTA_SET_FIELD_LEN, field.len()));
            }
        });
    }
}

/// The size to send. A set that rules fill has [`DYNAMIC_SIZE`] without being told; when it is told,
/// the kernel makes room for all of it at once, a megabyte and half a millisecond each.
pub fn declared_size(set: &Set) -> Option<u32> {
    set.size.filter(|size| !(set.is_dynamic() && *size == DYNAMIC_SIZE))
}

/// nft's number of the key's type: 6 bits a field, the first field highest.
pub fn key_type(set: &Set) -> u32 {
    set.key.iter().fold(0, |number, field| number << TYPE_BITS | field.id())
}

/// What `nft` keeps to list the elements right: without it interface names come out reversed.
pub fn userdata(set: &Set) -> Vec<u8> {
    let order = match set.key.as_slice() {
        [single] => single.byte_order() as u32,
        _ => 0,
    };
    userdata::entry(userdata::SET_KEY_BYTE_ORDER, &order.to_ne_bytes())
}

/// Writes which set is meant.
pub fn encode_name(writer: &mut Writer, table: &str, name: &str) {
    writer.string(NFTA_SET_TABLE, table);
    writer.string(NFTA_SET_NAME, name);
}

/// Reads a set's declaration.
pub fn decode(attributes: Attributes) -> Result<Set> {
    let (mut name, mut flags, mut number, mut key_len, mut timeout, mut size) = (None, 0, None, 0, None, None);
    for attribute in attributes {
        let attribute = attribute?;
        match attribute.kind {
            NFTA_SET_NAME => name = Some(attribute.string()?),
            NFTA_SET_FLAGS => flags = attribute.u32()?,
            NFTA_SET_KEY_TYPE => number = Some(attribute.u32()?),
            NFTA_SET_KEY_LEN => key_len = attribute.u32()?,
            NFTA_SET_TIMEOUT => timeout = Some(attribute.u64()?),
            NFTA_SET_DESC => {
                size = attribute.nested().find(NFTA_SET_DESC_SIZE)?.map(|size| size.u32()).transpose()?;
            }
            _ => {}
        }
    }
    let key = key_fields(required(number, "key type")?, key_len);
    let elements = match key.as_slice() {
        [DataType::Ipv4Addr] if flags & SET_INTERVAL != 0 => Elements::Ipv4(Vec::new()),
        [DataType::Ipv6Addr] if flags & SET_INTERVAL != 0 => Elements::Ipv6(Vec::new()),
        [_, _, ..] if flags & SET_CONCAT != 0 => Elements::Boxes(Vec::new()),
        _ => Elements::Exact(Vec::new()),
    };
    Ok(Set { name: required(name, "set name")?, key, flags, timeout, size, elements })
}

fn key_fields(number: u32, key_len: u32) -> Vec<DataType> {
    let mut fields = Vec::new();
    let mut rest = number;
    while rest != 0 {
        fields.push(DataType::from_id(rest & ((1 << TYPE_BITS) - 1), 4));
        rest >>= TYPE_BITS;
    }
    fields.reverse();
    match fields.as_slice() {
        [] | [_] => vec![DataType::from_id(number, key_len)],
        _ => fields,
    }
}
