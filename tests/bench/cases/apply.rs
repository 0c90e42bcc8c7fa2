//! Policies where there were none.

use super::{HUGE, LARGE, Sizes, fewer, short};
use crate::arena::{Arena, Begin};
use crate::case::{Bars, Case, Leaves, loads, words};
use crate::comparison::Comparison;
use crate::input::{self, Kind};

/// Measures them.
pub fn measure(arena: &Arena, sizes: &Sizes, take: &mut dyn FnMut(Vec<Comparison>)) -> anyhow::Result<()> {
    let runs = sizes.runs;
    let default = arena.write("default.toml", "")?;
    let bars = Bars { time: Some(0.5), shows_memory: true, ..Bars::default() };
    take(Case { bars, ..Case::first_apply(arena, "default policy", &default)? }.measure(arena, runs)?);
    for rival in ["iptables-nft-restore", "iptables-legacy-restore"] {
        let theirs = loads(rival, arena.write("recipe.iptables", &input::iptables())?);
        let case = Case { rival, theirs, same_ruleset: false, ..Case::first_apply(arena, "default policy", &default)? };
        take(case.measure(arena, runs)?);
        arena.netns.enter(|| words(&format!("{} -F", rival.trim_end_matches("-restore"))).run())?;
    }
    for &count in &sizes.networks {
        let configuration = arena.write("networks.toml", &input::configuration(count))?;
        let (time, memory) = match count {
            LARGE => (Some(0.55), Some(0.25)),
            HUGE => (Some(0.6), Some(0.1)),
            _ => (None, None),
        };
        let bars = Bars { time, memory, shows_memory: true, ..Bars::default() };
        let case = Case { bars, ..Case::first_apply(arena, &format!("{} networks", short(count)), &configuration)? };
        take(case.measure(arena, fewer(runs, count))?);
        let same = Case {
            what: format!("{} networks, applied again", short(count)),
            rival: "first apply",
            begin: Begin::Applied(&configuration),
            their_begin: Some(Begin::Empty),
            ours: arena.dockwall(&configuration, &["apply"]),
            theirs: arena.dockwall(&configuration, &["apply"]),
            same_ruleset: false,
            leaves: Leaves::Nothing,
            bars: Bars { time: (count == LARGE).then_some(0.1), ..Bars::default() },
        };
        take(same.measure(arena, fewer(runs, count).min(7))?);
    }
    for &count in &sizes.grants {
        for kind in Kind::ALL {
            let configuration = arena.write("grants.toml", &input::grants(kind, count))?;
            let policy = format!("{} grants of {}", short(count), kind.name());
            let bars = Bars { shows_memory: true, ..Bars::default() };
            let case = Case { bars, ..Case::first_apply(arena, &policy, &configuration)? };
            take(case.measure(arena, fewer(runs, count))?);
        }
    }
    Ok(())
}
