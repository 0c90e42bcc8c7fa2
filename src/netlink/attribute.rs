//! Netlink attributes: a 2-byte length, a 2-byte type, the payload, padded to 4 bytes
//! (`include/uapi/linux/netlink.h`). Lengths and types are in host order; integers inside
//! nf_tables' attributes are in network order.

use std::fmt;

/// Set in the type of an attribute that holds attributes (`NLA_F_NESTED`).
const NESTED: u16 = 0x8000;
/// The bits of the type that are the type: without `NLA_F_NESTED` and `NLA_F_NET_BYTEORDER`.
const TYPE_MASK: u16 = 0x3fff;
/// The bytes in front of the payload.
pub const HEADER_LEN: usize = 4;

/// Why bytes are no such object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Malformed(pub String);

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "malformed netlink data: {}", self.0)
    }
}

impl std::error::Error for Malformed {}

/// What decoding gives.
pub type Result<T> = std::result::Result<T, Malformed>;

/// One attribute of a message.
#[derive(Debug, Clone, Copy)]
pub struct Attribute<'a> {
    /// Its type, without the flags.
    pub kind: u16,
    /// Its payload, without padding.
    pub payload: &'a [u8],
    /// Where its header begins, in bytes from the start of what was iterated over.
    pub offset: usize,
}

/// The attributes in a payload, one after the other. Bytes that are no attribute end it with an
/// error.
#[derive(Debug, Clone, Copy)]
pub struct Attributes<'a> {
    bytes: &'a [u8],
    offset: usize,
}

impl<'a> Attributes<'a> {
    /// Those in `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, offset: 0 }
    }

    /// The first attribute of that type, where there is one.
    pub fn find(self, kind: u16) -> Result<Option<Attribute<'a>>> {
        for attribute in self {
            let attribute = attribute?;
            if attribute.kind == kind {
                return Ok(Some(attribute));
            }
        }
        Ok(None)
    }
}

impl<'a> Iterator for Attributes<'a> {
    type Item = Result<Attribute<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.bytes.get(self.offset..).filter(|rest| !rest.is_empty())?;
        let attribute = parse(rest, self.offset);
        self.offset = match &attribute {
            Ok(attribute) => self.offset + (HEADER_LEN + attribute.payload.len()).next_multiple_of(4),
            Err(_) => self.bytes.len(),
        };
        Some(attribute)
    }
}

fn parse(bytes: &[u8], offset: usize) -> Result<Attribute<'_>> {
    let malformed = || Malformed(format!("attribute of {} bytes at offset {offset} is cut short", bytes.len()));
    let [len, len_high, kind, kind_high, ..] = bytes else {
        return Err(malformed());
    };
    let len = usize::from(u16::from_ne_bytes([*len, *len_high]));
    let payload = bytes.get(HEADER_LEN..len).ok_or_else(malformed)?;
    Ok(Attribute { kind: u16::from_ne_bytes([*kind, *kind_high]) & TYPE_MASK, payload, offset })
}

impl<'a> Attribute<'a> {
    /// The attributes inside.
    pub fn nested(&self) -> Attributes<'a> {
        Attributes::new(self.payload)
    }

    /// An 8-bit integer.
    pub fn u8(&self) -> Result<u8> {
        self.array().map(|[byte]| byte)
    }

    /// A 16-bit integer in network order.
    pub fn u16(&self) -> Result<u16> {
        self.array().map(u16::from_be_bytes)
    }

    /// A 32-bit integer in network order.
    pub fn u32(&self) -> Result<u32> {
        self.array().map(u32::from_be_bytes)
    }

    /// A 64-bit integer in network order.
    pub fn u64(&self) -> Result<u64> {
        self.array().map(u64::from_be_bytes)
    }

    /// Text that ends at its first NUL.
    pub fn string(&self) -> Result<String> {
        let text = self.payload.split(|byte| *byte == 0).next().unwrap_or_default();
        String::from_utf8(text.to_vec()).map_err(|_| Malformed(format!("attribute {} is no UTF-8 text", self.kind)))
    }

    /// An attribute that the object at hand is not known to have. The caller keeps such an object
    /// raw, so that nothing of it is lost.
    pub fn unknown<T>(&self) -> Result<T> {
        Err(Malformed(format!("unknown attribute {}", self.kind)))
    }

    fn array<const N: usize>(&self) -> Result<[u8; N]> {
        let len = self.payload.len();
        self.payload
            .try_into()
            .map_err(|_| Malformed(format!("attribute {} has {len} bytes instead of {N}", self.kind)))
    }
}

/// `Some`, or an error that names the attribute which is missing.
pub fn required<T>(value: Option<T>, name: &str) -> Result<T> {
    value.ok_or_else(|| Malformed(format!("no {name}")))
}

/// Writes attributes behind one another.
#[derive(Debug, Default)]
pub struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    /// One that goes on where `bytes` end.
    pub fn append_to(bytes: Vec<u8>) -> Self {
        Self { bytes }
    }

    /// Everything written so far.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// The number of bytes written so far.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether nothing was written yet.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Bytes as they are, without a header.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// An attribute that holds `payload`. Its length has 16 bits in the kernel, and no object here
    /// comes near: long lists of elements are split by [`super::element::pieces`].
    pub fn bytes(&mut self, kind: u16, payload: &[u8]) {
        self.header(kind, payload.len());
        self.bytes.extend_from_slice(payload);
        self.pad();
    }

    /// An 8-bit integer.
    pub fn u8(&mut self, kind: u16, value: u8) {
        self.bytes(kind, &[value]);
    }

    /// A 16-bit integer, in network order.
    pub fn u16(&mut self, kind: u16, value: u16) {
        self.bytes(kind, &value.to_be_bytes());
    }

    /// A 32-bit integer, in network order.
    pub fn u32(&mut self, kind: u16, value: u32) {
        self.bytes(kind, &value.to_be_bytes());
    }

    /// A 64-bit integer, in network order.
    pub fn u64(&mut self, kind: u16, value: u64) {
        self.bytes(kind, &value.to_be_bytes());
    }

    /// Text with its NUL.
    pub fn string(&mut self, kind: u16, text: &str) {
        self.header(kind, text.len() + 1);
        self.bytes.extend_from_slice(text.as_bytes());
        self.bytes.push(0);
        self.pad();
    }

    /// An attribute that holds whatever `write` writes.
    pub fn nest(&mut self, kind: u16, write: impl FnOnce(&mut Self)) {
        let start = self.bytes.len();
        self.header(kind | NESTED, 0);
        write(self);
        let len = self.bytes.len() - start;
        debug_assert!(len <= usize::from(u16::MAX), "attribute of {len} bytes");
        if let Some(field) = self.bytes.get_mut(start..start + 2) {
            field.copy_from_slice(&(len as u16).to_ne_bytes());
        }
    }

    fn header(&mut self, kind: u16, payload_len: usize) {
        let len = HEADER_LEN + payload_len;
        debug_assert!(len <= usize::from(u16::MAX), "attribute of {len} bytes");
        self.bytes.extend_from_slice(&(len as u16).to_ne_bytes());
        self.bytes.extend_from_slice(&kind.to_ne_bytes());
    }

    fn pad(&mut self) {
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back() {
        let mut writer = Writer::default();
        writer.u32(1, 7);
        writer.nest(2, |inner| {
            inner.string(3, "ct");
            inner.u8(4, 1);
        });
        let bytes = writer.into_bytes();
        assert_eq!(bytes.len() % 4, 0);
        let outer: Vec<_> = Attributes::new(&bytes).map(|attribute| attribute.unwrap()).collect();
        assert_eq!(outer[0].u32(), Ok(7));
        let inner: Vec<_> = outer[1].nested().map(|attribute| attribute.unwrap()).collect();
        assert_eq!(inner[0].string(), Ok("ct".to_owned()));
        assert_eq!(inner[1].u8(), Ok(1));
        assert_eq!(inner[1].offset, 8);
    }

    #[test]
    fn cut_and_lying_lengths_are_errors_and_end_the_list() {
        for bytes in [&[4u8, 0, 1][..], &[3, 0, 1, 0], &[9, 0, 1, 0, 0], &[0, 0, 0, 0]] {
            let read: Vec<_> = Attributes::new(bytes).collect();
            assert_eq!(read.len(), 1, "{bytes:?}");
            assert!(read[0].is_err(), "{bytes:?}");
        }
    }
}
