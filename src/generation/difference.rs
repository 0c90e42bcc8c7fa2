//! What one policy changes against another, in words for the history.

use crate::policy::{Grant, Networks, Policy};

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
    if old.denied != new.denied {
        lines.push(format!("denied networks {}", counts(&old.denied, &new.denied)));
    }
    let names = |grants: &[Grant], others: &[Grant]| -> Vec<String> {
        grants.iter().filter(|grant| !others.contains(grant)).map(|grant| grant.name.clone()).collect()
    };
    let (gone, come) = (names(&old.grants, &new.grants), names(&new.grants, &old.grants));
    let changed: Vec<String> = come.iter().filter(|name| gone.contains(name)).map(|name| format!("~{name}")).collect();
    let fresh = come.iter().filter(|name| !gone.contains(name)).map(|name| format!("+{name}"));
    let stale = gone.iter().filter(|name| !come.contains(name)).map(|name| format!("−{name}"));
    let grants: Vec<String> = fresh.chain(stale).chain(changed).collect();
    if !grants.is_empty() {
        lines.push(format!("grants {}", grants.join(" ")));
    }
    if old.log != new.log && (old.mode == new.mode || !same_but_prefix(old, new)) {
        lines.push("log".to_owned());
    }
    lines
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
