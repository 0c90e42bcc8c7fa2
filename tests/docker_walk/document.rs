//! The document: prose, and blocks of what was typed with what came of it.
//!
//! `REWRITE_WALK=1 cargo test --test docker_walk` puts what came now into the blocks; the prose is people's.

use std::iter::once;
use std::path::Path;

/// The document.
const DOCUMENT: &str = "docs/walk-through.md";

/// Where a block begins and ends.
const BEGIN: &str = "```console";
const END: &str = "```";

/// What begins so goes on with the line before.
const CONTINUED: &str = "            ";

/// Numbers before these words are the same each time; others are counts and times.
const FIXED: [&str; 12] = [
    "change",
    "changes",
    "grant",
    "grants",
    "denied",
    "networks",
    "networks,",
    "containers",
    "exceptions",
    "ports",
    "of",
    "answer",
];

/// A command and its output, or a heading and what happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    pub head: String,
    pub lines: Vec<String>,
}

impl Block {
    /// As it is written.
    pub fn text(&self) -> String {
        once(&self.head).chain(&self.lines).map(|line| line.clone() + "\n").collect()
    }

    /// What must be the same each time. Counts decide the order of lines and of what is in one, and where it is broken.
    fn meaning(&self) -> Vec<String> {
        let mut whole: Vec<String> = Vec::new();
        for line in &self.lines {
            match whole.last_mut() {
                Some(before) if line.starts_with(CONTINUED) => *before += line,
                _ => whole.push(line.clone()),
            }
        }
        let mut lines: Vec<String> = whole.iter().map(|line| normal(line)).collect();
        lines.sort_unstable();
        lines
    }
}

/// Compares the document with what came now, or rewrites it.
///
/// # Panics
/// When they differ, with how.
#[track_caller]
pub fn judge(blocks: &[Block]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(DOCUMENT);
    let text = std::fs::read_to_string(&path).unwrap_or_default();
    if std::env::var_os("REWRITE_WALK").is_some() {
        std::fs::write(&path, rewritten(&text, blocks)).unwrap();
        return;
    }
    let written = read(&text);
    let heads = |blocks: &[Block]| blocks.iter().map(|block| block.head.clone()).collect::<Vec<_>>();
    assert_eq!(heads(&written), heads(blocks), "{DOCUMENT} walks another way");
    for (written, now) in written.iter().zip(blocks) {
        assert!(
            written.meaning() == now.meaning(),
            "{DOCUMENT} is out of date: REWRITE_WALK=1 cargo test --test docker_walk\n{}",
            similar::TextDiff::from_lines(written.text(), now.text()).unified_diff(),
        );
    }
}

fn read(text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut lines = text.lines();
    while lines.by_ref().any(|line| line == BEGIN) {
        let mut inside = lines.by_ref().take_while(|line| *line != END).map(ToOwned::to_owned);
        let head = inside.next().unwrap_or_default();
        blocks.push(Block { head, lines: inside.collect() });
    }
    blocks
}

/// The document with the blocks of now, each in the place of the one with its heading. What it has no place for comes
/// last, to be moved by people.
fn rewritten(text: &str, blocks: &[Block]) -> String {
    let mut left = blocks.iter();
    let mut written = String::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if line == BEGIN {
            lines.by_ref().take_while(|line| *line != END).for_each(drop);
            if let Some(block) = left.next() {
                written += &fenced(block);
            }
        } else {
            written += line;
            written.push('\n');
        }
    }
    left.for_each(|block| written += &format!("\n{}", fenced(block)));
    written
}

fn fenced(block: &Block) -> String {
    format!("{BEGIN}\n{}{END}\n", block.text())
}

/// The words of a line without what differs from run to run: counts, times, and the names that Docker makes.
fn normal(line: &str) -> String {
    let words: Vec<&str> = line.split_whitespace().collect();
    let next = words.iter().skip(1).map(Some).chain(once(None));
    let normal = words.iter().zip(next).map(|(word, next)| match next {
        Some(next) if FIXED.contains(next) => (*word).to_owned(),
        _ => normal_word(word),
    });
    let mut normal: Vec<String> = normal.collect();
    normal.sort_unstable();
    normal.join(" ")
}

fn normal_word(word: &str) -> String {
    if let Some((before, after)) = word.split_once("br-")
        && let Some((name, rest)) = after.split_at_checked(12)
        && name.bytes().all(|byte| byte.is_ascii_hexdigit())
    {
        return format!("{before}br-ID{rest}");
    }
    // Grants stand in the order of their packets.
    if let Some((file, _)) = word.split_once(".toml:") {
        return format!("{file}.toml:LINE");
    }
    let bare = word.trim_end_matches(',');
    let number = bare.trim_end_matches('s');
    let is_count = number.starts_with(|first: char| first.is_ascii_digit())
        && number.bytes().all(|byte| byte.is_ascii_digit() || b",.".contains(&byte))
        && number.matches('.').count() < 2;
    let time = bare.trim_end_matches('Z');
    let is_time = time.contains(['-', ':'])
        && time.len() >= 8
        && !time.contains("::")
        && time.bytes().all(|byte| byte.is_ascii_digit() || b"-:T".contains(&byte));
    match (is_count, is_time) {
        (true, _) => "N".to_owned(),
        (_, true) => "TIME".to_owned(),
        _ => word.to_owned(),
    }
}

#[test]
fn counts_times_and_docker_s_names_are_no_difference_and_all_else_is() {
    let same = [
        ("shop 10.57.17.5 389/tcp  6  1s ago", "shop 10.57.17.5 389/tcp 12 3s ago"),
        ("came in on br-0123456789ab: policed", "came in on br-ba9876543210: policed"),
        ("1  2026-11-25 22:40:46 audit", "1 2027-01-01 00:00:00 audit"),
        ("290 packets · 19.91 kB", "1,290 packets · 9 kB"),
        ("last seen 2026-11-25T22:41:06Z", "last seen 2027-11-25T02:41:06Z"),
    ];
    for (one, other) in same {
        assert_eq!(normal(one), normal(other));
    }
    let different = [
        ("10.57.17.5 389/tcp", "10.57.17.6 389/tcp"),
        ("389/tcp", "390/tcp"),
        ("0 of 8 answer", "1 of 8 answer"),
        ("4 grants appended", "5 grants appended"),
        ("fd57:17::5", "fd57:17::6"),
    ];
    for (one, other) in different {
        assert_ne!(normal(one), normal(other));
    }
}
