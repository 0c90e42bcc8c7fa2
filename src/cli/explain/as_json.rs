//! An explanation for programs.

use serde_json::{Value, json};

use super::Basis;
use super::sheet::{differences, word};
use super::story::{Course, Explained, Story};
use crate::observe::explain::{Cause, arguments};
use crate::ruleset::explain::{Look, Outcome};

/// All of them.
pub fn as_json(stories: &[Story], basis: &Basis) -> Value {
    let each: Vec<Value> = stories.iter().map(|story| one(story, basis)).collect();
    json!({ "explanations": each })
}

fn one(story: &Story, basis: &Basis) -> Value {
    let missed = match &story.course {
        Course::Missed(missed) => Some(missed.to_string()),
        Course::Met(_) => None,
    };
    let met = match &story.course {
        Course::Met(explained) => Some(explained),
        Course::Missed(_) => None,
    };
    let packet = met.map(|explained| &explained.met.packet);
    let place = |name: &str| basis.grant(name).map(|grant| basis.config.files.place(grant.origin));
    json!({
        "source": story.source,
        "destination": story.destination,
        "service": met.and_then(|explained| explained.asked.service).map(|service| service.to_string()),
        "explains": basis.of,
        "hook": packet.map(|packet| packet.hook.to_string()),
        "incoming": packet.map(|packet| &packet.incoming.name),
        "outgoing": packet.and_then(|packet| packet.outgoing.as_ref()).map(|link| &link.name),
        "published": met.and_then(|explained| explained.met.published.as_ref()).map(|(container, port)| {
            json!({ "container": container.to_string(), "address": container.address, "port": port })
        }),
        "verdict": met.map_or("not-seen", |explained| word(explained.trace.fate)),
        "audit": met.and_then(|explained| explained.audit).map(word),
        "enforce": met.and_then(|explained| explained.enforce).map(word),
        "missed": missed,
        "rules": met.map(|explained| explained.trace.looks.iter().map(look).collect::<Vec<_>>()),
        "denied_by": met.map(|explained| explained.causes.iter().map(|cause| denied_by(cause, basis)).collect::<Vec<_>>()),
        "granted_by": met.map(|explained| {
            let each = explained.granted_by.iter().map(|name| json!({ "name": name, "place": place(name) }));
            each.collect::<Vec<_>>()
        }),
        "nearest": met.and_then(|explained| explained.nearest.as_ref()).map(|near| {
            json!({ "name": near.name, "place": place(&near.name), "differs": differences(&near.misses) })
        }),
        "others": met.and_then(|explained| explained.others.as_ref()),
        "docker": met.and_then(|explained| explained.docker.as_ref()).map(ToString::to_string),
        "obstacles": met.map(|explained| &explained.met.obstacles),
        "in_force": met.and_then(|explained| in_force(explained)),
        "remedy": met.and_then(|explained| explained.remedy.as_ref()).map(|grant| format!("dockwall grant {}", arguments(grant))),
    })
}

/// Null where it was not looked at, or is what is explained.
fn in_force(explained: &Explained) -> Option<&'static str> {
    explained.in_force.map(|fate| fate.map_or("no-wall", word))
}

fn denied_by(cause: &Cause, basis: &Basis) -> Value {
    json!({ "text": cause.to_string(), "place": cause.origin().map(|origin| basis.config.files.place(origin)) })
}

fn look(look: &Look) -> Value {
    let verdict = match look.outcome {
        Outcome::Decided(verdict) => Some(verdict.to_string()),
        Outcome::Rejected(reject) => Some(reject.to_string()),
        Outcome::Passed | Outcome::Failed(_) | Outcome::Unknown(_) => None,
    };
    let found =
        look.found.iter().map(|found| json!({ "set": found.set, "element": found.element, "until": found.until }));
    json!({
        "chain": look.chain.name,
        "number": look.number,
        "rule": look.rule.to_string(),
        "matched": look.matched(),
        "found": found.collect::<Vec<_>>(),
        "verdict": verdict,
    })
}
