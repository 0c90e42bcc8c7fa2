//! What is denied: ranges, by which interfaces, and whether at all.

use std::collections::BTreeMap;

use super::{ANSWERS, credit};
use crate::config::{Action as Turned, InterfacePattern, Mode, Target};
use crate::import::flat::{Action, Flat, List};
use crate::import::model::{Match, Rule, State};
use crate::import::names::{Names, is_container, is_uplink};
use crate::import::plan::{Plan, Range};
use crate::import::report::{Report, Status};
use crate::import::space::Space;
use crate::import::span::{Family, Span, covers, merge, parts, subtract};

/// A rule's way that is carried over, by its place in the list of its family.
#[derive(Debug, Clone)]
pub struct Denied<'r> {
    /// The list.
    pub family: Family,
    /// Its place there.
    pub index: usize,
    /// It.
    pub flat: Flat<'r>,
    /// By which interfaces, as far as dockwall tells them apart.
    pub incoming: Names,
    /// The same of the way out.
    pub outgoing: Names,
}

/// What decides about a denied packet that a rule of a list is for.
pub fn translate<'r>(lists: &[List<'r>; 2], plan: &mut Plan, report: &mut Report) -> Vec<Denied<'r>> {
    let is_deny = |flat: &Flat<'_>| matches!(flat.action, Action::Deny { .. });
    let is_enforced = lists.iter().flat_map(|list| &list.flats).any(|flat| is_deny(flat) && carries(flat).is_ok());
    let is_logged = lists.iter().flat_map(|list| &list.flats).any(|flat| matches!(flat.action, Action::Log(_)));
    plan.mode = if is_enforced { Mode::Enforce } else { Mode::Audit };
    let (mut denied, mut left) = (Vec::new(), Vec::new());
    for (family, list) in Family::BOTH.into_iter().zip(lists) {
        for (index, flat) in list.flats.iter().enumerate() {
            let audits = !is_enforced && is_logged && matches!(flat.action, Action::Log(_));
            if !is_deny(flat) && !audits {
                continue;
            }
            match carries(flat) {
                Ok((incoming, outgoing)) => {
                    denied.push(Denied { family, index, flat: flat.clone(), incoming, outgoing })
                }
                Err(refused) => left.push((refused, flat)),
            }
        }
    }
    interfaces(&denied, plan, report);
    ranges(&denied, plan, report);
    sources(&denied, plan, report);
    denied.iter().for_each(|denied| verdict(denied, is_enforced, plan, report));
    left.iter().for_each(|(refused, flat)| refused.say(flat, report));
    denied
}

/// Why a rule that denies is not carried over as it is.
struct Refused {
    status: Status,
    said: String,
    cure: &'static str,
}

impl Refused {
    fn say(&self, flat: &Flat<'_>, report: &mut Report) {
        report.deviate(flat.line(), flat.space.clone());
        // Of a jump only where nothing else that it leads to was carried over.
        for rule in
            flat.path.iter().filter(|rule| rule.line == flat.line() || !report.is_said(rule.line)).collect::<Vec<_>>()
        {
            match self.cure {
                "" => report.say(rule.line, self.status, &self.said),
                cure => report.say_with(rule.line, self.status, &self.said, cure),
            }
        }
    }
}

fn refused<T>(status: Status, said: impl Into<String>, cure: &'static str) -> Result<T, Refused> {
    Err(Refused { status, said: said.into(), cure })
}

/// By which interfaces a rule denies, where it denies in a way that a configuration has words for.
fn carries(flat: &Flat<'_>) -> Result<(Names, Names), Refused> {
    let space = &flat.space;
    let is_log = matches!(flat.action, Action::Log(_));
    if let Some(other) = space.other.first() {
        let said = format!("a denied range has no condition like `{}`", other.text);
        return refused(Status::NotCarried, said, "deny the whole range, and grant what is to stay open");
    }
    if space.limit.is_some() && !is_log {
        return refused(
            Status::NotCarried,
            "it denies only below or above a rate; dockwall limits the log alone",
            "deny the range, or leave the rule to iptables",
        );
    }
    if !space.is_of_every_service() {
        return refused(
            Status::NotCarried,
            "it denies some protocols or ports only; dockwall denies a destination whole",
            "add the range to deny.ranges, and a [[grant]] for what is to stay open there",
        );
    }
    if space.reply == Some(true) {
        return refused(Status::Changed, format!("it denies answers alone: {ANSWERS}"), "");
    }
    if space.states & State::NEW == 0 {
        return refused(
            Status::Changed,
            "what belongs to no new flow is denied with its flow: on the way to a denied range, and nowhere else",
            "",
        );
    }
    let container = |pattern: &InterfacePattern| is_container(pattern);
    let incoming = match &space.incoming {
        Names::These(patterns) if patterns.iter().all(is_uplink) => {
            return refused(
                Status::NotCarried,
                "it closes what comes in from outside; dockwall decides only about what containers send",
                "publish the port on 127.0.0.1, or keep the rule beside dockwall",
            );
        }
        Names::AllBut(patterns) if patterns.iter().any(container) => {
            return refused(
                Status::NotCarried,
                "it is for what does not come from containers; dockwall decides only about what they send",
                "keep the rule beside dockwall",
            );
        }
        Names::AllBut(_) => Names::Any,
        names => names.clone(),
    };
    let outgoing = match &space.outgoing {
        Names::These(patterns) if patterns.iter().all(container) => {
            return refused(
                Status::Changed,
                "between containers Docker's own isolation decides: dockwall returns what goes from one to another",
                "",
            );
        }
        Names::AllBut(_) => Names::Any,
        names => names.clone(),
    };
    Ok((incoming, outgoing))
}

/// One list of interfaces each way, for every range.
fn interfaces(denied: &[Denied<'_>], plan: &mut Plan, report: &mut Report) {
    let list = |names: for<'a> fn(&'a Denied<'_>) -> &'a Names| -> Option<Vec<InterfacePattern>> {
        let mut patterns: Vec<InterfacePattern> = Vec::new();
        for denied in denied {
            match names(denied) {
                Names::These(these) => patterns.extend(these.iter().cloned()),
                Names::Any | Names::AllBut(_) => return None,
            }
        }
        patterns.dedup();
        let mut seen = Vec::new();
        patterns.retain(|pattern| {
            !seen.contains(pattern) && {
                seen.push(pattern.clone());
                true
            }
        });
        (!patterns.is_empty()).then_some(patterns)
    };
    plan.interfaces = list(|denied| &denied.incoming);
    plan.uplinks = list(|denied| &denied.outgoing);
    for denied in denied {
        let (status, said) = match &plan.interfaces {
            Some(_) => (Status::Carried, "containers.interfaces"),
            None => (
                Status::Changed,
                "containers.interfaces = \"auto\": only what comes from containers is denied, and that from all of them",
            ),
        };
        credit(&denied.flat, status, report, |rule| {
            has(rule, |it| matches!(it, Match::Incoming(..))).then(|| said.to_owned())
        });
        let (status, said) = match &plan.uplinks {
            Some(_) => (Status::Carried, "deny.uplinks"),
            None => (
                Status::Changed,
                "deny.uplinks = \"any\": the destination decides, by whatever interface it is reached",
            ),
        };
        let is_widened = |rule: &Rule| has(rule, |it| matches!(it, Match::Outgoing(..)));
        let inside =
            matches!(denied.flat.space.outgoing, Names::AllBut(ref patterns) if patterns.iter().all(is_container));
        let (status, said) = if inside {
            (Status::Implied, "between containers Docker's own isolation decides")
        } else {
            (status, said)
        };
        credit(&denied.flat, status, report, |rule| is_widened(rule).then(|| said.to_owned()));
    }
    // What was told by the interfaces that packets do not use.
    for denied in denied.iter().filter(|denied| {
        matches!(denied.flat.space.outgoing, Names::AllBut(_)) || matches!(denied.flat.space.incoming, Names::AllBut(_))
    }) {
        let (incoming, outgoing) = (denied.incoming.clone(), denied.outgoing.clone());
        report.deviate(denied.flat.line(), Space { incoming, outgoing, ..denied.flat.space.clone() });
    }
    widened(denied, plan, report);
}

fn has(rule: &Rule, is: impl Fn(&Match) -> bool) -> bool {
    rule.matches.iter().any(is)
}

/// Ranges that were denied by some of the interfaces only.
fn widened(denied: &[Denied<'_>], plan: &Plan, report: &mut Report) {
    let one = |list: &Option<Vec<InterfacePattern>>| match list {
        Some(patterns) => patterns.iter().map(|pattern| Names::These(vec![pattern.clone()])).collect(),
        None => vec![Names::Any],
    };
    let pairs: Vec<(Names, Names)> = {
        let outs: Vec<Names> = one(&plan.uplinks);
        one(&plan.interfaces)
            .into_iter()
            .flat_map(|incoming| outs.iter().map(move |out| (incoming.clone(), out.clone())).collect::<Vec<_>>())
            .collect()
    };
    for this in denied {
        for (incoming, outgoing) in &pairs {
            let same = denied.iter().filter(|other| {
                other.family == this.family
                    && other.incoming.covers(incoming)
                    && other.outgoing.covers(outgoing)
                    && covers(&other.flat.space.source, &this.flat.space.source)
            });
            let together = merge(same.flat_map(|other| other.flat.space.destination.clone()).collect());
            if !covers(&together, &this.flat.space.destination) {
                let said = format!(
                    "also for what comes in by {} and leaves by {}: dockwall has one list of interfaces for every range",
                    incoming.text(),
                    outgoing.text()
                );
                report.say(this.flat.line(), Status::Changed, said);
                let (incoming, outgoing) = (incoming.clone(), outgoing.clone());
                let space = Space { incoming, outgoing, ..this.flat.space.clone() };
                report.deviate(this.flat.line(), Space { states: State::ALL, ..space });
            }
        }
    }
}

fn ranges(denied: &[Denied<'_>], plan: &mut Plan, report: &mut Report) {
    let mut ranges: Vec<Range> = Vec::new();
    for Denied { family, flat, .. } in denied {
        let by = flat.path.iter().rev().find(|rule| has(rule, |it| matches!(it, Match::Destination(..))));
        let (line, comment) = by.map_or((flat.line(), None), |rule| (rule.line, rule.comment.clone()));
        let targets: Vec<Target> = flat.space.destination.iter().filter_map(|span| span.target(*family)).collect();
        let said = targets.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        credit(flat, Status::Carried, report, |rule| (rule.line == line).then(|| format!("deny.ranges: {said}")));
        for to in targets {
            if !ranges.iter().any(|range| range.to == to) {
                ranges.push(Range { to, line, comment: comment.clone() });
            }
        }
    }
    plan.ranges = Some(ranges);
}

/// What was denied from some sources only stays granted from the others.
fn sources(denied: &[Denied<'_>], plan: &mut Plan, report: &mut Report) {
    for family in Family::BOTH {
        let denied: Vec<&Denied<'_>> = denied.iter().filter(|denied| denied.family == family).collect();
        let everything = [family.everything()];
        // By the sources that each part is open from, the parts; several rules may deny the same part.
        let mut open: BTreeMap<Vec<Span>, (Vec<Span>, usize)> = BTreeMap::new();
        let destinations: Vec<Span> = denied.iter().flat_map(|denied| denied.flat.space.destination.clone()).collect();
        for part in parts(&destinations) {
            let by = denied.iter().filter(|denied| covers(&denied.flat.space.destination, &[part]));
            let from = merge(by.clone().flat_map(|denied| denied.flat.space.source.clone()).collect());
            let rest = subtract(&everything, &from);
            if let (Some(first), false) = (by.map(|denied| denied.flat.line()).min(), rest.is_empty()) {
                open.entry(rest).or_insert((Vec::new(), first)).0.push(part);
            }
        }
        for (rest, (to, line)) in open {
            let services = super::grant::Services::default();
            let comment = Some("not denied from these sources");
            super::grant::add(plan, line, family, &merge(to), &rest, &services, comment);
        }
        for Denied { flat, .. } in denied.iter().filter(|denied| !covers(&denied.flat.space.source, &everything)) {
            credit(flat, Status::Carried, report, |rule| {
                has(rule, |it| matches!(it, Match::Source(..))).then(|| "grants for every other source".to_owned())
            });
        }
    }
}

/// What the rule that denies says itself.
fn verdict(denied: &Denied<'_>, is_enforced: bool, plan: &mut Plan, report: &mut Report) {
    let line = denied.flat.line();
    match (&denied.flat.action, is_enforced) {
        (Action::Deny { reject }, _) => {
            if *reject {
                plan.action = Turned::Reject;
            }
            let action = if *reject { ", deny.action = \"reject\"" } else { "" };
            let said = format!("mode = \"enforce\"{action}");
            if denied.flat.space.states == State::ALL && denied.flat.space.reply.is_none() {
                report.say(line, Status::Changed, format!("{said}; {ANSWERS}"));
            } else {
                report.deviate(line, Space { states: State::ALL, reply: None, ..denied.flat.space.clone() });
                report.say(
                    line,
                    Status::Changed,
                    format!("{said}; every packet of a denied flow is denied, not its first alone; answers never are"),
                );
            }
        }
        _ => report.say(line, Status::Carried, "mode = \"audit\": logged, and nothing denies it"),
    }
}
