//! What is there already, but for a little.

use std::path::{Path, PathBuf};

use super::{LARGE, Sizes, fewer, short};
use crate::arena::{Arena, Begin};
use crate::case::{Bars, Case, Leaves, loads, words};
use crate::comparison::Comparison;
use crate::input::{self, Kind};

/// Measures it on the default policy, and on each size.
pub fn measure(arena: &Arena, sizes: &Sizes, take: &mut dyn FnMut(Vec<Comparison>)) -> anyhow::Result<()> {
    // One grant, so that the set is there to which nft adds an element.
    let mut policies = vec![("10 networks".to_owned(), 10, input::with_grant(&input::configuration(10)))];
    for &count in sizes.networks.iter().filter(|count| **count <= LARGE) {
        policies.push((format!("{} networks", short(count)), count, input::with_grant(&input::configuration(count))));
    }
    for &count in &sizes.grants {
        policies.push((format!("{} grants", short(count)), count, input::grants(Kind::Address, count)));
    }
    for (policy, count, text) in policies {
        let configuration = arena.write("change.toml", &text)?;
        let runs = fewer(sizes.runs, count);
        take(one_grant(arena, &policy, &configuration, count)?.measure(arena, runs)?);
        take(mode(arena, &policy, &configuration)?.measure(arena, runs)?);
        take(rollback(arena, &policy, &configuration)?.measure(arena, runs)?);
    }
    Ok(())
}

fn one_grant<'a>(arena: &Arena, policy: &str, configuration: &'a Path, count: u32) -> anyhow::Result<Case<'a>> {
    let element = "{ 10.255.255.254 }";
    let nft = |verb: &str| words_of(&["nft", verb, "element", "inet", "dockwall", "grant4", element]);
    Ok(Case {
        what: format!("{policy}, one grant more"),
        rival: "nft add element",
        begin: Begin::Applied(configuration),
        their_begin: None,
        ours: arena.dockwall(configuration, &["grant", "10.255.255.254", "--name", "bench"]),
        theirs: nft("add"),
        same_ruleset: false,
        leaves: Leaves::Undone([arena.dockwall(configuration, &["revoke", "bench"]), nft("delete")]),
        bars: Bars { time: (count == LARGE).then_some(0.5), shows_memory: true, ..Bars::default() },
    })
}

/// From audit to enforce, where only what differs is sent.
fn mode<'a>(arena: &Arena, policy: &str, configuration: &'a Path) -> anyhow::Result<Case<'a>> {
    let begin = Begin::Applied(configuration);
    let audited = arena.render(Begin::Empty, configuration, &["--mode", "audit"])?;
    let enforced = arena.render(begin, configuration, &["--mode", "enforce"])?;
    Ok(Case {
        what: format!("{policy}, audit to enforce"),
        begin,
        ours: arena.dockwall(configuration, &["apply", "--mode", "enforce"]),
        theirs: loads("nft -f", arena.write("mode.nft", &input::change(&audited, &enforced))?),
        ..Case::first_apply(arena, policy, configuration)?
    })
}

/// Back from that. For nft it is the same again.
fn rollback<'a>(arena: &Arena, policy: &str, configuration: &'a Path) -> anyhow::Result<Case<'a>> {
    let there = arena.dockwall(configuration, &["apply", "--mode", "enforce"]);
    let case = mode(arena, policy, configuration)?;
    arena.begin(Begin::Applied(configuration))?;
    Ok(Case {
        what: format!("{policy}, rollback between two modes"),
        begin: Begin::Enforced(configuration),
        their_begin: Some(Begin::Applied(configuration)),
        ours: arena.dockwall(configuration, &["rollback"]),
        same_ruleset: false,
        leaves: Leaves::Undone([there, words("true")]),
        ..case
    })
}

fn words_of(words: &[&str]) -> crate::program::Program {
    crate::program::Program::new(words.iter().map(PathBuf::from))
}
