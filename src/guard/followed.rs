//! What following the host changed, in words.

use std::collections::BTreeSet;

use crate::config::Config;
use crate::policy::{Grant, Networks, Policy};

/// How many of a kind are spelled out before the rest is only counted.
const SPELLED_OUT: usize = 5;

/// One line for each thing that is another in `new`; none where nothing is.
pub fn words(old: &Policy, new: &Policy, config: &Config) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let of = |policy: &Policy, name: &str| policy.grants.iter().find(|grant| grant.name == name).cloned();
    let names: BTreeSet<&str> = old.grants.iter().chain(&new.grants).map(|grant| grant.name.as_str()).collect();
    for name in names {
        let whose = config.grants.iter().find(|grant| grant.name == name).map(|grant| grant.from_text());
        lines.extend(grant_words(name, whose.as_deref(), of(old, name).as_ref(), of(new, name).as_ref()));
    }
    let names = |policy: &Policy| policy.containers.exact.clone();
    lines.extend(come_and_gone(&names(old), &names(new), "policed now", "policed no more"));
    let names = |policy: &Policy| policy.excluded.exact.clone();
    lines.extend(come_and_gone(&names(old), &names(new), "evidently no container bridge", "policed again"));
    let denied = |these: &Policy, those: &Policy| spelled(&beyond(&these.denied, &those.denied)).collect();
    lines.extend(come_and_gone(&denied(old, new), &denied(new, old), "denied now", "denied no more"));
    let resolvers = |policy: &Policy| policy.resolvers.iter().map(|one| one.address.to_string()).collect();
    lines.extend(come_and_gone(
        &resolvers(old),
        &resolvers(new),
        "resolver open now",
        "resolver closed, since it is used no more",
    ));
    if lines.is_empty() && old != new {
        lines.push("the host is another".to_owned());
    }
    lines
}

fn grant_words(name: &str, whose: Option<&str>, old: Option<&Grant>, new: Option<&Grant>) -> Option<String> {
    let whose = whose.unwrap_or("its source");
    let from = |grant: &Grant| grant.from.as_ref().map_or_else(|| "everywhere".to_owned(), list);
    match (old, new) {
        (Some(old), Some(new)) if old == new => None,
        (Some(old), Some(new)) if old.from != new.from => {
            Some(format!("{whose} is at {} now, not {}: grant `{name}`", from(new), from(old)))
        }
        (Some(_), Some(_)) => Some(format!("what the grant `{name}` opens is another now")),
        (None, Some(new)) => Some(format!("{whose} is at {}: grant `{name}` is open", from(new))),
        (Some(old), None) => Some(format!("{whose} is gone from {}: grant `{name}` is closed", from(old))),
        (None, None) => None,
    }
}

fn come_and_gone(old: &BTreeSet<String>, new: &BTreeSet<String>, come: &str, gone: &str) -> Vec<String> {
    let line = |these: Vec<&String>, what: &str| {
        (!these.is_empty()).then(|| {
            let more = these.len().saturating_sub(SPELLED_OUT);
            let names: Vec<&str> = these.iter().take(SPELLED_OUT).map(|name| name.as_str()).collect();
            let more = if more == 0 { String::new() } else { format!(" and {more} more") };
            format!("{what}: {}{more}", names.join(", "))
        })
    };
    let fresh = line(new.difference(old).collect(), come);
    let stale = line(old.difference(new).collect(), gone);
    fresh.into_iter().chain(stale).collect()
}

/// What of these is not among those: a list may have a million of them.
fn beyond(these: &Networks, those: &Networks) -> Networks {
    let ipv4 = these.ipv4.iter().filter(|one| those.ipv4.binary_search(one).is_err()).copied();
    let ipv6 = these.ipv6.iter().filter(|one| those.ipv6.binary_search(one).is_err()).copied();
    Networks { ipv4: ipv4.collect(), ipv6: ipv6.collect() }
}

fn list(networks: &Networks) -> String {
    let more = networks.len().saturating_sub(SPELLED_OUT);
    let shown: Vec<String> = spelled(networks).take(SPELLED_OUT).collect();
    if more == 0 { shown.join(", ") } else { format!("{} and {more} more", shown.join(", ")) }
}

fn spelled(networks: &Networks) -> impl Iterator<Item = String> {
    networks.ipv4.iter().map(ToString::to_string).chain(networks.ipv6.iter().map(ToString::to_string))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Target;
    use crate::policies::plain;

    #[test]
    fn each_thing_is_told_in_a_line() {
        let networks = |text: &str| Networks::from_iter([text.parse::<Target>().unwrap()]);
        let grant = |name: &str, from: &str| Grant {
            name: name.to_owned(),
            from: Some(networks(from)),
            openings: Vec::new(),
            until: None,
        };
        let config = Config::parse("a", "[[grant]]\nname = 'db'\nto = '10.0.0.1'\nfrom = 'container:web-1'").unwrap();
        let before = Policy { denied: networks("10.0.0.0/8"), grants: Vec::new(), ..plain() };
        let names = (0..7).map(|index| format!("mine{index}")).collect::<Vec<_>>();
        let mut after = before.clone();
        after.grants = vec![grant("db", "172.18.0.4")];
        after.containers.exact.extend(names);
        let told = |old: &Policy, new: &Policy| words(old, new, &config.config);
        assert_eq!(
            told(&before, &after),
            [
                "container:web-1 is at 172.18.0.4: grant `db` is open",
                "policed now: mine0, mine1, mine2, mine3, mine4 and 2 more"
            ]
        );
        let moved = Policy { grants: vec![grant("db", "172.18.0.9")], ..after.clone() };
        assert_eq!(told(&after, &moved), ["container:web-1 is at 172.18.0.9 now, not 172.18.0.4: grant `db`"]);
        let closed = Policy { grants: Vec::new(), denied: networks("192.168.0.0/16"), ..after.clone() };
        assert_eq!(
            told(&after, &closed),
            [
                "container:web-1 is gone from 172.18.0.4: grant `db` is closed",
                "denied now: 192.168.0.0/16",
                "denied no more: 10.0.0.0/8"
            ]
        );
        assert!(told(&after, &after).is_empty());
    }
}
