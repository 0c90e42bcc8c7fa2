//! Values of the command line: read by the same parsers as the file's, refused in the command line's
//! own words.

use std::str::FromStr;

use crate::config::Invalid;

/// What the messages about the file say, and what it is called here.
const WORDS: [(&str, &str); 9] = [
    ("`ports = [\"", "`--port "),
    ("\"]`", "`"),
    ("`protocol = \"", "`--protocol "),
    ("\"`", "`"),
    ("without `ports`", "without --port"),
    ("with `ports`", "with --port"),
    ("only `from` does", "only --from does"),
    ("remove the key", "leave the option out"),
    ("remove the grant", "revoke it"),
];

/// Reads a value as the file's parser does.
///
/// # Errors
/// What is wrong with `text`, and what would be right.
pub fn value<T: FromStr<Err = Invalid>>(text: &str) -> Result<T, Invalid> {
    text.parse().map_err(in_words_of_the_command_line)
}

/// The same message for who wrote options and not keys.
pub fn in_words_of_the_command_line(Invalid { problem, cure }: Invalid) -> Invalid {
    let translated = |text: String| WORDS.iter().fold(text, |text, (key, option)| text.replace(key, option));
    Invalid { problem: translated(problem), cure: translated(cure) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Destination, Ports, Protocol, Source};

    #[test]
    fn no_message_tells_of_keys() {
        let said = |refused: Option<Invalid>| refused.unwrap().cure;
        for (cure, expected) in [
            (
                said(value::<Destination>("10.1.2.3:5432").err()),
                "write \"10.1.2.3\" here, and `--port 5432/tcp` beside it",
            ),
            (said(value::<Ports>("5432/icmp").err()), "write `--protocol icmp` in a grant of its own, without --port"),
            (
                said(value::<Ports>("tcp").err()),
                "write the port too, such as `5432/tcp`, or `--protocol tcp` for all of them",
            ),
            (said(value::<Protocol>("any").err()), "leave the option out: without it every protocol is granted"),
            (said(value::<Source>("any").err()), "leave the option out: without it the grant is for every container"),
            (
                said(value::<Source>("host").err()),
                "leave the option out, or write the containers' network, such as \"network:backend\"",
            ),
        ] {
            assert_eq!(cure, expected);
        }
        assert_eq!(
            value::<Destination>("network:backend").unwrap_err().problem,
            "`network:backend` names containers, which only --from does"
        );
    }
}
