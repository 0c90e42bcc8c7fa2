//! Sets of interfaces, by name.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::Excluded;
use super::evident::is_bridge;
use crate::config::{InterfacePattern, Interfaces, Uplinks};
use crate::host::{Docker, Host, Link};

/// What `"auto"` polices: the bridges that Docker, swarm, podman and nerdctl make. Docker names
/// the bridge of a user network `br-` and the first digits of its id.
const AUTO_NAMES: [&str; 2] = ["docker0", "docker_gwbridge"];
const AUTO_PREFIXES: [&str; 4] = ["br-", "podman", "cni-podman", "nerdctl"];

/// Interfaces by whole names and by what names begin with. No name is in it twice: a prefix takes
/// in the names and the longer prefixes that begin with it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InterfaceNames {
    /// Whole names.
    pub exact: BTreeSet<String>,
    /// Beginnings of names, none of them empty.
    pub prefixes: BTreeSet<String>,
}

impl InterfaceNames {
    /// The container interfaces that the configuration means on this host: `"auto"` takes in the
    /// bridges of Docker's networks with a name of their own, `"bridges"` all bridges that are there.
    /// While Docker does not tell them, what was policed stays so: its containers run on without it,
    /// and come up again with it.
    pub fn containers(written: &Interfaces, host: &Host) -> Self {
        let found: Vec<String> = match written {
            Interfaces::List(patterns) => return patterns.iter().collect(),
            Interfaces::Auto => host.docker.known().map_or_else(|| host.remembered.clone(), named_bridges),
            Interfaces::Bridges => host.facts.links.iter().filter(|link| is_bridge(link)).map(name_of).collect(),
        };
        let names = AUTO_NAMES.map(String::from).into_iter().chain(found);
        Self::new(names, AUTO_PREFIXES.map(String::from))
    }

    /// The uplinks that the configuration means; none for any.
    pub fn uplinks(written: &Uplinks) -> Option<Self> {
        match written {
            Uplinks::Any => None,
            Uplinks::List(patterns) => Some(patterns.iter().collect()),
        }
    }

    /// Whether that name is one of them.
    pub fn contains(&self, name: &str) -> bool {
        self.exact.contains(name) || self.has_prefix_of(name)
    }

    /// Whether that name begins with one of the prefixes.
    pub fn has_prefix_of(&self, name: &str) -> bool {
        self.prefixes.iter().any(|prefix| name.starts_with(prefix.as_str()))
    }

    /// Whether there is none at all.
    pub fn is_empty(&self) -> bool {
        self.exact.is_empty() && self.prefixes.is_empty()
    }

    /// These and the names of what was found on the host.
    pub fn with_names(&self, found: &[Excluded]) -> Self {
        let names = found.iter().map(|excluded| excluded.name.clone());
        Self::new(self.exact.iter().cloned().chain(names), self.prefixes.iter().cloned())
    }

    /// What is left when `excluded` is taken out, and what of `excluded` the prefixes that are left
    /// still take in: the rest of it needs no mention.
    pub fn without(&self, excluded: &Self) -> (Self, Self) {
        let is_out = |name: &str| excluded.prefixes.iter().any(|prefix| name.starts_with(prefix.as_str()));
        let exact = self.exact.iter().filter(|name| !excluded.contains(name)).cloned();
        let left = Self::new(exact, self.prefixes.iter().filter(|prefix| !is_out(prefix)).cloned());
        let is_in = |name: &&String| left.prefixes.iter().any(|prefix| name.starts_with(prefix.as_str()));
        let rest =
            Self::new(excluded.exact.iter().filter(is_in).cloned(), excluded.prefixes.iter().filter(is_in).cloned());
        (left, rest)
    }

    fn new(exact: impl IntoIterator<Item = String>, prefixes: impl IntoIterator<Item = String>) -> Self {
        let all: BTreeSet<String> = prefixes.into_iter().collect();
        let within = |name: &str| all.iter().any(|prefix| name != prefix && name.starts_with(prefix.as_str()));
        let prefixes: BTreeSet<String> = all.iter().filter(|prefix| !within(prefix)).cloned().collect();
        let covered = |name: &String| prefixes.iter().any(|prefix| name.starts_with(prefix.as_str()));
        let exact = exact.into_iter().filter(|name| !covered(name)).collect();
        Self { exact, prefixes }
    }
}

/// The bridges of Docker's networks on this host.
fn named_bridges(docker: &Docker) -> Vec<String> {
    docker.networks.iter().filter_map(|network| network.bridge.clone()).collect()
}

fn name_of(link: &Link) -> String {
    link.name.clone()
}

impl<'a> FromIterator<&'a InterfacePattern> for InterfaceNames {
    fn from_iter<I: IntoIterator<Item = &'a InterfacePattern>>(patterns: I) -> Self {
        let (mut exact, mut prefixes) = (Vec::new(), Vec::new());
        for pattern in patterns {
            match pattern {
                InterfacePattern::Exact(name) => exact.push(name.clone()),
                InterfacePattern::Prefix(prefix) => prefixes.push(prefix.clone()),
            }
        }
        Self::new(exact, prefixes)
    }
}

/// The names as they are written in the configuration.
impl fmt::Display for InterfaceNames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let prefixes = self.prefixes.iter().map(|prefix| format!("{prefix}*"));
        let names: Vec<String> = self.exact.iter().cloned().chain(prefixes).collect();
        f.write_str(&names.join(" · "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_takes_in_what_begins_with_it() {
        let names = InterfaceNames::new(
            ["br-lan", "docker0", "docker0"].map(String::from),
            ["br-", "br-a", "docker_"].map(String::from),
        );
        assert_eq!(names.to_string(), "docker0 · br-* · docker_*");
    }

    #[test]
    fn what_is_taken_out_is_mentioned_only_where_a_prefix_takes_it_in() {
        let names = |exact: &[&str], prefixes: &[&str]| {
            let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
            InterfaceNames::new(owned(exact), owned(prefixes))
        };
        let all = names(&["docker0", "lan0"], &["br-", "podman"]);
        let (left, rest) = all.without(&names(&["br-lan", "docker0", "eth0"], &["br-vm", "pod", "wlan"]));
        assert_eq!(left, names(&["lan0"], &["br-"]));
        assert_eq!(rest, names(&["br-lan"], &["br-vm"]));
        assert!(all.contains("br-lan") && !left.contains("docker0"));
    }
}
