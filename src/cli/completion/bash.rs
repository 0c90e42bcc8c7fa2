//! bash, which takes a colon or an equals sign for the end of a word (`COMP_WORDBREAKS`).

use std::ffi::OsString;
use std::io::{Result, Write};
use std::path::Path;

use clap_complete::engine;
use clap_complete::env::{self, EnvCompleter};

/// clap's own script, whose words are put together again before they are looked at.
pub struct Bash;

impl EnvCompleter for Bash {
    fn name(&self) -> &'static str {
        "bash"
    }

    fn is(&self, name: &str) -> bool {
        name == "bash"
    }

    fn write_registration(&self, var: &str, name: &str, bin: &str, completer: &str, buf: &mut dyn Write) -> Result<()> {
        env::Bash.write_registration(var, name, bin, completer, buf)
    }

    fn write_complete(
        &self,
        cmd: &mut clap::Command,
        args: Vec<OsString>,
        current_dir: Option<&Path>,
        buf: &mut dyn Write,
    ) -> Result<()> {
        let variable = |name| std::env::var(name).ok();
        let index = variable("_CLAP_COMPLETE_INDEX").and_then(|index| index.parse().ok()).unwrap_or_default();
        let Words { words, index, given } = join(args, index);
        let found = engine::complete(cmd, words, index, current_dir)?;
        // bash puts what it gets in the place of what it takes for the word.
        let values = found.iter().filter_map(|candidate| candidate.get_value().to_str()?.get(given..));
        let between = variable("_CLAP_IFS").unwrap_or_else(|| "\n".to_owned());
        buf.write_all(values.collect::<Vec<_>>().join(&between).as_bytes())
    }
}

/// The words as they were typed.
#[derive(Debug, PartialEq, Eq)]
struct Words {
    words: Vec<OsString>,
    /// Which of them is completed.
    index: usize,
    /// How many bytes of it bash holds apart from what it completes.
    given: usize,
}

fn join(parts: Vec<OsString>, index: usize) -> Words {
    let is_break = |part: &OsString| part == ":" || part == "=" || part == "::";
    let mut joined = Words { words: Vec::new(), index: 0, given: 0 };
    let mut glued = false;
    for (number, part) in parts.into_iter().enumerate() {
        let breaks = is_break(&part);
        let before = match joined.words.last_mut() {
            Some(last) if glued || breaks => {
                let before = last.len();
                last.push(&part);
                // Of a word that ends with a sign, all is there already.
                if breaks { last.len() } else { before }
            }
            _ => {
                joined.words.push(part);
                0
            }
        };
        if number == index {
            (joined.index, joined.given) = (joined.words.len() - 1, before);
        }
        glued = breaks;
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(parts: &[&str], index: usize) -> (Vec<String>, usize, usize) {
        let Words { words, index, given } = join(parts.iter().map(OsString::from).collect(), index);
        (words.into_iter().map(|word| word.into_string().unwrap()).collect(), index, given)
    }

    #[test]
    fn words_are_as_they_were_typed() {
        let strings = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        for (parts, index, words, at, given) in [
            (&["dockwall", "gr"][..], 1, &["dockwall", "gr"][..], 1, 0),
            (&["dockwall", "--from", "container", ":", "we"], 4, &["dockwall", "--from", "container:we"], 2, 10),
            (&["dockwall", "--from", "container", ":"], 3, &["dockwall", "--from", "container:"], 2, 10),
            (&["dockwall", "--from", "container", ":", ""], 4, &["dockwall", "--from", "container:"], 2, 10),
            (
                &["dockwall", "--from", "=", "container", ":", "we"],
                5,
                &["dockwall", "--from=container:we"],
                1,
                "--from=container:".len(),
            ),
            (&["dockwall", "--to", "=", "1"], 3, &["dockwall", "--to=1"], 1, "--to=".len()),
            (&["dockwall", "rollback", "--to", ""], 3, &["dockwall", "rollback", "--to", ""], 3, 0),
            (&["dockwall", "a", ":", "b", "c"], 1, &["dockwall", "a:b", "c"], 1, 0),
        ] {
            assert_eq!(joined(parts, index), (strings(words), at, given), "{parts:?}");
        }
    }
}
