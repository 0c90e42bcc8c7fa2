//! The registers that a rule works in: 64 bytes, in words of 4.

use crate::ruleset::Register;

/// How many bytes there are (`struct nft_regs`, without the verdict).
const SIZE: usize = 64;
const WORD: usize = 4;

/// The registers of one rule.
#[derive(Debug)]
pub struct Registers([u8; SIZE]);

impl Registers {
    /// With nothing in them.
    pub fn new() -> Self {
        Self([0; SIZE])
    }

    /// Stores `value` from `register` on, and zeroes behind it to the end of its last word. None where
    /// there is no such place.
    pub fn store(&mut self, register: Register, value: &[u8]) -> Option<()> {
        let whole = self.0.get_mut(start(register)?..)?.get_mut(..value.len().next_multiple_of(WORD))?;
        let (used, padding) = whole.split_at_mut(value.len());
        used.copy_from_slice(value);
        padding.fill(0);
        Some(())
    }

    /// The first `len` bytes from `register` on.
    pub fn load(&self, register: Register, len: usize) -> Option<&[u8]> {
        self.0.get(start(register)?..)?.get(..len)
    }
}

fn start(register: Register) -> Option<usize> {
    usize::try_from(register.word()?).ok()?.checked_mul(WORD)
}
