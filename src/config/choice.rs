//! A value that is one of a few words.

use super::invalid::{Invalid, quote};
use super::nearest::nearest;

/// The meaning of `text` among `words`, or a refusal that lists them and names the nearest.
pub(super) fn choose<T: Copy>(text: &str, words: &[(&'static str, T)]) -> Result<T, Invalid> {
    if let Some((_, meaning)) = words.iter().find(|(word, _)| *word == text) {
        return Ok(*meaning);
    }
    let cure = match nearest(text, words.iter().map(|(word, _)| *word)) {
        Some(word) => format!("did you mean \"{word}\"?"),
        None => format!("write {}", alternatives(words)),
    };
    Err(Invalid::new(format!("{} is not {}", quote(text), alternatives(words)), cure))
}

/// The word that stands for `meaning`; every meaning has one.
pub(super) fn word_of<T: Copy + PartialEq>(meaning: T, words: &[(&'static str, T)]) -> &'static str {
    words.iter().find(|(_, candidate)| *candidate == meaning).map_or("", |(word, _)| word)
}

/// `"a", "b" or "c"`.
fn alternatives<T>(words: &[(&'static str, T)]) -> String {
    let quoted: Vec<String> = words.iter().map(|(word, _)| format!("\"{word}\"")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
        None => String::new(),
    }
}
