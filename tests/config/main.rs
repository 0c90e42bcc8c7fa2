//! The configuration: what is read, what is refused and how that is said.
#![allow(clippy::unwrap_used, missing_docs)]

mod files;
mod grants;
mod refused;
mod refused_grants;
mod rendering;
mod robustness;
mod values;

use dockwall::config::{Config, ConfigError, Diagnostic, Loaded};

/// The configuration that `text` stands for; panics with the rendered errors when it is refused.
#[track_caller]
fn accept(text: &str) -> Loaded {
    Config::parse("dockwall.toml", text).unwrap_or_else(|error| panic!("{error}"))
}

/// The errors for which `text` is refused.
#[track_caller]
fn refuse(text: &str) -> ConfigError {
    match Config::parse("dockwall.toml", text) {
        Ok(loaded) => panic!("accepted: {loaded:?}"),
        Err(error) => error,
    }
}

/// Line, key and the rest of a finding in one text, to be searched by tests.
fn summary(diagnostic: &Diagnostic) -> String {
    let line = diagnostic.line.map(|line| line.to_string()).unwrap_or_default();
    let key = diagnostic.key.as_deref().unwrap_or_default();
    format!("{line} {key}: {} => {}", diagnostic.problem, diagnostic.cure)
}
