//! Scripts of a shell, read and never run: commands with the variables and `for` loops that can be told from the
//! text.

use std::collections::BTreeMap;

use super::shell_pieces::{Piece, begins_block, split};

/// How many commands are followed through loops.
const MOST_COMMANDS: usize = 20_000;

/// A command that would run, or may.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// The line that it begins on, counted from 1.
    pub line: usize,
    /// Its words, or why they are not known.
    pub words: Result<Vec<String>, String>,
}

/// What stands on the lines of a script.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Script {
    /// Its commands in the order in which they run; one in a loop as often.
    pub commands: Vec<Command>,
    /// Lines of which all is known: what they are.
    pub frame: Vec<(usize, &'static str)>,
}

/// Reads a script.
pub fn read(text: &str) -> Script {
    let mut script = Script::default();
    let pieces = split(text, &mut script.frame);
    let mut shell = Shell { script, variables: BTreeMap::new(), functions: Vec::new() };
    shell.run(&pieces, None);
    shell.script
}

struct Shell {
    script: Script,
    /// None for one that is set to what is not known.
    variables: BTreeMap<String, Option<String>>,
    functions: Vec<String>,
}

impl Shell {
    /// Follows the pieces; `doubt` says why it is not known whether they run.
    fn run(&mut self, pieces: &[Piece], doubt: Option<&str>) {
        let mut next = 0;
        while let Some((line, text)) = pieces.get(next) {
            next += 1;
            if self.script.commands.len() >= MOST_COMMANDS {
                let why = format!("more than {MOST_COMMANDS} commands are not followed");
                self.script.commands.push(Command { line: *line, words: Err(why) });
                continue;
            }
            let (first, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
            match first {
                word if begins_block(word) => self.frame(*line),
                "elif" | "done" | "fi" | "esac" | "}" | ";;" => self.frame(*line),
                "for" => {
                    let body = pieces.get(next..).unwrap_or_default();
                    let length = block(body, &["for", "while", "until", "select"], "done");
                    next += length;
                    self.for_each(*line, rest, body.get(..length).unwrap_or_default(), doubt);
                }
                "while" | "until" | "case" | "select" => {
                    let ends = if first == "case" { "esac" } else { "done" };
                    let openers: &[&str] =
                        if first == "case" { &["case"] } else { &["for", "while", "until", "select"] };
                    let body = pieces.get(next..).unwrap_or_default();
                    let length = block(body, openers, ends);
                    next += length;
                    self.frame(*line);
                    let why = format!("how often it runs depends on `{first}` on line {line}");
                    self.run(body.get(..length).unwrap_or_default(), Some(&why));
                }
                "if" => {
                    let body = pieces.get(next..).unwrap_or_default();
                    let length = block(body, &["if"], "fi");
                    next += length;
                    self.frame(*line);
                    // Whether a rule is there already is asked before it is added.
                    let asks = rest.contains("tables") && (rest.contains(" -C ") || rest.contains(" --check "));
                    let why = format!("whether it runs depends on the condition on line {line}");
                    let doubt = if asks { doubt } else { Some(why.as_str()) };
                    self.run(body.get(..length).unwrap_or_default(), doubt);
                }
                name if is_function(name, rest) => {
                    let named = if name == "function" { rest } else { name };
                    let named = named.split(['(', ' ', '{']).next().unwrap_or_default();
                    self.functions.push(named.to_owned());
                    let body = pieces.get(next..).unwrap_or_default();
                    let length = if text.contains('}') { 0 } else { block(body, &["{"], "}") };
                    next += length;
                    self.frame(*line);
                    let why = format!("it stands in the function `{named}`, and with what it is called is not known");
                    self.run(body.get(..length).unwrap_or_default(), Some(&why));
                }
                _ => self.simple(*line, text, doubt),
            }
        }
    }

    fn frame(&mut self, line: usize) {
        self.script.frame.push((line, "a word of the shell"));
    }

    fn for_each(&mut self, line: usize, head: &str, body: &[Piece], doubt: Option<&str>) {
        self.frame(line);
        let (name, list) = head.split_once(" in ").unwrap_or((head, "\"$@\""));
        let name = name.trim().to_owned();
        match self.words(list) {
            Ok(words) => {
                for word in words {
                    self.variables.insert(name.clone(), Some(word));
                    self.run(body, doubt);
                }
            }
            Err(why) => {
                self.variables.insert(name, None);
                let why = format!("the list of the loop on line {line} is not known: {why}");
                self.run(body, Some(&why));
            }
        }
    }

    /// An assignment or a command.
    fn simple(&mut self, line: usize, text: &str, doubt: Option<&str>) {
        let bare = ["export ", "local ", "readonly ", "declare "].iter().find_map(|word| text.strip_prefix(word));
        let bare = bare.unwrap_or(text).trim();
        if let Some((name, value)) = bare.split_once('=')
            && is_name(name)
            && !has_more_words(value)
        {
            let value = self.words(value).ok().filter(|_| doubt.is_none());
            self.variables.insert(name.to_owned(), value.map(|words| words.join(" ")));
            self.script.frame.push((line, "a variable of the script"));
            return;
        }
        if let Some(asked) = text.strip_prefix("<<") {
            let words = Err(format!("it is what the command on line {asked} reads"));
            self.script.commands.push(Command { line, words });
            return;
        }
        let words = match doubt {
            Some(why) => Err(why.to_owned()),
            None => self.words(text).map(|words| words.into_iter().filter(|word| !is_redirection(word)).collect()),
        };
        let called = text.split_whitespace().next().unwrap_or_default();
        let words = match self.functions.iter().any(|function| function == called) {
            true => Err(format!("`{called}` is a function of the script, and functions are not followed")),
            false => words,
        };
        // What makes no rule makes none in doubt either.
        let words = match words {
            Err(_) if super::commands::makes_no_rule(called) => Ok(vec![called.to_owned()]),
            words => words,
        };
        self.script.commands.push(Command { line, words });
    }

    /// The words with variables in their places.
    fn words(&self, text: &str) -> Result<Vec<String>, String> {
        let expanded = self.expand(text)?;
        shell_words::split(&expanded).map_err(|_| "a quotation mark is not closed".to_owned())
    }

    fn expand(&self, text: &str) -> Result<String, String> {
        let mut expanded = String::with_capacity(text.len());
        let (mut characters, mut single, mut double) = (text.chars().peekable(), false, false);
        while let Some(character) = characters.next() {
            match character {
                '\\' if !single => {
                    expanded.push('\\');
                    expanded.extend(characters.next());
                }
                '\'' if !double => {
                    single = !single;
                    expanded.push('\'');
                }
                '"' if !single => {
                    double = !double;
                    expanded.push('"');
                }
                '`' if !single => return Err("it has the output of a command in it".to_owned()),
                '$' if !single => {
                    let mut name = String::new();
                    match characters.peek() {
                        Some('(') => return Err("it has the output of a command in it".to_owned()),
                        Some('{') => {
                            characters.next();
                            name.extend(characters.by_ref().take_while(|character| *character != '}'));
                        }
                        _ => {
                            while let Some(next) = characters.peek().filter(|next| is_in_name(**next)) {
                                name.push(*next);
                                characters.next();
                            }
                        }
                    }
                    let value = self.variables.get(&name).and_then(Option::as_ref);
                    let unknown = || format!("the value of `${}` is not told by the script", name.escape_debug());
                    expanded.push_str(value.ok_or_else(unknown)?);
                }
                character => expanded.push(character),
            }
        }
        Ok(expanded)
    }
}

fn is_in_name(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '_'
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(is_in_name) && !text.starts_with(|first: char| first.is_ascii_digit())
}

/// Whether a command follows the value, for which alone it holds.
fn has_more_words(value: &str) -> bool {
    !value.starts_with(['(', '"', '\'', '$', '`']) && value.split_whitespace().count() > 1
}

fn is_redirection(word: &str) -> bool {
    let word = word.trim_start_matches(|digit: char| digit.is_ascii_digit());
    word.starts_with('>') || word.starts_with('<') || word.starts_with("&>")
}

fn is_function(first: &str, rest: &str) -> bool {
    first == "function" || first.ends_with("()") || (is_name(first) && rest.starts_with("()"))
}

/// How many pieces there are up to the word that ends a block, which is among them.
fn block(pieces: &[Piece], openers: &[&str], end: &str) -> usize {
    let mut depth = 0_usize;
    for (index, (_, text)) in pieces.iter().enumerate() {
        let first = text.split_whitespace().next().unwrap_or_default();
        if openers.contains(&first) {
            depth += 1;
        } else if first == end {
            match depth.checked_sub(1) {
                Some(less) => depth = less,
                None => return index + 1,
            }
        }
    }
    pieces.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn commands(text: &str) -> Vec<String> {
        let said = |command: Command| match command.words {
            Ok(words) => format!("{} {}", command.line, words.join("|")),
            Err(why) => format!("{} ? {why}", command.line),
        };
        read(text).commands.into_iter().map(said).collect()
    }

    #[test]
    fn variables_and_loops_that_the_text_tells_are_followed() {
        let text = "\
#!/bin/sh
IPT=/usr/sbin/iptables  # the program
NETS=\"10.0.0.0/8 172.16.0.0/12\"
for net in $NETS; do
  $IPT -A X -d $net \\
    -j DROP
done
for i in a b; do for j in 1 2; do echo $i$j; done; done
iptables -A X -m comment --comment 'a # b; c' 2>/dev/null || true";
        assert_eq!(
            commands(text),
            [
                "5 /usr/sbin/iptables|-A|X|-d|10.0.0.0/8|-j|DROP",
                "5 /usr/sbin/iptables|-A|X|-d|172.16.0.0/12|-j|DROP",
                "8 echo|a1",
                "8 echo|a2",
                "8 echo|b1",
                "8 echo|b2",
                "9 iptables|-A|X|-m|comment|--comment|a # b; c",
                "9 true",
            ]
        );
    }

    #[test]
    fn what_only_running_tells_is_said() {
        for (text, said) in [
            ("iptables -A X -d $1", "1 ? the value of `$1` is not told by the script"),
            ("iptables -A X -d $(cat a)", "1 ? it has the output of a command in it"),
            ("if [ -f /a ]; then\niptables -F\nfi", "2 ? whether it runs depends on the condition on line 1"),
            ("while read a; do\niptables -F\ndone", "2 ? how often it runs depends on `while` on line 1"),
            (
                "for a in $(ls)\ndo iptables -F; done",
                "2 ? the list of the loop on line 1 is not known: it has the output of a command in it",
            ),
            ("x() {\niptables -F\n}", "2 ? it stands in the function `x`, and with what it is called is not known"),
            ("cat <<E\n-A X\nE", "2 ? it is what the command on line 1 reads"),
        ] {
            assert!(commands(text).contains(&said.to_owned()), "{text}: {:?}", commands(text));
        }
    }
}
