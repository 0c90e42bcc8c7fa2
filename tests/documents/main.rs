//! What the documents say is so: each command in them is run, their configurations are read, their links lead somewhere.
//!
//! A command in a block of a document is typed on a stage (`stage.rs`), in the order of the document, and must end with 0.
//! What cannot be run there stands in `elsewhere.rs`, with who runs it.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

#[path = "../support/mod.rs"]
mod support;

mod block;
mod elsewhere;
mod link;
mod options;
mod stage;

use std::fs;
use std::path::{Path, PathBuf};

use block::{Block, Typed, blocks};
use elsewhere::{BEFORE, BY_HAND, ELSEWHERE, ENDS, SHOWN, WALKED};
use stage::Stage;

const REPOSITORY: &str = env!("CARGO_MANIFEST_DIR");

/// What a stranger reads who added a command that nothing runs.
const CURE: &str = "A command in a document has to end with 0 where it is typed on the stage of tests/documents, a host in \
    namespaces. If it ends otherwise, or needs what that host lacks, write in tests/documents/elsewhere.rs how it ends (ENDS), what \
    comes before it (BEFORE), or which test runs it (ELSEWHERE). A block that is not typed is fenced as ```text, ```toml, \
    ```yaml, ```ini or ```json, or stands in SHOWN.";

/// A document, by its path within the repository.
pub struct Document {
    pub path: String,
    pub text: String,
}

/// All that people are told.
fn documents() -> Vec<Document> {
    let mut paths = vec![PathBuf::from("README.md"), PathBuf::from("vagrant/README.md")];
    let list = |directory: &str| {
        let entries = fs::read_dir(Path::new(REPOSITORY).join(directory)).unwrap();
        entries.map(move |entry| Path::new(directory).join(entry.unwrap().file_name())).collect::<Vec<_>>()
    };
    paths.extend(list("docs").into_iter().filter(|path| path.extension().is_some_and(|end| end == "md")));
    paths.extend(list("packaging").into_iter().map(|directory| directory.join("README.md")));
    paths.sort();
    let paths = paths.into_iter().filter(|path| Path::new(REPOSITORY).join(path).is_file());
    let documents: Vec<Document> = paths
        .map(|path| {
            let text = fs::read_to_string(Path::new(REPOSITORY).join(&path)).unwrap();
            Document { path: path.to_str().unwrap().to_owned(), text }
        })
        .collect();
    assert!(documents.len() >= 12);
    documents
}

/// A command without `sudo`, by which the lists know it.
fn bare(typed: &str) -> &str {
    typed.strip_prefix("sudo ").unwrap_or(typed)
}

/// Whether a command begins with these words.
fn begins(typed: &str, words: &str) -> bool {
    bare(typed)
        .strip_prefix(words)
        .is_some_and(|rest| rest.is_empty() || !rest.starts_with(|c: char| c.is_alphanumeric()))
}

fn is_walked(document: &Document) -> bool {
    WALKED.iter().any(|(path, _)| *path == document.path)
}

/// The commands of a document that are typed on the stage.
fn to_be_typed(document: &Document) -> Vec<Typed> {
    let commands = blocks(&document.text).iter().flat_map(Block::commands).collect::<Vec<_>>();
    let is_elsewhere = |typed: &str| {
        ELSEWHERE.iter().any(|elsewhere| begins(typed, elsewhere.begins))
            || BY_HAND.iter().any(|(words, _)| begins(typed, words))
    };
    commands.into_iter().filter(|typed| !is_elsewhere(&typed.text)).collect()
}

#[test]
fn each_command_of_the_documents_is_run_and_ends_well() {
    let mut failed = Vec::new();
    let mut typed = 0;
    for document in documents().iter().filter(|document| !is_walked(document)) {
        let commands = to_be_typed(document);
        if commands.is_empty() {
            continue;
        }
        let stage = Stage::set();
        let before = BEFORE.iter().filter(|(path, _)| *path == document.path).flat_map(|(_, commands)| *commands);
        let before = before.map(|text| Typed { line: 0, text: (*text).to_owned() });
        for Typed { line, text } in before.chain(commands) {
            let ended = stage.run(&text);
            let status = ended.status.code().unwrap_or(-1);
            let well = ENDS.iter().find(|(words, _)| begins(&text, words)).map_or(&[0][..], |(_, statuses)| statuses);
            if !well.contains(&status) {
                let said = String::from_utf8_lossy(&[ended.stdout, ended.stderr].concat()).into_owned();
                failed.push(format!("{}:{line}: `{text}` ended with {status}: {said}", document.path));
            }
            typed += 1;
        }
    }
    assert!(failed.is_empty(), "{}\n{CURE}", failed.join("\n"));
    assert!(typed >= 40, "only {typed} commands were found");
}

#[test]
fn each_command_line_of_dockwall_is_one_that_the_program_takes() {
    let mut wrong = Vec::new();
    let mut read = 0;
    for document in documents() {
        for Typed { line, text } in blocks(&document.text).iter().flat_map(Block::commands) {
            for problem in options::lines(&text).iter().filter_map(|words| options::problem(words, false)) {
                wrong.push(format!("{}:{line}: `{text}`: {problem}", document.path));
            }
            read += options::lines(&text).len();
        }
        for (line, span) in options::spans(&document.text) {
            if let Some(problem) = options::problem(&span, true) {
                wrong.push(format!("{}:{line}: `{}`: {problem}", document.path, span.join(" ")));
            }
            read += 1;
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(read >= 100, "only {read} command lines were found");
}

#[test]
fn what_is_said_to_be_run_elsewhere_is_run_there() {
    let documents = documents();
    let commands: Vec<String> = documents
        .iter()
        .flat_map(|document| blocks(&document.text))
        .flat_map(|block| block.commands())
        .map(|typed| typed.text)
        .collect();
    for elsewhere in ELSEWHERE {
        let by = fs::read_to_string(Path::new(REPOSITORY).join(elsewhere.by)).unwrap_or_default();
        assert!(by.contains(elsewhere.says), "{} does not run `{}`: {CURE}", elsewhere.by, elsewhere.begins);
        let is_typed = commands.iter().any(|typed| begins(typed, elsewhere.begins));
        assert!(is_typed, "no document has `{}` any more: take it out of ELSEWHERE", elsewhere.begins);
    }
    for (path, by) in WALKED {
        let by = fs::read_to_string(Path::new(REPOSITORY).join(by)).unwrap();
        assert!(by.contains(path), "nobody walks through {path}");
    }
}

#[test]
fn what_is_no_command_is_a_configuration_that_is_taken_or_known_to_be_shown_only() {
    let stage = Stage::set();
    let mut unknown = Vec::new();
    let mut taken = 0;
    for document in documents().iter().filter(|document| !is_walked(document)) {
        for block in blocks(&document.text) {
            let text = block.lines.join("\n");
            let place = format!("{}:{}", document.path, block.line);
            if let Some(table) = configuration(&block, &text) {
                let file = stage.typed_in().join("shown.toml");
                fs::write(&file, table).unwrap();
                let checked = stage.run("dockwall --config shown.toml render");
                assert!(checked.status.success(), "{place}: {}", String::from_utf8_lossy(&checked.stderr));
                taken += 1;
            } else if block.language.as_deref() == Some("json") {
                serde_json::from_str::<serde_json::Value>(&text).unwrap_or_else(|error| panic!("{place}: {error}"));
            } else if block.language.as_deref() == Some("toml") {
                toml::from_str::<toml::Table>(&text).unwrap_or_else(|error| panic!("{place}: {error}"));
            } else if !block.is_data() && block.commands().is_empty() {
                let begins = text.trim_start();
                let is_shown = SHOWN.iter().any(|(path, words)| *path == document.path && begins.starts_with(words));
                if !is_shown {
                    unknown.push(format!("{place}: {}", text.lines().next().unwrap_or_default()));
                }
            }
        }
    }
    assert!(unknown.is_empty(), "nobody knows what these blocks are:\n{}\n{CURE}", unknown.join("\n"));
    assert!(taken >= 1, "no configuration was found");
}

/// A configuration of dockwall: TOML, and its keys are dockwall's.
fn configuration<'t>(block: &Block, text: &'t str) -> Option<&'t str> {
    let is_toml = block.language.as_deref().is_none_or(|language| language == "toml");
    let table: toml::Table = is_toml.then(|| toml::from_str(text).ok()).flatten()?;
    let keys = ["mode", "containers", "deny", "dns", "log", "guard", "grant"];
    (!table.is_empty() && table.keys().all(|key| keys.contains(&key.as_str()))).then_some(text)
}

#[test]
fn each_link_to_a_file_or_a_heading_leads_there() {
    let mut dead = Vec::new();
    let mut links = 0;
    for document in documents() {
        for (line, target) in link::relative(&document.text) {
            links += 1;
            if let Err(reason) = link::follow(Path::new(REPOSITORY), &document.path, &target) {
                dead.push(format!("{}:{line}: {target}: {reason}", document.path));
            }
        }
        for (line, path) in link::paths(&document.text) {
            if !Path::new(REPOSITORY).join(&path).exists() {
                dead.push(format!("{}:{line}: `{path}`: there is no such file", document.path));
            }
        }
    }
    assert!(dead.is_empty(), "{}", dead.join("\n"));
    assert!(links >= 20, "only {links} links were found");
}

#[test]
fn the_checks_of_the_doctor_are_as_many_as_the_documents_tell() {
    let mut told = 0;
    for document in documents() {
        let words: Vec<&str> = document.text.split_whitespace().collect();
        for pair in words.windows(2).filter(|pair| pair[1].trim_end_matches([',', ':', '.']) == "checks") {
            // A page that was asked for some of them tells a few.
            if let Some(number) = pair[0].parse::<usize>().ok().filter(|number| *number > 10) {
                assert_eq!(number, dockwall::doctor::CHECKS.len(), "{}: {number} checks", document.path);
                told += 1;
            }
        }
    }
    assert!(told >= 3, "told {told} times");
}

#[test]
fn the_changelog_has_each_release_of_the_package() {
    let read = |path: &str| fs::read_to_string(Path::new(REPOSITORY).join(path)).unwrap();
    let (changelog, package) = (read("docs/changelog.md"), read("packaging/debian/changelog"));
    let told = changelog.lines().filter_map(|line| line.strip_prefix("## ")?.split_once(" – "));
    let told: Vec<&str> = told.map(|(version, _)| version).collect();
    let released = package.lines().filter_map(|line| line.strip_prefix("dockwall (")?.split_once('-'));
    let released: Vec<&str> = released.map(|(version, _)| version).collect();
    assert_eq!(told, released);
    assert_eq!(released.first(), Some(&env!("CARGO_PKG_VERSION")));
}
