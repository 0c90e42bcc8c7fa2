//! What is asked of a large policy: each command beside what `nft` does to list the table.

use super::{LARGE, Sizes, short};
use crate::arena::{Arena, Begin};
use crate::case::{Bars, Case, Leaves, words};
use crate::comparison::Comparison;
use crate::input;
use crate::round::Round;

/// What leaves all as it is.
const COMMANDS: [&str; 9] =
    ["plan", "check", "render", "history", "denied", "metrics", "apply", "explain 172.17.0.2 10.0.0.1", "status"];

/// Measures them.
pub fn measure(arena: &Arena, sizes: &Sizes, take: &mut dyn FnMut(Vec<Comparison>)) -> anyhow::Result<()> {
    let default = arena.write("default.toml", "")?;
    let flows = arena.write("flows.nft", &input::denied_flows())?;
    for command in ["denied", "denied --json", "suggest"] {
        let case = Case {
            what: format!("65535 flows, {command}"),
            rival: "nft -j list set",
            begin: Begin::Denied(&default, &flows),
            ours: arena.dockwall(&default, &command.split(' ').collect::<Vec<_>>()),
            theirs: words("nft -j list set inet dockwall denied4"),
            same_ruleset: false,
            leaves: Leaves::Nothing,
            bars: Bars { time: Some(0.3), memory_limit: Some(50.0), ..Bars::default() },
            ..Case::first_apply(arena, "default policy", &default)?
        };
        take(case.measure(arena, sizes.runs)?);
    }
    for &count in sizes.networks.iter().filter(|count| **count >= LARGE) {
        let text = format!("mode = \"enforce\"\n{}", input::configuration(count));
        let configuration = arena.write("networks.toml", &text)?;
        let commands = COMMANDS.map(|command| {
            let program = arena.dockwall(&configuration, &command.split(' ').collect::<Vec<_>>());
            (format!("{} networks, {command}", short(count)), program)
        });
        let begin = Begin::Applied(&configuration);
        let (rival, theirs) = ("nft list tables", words("nft list tables"));
        take(Round { begin, commands: commands.into(), rival, theirs }.measure(arena, sizes.runs.min(7))?);
    }
    Ok(())
}
