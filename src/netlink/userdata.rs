//! Userdata: what the kernel keeps for `nft` without looking at it, a list of 1-byte type, 1-byte
//! length and value (`include/libnftnl/udata.h`).

/// The comment of a table, a chain, a rule or an element.
pub const COMMENT: u8 = 0;
/// How the bytes of a set's keys are ordered, a 4-byte number in host order
/// (`NFTNL_UDATA_SET_KEYBYTEORDER`).
pub const SET_KEY_BYTE_ORDER: u8 = 0;

/// One entry.
pub fn entry(kind: u8, value: &[u8]) -> Vec<u8> {
    // A longer value has no place in the format; what is written here is checked long before.
    let value = value.get(..value.len().min(usize::from(u8::MAX))).unwrap_or_default();
    let mut bytes = vec![kind, value.len() as u8];
    bytes.extend_from_slice(value);
    bytes
}

/// A comment, with the NUL that `nft` expects.
pub fn comment(text: &str) -> Vec<u8> {
    let mut value = text.as_bytes().to_vec();
    value.push(0);
    entry(COMMENT, &value)
}

/// The comment in the userdata of a table, chain, rule or element.
pub fn read_comment(mut bytes: &[u8]) -> Option<String> {
    while let [kind, len, rest @ ..] = bytes {
        let value = rest.get(..usize::from(*len))?;
        if *kind == COMMENT {
            let text = value.split(|byte| *byte == 0).next().unwrap_or_default();
            return Some(String::from_utf8_lossy(text).into_owned());
        }
        bytes = rest.get(usize::from(*len)..)?;
    }
    None
}
