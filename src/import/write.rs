//! A plan as the text of a configuration, which says of each part which line it comes from.

use std::fmt::Display;

use super::plan::{Grant, Plan, Range};
use crate::config::{self, Action, Mode, Origin};
use crate::printable::is_unprintable;

/// Writes it; `from` is what the text is called.
pub fn write(plan: &Plan, from: &str) -> String {
    let mut text = String::new();
    let mut line = |words: &dyn Display| {
        text.push_str(&words.to_string());
        text.push('\n');
    };
    line(&format_args!("# Made by `dockwall import` from {}.", printable(from)));
    line(&"# Behind each part stands the line that it comes from. `dockwall check` says what it means on this host.");
    line(&format_args!("mode = {}", quoted(&plan.mode)));
    if let Some(patterns) = &plan.interfaces {
        line(&format_args!("\n[containers]\ninterfaces = {}", list(patterns)));
    }
    line(&"\n[deny]");
    if let Some(ranges) = &plan.ranges {
        line(&"ranges = [");
        ranges.iter().for_each(|range| line(&format_args!("    {}, {}", quoted(&range.to), remark(range))));
        line(&"]");
    }
    line(&format_args!("on_link = {}", !plan.literal));
    line(&format_args!("host = {}", plan.host));
    if let Some(patterns) = &plan.uplinks {
        line(&format_args!("uplinks = {}", list(patterns)));
    }
    if plan.action == Action::Reject {
        line(&format_args!("action = {}", quoted(&plan.action)));
    }
    if plan.literal {
        line(&"\n[dns]\nallow = \"none\"");
    }
    log(plan).iter().for_each(|words| line(words));
    plan.grants
        .iter()
        .for_each(|written| line(&format_args!("\n# line {}\n{}", written.line, grant(written).trim_end())));
    text
}

fn log(plan: &Plan) -> Vec<String> {
    let log = &plan.log;
    let prefix = if plan.mode == Mode::Audit { "audit_prefix" } else { "prefix" };
    // Nobody could tell the two apart.
    let other =
        if plan.mode == Mode::Audit { config::Log::default().prefix } else { config::Log::default().audit_prefix };
    let alike = log.prefix.as_ref().is_some_and(|prefix| prefix.looks_like(&other));
    let other = match plan.mode {
        Mode::Audit => "prefix = \"DOCKER_NET_DENY \"",
        Mode::Enforce => "audit_prefix = \"DOCKER_NET_WOULD_DENY \"",
    };
    let keys = [
        log.rate.map(|rate| format!("rate = {}", quoted(&rate))),
        log.burst.map(|burst| format!("burst = {burst}")),
        log.limit.map(|limit| format!("limit = {}", quoted(&limit))),
        log.prefix.as_ref().map(|text| format!("{prefix} = {}", quoted(text))),
        alike.then(|| other.to_owned()),
        log.target.map(|target| format!("target = {}", quoted(&target))),
    ];
    let keys: Vec<String> = keys.into_iter().flatten().collect();
    if keys.is_empty() { Vec::new() } else { [vec!["\n[log]".to_owned()], keys].concat() }
}

fn grant(grant: &Grant) -> String {
    let Grant { name, to, ports, protocol, from, comment, .. } = grant.clone();
    let from = from.map(config::Source::from);
    config::Grant { name, to, ports, protocol, from, until: None, required: false, comment, origin: Origin::BuiltIn }
        .to_toml()
}

fn remark(range: &Range) -> String {
    let comment = range.comment.as_ref().map(|comment| format!(": {}", printable(comment))).unwrap_or_default();
    format!("# line {}{comment}", range.line)
}

fn list(patterns: &[config::InterfacePattern]) -> String {
    format!("[{}]", patterns.iter().map(quoted).collect::<Vec<_>>().join(", "))
}

/// As a string of TOML.
fn quoted(value: &impl Display) -> String {
    toml_edit::Value::from(value.to_string()).to_string()
}

/// What would end a comment, or could not stand in one.
fn printable(text: &str) -> String {
    text.chars().map(|character| if is_unprintable(character) { ' ' } else { character }).collect()
}
