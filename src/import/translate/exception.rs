//! Exceptions: what passes before something denies it.

use super::deny::Denied;
use super::grant::{add, services};
use super::opened::{Opened, opened, returned_before, same, taken_before};
use crate::import::flat::{Action, Flat, List};
use crate::import::model::{State, Target as Verdict};
use crate::import::names::{Names, is_container, is_uplink};
use crate::import::plan::Plan;
use crate::import::report::{Report, Status};
use crate::import::space::Space;
use crate::import::span::{Family, covers};

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

fn interfaces(list: &List<'_>, group: &[usize]) -> String {
    let names = group.iter().filter_map(|index| list.flats.get(*index)).map(|flat| flat.space.incoming.text());
    let mut names: Vec<String> = names.collect();
    names.dedup();
    names.join(", ")
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
