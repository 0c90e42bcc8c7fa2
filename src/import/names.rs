//! Which interfaces a rule is about.

use crate::config::InterfacePattern;

/// Interfaces by their names.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum Names {
    /// Every one.
    #[default]
    Any,
    /// These.
    These(Vec<InterfacePattern>),
    /// All but these.
    AllBut(Vec<InterfacePattern>),
}

/// What the names of containers' bridges begin with.
const CONTAINERS: [&str; 5] = ["docker", "br-", "podman", "cni-podman", "nerdctl"];

/// What those of ways out of a host begin with (systemd.net-naming-scheme(7), and drivers' own).
const UPLINKS: [&str; 15] =
    ["eth", "en", "wl", "ww", "bond", "ppp", "wg", "tun", "tap", "lo", "team", "vlan", "ib", "sl", "tailscale"];

fn written(pattern: &InterfacePattern) -> &str {
    match pattern {
        InterfacePattern::Exact(name) | InterfacePattern::Prefix(name) => name,
    }
}

/// Whether the name is one of a container's bridge.
pub fn is_container(pattern: &InterfacePattern) -> bool {
    CONTAINERS.iter().any(|begin| written(pattern).starts_with(begin))
}

/// Whether the name is one of a way out.
pub fn is_uplink(pattern: &InterfacePattern) -> bool {
    UPLINKS.iter().any(|begin| written(pattern).starts_with(begin))
}

/// Whether every name of `inner` is one of `outer`.
fn holds(outer: &InterfacePattern, inner: &InterfacePattern) -> bool {
    match (outer, inner) {
        (outer, InterfacePattern::Exact(name)) => outer.matches(name),
        (InterfacePattern::Prefix(outer), InterfacePattern::Prefix(inner)) => inner.starts_with(outer.as_str()),
        (InterfacePattern::Exact(_), InterfacePattern::Prefix(_)) => false,
    }
}

/// The names that both mean.
fn common(one: &InterfacePattern, other: &InterfacePattern) -> Option<InterfacePattern> {
    match (holds(one, other), holds(other, one)) {
        (true, _) => Some(other.clone()),
        (_, true) => Some(one.clone()),
        _ => None,
    }
}

impl Names {
    /// Of a condition.
    pub fn of(not: bool, patterns: &[InterfacePattern]) -> Self {
        if not { Self::AllBut(patterns.to_vec()) } else { Self::These(patterns.to_vec()) }
    }

    /// Those that are of both; none where there are none.
    pub fn and(&self, other: &Self) -> Option<Self> {
        let some = |patterns: Vec<InterfacePattern>| (!patterns.is_empty()).then_some(Self::These(patterns));
        let without = |these: &[InterfacePattern], out: &[InterfacePattern]| {
            let left = these.iter().filter(|pattern| !out.iter().any(|out| holds(out, pattern)));
            some(left.cloned().collect())
        };
        match (self, other) {
            (Self::Any, names) | (names, Self::Any) => Some(names.clone()),
            (Self::These(one), Self::These(other)) => {
                let pairs = one.iter().flat_map(|one| other.iter().filter_map(move |other| common(one, other)));
                some(pairs.collect())
            }
            (Self::These(these), Self::AllBut(out)) | (Self::AllBut(out), Self::These(these)) => without(these, out),
            (Self::AllBut(one), Self::AllBut(other)) => Some(Self::AllBut([one.as_slice(), other].concat())),
        }
    }

    /// Whether every one of `inner` is of these.
    pub fn covers(&self, inner: &Self) -> bool {
        match (self, inner) {
            (Self::Any, _) => true,
            (Self::These(outer), Self::These(inner)) => {
                inner.iter().all(|inner| outer.iter().any(|outer| holds(outer, inner)))
            }
            (Self::AllBut(out), Self::These(inner)) => {
                inner.iter().all(|inner| out.iter().all(|out| common(out, inner).is_none()))
            }
            (Self::AllBut(out), Self::AllBut(inner)) => {
                out.iter().all(|out| inner.iter().any(|inner| holds(inner, out)))
            }
            _ => self == inner,
        }
    }

    /// Whether that name is one of these.
    pub fn contains(&self, name: &str) -> bool {
        match self {
            Self::Any => true,
            Self::These(patterns) => patterns.iter().any(|pattern| pattern.matches(name)),
            Self::AllBut(patterns) => !patterns.iter().any(|pattern| pattern.matches(name)),
        }
    }

    /// The names in words.
    pub fn text(&self) -> String {
        let list =
            |patterns: &[InterfacePattern]| patterns.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        match self {
            Self::Any => "any interface".to_owned(),
            Self::These(patterns) => list(patterns),
            Self::AllBut(patterns) => format!("any but {}", list(patterns)),
        }
    }
}
