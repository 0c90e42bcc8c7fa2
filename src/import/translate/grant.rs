//! Exceptions: what passes before something denies it.

use super::deny::Denied;
use crate::config::{Destination, Ports, Protocol, suggest_grant_name};
use crate::import::flat::{Action, Flat, List};
use crate::import::model::{State, Target as Verdict};
use crate::import::names::{Names, is_container, is_uplink};
use crate::import::plan::{Grant, Plan};
use crate::import::report::{Report, Status};
use crate::import::space::Space;
use crate::import::span::{Family, Span, covers, intersect, subtract};

/// What is open.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Services {
    /// Ports.
    pub ports: Vec<Ports>,
    /// Protocols without ports, a grant each; empty beside `ports`, and where it is everything.
    pub protocols: Vec<Protocol>,
}

/// Carries over what the lists let pass.
pub fn translate(lists: &[List<'_>; 2], denied: &[Denied<'_>], plan: &mut Plan, report: &mut Report) {
    for (family, list) in Family::BOTH.into_iter().zip(lists) {
        let denied: Vec<&Denied<'_>> = denied.iter().filter(|denied| denied.family == family).collect();
        let mut done: Vec<usize> = Vec::new();
        for (index, flat) in list.flats.iter().enumerate() {
            let is_pass = matches!(flat.action, Action::Pass(_));
            if !is_pass || done.contains(&index) {
                continue;
            }
            let group: Vec<usize> = same(list, index);
            done.extend(&group);
            exception(list, &group, flat, &denied, plan, report);
        }
    }
}

/// The other ways to the same rule that let the same pass by other interfaces.
fn same(list: &List<'_>, index: usize) -> Vec<usize> {
    let Some(this) = list.flats.get(index) else { return Vec::new() };
    let is_same = |flat: &Flat<'_>| {
        let whatever = |space: &Space| Space { incoming: Names::Any, outgoing: Names::Any, ..space.clone() };
        matches!(flat.action, Action::Pass(_))
            && flat.rule().zip(this.rule()).is_some_and(|(one, other)| std::ptr::eq(one, other))
            && whatever(&flat.space) == whatever(&this.space)
    };
    list.flats.iter().enumerate().filter(|(_, flat)| is_same(flat)).map(|(index, _)| index).collect()
}

fn exception(
    list: &List<'_>,
    group: &[usize],
    flat: &Flat<'_>,
    denied: &[&Denied<'_>],
    plan: &mut Plan,
    report: &mut Report,
) {
    let (space, line) = (&flat.space, flat.line());
    if let Some(first) = taken_before(list, group) {
        report.say(line, Status::Implied, format!("line {first} lets it go before, and nothing of it comes here"));
        return;
    }
    let Opened { open, excepts, before, elsewhere } = opened(list, group, flat, denied);
    let is_goto = flat.rule().is_some_and(|rule| matches!(rule.target, Verdict::Goto(_)));
    if excepts.is_empty() {
        if is_goto {
            return;
        }
        // The bypass of an audit: it returns what was logged.
        let audits = plan.mode == crate::config::Mode::Audit
            && before.is_some()
            && flat.path.len() > 1
            && flat.rule().is_some_and(|rule| rule.matches.is_empty());
        match before {
            Some(_) if audits => report.say(line, Status::Carried, "mode = \"audit\""),
            Some(first) if !space.is_to_everywhere() => report.say_with(
                line,
                Status::NotCarried,
                format!("it has no effect there either: line {first} denies it first"),
                "write a [[grant]] if it is to be open: in dockwall the order decides nothing",
            ),
            _ => report.say(line, Status::Implied, "nothing behind it denies what it lets pass"),
        }
        return;
    }
    let deviate = |report: &mut Report| {
        let members = group.iter().filter_map(|index| list.flats.get(*index));
        members.for_each(|member| report.deviate(line, member.space.clone()));
    };
    if let Some((status, said, cure)) = holds_already(space, plan) {
        if status != Status::Implied {
            deviate(report);
        }
        match cure {
            Some(cure) => report.say_with(line, status, said, cure),
            None => report.say(line, status, said),
        }
        return;
    }
    let services = match services(space) {
        Ok(services) => services,
        Err((said, cure)) => {
            deviate(report);
            report.say_with(line, Status::NotCarried, said, cure);
            return;
        }
    };
    // By one of the interfaces it may be denied first, and by another not.
    if !covers(&open, &space.destination) || space.states != State::ALL {
        let whole = |member: &Flat<'_>| Space { states: State::ALL, reply: None, ..member.space.clone() };
        let members = group.iter().filter_map(|index| list.flats.get(*index));
        members.for_each(|member| report.deviate(line, whole(member)));
    }
    if open.is_empty() {
        let (said, cure) = match elsewhere {
            Some(other) => (
                format!(
                    "it is for {} alone, and line {other} denies the same from others; a grant is for every container",
                    interfaces(list, group)
                ),
                "write the [[grant]] with `from = \"network:NAME\"`, the Docker network of that bridge".to_owned(),
            ),
            None => (
                "what it lets pass is denied before".to_owned(),
                "write a [[grant]] if it is to be open: in dockwall the order decides nothing".to_owned(),
            ),
        };
        report.say_with(line, Status::NotCarried, said, cure);
        return;
    }
    // What an earlier rule returns to the chain before may be denied there, and a grant opens it.
    if let Some(first) = returned_before(list, group) {
        deviate(report);
        report.say(line, Status::Changed, format!("what line {first} returns before it is granted as well"));
    }
    let comment = flat.path.iter().rev().find_map(|rule| rule.comment.as_deref());
    let names = add(plan, line, space.family, &open, &space.source, &services, comment);
    let less = if covers(&open, &space.destination) {
        String::new()
    } else {
        match before.or(elsewhere) {
            Some(first) => format!(", less what line {first} denies"),
            None => String::new(),
        }
    };
    let named = names.iter().map(|name| format!("grant {name}")).collect::<Vec<_>>().join(", ");
    for rule in &flat.path {
        let is_leaf = rule.line == line;
        match is_leaf {
            true if space.states != State::ALL => report.say(
                line,
                Status::Changed,
                format!("{named}{less}; every packet of a flow is looked at, whatever its state"),
            ),
            true => report.say(line, Status::Carried, format!("{named}{less}")),
            false if !report.is_said(rule.line) => {
                report.say(rule.line, Status::Carried, format!("the way to {named}"))
            }
            false => {}
        }
    }
}

/// The earlier rules that let pass what would come to the one at that index.
fn earlier<'l, 'r>(list: &'l List<'r>, index: usize) -> impl Iterator<Item = &'l Flat<'r>> {
    let passes = move |flat: &Flat<'_>| matches!(flat.action, Action::Pass(until) if index < until);
    list.flats.iter().take(index).filter(move |flat| passes(flat))
}

/// The line that lets all of it pass, so that no packet comes to any of the group.
fn taken_before(list: &List<'_>, group: &[usize]) -> Option<usize> {
    let mut first = None;
    for index in group {
        let space = &list.flats.get(*index)?.space;
        first = Some(earlier(list, *index).find(|flat| flat.space.covers(space))?.line());
    }
    first
}

/// A line that lets some of it pass.
fn returned_before(list: &List<'_>, group: &[usize]) -> Option<usize> {
    let members = group.iter().filter_map(|index| list.flats.get(*index).map(|flat| (*index, flat)));
    let mut met = members.filter_map(|(index, flat)| earlier(list, index).find(|other| other.space.meets(&flat.space)));
    met.next().map(Flat::line)
}

fn interfaces(list: &List<'_>, group: &[usize]) -> String {
    let names = group.iter().filter_map(|index| list.flats.get(*index)).map(|flat| flat.space.incoming.text());
    let mut names: Vec<String> = names.collect();
    names.dedup();
    names.join(", ")
}

/// How an exception stands to what is denied.
struct Opened {
    /// The destinations that it really opens, for every container.
    open: Vec<Span>,
    /// The lines that would deny them.
    excepts: Vec<usize>,
    /// A line that denies some of it first.
    before: Option<usize>,
    /// A line that denies some of it by other interfaces.
    elsewhere: Option<usize>,
}

fn opened(list: &List<'_>, group: &[usize], flat: &Flat<'_>, denied: &[&Denied<'_>]) -> Opened {
    let space = &flat.space;
    let mut opened = Opened { open: space.destination.clone(), excepts: Vec::new(), before: None, elsewhere: None };
    for other in denied {
        let hit = &other.flat.space;
        if intersect(&hit.destination, &space.destination).is_empty()
            || intersect(&hit.source, &space.source).is_empty()
        {
            continue;
        }
        let members = group.iter().filter_map(|index| list.flats.get(*index).map(|flat| (*index, flat)));
        let (mut is_excepted, mut is_partly, mut is_before) = (false, false, false);
        for (index, member) in members {
            let Action::Pass(until) = member.action else { continue };
            let meets = member.space.incoming.covers(&other.flat.space.incoming)
                && member.space.outgoing.covers(&other.flat.space.outgoing);
            let touches = member.space.incoming.and(&other.flat.space.incoming).is_some()
                && member.space.outgoing.and(&other.flat.space.outgoing).is_some();
            let comes_first = index < other.index && other.index < until;
            is_excepted |= meets && comes_first;
            is_partly |= touches && comes_first;
            is_before |= touches && other.index < index;
        }
        match is_excepted {
            true => opened.excepts.push(other.flat.line()),
            false => {
                opened.open = subtract(&opened.open, &hit.destination);
                let place = if is_before && !is_partly { &mut opened.before } else { &mut opened.elsewhere };
                place.get_or_insert(other.flat.line());
            }
        }
    }
    // Partly by interface, it excepts something as well.
    if opened.excepts.is_empty() && opened.elsewhere.is_some() {
        let touches = |other: &&&Denied<'_>| {
            group.iter().filter_map(|index| list.flats.get(*index).map(|flat| (*index, flat))).any(|(index, member)| {
                matches!(member.action, Action::Pass(until) if index < other.index && other.index < until)
                    && member.space.incoming.and(&other.flat.space.incoming).is_some()
                    && member.space.outgoing.and(&other.flat.space.outgoing).is_some()
                    && !intersect(&other.flat.space.destination, &member.space.destination).is_empty()
            })
        };
        opened.excepts.extend(denied.iter().find(touches).map(|other| other.flat.line()));
    }
    opened
}

/// What dockwall does anyway, or never.
fn holds_already(space: &Space, plan: &Plan) -> Option<(Status, String, Option<&'static str>)> {
    let implied = |said: &str| Some((Status::Implied, said.to_owned(), None));
    if space.reply == Some(true) {
        return implied("answers to flows that others opened are returned first");
    }
    if space.states & State::NEW == 0 {
        return Some((
            Status::Changed,
            "answers are returned first; what a container itself opened is looked at packet by packet, so that a grant that is taken \
             back ends it"
                .to_owned(),
            None,
        ));
    }
    match (&space.incoming, &space.outgoing) {
        (Names::These(patterns), _) if patterns.iter().all(is_uplink) => {
            implied("what comes from outside is never denied: only what containers send is")
        }
        (_, Names::These(patterns)) if patterns.iter().all(is_container) => {
            let policed =
                plan.interfaces.as_ref().is_none_or(|policed| Names::These(policed.clone()).covers(&space.outgoing));
            if !policed {
                let said = format!(
                    "{} is none of containers.interfaces, so what leaves by it is denied like the rest",
                    space.outgoing.text()
                );
                return Some((
                    Status::NotCarried,
                    said,
                    Some("add it to containers.interfaces: what goes from one container to another is returned"),
                ));
            }
            implied("between containers Docker's own isolation decides")
        }
        _ => None,
    }
}

/// What a grant can open of it.
pub fn services(space: &Space) -> Result<Services, (String, String)> {
    if let Some(other) = space.other.first() {
        return Err((format!("a grant has no condition like `{}`", other.text), other.cure.clone()));
    }
    if space.limit.is_some() {
        let cure = "grant it without a rate, or leave the rule to iptables";
        return Err(("it lets pass only below or above a rate; a grant has none".to_owned(), cure.to_owned()));
    }
    let Some(numbers) = &space.protocols else {
        return match &space.ports {
            None => Ok(Services::default()),
            Some(_) => Err(("it has ports and no protocol".to_owned(), "say tcp or udp".to_owned())),
        };
    };
    if numbers.len() > 64 {
        let cure = "write a [[grant]] for each protocol that is to be open";
        return Err(("a grant is for protocols that it names, not for all but some".to_owned(), cure.to_owned()));
    }
    let icmp = match space.family {
        Family::V4 => 1,
        Family::V6 => 58,
    };
    let mut services = Services::default();
    for number in numbers {
        let protocol = match *number {
            number if number == icmp => Protocol::Icmp,
            1 => continue,
            number => match Protocol::from_number(number) {
                Ok(protocol) => protocol,
                Err(_) => continue,
            },
        };
        match &space.ports {
            Some(ranges) if protocol.has_ports() => {
                let ports = ranges.iter().filter(|(_, last)| *last > 0);
                services.ports.extend(ports.map(|(first, last)| Ports {
                    protocol,
                    first: (*first).max(1),
                    last: *last,
                }));
            }
            Some(_) => {}
            None => services.protocols.push(protocol),
        }
    }
    if services.ports.is_empty() && services.protocols.is_empty() {
        let cure = "write a [[grant]] of what is to be open";
        return Err(("no packet of this family has that protocol".to_owned(), cure.to_owned()));
    }
    Ok(services)
}

/// Adds what opens `to` from `from`; returns the grants' names.
pub fn add(
    plan: &mut Plan,
    line: usize,
    family: Family,
    to: &[Span],
    from: &[Span],
    services: &Services,
    comment: Option<&str>,
) -> Vec<String> {
    let to = to.iter().filter_map(|span| span.target(family)).map(Destination::Addresses);
    let from: Vec<Option<crate::config::Target>> = match covers(from, &[family.everything()]) {
        true => vec![None],
        false => from.iter().filter_map(|span| span.target(family)).map(Some).collect(),
    };
    let mut names = Vec::new();
    for to in to {
        for from in &from {
            names.extend(add_one(plan, line, to, *from, services, comment));
        }
    }
    names
}

/// The same of one destination.
pub fn add_one(
    plan: &mut Plan,
    line: usize,
    to: Destination,
    from: Option<crate::config::Target>,
    services: &Services,
    comment: Option<&str>,
) -> Vec<String> {
    let kinds: Vec<Option<Protocol>> = match services.protocols.as_slice() {
        [] => vec![None],
        protocols => protocols.iter().copied().map(Some).collect(),
    };
    let mut names = Vec::new();
    for protocol in kinds {
        let comment = comment.and_then(|comment| crate::config::read_grant_comment(comment).ok());
        let ports = Ports::merge(services.ports.clone());
        let twin =
            |grant: &&Grant| (grant.to, grant.from, &grant.ports, grant.protocol) == (to, from, &ports, protocol);
        if let Some(twin) = plan.grants.iter().find(twin) {
            names.push(twin.name.clone());
            continue;
        }
        let mut words: Vec<String> = from.iter().map(ToString::to_string).chain([to.to_string()]).collect();
        words.extend(protocol.iter().map(ToString::to_string).chain(ports.iter().take(2).map(ToString::to_string)));
        let name = suggest_grant_name(&words, |name| plan.grants.iter().any(|grant| grant.name == name));
        names.push(name.clone());
        plan.grants.push(Grant { name, to, ports, protocol, from, comment, line });
    }
    names
}
