//! Which walls are compared, and by which packets.

use std::collections::HashSet;
use std::fmt::Write;
use std::fs;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::Path;

use super::packets::{ADDRESSES, Kind, granted4, granted6, is_public, public4};
use super::recipe;
use super::wall::{Rules, Wall};

/// The names that bars refer to.
pub mod names {
    /// The one that all others are compared with.
    pub const NONE: &str = "no rules";
    /// The same once more, which shows how far to trust the others.
    pub const AGAIN: &str = "no rules, once more";
    /// dockwall as it is without being told more than to enforce.
    pub const DOCKWALL: &str = "dockwall";
    /// The recipe, by today's iptables.
    pub const RECIPE_NFT: &str = "recipe, iptables-nft";
    /// The recipe, by the old one.
    pub const RECIPE_LEGACY: &str = "recipe, iptables-legacy";
}

const EMPTY: &str = "table inet empty {
    chain forward { type filter hook forward priority filter - 20; policy accept; }
    chain input { type filter hook input priority filter - 20; policy accept; }
}
";

/// All of them, with so many denied networks at most. What dockwall is told is written into `directory`.
pub fn all(dockwall: &Path, directory: &Path, most: u32) -> anyhow::Result<Vec<Wall>> {
    let mut walls = vec![
        Wall { name: names::NONE.to_owned(), rules: Rules::None },
        Wall { name: names::AGAIN.to_owned(), rules: Rules::None },
        Wall { name: "empty base chains".to_owned(), rules: Rules::Nft(EMPTY.to_owned()) },
    ];
    for (variant, name) in [("nft", names::RECIPE_NFT), ("legacy", names::RECIPE_LEGACY)] {
        walls.push(recipe(name, variant, 0));
        walls.extend([50, 1_000, 10_000].map(|count| recipe(&with(name, count, "exceptions"), variant, count)));
    }
    let own = |name: &str, configuration: String| -> anyhow::Result<Wall> {
        let file = name.replace([' ', ','], "-");
        let written = directory.join(format!("{file}.toml"));
        fs::write(&written, configuration)?;
        let state = directory.join(format!("{file}.state"));
        let rules = Rules::Dockwall { dockwall: dockwall.to_owned(), configuration: written, state };
        Ok(Wall { name: name.to_owned(), rules })
    };
    walls.push(own(names::DOCKWALL, configuration("enforce", 0, 0))?);
    walls.push(own("dockwall, audit", configuration("audit", 0, 0))?);
    for grants in GRANTS {
        walls.push(own(&with(names::DOCKWALL, grants, "grants"), configuration("enforce", grants, 0))?);
    }
    for networks in [1_000, 100_000, 1_000_000].into_iter().filter(|networks| *networks <= most) {
        walls.push(own(&with(names::DOCKWALL, networks, "denied networks"), configuration("enforce", 0, networks))?);
    }
    Ok(walls)
}

/// With how many grants dockwall is measured, besides none.
const GRANTS: [u32; 3] = [10, 1_000, 100_000];

/// The wall with the most grants.
pub fn most_grants() -> String {
    with(names::DOCKWALL, GRANTS.into_iter().max().unwrap_or_default(), "grants")
}

/// The recipe with 50 exceptions.
pub fn with_exceptions(recipe: &str) -> String {
    with(recipe, 50, "exceptions")
}

/// Whether packets of that kind are sent against the wall of that name. Packets that are granted need a grant, and
/// what denies more networks does nothing else to packets that are denied already.
pub fn meets(kind: Kind, wall: &str) -> bool {
    let (grows, grants) = (wall.contains("exceptions") || wall.contains("networks"), wall.contains("grants"));
    let bare = [names::NONE, names::AGAIN].contains(&wall);
    match kind {
        Kind::Allowed => true,
        Kind::Granted => bare || grants || wall.contains("exceptions"),
        Kind::Denied | Kind::Reply => !grows,
        Kind::Established | Kind::ToHost | Kind::FromElsewhere => !grows && (!grants || wall == most_grants()),
    }
}

fn with(name: &str, count: u32, what: &str) -> String {
    format!("{name}, {count} {what}")
}

fn recipe(name: &str, variant: &'static str, exceptions: u32) -> Wall {
    let (four, six) = (recipe::four(exceptions, true), recipe::six(exceptions, true));
    Wall { name: name.to_owned(), rules: Rules::Iptables { variant, four, six } }
}

/// What dockwall is told. The networks are denied besides what is by default; a tenth as many of IPv6.
fn configuration(mode: &str, grants: u32, networks: u32) -> String {
    let mut text = format!("mode = \"{mode}\"\n\n[dns]\nallow = \"none\"\n\n[deny]\nranges = [\n  \"internal\",\n");
    for four in networks4(networks) {
        let _ = writeln!(text, "  \"{four}/30\",");
    }
    for index in 0..networks / 10 {
        let _ = writeln!(text, "  \"{}/64\",", network6(index));
    }
    text.push_str("]\n");
    // Half of them for each family; where there are fewer than addresses that packets go to, of whole networks.
    let wide = grants / 2 < ADDRESSES;
    let (prefix4, prefix6) = if wide { (24, 112) } else { (32, 128) };
    for index in 0..grants / 2 {
        let spread = if wide { index * ADDRESSES } else { index };
        let (four, six) = (network_of(granted4(spread), prefix4), network6_of(granted6(spread), prefix6));
        let _ = writeln!(text, "\n[[grant]]\nname = \"four-{index}\"\nto = \"{four}/{prefix4}\"");
        let _ = writeln!(text, "\n[[grant]]\nname = \"six-{index}\"\nto = \"{six}/{prefix6}\"");
    }
    text
}

fn network_of(address: Ipv4Addr, prefix: u32) -> Ipv4Addr {
    Ipv4Addr::from(u32::from(address) & u32::MAX << (32 - prefix))
}

fn network6_of(address: Ipv6Addr, prefix: u32) -> Ipv6Addr {
    let hidden = 128 - prefix;
    Ipv6Addr::from(if hidden == 0 { u128::from(address) } else { u128::from(address) >> hidden << hidden })
}

/// Public networks all over the place, as lists of bad addresses have them, around those that packets go to.
fn networks4(count: u32) -> impl Iterator<Item = Ipv4Addr> {
    let taken: HashSet<u32> = (0..ADDRESSES).map(|index| u32::from(public4(index)) & !3).collect();
    let step = (0xde00_0000 / count.max(1)) & !3;
    let all = (0..count).map(move |index| 0x0100_0000 + index * step);
    all.filter(move |network| !taken.contains(network) && is_public((*network).into())).map(Ipv4Addr::from)
}

fn network6(index: u32) -> Ipv6Addr {
    Ipv6Addr::new(0x2400 + (index % 0x0800) as u16, (index >> 11) as u16, 0xdead, 0, 0, 0, 0, 0)
}
