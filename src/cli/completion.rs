//! What the shell is told when somebody presses Tab: commands and options from the command line's own definition,
//! and the names that are known here.
//!
//! The scripts of the shells ask this program each time (clap_complete's `CompleteEnv`), so one list serves all of them.
//! Its interface is marked unstable, which is why the version is fixed in Cargo.toml, and why script and
//! program are built and installed together. What is not known, or may not be read, is not offered, and nothing is said.

mod bash;

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::PathBuf;
use std::sync::mpsc;
use std::time::Duration;

use clap_complete::CompleteEnv;
use clap_complete::engine::{ArgValueCandidates, ArgValueCompleter, CompletionCandidate};
use clap_complete::env::{Fish, Shells, Zsh};
use jiff::tz::TimeZone;

use crate::config::Config;
use crate::doctor::{CHECKS, Check};
use crate::generation::{Listed, Store};
use crate::host::{Docker, DockerState};

/// Which variable says that a shell asks. Not `COMPLETE`, which may stand for something else.
const VARIABLE: &str = "DOCKWALL_COMPLETE";
/// How long Docker is waited for: somebody sits at the keyboard.
const PATIENCE: Duration = Duration::from_millis(400);
/// The shells.
const SHELLS: Shells<'static> = Shells(&[&bash::Bash, &Fish, &Zsh]);

/// Answers a shell that asks, and ends the process then.
pub fn answer() {
    CompleteEnv::with_factory(super::command).var(VARIABLE).shells(SHELLS).complete();
}

/// The script by which `bash`, `fish` or `zsh` asks; none for another shell.
///
/// # Errors
/// None: it is written into memory.
pub fn script(shell: &str) -> io::Result<Option<String>> {
    let Some(completer) = SHELLS.completer(shell) else {
        return Ok(None);
    };
    let mut script = Vec::new();
    completer.write_registration(VARIABLE, "dockwall", "dockwall", "dockwall", &mut script)?;
    if shell == "zsh" {
        // zsh runs the file itself for the first Tab, which would find nothing.
        script.extend_from_slice(b"[[ $funcstack[1] == _dockwall ]] && _clap_dynamic_completer_dockwall \"$@\"\n");
    }
    String::from_utf8(script).map(Some).map_err(io::Error::other)
}

/// The generations that there are, the newest first.
pub fn generations() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        let listed = store().list().unwrap_or_default();
        listed.iter().rev().enumerate().map(|(order, one)| generation(one, order)).collect()
    })
}

fn generation(listed: &Listed, order: usize) -> CompletionCandidate {
    let help = match &listed.entry {
        Ok(entry) => {
            let at = entry.applied.to_zoned_datetime(TimeZone::system()).strftime("%Y-%m-%d %H:%M").to_string();
            format!("{at} {} by {}: {}", entry.mode, entry.author, entry.changes.join("; "))
        }
        Err(_) => "damaged".to_owned(),
    };
    CompletionCandidate::new(listed.number.to_string()).help(Some(help.into())).display_order(Some(order))
}

/// The grants that can be revoked: those in the configuration, and those in force.
pub fn grants() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        let path = option("--config").map(PathBuf::from);
        let written = Config::load(path.as_deref()).map(|loaded| loaded.config.grants).unwrap_or_default();
        let mut names: Vec<String> = written.into_iter().map(|grant| grant.name).collect();
        let store = store();
        let in_force = store.wanted().ok().flatten().and_then(|number| store.get(number).ok());
        names.extend(in_force.into_iter().flat_map(|generation| generation.policy.grants).map(|grant| grant.name));
        candidates(names)
    })
}

/// Where a grant may be from, with the names that Docker knows.
pub fn sources() -> ArgValueCompleter {
    ArgValueCompleter::new(|current: &OsStr| {
        let current = current.to_string_lossy();
        let kinds = ["container:", "network:", "label:"];
        // Docker is asked once it matters.
        let names = match kinds.iter().find(|kind| current.starts_with(**kind)) {
            Some(kind) => docker().map(|docker| sources_of(&docker, kind)).unwrap_or_default(),
            None => kinds.map(ToOwned::to_owned).to_vec(),
        };
        candidates(names.into_iter().filter(|name| name.starts_with(current.as_ref())).collect())
    })
}

/// The containers that Docker knows, and these words beside.
pub fn containers(words: &'static [&'static str]) -> ArgValueCandidates {
    ArgValueCandidates::new(move || {
        let names = docker().map(|docker| docker.containers.into_iter().map(|one| one.name).collect::<Vec<_>>());
        candidates(words.iter().map(|word| (*word).to_owned()).chain(names.unwrap_or_default()).collect())
    })
}

/// The checks of `doctor`, each with what it looks for.
pub fn checks() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        let candidate = |check: &&Check| CompletionCandidate::new(check.id).help(Some(check.about.into()));
        CHECKS.iter().map(candidate).collect()
    })
}

fn sources_of(docker: &Docker, kind: &str) -> Vec<String> {
    let containers = docker.containers.iter();
    let names: Vec<String> = match kind {
        "container:" => containers.map(|container| container.name.clone()).collect(),
        "network:" => docker.networks.iter().map(|network| network.name.clone()).collect(),
        _ => containers.flat_map(|one| one.labels.iter().map(|(key, value)| format!("{key}={value}"))).collect(),
    };
    names.into_iter().map(|name| format!("{kind}{name}")).collect()
}

fn docker() -> Option<Docker> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || sender.send(DockerState::read()));
    receiver.recv_timeout(PATIENCE).ok()?.known().cloned()
}

/// Each name once. One that a shell would take for more than a word is left out: the scripts do not quote.
fn candidates(mut names: Vec<String>) -> Vec<CompletionCandidate> {
    let is_word = |name: &String| {
        name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:/=@%+,".contains(&byte)) && !name.is_empty()
    };
    names.retain(is_word);
    names.sort_unstable();
    names.dedup();
    names.into_iter().map(CompletionCandidate::new).collect()
}

fn store() -> Store {
    let directory = option("--state-dir").unwrap_or_else(|| super::context::DEFAULT_STATE.into());
    Store::new(&PathBuf::from(directory))
}

/// The value of an option on the line that is completed, which is not parsed yet.
fn option(name: &str) -> Option<OsString> {
    let words: Vec<OsString> = std::env::args_os().collect();
    let joined = words.iter().find_map(|word| word.to_str()?.strip_prefix(name)?.strip_prefix('=').map(OsString::from));
    let apart = || {
        let mut behind = words.iter().skip_while(|word| *word != name).skip(1);
        // bash makes a word of the equals sign.
        behind.find(|word| *word != "=").cloned()
    };
    joined.or_else(apart)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_more_than_a_word_is_not_offered() {
        let names = ["b", "a", "b", "a b", "$(reboot)", "", "ns/x:1", "`id`", "x;y"].map(ToOwned::to_owned).to_vec();
        let offered = candidates(names);
        let offered: Vec<_> = offered.iter().map(|one| one.get_value().to_str().unwrap()).collect();
        assert_eq!(offered, ["a", "b", "ns/x:1"]);
    }

    #[test]
    fn there_is_a_script_for_three_shells() {
        for shell in ["bash", "fish", "zsh"] {
            let script = script(shell).unwrap().unwrap();
            assert!(script.contains("DOCKWALL_COMPLETE=") && script.contains("dockwall"), "{script}");
        }
        assert_eq!(script("csh").unwrap(), None);
    }

    #[test]
    fn containers_and_checks_are_offered_where_they_are_named() {
        let offered = |words: &[&str]| -> Vec<String> {
            let words: Vec<OsString> = words.iter().map(OsString::from).collect();
            let last = words.len() - 1;
            let found = clap_complete::engine::complete(&mut crate::cli::command(), words, last, None).unwrap();
            found.iter().map(|one| one.get_value().to_str().unwrap().to_owned()).collect()
        };
        for option in ["--only", "--ignore"] {
            assert_eq!(offered(&["dockwall", "doctor", option, "drif"]), ["drifted"]);
            assert_eq!(offered(&["dockwall", "doctor", option, ""]).len(), CHECKS.len());
        }
        assert_eq!(offered(&["dockwall", "explain", "web", "hos"]), ["host"]);
        // Docker may not be there: nothing then, and no path of a file.
        let none = "no-container-is-called-so";
        assert_eq!(offered(&["dockwall", "explain", none]), Vec::<String>::new());
        assert_eq!(offered(&["dockwall", "denied", "--container", none]), Vec::<String>::new());
    }
}
