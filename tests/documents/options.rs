//! Command lines of dockwall, held against the program's own definition.

use clap::error::ErrorKind;

/// The command lines of dockwall within what is typed at a shell, as words.
pub fn lines(typed: &str) -> Vec<Vec<String>> {
    let parts = typed.split(['|', ';']).flat_map(|part| part.split("&&"));
    parts.filter_map(|part| words(part.trim().trim_start_matches(['('])).filter(|words| is_dockwall(words))).collect()
}

fn words(part: &str) -> Option<Vec<String>> {
    let part = part.strip_prefix("sudo ").unwrap_or(part).trim_end_matches(')');
    let words = shell_words::split(part).ok()?;
    Some(words.into_iter().filter(|word| !word.starts_with(['>', '<'])).collect())
}

fn is_dockwall(words: &[String]) -> bool {
    words.first().is_some_and(|word| word == "dockwall")
}

/// What prose names as a command, with the number of its line: what stands between backticks and has no placeholder.
pub fn spans(text: &str) -> Vec<(usize, Vec<String>)> {
    let mut spans = Vec::new();
    for (line, number) in text.lines().zip(1..).filter(|(line, _)| !line.starts_with("    ")) {
        let between = line.split('`').skip(1).step_by(2);
        spans.extend(between.filter(|span| !has_placeholder(span)).flat_map(lines).map(|words| (number, words)));
    }
    spans
}

fn has_placeholder(span: &str) -> bool {
    let is_placeholder = |word: &str| word.len() > 1 && word.bytes().all(|byte| byte.is_ascii_uppercase());
    span.contains(['…', '[']) || span.split(|c: char| !c.is_ascii_alphanumeric()).any(is_placeholder)
}

/// What the program does not take of it. In prose a command is named without all that it needs.
pub fn problem(words: &[String], is_prose: bool) -> Option<String> {
    let error = dockwall::cli::command().try_get_matches_from(words).err()?;
    let is_fine = match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => true,
        ErrorKind::MissingRequiredArgument | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => is_prose,
        _ => false,
    };
    (!is_fine).then(|| error.to_string())
}

#[test]
fn options_that_are_none_are_found() {
    let problem = |typed: &str, is_prose| lines(typed).iter().find_map(|words| problem(words, is_prose));
    assert_eq!(problem("dmesg | sudo dockwall denied - >file; dockwall grant 10.1.2.3 --port 22/tcp", false), None);
    assert!(problem("sudo dockwall apply --mod enforce", false).is_some());
    assert!(problem("true && dockwall aply", false).is_some());
    assert!(problem("dockwall grant", false).is_some());
    assert!(problem("dockwall grant", true).is_none());
    let prose = "Say `dockwall doctor --only ID`, `dockwall status` or `ls`; `dockwall …`.";
    assert_eq!(spans(prose), [(1, vec!["dockwall".to_owned(), "status".to_owned()])]);
}
