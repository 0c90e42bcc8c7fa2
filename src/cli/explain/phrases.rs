//! A packet's way through the chains in the words of people, a line for each chain.

use super::Basis;
use super::sheet::differences;
use super::story::Explained;
use crate::cli::page::counted;
use crate::policy::Policy;
use crate::ruleset::explain::{Flow, Look, Outcome, Subject};
use crate::ruleset::{Reject, Verdict, chains};

/// What a chain did, and where it comes from.
pub struct Line {
    /// The chain.
    pub name: String,
    /// What it found.
    pub text: String,
    /// File and line in the configuration, where one is to be named.
    pub place: String,
}

impl Line {
    fn new(name: impl Into<String>, text: impl Into<String>, place: impl Into<String>) -> Self {
        Self { name: name.into(), text: text.into(), place: place.into() }
    }
}

/// The lines of one packet.
pub fn lines(explained: &Explained, basis: &Basis) -> Vec<Line> {
    let mut lines = Vec::new();
    if let Some((container, port)) = &explained.met.published {
        lines.push(Line::new("published", format!("Docker sends it on to {container}, port {port}"), ""));
    }
    // What comes into the log decides nothing, and stands with the chain that it comes from.
    let looks: Vec<&Look> = explained.trace.looks.iter().filter(|look| look.chain.name != chains::LOG).collect();
    let mut rest = looks.as_slice();
    while let Some(first) = rest.first() {
        let len = rest.iter().take_while(|look| look.chain.name == first.chain.name).count();
        let (visit, others) = rest.split_at(len);
        rest = others;
        // Behind what came back from another chain there is most often nothing more to say.
        lines.extend(of_visit(visit, explained, basis));
    }
    lines
}

/// What one visit of a chain comes to.
fn of_visit(visit: &[&Look], explained: &Explained, basis: &Basis) -> Vec<Line> {
    let name = visit.first().map(|look| look.chain.name.clone()).unwrap_or_default();
    let mut phrases: Vec<String> = Vec::new();
    let mut place = String::new();
    let mut more = Vec::new();
    let asks = |subject| visit.iter().filter(move |look| Subject::of(look.rule) == subject);
    let matched = |subject| asks(subject).find(|look| look.matched());
    let packet = &explained.met.packet;

    let is_base = visit.first().is_some_and(|look| look.chain.base.is_some());
    match matched(Subject::Destination) {
        Some(look) => {
            let element =
                look.found.last().map(|found| format!("{} ({})", found.set, found.element)).unwrap_or_default();
            let mut causes = explained.causes.iter();
            let cause = causes.next();
            phrases.push(match cause {
                Some(cause) => format!("{} is in the denied {cause}", packet.destination),
                None => format!("{} is in {element}", packet.destination),
            });
            place = cause.and_then(|cause| Some(basis.config.files.place(cause.origin()?))).unwrap_or_default();
            more.extend(causes.map(|cause| {
                let place = cause.origin().map(|origin| basis.config.files.place(origin)).unwrap_or_default();
                Line::new("", format!("and in {cause}"), place)
            }));
        }
        // The other family's rule is met behind the jump as well, and says nothing.
        None if is_base && asks(Subject::Destination).count() > 1 => {
            phrases.push(format!("{} is in no denied range", packet.destination));
        }
        None => {}
    }
    match (matched(Subject::Incoming), asks(Subject::Incoming).next()) {
        (Some(_), _) => phrases.push(format!("came in on {}: policed", packet.incoming.name)),
        (None, Some(_)) if !came_back(visit) => {
            phrases.push(format!("came in on {}: not policed", packet.incoming.name))
        }
        _ => {}
    }
    match (matched(Subject::Reply), asks(Subject::Reply).next()) {
        (Some(_), _) => phrases.push("answers a flow that the other end opened".to_owned()),
        (None, Some(_)) => phrases.push("not a reply".to_owned()),
        _ => {}
    }
    phrases.extend(of_outgoing(visit, explained));
    match (matched(Subject::Translation), asks(Subject::Translation).next()) {
        (Some(_), _) => phrases.push(match packet.flow {
            Flow::Tracked(flow) => format!("addressed to a published port, {}", endpoint(flow.destination, flow.port)),
            Flow::Invalid | Flow::Untracked => "addressed to a published port".to_owned(),
        }),
        (None, Some(_)) => phrases.push("not addressed to a port of the host: nothing to say".to_owned()),
        _ => {}
    }
    if matched(Subject::Link).is_some() {
        phrases.push("a message that IPv6 needs on its link".to_owned());
    }
    let decides_here = matched(Subject::Grant).is_some();
    if !decides_here && matched(Subject::Source).is_some() {
        phrases.push(format!("its source is not one of {}: forged, and no grant for others", packet.incoming.name));
    } else if !decides_here
        && (name == chains::DENY || name == chains::HOST || name == chains::PUBLISHED)
        && goes_on(visit)
    {
        phrases.push(no_grant(explained));
        if let Some(near) = &explained.nearest {
            more.push(grant_line("nearest: ", &near.name, &format!(": {}", differences(&near.misses)), basis));
        }
    }
    if decides_here {
        match explained.granted_by.split_first() {
            Some((first, others)) => {
                let line = grant_line("granted by ", first, "", basis);
                phrases.push(line.text);
                place = line.place;
                more.extend(others.iter().map(|name| grant_line("and by ", name, "", basis)));
            }
            None => phrases.push("granted".to_owned()),
        }
    }
    if matched(Subject::Everybody).is_some() {
        phrases.push("for everybody on the link: not logged".to_owned());
    }
    if matched(Subject::Invalid).is_some() {
        phrases.push("belongs to no flow: not logged".to_owned());
    }
    if matched(Subject::Meter).is_some() {
        phrases.push(remembered(explained, basis.policy.as_ref(), &name));
    }
    phrases.extend(visit.iter().find_map(|look| verdict(look, &name)));
    phrases.extend(
        visit
            .iter()
            .filter(|look| matches!(look.outcome, Outcome::Unknown(_)))
            .map(|look| format!("not understood: {}", look.rule)),
    );
    if phrases.is_empty() && more.is_empty() {
        return Vec::new();
    }
    std::iter::once(Line::new(name, phrases.join(" · "), place)).chain(more).collect()
}

/// Whether the visit begins behind another chain.
fn came_back(visit: &[&Look]) -> bool {
    visit.first().is_some_and(|look| look.number > 1)
}

/// Whether nothing let the packet go before the grants, or without any.
fn goes_on(visit: &[&Look]) -> bool {
    !visit.iter().any(|look| {
        look.matched()
            && (matches!(Subject::of(look.rule), Subject::Reply | Subject::Link)
                || (Subject::of(look.rule) == Subject::Outgoing && !leads_to_drop(look)))
    })
}

fn leads_to_drop(look: &Look) -> bool {
    look.rule.references().any(|chain| chain == chains::DROP)
}

/// Rules that ask for the outgoing interface: of containers, or of the uplinks that are policed.
fn of_outgoing(visit: &[&Look], explained: &Explained) -> Option<String> {
    let name = explained.met.packet.outgoing.as_ref().map_or("no interface", |link| link.name.as_str());
    let asks = || visit.iter().filter(|look| Subject::of(look.rule) == Subject::Outgoing);
    let uplinks = || asks().filter(|look| leads_to_drop(look));
    let matched = asks().find(|look| look.matched());
    match matched {
        Some(look) if leads_to_drop(look) => Some(format!("leaves by {name}, a policed uplink")),
        Some(_) => Some(format!("goes to containers on {name}: Docker's own isolation decides")),
        None if uplinks().next().is_some() => {
            Some(format!("leaves by {name}: not between containers, and no policed uplink"))
        }
        None => asks().next().map(|_| "not between containers".to_owned()),
    }
}

fn no_grant(explained: &Explained) -> String {
    match explained.grants {
        0 => "there is no grant".to_owned(),
        1 => "the one grant is not for it".to_owned(),
        number => format!("none of {} is for it", counted(number, "grant", "grants")),
    }
}

/// A grant with what it opens and where it is written; for a resolver where that is.
fn grant_line(before: &str, name: &str, after: &str, basis: &Basis) -> Line {
    if let Some(grant) = basis.grant(name) {
        let from = grant.from.as_ref().map(|from| format!(", from {from}")).unwrap_or_default();
        let text = format!("{before}\"{name}\" (to {}{from}){after}", grant.to_text());
        return Line::new("", text, basis.config.files.place(grant.origin));
    }
    let resolver = name.strip_prefix("dns ").and_then(|address| address.parse::<std::net::IpAddr>().ok());
    let known = resolver.and_then(|address| basis.host.resolvers.iter().find(|resolver| resolver.address == address));
    match (resolver, known) {
        (Some(address), Some(known)) => {
            Line::new("", format!("{before}dns.allow: {address} is a resolver{after}"), known.origin.to_string())
        }
        (Some(address), None) => Line::new("", format!("{before}dns.allow: {address} is a resolver{after}"), ""),
        (None, _) => Line::new("", format!("{before}\"{name}\"{after}"), ""),
    }
}

fn remembered(explained: &Explained, policy: Option<&Policy>, chain: &str) -> String {
    let logged = match policy.map(|policy| &policy.log) {
        Some(log) if log.enabled => format!("logged ({} a flow, to {})", log.rate, log.target),
        Some(_) => "not logged".to_owned(),
        None => "logged".to_owned(),
    };
    match explained.met.packet.flow {
        Flow::Tracked(flow) if chain == chains::PUBLISHED => {
            format!("remembered as to {}, {logged}", endpoint(flow.destination, flow.port))
        }
        _ => format!("remembered, {logged}"),
    }
}

fn endpoint(address: std::net::IpAddr, port: u16) -> std::net::SocketAddr {
    std::net::SocketAddr::new(address, port)
}

/// What a rule decides in the end.
fn verdict(look: &Look, chain: &str) -> Option<String> {
    match look.outcome {
        Outcome::Rejected(Reject::TcpReset) => Some("rejected with a reset".to_owned()),
        Outcome::Rejected(Reject::Icmp(_) | Reject::Icmpx(_)) => {
            Some("rejected: administratively prohibited".to_owned())
        }
        Outcome::Decided(Verdict::Drop) => Some("dropped".to_owned()),
        Outcome::Decided(Verdict::Accept) => Some("accepted".to_owned()),
        Outcome::Decided(Verdict::Return) if chain == chains::DROP || Subject::of(look.rule) == Subject::Verdict => {
            Some("audit: passes, and would be dropped".to_owned())
        }
        Outcome::Decided(Verdict::Return | Verdict::Jump(_) | Verdict::Goto(_) | Verdict::Other(_))
        | Outcome::Passed
        | Outcome::Failed(_)
        | Outcome::Unknown(_) => None,
    }
}
