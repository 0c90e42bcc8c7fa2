//! Did you mean …?

/// The candidate that `written` is most likely a slip of; none when nothing is close.
///
/// One slip (a letter missing, added, changed or swapped with its neighbour) for every three
/// letters, so that short words do not attract everything.
pub fn nearest<'c>(written: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    /// The distance takes time and memory of length × length; no word of ours is near this.
    const LONGEST: usize = 64;
    if written.len() > LONGEST {
        return None;
    }
    let written = written.to_lowercase();
    let allowed = written.chars().count().div_ceil(3);
    candidates
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&written, candidate), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min()
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_finds_its_word_and_a_stranger_finds_none() {
        let words = ["audit", "enforce"];
        assert_eq!(nearest("enfroce", words), Some("enforce"));
        assert_eq!(nearest("AUDIT", words), Some("audit"));
        assert_eq!(nearest("block", words), None);
        assert_eq!(nearest("", words), None);
        assert_eq!(nearest(&"a".repeat(100_000), words), None);
    }
}
