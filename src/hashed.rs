//! A writer that keeps nothing of what is written but its SHA-256: what is large is never there as a whole.

use std::io;

use sha2::{Digest as _, Sha256};

/// What was written so far.
#[derive(Default)]
pub struct Hashed(Sha256);

impl Hashed {
    /// The SHA-256 of all of it.
    pub fn finish(self) -> [u8; 32] {
        self.0.finalize().into()
    }
}

impl io::Write for Hashed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
