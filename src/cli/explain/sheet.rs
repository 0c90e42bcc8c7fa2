//! An explanation for people.

use super::Basis;
use super::phrases::{Line, lines};
use super::story::{Course, Explained, Story};
use crate::cli::context::Context;
use crate::cli::{page, paint};
use crate::config::Mode;
use crate::observe::explain::{Miss, Other, arguments};
use crate::ruleset::Hook;
use crate::ruleset::explain::{Fate, Outcome};

/// Prints them one after the other.
pub fn print(stories: &[Story], basis: &Basis, context: &Context) {
    for (index, story) in stories.iter().enumerate() {
        if index > 0 {
            anstream::println!();
        }
        match &story.course {
            Course::Missed(missed) => {
                anstream::println!("{}   {} → {}", paint::notable("not seen"), story.source, story.destination);
                page::columns([["  why".to_owned(), missed.to_string()]]);
            }
            Course::Met(explained) => print_met(story, explained, basis, context),
        }
    }
}

fn print_met(story: &Story, explained: &Explained, basis: &Basis, context: &Context) {
    let way = match (&explained.met.packet.outgoing, explained.met.packet.hook == Hook::FORWARD) {
        (Some(link), _) => format!(" via {}", link.name),
        (None, true) => String::new(),
        (None, false) => ", to the host itself".to_owned(),
    };
    anstream::println!("{}   {} → {}{way}", headline(explained), story.source, story.destination);
    let mut lines: Vec<[String; 3]> = lines(explained, basis).into_iter().map(row).collect();
    let mut rest = rest(explained, basis);
    // Apart, so that no long text pushes the places out of sight; and aligned all the same.
    let names = lines.iter().map(|[name, ..]| name).chain(rest.iter().map(|[name, _]| name));
    let width = names.map(|name| name.chars().count()).max().unwrap_or_default();
    lines.iter_mut().for_each(|[name, ..]| *name = format!("{name:width$}"));
    rest.iter_mut().for_each(|[name, _]| *name = format!("{name:width$}"));
    page::columns(lines);
    page::columns(rest);
    print_remedy(explained, context);
    if context.verbose {
        print_rules(explained);
    }
}

fn row(line: Line) -> [String; 3] {
    [format!("  {}", line.name), line.text, paint_place(&line.place)]
}

fn paint_place(place: &str) -> String {
    if place.is_empty() { String::new() } else { paint::faint(place) }
}

fn headline(explained: &Explained) -> String {
    let audited = explained.trace.fate == Fate::Passes && explained.enforce.is_some_and(|fate| fate != Fate::Passes);
    match explained.trace.fate {
        Fate::Passes if explained.docker.is_some() => paint::notable("passes the wall, and Docker drops it"),
        Fate::Passes if audited => paint::notable("passes, and would be dropped in enforce"),
        Fate::Passes => paint::good("passes"),
        Fate::Dropped => paint::bad("dropped"),
        Fate::Rejected(_) => paint::bad("rejected"),
        Fate::Unknown => paint::notable("unknown"),
    }
}

/// A fate in a word.
pub fn word(fate: Fate) -> &'static str {
    match fate {
        Fate::Passes => "passes",
        Fate::Dropped => "dropped",
        Fate::Rejected(_) => "rejected",
        Fate::Unknown => "unknown",
    }
}

/// What is to be said besides the rules.
fn rest(explained: &Explained, basis: &Basis) -> Vec<[String; 2]> {
    let mut rows = Vec::new();
    let mut say = |name: &str, text: String| rows.push([format!("  {name}"), text]);
    if let (Some(audit), Some(enforce)) = (explained.audit, explained.enforce) {
        let mode = basis.policy.as_ref().map(|policy| policy.mode);
        let by = if basis.live { "in force" } else { "configured" };
        let here = |other: Mode| if mode == Some(other) { format!(" ({by})") } else { String::new() };
        let (audited, enforced) = (here(Mode::Audit), here(Mode::Enforce));
        say("verdict", format!("{} in audit{audited} · {} in enforce{enforced}", word(audit), word(enforce)));
    }
    let fate = explained.trace.fate;
    match explained.in_force {
        Some(None) if fate != Fate::Passes => {
            say("in force", paint::notable("no wall: it passes until `dockwall apply`"));
        }
        Some(Some(now)) if now != fate => {
            let now = paint::notable(format!("{} now", word(now)));
            say("in force", format!("{now}: `dockwall apply` brings what is explained here"));
        }
        Some(_) | None => {}
    }
    if !basis.in_step {
        say("places", paint::faint("not told: the configuration says something else than what is in force"));
    }
    if explained.asked.service.is_none() {
        say(
            "asked for",
            "TCP to a port that no grant names; :PORT/PROTO behind the destination asks for one".to_owned(),
        );
    }
    for obstacle in &explained.met.obstacles {
        say("but", paint::notable(obstacle));
    }
    if let Some(docker) = &explained.docker {
        say("Docker", docker.to_string());
    }
    match &explained.others {
        None => say("who else", paint::faint("other tables: not looked at, needs CAP_NET_ADMIN")),
        Some(others) => {
            let word = |other: &Other| if other.drops { paint::notable(other) } else { other.to_string() };
            for (index, other) in others.iter().enumerate() {
                say(if index == 0 { "who else" } else { "" }, word(other));
            }
        }
    }
    rows
}

/// The command that lets it pass, on a line of its own, which no terminal's width breaks.
fn print_remedy(explained: &Explained, context: &Context) {
    let is_denied = explained.enforce.is_some_and(|fate| fate != Fate::Passes);
    match &explained.remedy {
        Some(grant) => {
            anstream::println!("   to allow it:");
            anstream::println!("     dockwall grant{} {}", context.configuration_option(), arguments(grant));
        }
        None if is_denied => anstream::println!("   no grant would allow it"),
        None => {}
    }
}

/// Every rule that looked at the packet, as nft writes it.
fn print_rules(explained: &Explained) {
    let mut chain = None;
    for look in &explained.trace.looks {
        if chain != Some(&look.chain.name) {
            anstream::println!("  chain {}", look.chain.name);
            chain = Some(&look.chain.name);
        }
        let (sign, paint): (&str, fn(&crate::ruleset::Rule) -> String) = match look.outcome {
            Outcome::Failed(_) => ("·", |rule| paint::faint(rule)),
            Outcome::Unknown(_) => ("?", |rule| paint::notable(rule)),
            Outcome::Passed | Outcome::Decided(_) | Outcome::Rejected(_) => ("✓", |rule| rule.to_string()),
        };
        let found: Vec<String> =
            look.found.iter().map(|found| format!("  # {} has {}", found.set, found.element)).collect();
        anstream::println!("    {sign} {:>2}  {}{}", look.number, paint(look.rule), paint::faint(found.concat()));
    }
}

/// What keeps the nearest grant from being for the packet.
pub fn differences(misses: &[Miss]) -> String {
    misses.iter().map(|miss| miss.words()).collect::<Vec<_>>().join(", ")
}
