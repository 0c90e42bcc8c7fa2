//! What a grant is called, and why it is there.

use crate::config::invalid::{Invalid, quote};
use crate::printable::is_unprintable;

/// The longest name in bytes; it is shown in tables and in comments of rules.
const LONGEST_NAME: usize = 64;

/// Checks the name of a grant.
///
/// # Errors
///
/// What is wrong with `text`, and what would be right.
pub fn read_name(text: &str) -> Result<String, Invalid> {
    let allowed = |character: char| character.is_ascii_alphanumeric() || matches!(character, '.' | '_' | '-');
    if text.is_empty() {
        Err(Invalid::new("the name is empty", "write a name that says what is granted, such as \"postgres\""))
    } else if text.chars().all(allowed) && text.len() <= LONGEST_NAME {
        Ok(text.to_owned())
    } else if text.chars().all(allowed) {
        Err(Invalid::new(
            format!("the name {} has {} characters", quote(text), text.len()),
            format!("shorten it to {LONGEST_NAME}"),
        ))
    } else {
        let cured: String = text.chars().map(|character| if allowed(character) { character } else { '-' }).collect();
        Err(Invalid::new(
            format!("the name {} has a character other than A-Z a-z 0-9 . _ -", quote(text)),
            format!("write {}", quote(&cured[..cured.len().min(LONGEST_NAME)])),
        ))
    }
}

/// A name for a grant that nobody gave one: what it opens, such as `10.1.2.3-5432-tcp`, and a number
/// where that `is_taken`.
pub fn suggest_name(words: &[String], is_taken: impl Fn(&str) -> bool) -> String {
    /// What is left of the longest name when a number has to follow.
    const STEM: usize = LONGEST_NAME - "-1000000".len();
    let allowed = |character: char| character.is_ascii_alphanumeric() || matches!(character, '.' | '_' | '-');
    let text: String =
        words.join("-").chars().map(|character| if allowed(character) { character } else { '-' }).collect();
    // Behind a hyphen it would look like an option, and a file of a dot's name is hidden.
    let stem: String = text.trim_matches(['-', '.']).chars().take(STEM).collect();
    let numbered = |number: u32| if number == 1 { stem.clone() } else { format!("{stem}-{number}") };
    (1..u32::MAX).map(numbered).find(|name| !is_taken(name)).unwrap_or(stem)
}

/// Checks the comment of a grant: it is printed in tables, so it must stay on its line.
///
/// # Errors
///
/// What is wrong with `text`, and what would be right.
pub fn read_comment(text: &str) -> Result<String, Invalid> {
    match text.chars().find(|character| is_unprintable(*character)) {
        Some(character) => Err(Invalid::new(
            format!("the comment has the character {}, which is not printable", quote(character)),
            "write it in one line of printable characters",
        )),
        None => Ok(text.to_owned()),
    }
}
