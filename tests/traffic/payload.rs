//! What a counted packet carries: whose it is and which one it is.

/// Marks a packet of this program.
const MAGIC: [u8; 4] = *b"DWTP";

/// The first 16 bytes of a counted packet, in network byte order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Payload {
    /// The sender, as told by `--stream`.
    pub stream: u32,
    /// Counts a sender's packets from 0.
    pub sequence: u64,
}

impl Payload {
    /// Bytes of the encoded form, the least a counted packet can have.
    pub const LENGTH: usize = 16;

    /// Writes the header over the first bytes of a packet of at least [`Self::LENGTH`] bytes.
    pub fn encode_into(self, packet: &mut [u8]) {
        packet[..4].copy_from_slice(&MAGIC);
        packet[4..8].copy_from_slice(&self.stream.to_be_bytes());
        packet[8..Self::LENGTH].copy_from_slice(&self.sequence.to_be_bytes());
    }

    /// Reads the header; `None` for a packet that some other program sent.
    pub fn decode(packet: &[u8]) -> Option<Self> {
        let (magic, rest) = packet.split_first_chunk::<4>()?;
        let (stream, rest) = rest.split_first_chunk::<4>()?;
        let (sequence, _) = rest.split_first_chunk::<8>()?;
        (*magic == MAGIC).then(|| Self { stream: u32::from_be_bytes(*stream), sequence: u64::from_be_bytes(*sequence) })
    }
}
