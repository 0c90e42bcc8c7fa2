//! What one policy changes against another, in words for the history.

use std::collections::BTreeMap;

use crate::policy::{Grant, Networks, Policy};

/// So many are called by their names; of a hundred thousand nobody reads them.
const MOST_NAMES: usize = 50;

/// One line for each thing that differs; none when nothing does.
pub fn difference(old: &Policy, new: &Policy) -> Vec<String> {
    let mut lines = Vec::new();
    if old.mode != new.mode {
        lines.push(format!("mode {} → {}", old.mode, new.mode));
    }
    if old.action != new.action {
        lines.push(format!("action {} → {}", old.action, new.action));
    }
    if old.containers != new.containers {
        lines.push(format!("container interfaces {}", new.containers));
    }
    if old.excluded != new.excluded {
        let excluded = if new.excluded.is_empty() { "nothing".to_owned() } else { new.excluded.to_string() };
        lines.push(format!("not policed: {excluded}"));
    }
    if old.uplinks != new.uplinks {
        let uplinks = new.uplinks.as_ref().map_or_else(|| "any".to_owned(), ToString::to_string);
        lines.push(format!("uplinks {uplinks}"));
    }
    if old.bridges != new.bridges {
        lines.push(format!("every bridge is {}policed", if new.bridges { "" } else { "no longer " }));
    }
    if old.host != new.host {
        lines.push(format!("the host is {}", if new.host { "closed" } else { "open" }));
    }
    if old.denied != new.denied {
        lines.push(format!("denied networks {}", counts(&old.denied, &new.denied)));
    }
    lines.extend(named("grants", &grants(old), &grants(new)));
    lines.extend(named("resolvers", &resolvers(old), &resolvers(new)));
    if old.own != new.own {
        lines.push(format!("a guard {} the table", if new.own { "owns" } else { "does not own" }));
    }
    if old.log != new.log && (old.mode == new.mode || !same_but_prefix(old, new)) {
        lines.push("log".to_owned());
    }
    lines
}

fn grants(policy: &Policy) -> BTreeMap<String, &Grant> {
    policy.grants.iter().map(|grant| (grant.name.clone(), grant)).collect()
}

fn resolvers(policy: &Policy) -> BTreeMap<String, bool> {
    policy.resolvers.iter().map(|resolver| (resolver.address.to_string(), resolver.host)).collect()
}

/// What came, went and changed among things with names; none when nothing did.
fn named<T: PartialEq>(what: &str, old: &BTreeMap<String, T>, new: &BTreeMap<String, T>) -> Option<String> {
    let fresh = new.keys().filter(|name| !old.contains_key(*name)).map(|name| format!("+{name}"));
    let stale = old.keys().filter(|name| !new.contains_key(*name)).map(|name| format!("−{name}"));
    let changed = new.iter().filter(|(name, value)| old.get(*name).is_some_and(|other| other != *value));
    let all: Vec<String> = fresh.chain(stale).chain(changed.map(|(name, _)| format!("~{name}"))).collect();
    let more = all.len().saturating_sub(MOST_NAMES);
    let rest = if more == 0 { String::new() } else { format!(" and {more} more") };
    let named: Vec<&str> = all.iter().take(MOST_NAMES).map(String::as_str).collect();
    (!all.is_empty()).then(|| format!("{what} {}{rest}", named.join(" ")))
}

/// The log's prefix follows the mode, which has its own line.
fn same_but_prefix(old: &Policy, new: &Policy) -> bool {
    let mut other = old.log.clone();
    other.prefix.clone_from(&new.log.prefix);
    other == new.log
}

fn counts(old: &Networks, new: &Networks) -> String {
    let added = missing(&new.ipv4, &old.ipv4) + missing(&new.ipv6, &old.ipv6);
    let removed = missing(&old.ipv4, &new.ipv4) + missing(&old.ipv6, &new.ipv6);
    format!("+{added} −{removed}")
}

/// How many of sorted `these` are not among sorted `those`.
fn missing<T: Ord>(these: &[T], those: &[T]) -> usize {
    these.iter().filter(|this| those.binary_search(this).is_err()).count()
}
