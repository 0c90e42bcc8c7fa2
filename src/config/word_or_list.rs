//! A value that is one of a few words, or a list.

use toml::de::DeValue;

use super::field::Field;
use super::invalid::{Invalid, quote, shorten};
use super::nearest::nearest;

/// What one of `words` stands for, or what `list` makes of the items, each read with `parse`;
/// `empty` is the refusal of a list without items.
pub(super) fn read_word_or_list<T: Clone, I>(
    field: &Field<'_>,
    words: &[(&'static str, T)],
    example: &str,
    empty: Invalid,
    parse: impl Fn(&str) -> Result<I, Invalid>,
    list: impl FnOnce(Vec<I>) -> T,
) -> Option<T> {
    if let DeValue::String(text) = field.value() {
        return field.accept(read_word(text, words, example));
    }
    if field.is_empty_list() {
        return field.accept(Err(empty));
    }
    let read_item = |text: &str| match words.iter().find(|(word, _)| *word == text) {
        Some((word, _)) => Err(Invalid::new(
            format!("{} has no meaning in a list", quote(text)),
            format!("write \"{word}\" alone, without the list"),
        )),
        None => parse(text),
    };
    field.items(example, |text, _| read_item(text)).map(list)
}

fn read_word<T: Clone>(text: &str, words: &[(&'static str, T)], example: &str) -> Result<T, Invalid> {
    if let Some((_, meaning)) = words.iter().find(|(word, _)| *word == text) {
        return Ok(meaning.clone());
    }
    let quoted: Vec<String> = words.iter().map(|(word, _)| format!("\"{word}\"")).collect();
    let listed = format!("{} or a list", quoted.join(", "));
    let cure = match nearest(text, words.iter().map(|(word, _)| *word)) {
        Some(word) => format!("did you mean \"{word}\"?"),
        None => {
            let item = if text.is_empty() { example.to_owned() } else { shorten(text) };
            format!("write {listed}, such as [\"{item}\"]")
        }
    };
    Err(Invalid::new(format!("{} is not {listed}", quote(text)), cure))
}
