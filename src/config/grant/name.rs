//! What a grant is called, and why it is there.

use crate::config::invalid::{Invalid, is_unprintable, quote};

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

/// Checks the comment of a grant: it is printed in tables, so it must stay on its line.
pub(super) fn read_comment(text: &str) -> Result<String, Invalid> {
    match text.chars().find(|character| is_unprintable(*character)) {
        Some(character) => Err(Invalid::new(
            format!("the comment has the character {}, which is not printable", quote(character)),
            "write it in one line of printable characters",
        )),
        None => Ok(text.to_owned()),
    }
}
