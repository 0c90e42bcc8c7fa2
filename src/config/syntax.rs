//! What is wrong with a file that is not TOML.

use super::invalid::{Invalid, quote};

/// The parser's message with a cure; `written` is the text that it points at.
pub(super) fn explain(message: &str, written: &str) -> Invalid {
    let (problem, expected) = message.split_once(", expected ").unwrap_or((message, ""));
    match (problem, expected) {
        ("string values must be quoted", _) if written.is_empty() => {
            Invalid::new("the value is missing", "write a value behind the equals sign, or remove the key")
        }
        ("string values must be quoted", _) => Invalid::new(
            format!("the text {} has no quotation marks", quote(written)),
            "put quotation marks around the text",
        ),
        ("duplicate key", _) => Invalid::new(
            format!("{} is written twice", quote(written)),
            "keep one of the two, with everything that belongs under it",
        ),
        (problem, "") => Invalid::new(problem, "see https://toml.io/en/v1.1.0 for how TOML is written"),
        (problem, expected) => Invalid::new(problem, format!("expected {expected}")),
    }
}
