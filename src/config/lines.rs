//! Which line of a text a byte is in.

/// How many bytes are counted through at most, to find a line.
const BLOCK: usize = 512;

/// The lines of a text, of which there may be a million: by less than a hundredth of its bytes.
pub(super) struct Lines<'t> {
    text: &'t str,
    /// How many lines end before each block.
    ended: Vec<u32>,
}

impl<'t> Lines<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        let mut ended = 0;
        let before = |block| {
            let before = ended;
            ended += breaks(block);
            before
        };
        Self { text, ended: text.as_bytes().chunks(BLOCK).map(before).collect() }
    }

    /// The number of the line with the byte, from 1.
    pub(super) fn number(&self, offset: usize) -> u32 {
        let offset = offset.min(self.text.len());
        let block = (offset / BLOCK).min(self.ended.len().saturating_sub(1));
        let ended = self.ended.get(block).copied().unwrap_or_default();
        1 + ended + breaks(self.text.as_bytes().get(block * BLOCK..offset).unwrap_or_default())
    }

    /// Where the line with the byte begins.
    pub(super) fn start(&self, offset: usize) -> usize {
        let before = self.text.as_bytes().get(..offset).unwrap_or_default();
        before.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1)
    }
}

/// No file that is read has as many as do not fit.
fn breaks(bytes: &[u8]) -> u32 {
    bytes.iter().filter(|byte| **byte == b'\n').count() as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_line_is_found_as_by_counting_from_the_top(text in "[a\n]{0,2000}", offset in 0usize..2100) {
            let lines = Lines::new(&text);
            let above = &text[..offset.min(text.len())];
            prop_assert_eq!(lines.number(offset) as usize, above.matches('\n').count() + 1);
            prop_assert_eq!(lines.start(above.len()), above.rfind('\n').map_or(0, |last| last + 1));
        }
    }
}
