//! Lists of networks with a name.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;
use std::sync::LazyLock;

use ipnet::{Ipv4Net, Ipv6Net};

use super::choice::{choose, word_of};
use super::invalid::Invalid;
use super::special::special;
use super::target::Target;

/// A named list of networks for `deny.ranges`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Preset {
    /// `"internal"`: private (RFC 1918, RFC 4193), loopback, link-local, multicast and shared
    /// (RFC 6598) addresses.
    Internal,
    /// `"recipe"`: the published firewalld recipe's list, which lacks the shared 100.64.0.0/10.
    Recipe,
    /// `"special"`: whatever IANA lists as not globally reachable, multicast, and the IPv6 addresses
    /// that embed one of these IPv4 addresses.
    Special,
}

impl Preset {
    const WORDS: [(&'static str, Self); 3] =
        [("internal", Self::Internal), ("recipe", Self::Recipe), ("special", Self::Special)];

    /// The networks of the preset.
    pub fn targets(self) -> &'static [Target] {
        static TARGETS: LazyLock<Vec<Target>> = LazyLock::new(|| {
            let v4 = V4.into_iter().map(|net| Target::V4(net.into()));
            v4.chain(V6.into_iter().map(|net| Target::V6(net.into()))).collect()
        });
        static SPECIAL: LazyLock<Vec<Target>> = LazyLock::new(special);
        match self {
            Self::Special => &SPECIAL,
            Self::Internal => &TARGETS,
            Self::Recipe => TARGETS.get(1..).unwrap_or_default(),
        }
    }
}

/// The shared address space comes first, so that the recipe is what follows it.
const V4: [Ipv4Net; 7] = [
    Ipv4Net::new_assert(Ipv4Addr::new(100, 64, 0, 0), 10),
    Ipv4Net::new_assert(Ipv4Addr::new(10, 0, 0, 0), 8),
    Ipv4Net::new_assert(Ipv4Addr::new(127, 0, 0, 0), 8),
    Ipv4Net::new_assert(Ipv4Addr::new(169, 254, 0, 0), 16),
    Ipv4Net::new_assert(Ipv4Addr::new(172, 16, 0, 0), 12),
    Ipv4Net::new_assert(Ipv4Addr::new(192, 168, 0, 0), 16),
    Ipv4Net::new_assert(Ipv4Addr::new(224, 0, 0, 0), 4),
];

const V6: [Ipv6Net; 3] = [
    Ipv6Net::new_assert(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0), 10),
    Ipv6Net::new_assert(Ipv6Addr::new(0xfc00, 0, 0, 0, 0, 0, 0, 0), 7),
    Ipv6Net::new_assert(Ipv6Addr::new(0xff00, 0, 0, 0, 0, 0, 0, 0), 8),
];

impl FromStr for Preset {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        choose(text, &Self::WORDS)
    }
}

impl fmt::Display for Preset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(word_of(*self, &Self::WORDS))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_recipe_is_internal_without_the_shared_address_space() {
        let written = |preset: Preset| preset.targets().iter().map(Target::to_string).collect::<Vec<_>>();
        let recipe = [
            "10.0.0.0/8",
            "127.0.0.0/8",
            "169.254.0.0/16",
            "172.16.0.0/12",
            "192.168.0.0/16",
            "224.0.0.0/4",
            "fe80::/10",
            "fc00::/7",
            "ff00::/8",
        ];
        assert_eq!(written(Preset::Recipe), recipe);
        assert_eq!(written(Preset::Internal)[0], "100.64.0.0/10");
        assert_eq!(written(Preset::Internal)[1..], recipe);
    }
}
