//! Links within the repository.

use std::fs;
use std::path::Path;

/// The targets of relative links, with the numbers of their lines.
pub fn relative(text: &str) -> Vec<(usize, String)> {
    let mut links = Vec::new();
    let mut is_fenced = false;
    for (line, number) in text.lines().zip(1..) {
        is_fenced ^= line.starts_with("```");
        if is_fenced || line.starts_with("    ") {
            continue;
        }
        let targets = line.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        let within = targets.filter(|target| !target.contains("://"));
        links.extend(within.map(|target| (number, target.to_owned())));
    }
    links
}

/// The paths of the repository that prose names between backticks, with the numbers of their lines.
pub fn paths(text: &str) -> Vec<(usize, String)> {
    const TOPS: [&str; 7] = ["src/", "tests/", "scripts/", "docs/", "packaging/", "nft/", "vagrant/"];
    let mut paths = Vec::new();
    let mut is_fenced = false;
    for (line, number) in text.lines().zip(1..) {
        is_fenced ^= line.starts_with("```");
        if is_fenced || line.starts_with("    ") {
            continue;
        }
        let words = line.split('`').skip(1).step_by(2).filter_map(|span| span.split(' ').next());
        let named =
            words.filter(|word| TOPS.iter().any(|top| word.starts_with(top)) && !word.contains(['*', '…', '{']));
        paths.extend(named.map(|word| (number, word.to_owned())));
    }
    paths
}

/// Whether a link of a document leads somewhere, else why not.
pub fn follow(repository: &Path, document: &str, target: &str) -> Result<(), String> {
    let (path, heading) = target.split_once('#').map_or((target, None), |(path, heading)| (path, Some(heading)));
    let document = repository.join(document);
    let file = if path.is_empty() { document } else { document.parent().unwrap().join(path) };
    if !file.exists() {
        return Err("there is no such file".to_owned());
    }
    let Some(heading) = heading else { return Ok(()) };
    let text = fs::read_to_string(&file).map_err(|error| error.to_string())?;
    let headings = text.lines().filter(|line| line.starts_with('#')).map(|line| line.trim_start_matches('#'));
    if headings.map(anchor).any(|anchor| anchor == heading) {
        Ok(())
    } else {
        Err("there is no such heading".to_owned())
    }
}

/// What a forge calls a heading.
fn anchor(heading: &str) -> String {
    let kept = heading.trim().chars().filter(|c| c.is_alphanumeric() || [' ', '-', '_'].contains(c));
    kept.map(|c| if c == ' ' { '-' } else { c.to_ascii_lowercase() }).collect()
}

#[test]
fn dead_links_are_found() {
    let repository = tempfile::tempdir().unwrap();
    fs::create_dir(repository.path().join("docs")).unwrap();
    fs::write(repository.path().join("README.md"), "# What it is, `now`\n").unwrap();
    let text = "[a](../README.md) and [b](../README.md#what-it-is-now)\n[c](gone.md) [d](https://example.org/gone)\n\n    [e](f)\n";
    let links = relative(text);
    let expected = [(1, "../README.md"), (1, "../README.md#what-it-is-now"), (2, "gone.md")];
    assert_eq!(links, expected.map(|(line, target)| (line, target.to_owned())));
    let named = paths("`src/gone.rs` and `scripts/test --quick`, `tests/docker_*`, `ls src`");
    assert_eq!(named, [(1, "src/gone.rs".to_owned()), (1, "scripts/test".to_owned())]);
    let follow = |target| follow(repository.path(), "docs/x.md", target);
    assert_eq!((follow("../README.md"), follow("../README.md#what-it-is-now")), (Ok(()), Ok(())));
    assert!(follow("gone.md").is_err() && follow("../README.md#gone").is_err());
}
