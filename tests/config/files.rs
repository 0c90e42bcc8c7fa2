//! Which files are read, and what is said about those that cannot be.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use dockwall::config::{Config, ConfigError, Kind, Loaded};
use tempfile::TempDir;

use crate::summary;

/// A directory with `dockwall.toml` and the given files of `grants.d`.
fn directory(config: &str, grants: &[(&str, &str)]) -> (TempDir, PathBuf) {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("dockwall.toml");
    fs::write(&path, config).unwrap();
    fs::create_dir(directory.path().join("grants.d")).unwrap();
    for (name, text) in grants {
        fs::write(directory.path().join("grants.d").join(name), text).unwrap();
    }
    (directory, path)
}

fn load(path: &Path) -> Result<Loaded, ConfigError> {
    Config::load(Some(path))
}

fn grant(name: &str) -> String {
    format!("[[grant]]\nname = '{name}'\nto = '10.0.0.1'\n")
}

#[test]
fn grants_are_read_in_the_order_of_the_file_names() {
    let (first, second, third) = (grant("first"), grant("second"), grant("third"));
    let (_directory, path) = directory(&first, &[("b.toml", &third), ("a.toml", &second)]);
    let config = load(&path).unwrap().config;
    let places: Vec<_> =
        config.grants.iter().map(|grant| (grant.name.as_str(), config.files.place(grant.origin))).collect();
    let expected = [("first", "dockwall.toml:1"), ("second", "grants.d/a.toml:1"), ("third", "grants.d/b.toml:1")];
    assert_eq!(places, expected.map(|(name, place)| (name, place.to_owned())));
}

#[test]
fn a_drop_in_file_may_hold_several_grants() {
    let (_directory, path) = directory("", &[("a.toml", &(grant("b") + &grant("a"))), ("b.toml", &grant("c"))]);
    let config = load(&path).unwrap().config;
    assert_eq!(config.grants.iter().map(|grant| &*grant.name).collect::<Vec<_>>(), ["b", "a", "c"]);
    assert_eq!(config.files.place(config.grants[1].origin), "grants.d/a.toml:4");
}

#[test]
fn drop_ins_are_judged_by_what_the_configuration_denies() {
    let to_host = "[[grant]]\nname = 'a'\nto = 'host'\n";
    let (_directory, path) = directory("deny.host = false", &[("a.toml", to_host)]);
    let warnings = load(&path).unwrap().warnings;
    assert!(warnings[0].problem.contains("the host is not denied"), "{}", warnings[0]);
}

#[test]
fn the_directory_of_drop_ins_is_beside_the_configuration() {
    let (directory, path) = directory("", &[]);
    assert_eq!(load(&path).unwrap().config.grants_dir(), directory.path().join("grants.d"));
}

#[test]
fn hidden_files_and_other_extensions_are_ignored() {
    let ignored = [(".a.toml", "garbage"), ("a.toml~", "garbage"), ("a.toml.bak", "garbage"), ("README", "garbage")];
    let (_directory, path) = directory("", &ignored);
    assert_eq!(load(&path).unwrap().config.grants, []);
}

#[test]
fn a_missing_directory_of_grants_is_fine() {
    let (directory, path) = directory("", &[]);
    fs::remove_dir(directory.path().join("grants.d")).unwrap();
    assert!(load(&path).is_ok());
}

#[test]
fn a_file_of_grants_holds_nothing_else() {
    let (_directory, path) = directory("", &[("a.toml", "mode = 'enforce'\n[log]\nburst = 1")]);
    let errors = load(&path).unwrap_err().errors;
    let expected =
        "no such key => a file of grants.d holds `[[grant]]` tables only; other keys belong in dockwall.toml";
    assert_eq!(errors.iter().map(|error| error.line.unwrap()).collect::<Vec<_>>(), [1, 2]);
    assert!(errors.iter().all(|error| summary(error).ends_with(expected)), "{}", summary(&errors[0]));
}

#[test]
fn a_name_is_unique_over_all_files() {
    let (_directory, path) = directory(&grant("a"), &[("a.toml", &grant("b")), ("b.toml", &grant("a"))]);
    let errors = load(&path).unwrap_err().errors;
    assert_eq!(errors.len(), 1);
    assert!(errors[0].file.ends_with("grants.d/b.toml") && errors[0].line == Some(2), "{:?}", errors[0]);
    assert!(errors[0].problem.ends_with("already at dockwall.toml:1"), "{}", errors[0].problem);
}

#[test]
fn the_errors_of_all_files_come_at_once() {
    let (directory, path) = directory("mode = 'x'", &[("a.toml", "a = "), ("b.toml", &grant("a b"))]);
    fs::create_dir(directory.path().join("grants.d/c.toml")).unwrap();
    fs::write(directory.path().join("grants.d/d.toml"), b"# ok\n# \xff").unwrap();
    symlink("nowhere", directory.path().join("grants.d/e.toml")).unwrap();
    let errors = load(&path).unwrap_err().errors;
    let kinds: Vec<_> = errors.iter().map(|error| error.kind).collect();
    let unreadable = Kind::Unreadable;
    assert_eq!(kinds, [Kind::Value, Kind::Syntax, Kind::Value, unreadable, unreadable, unreadable]);
    assert_eq!(errors[3].problem, "it is a directory");
    assert_eq!(errors[4].problem, "byte 0xff at offset 7 (line 2) is not UTF-8");
    assert_eq!((errors[4].line, errors[4].column), (Some(2), Some(3)));
    assert_eq!(errors[5].problem, "there is no such file");
}

#[test]
fn a_file_that_was_asked_for_must_be_there() {
    let (directory, _) = directory("", &[]);
    let errors = load(&directory.path().join("absent.toml")).unwrap_err().errors;
    assert_eq!((errors.len(), errors[0].problem.as_str()), (1, "there is no such file"));
}

#[test]
fn a_directory_is_no_configuration() {
    let (directory, _) = directory("", &[]);
    let errors = load(directory.path()).unwrap_err().errors;
    assert_eq!(errors[0].problem, "it is a directory");
}

#[test]
fn more_than_64_mib_are_refused() {
    let (_directory, path) = directory("", &[]);
    let file = fs::File::options().write(true).open(&path).unwrap();
    file.set_len(64 * 1024 * 1024 + 1).unwrap();
    let errors = load(&path).unwrap_err().errors;
    assert_eq!(errors[0].problem, "it has more than 64 MiB");
}

#[test]
fn a_byte_order_mark_and_windows_line_ends_are_fine() {
    let (_directory, path) = directory("\u{feff}mode = 'enforce'\r\n[log]\r\nburst = 7\r\n", &[]);
    assert_eq!(load(&path).unwrap().config.log.burst, 7);
}
