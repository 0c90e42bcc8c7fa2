//! Rules for what containers ask of the host itself.

use super::grant::{add_one, services};
use crate::config::Destination;
use crate::import::flat::{Action, Flat, flatten};
use crate::import::model::{Hook, RuleSet, State};
use crate::import::names::{Names, is_container};
use crate::import::plan::Plan;
use crate::import::read::Kind;
use crate::import::report::{Report, Status};
use crate::import::span::{Family, covers};

/// Carries over what is about container interfaces; the rest of the host's own firewall goes on.
pub fn translate(rules: &RuleSet, kind: Kind, plan: &mut Plan, report: &mut Report) {
    for family in Family::BOTH {
        let list = flatten(rules, kind, family, Hook::Input);
        for flat in list.flats.iter().filter(|flat| is_of_containers(flat)) {
            match &flat.action {
                Action::Deny { .. } => {
                    plan.host = true;
                    report.say(flat.line(), Status::Implied, "deny.host = true denies all of the host");
                }
                Action::Pass(_) => open(flat, family, plan, report),
                Action::Log(_) => {
                    report.say(flat.line(), Status::Implied, "what is denied of the host is logged as well")
                }
                Action::Other(_) => {}
            }
        }
    }
}

fn is_of_containers(flat: &Flat<'_>) -> bool {
    matches!(&flat.space.incoming, Names::These(patterns) if patterns.iter().all(is_container))
}

fn open(flat: &Flat<'_>, family: Family, plan: &mut Plan, report: &mut Report) {
    let (space, line) = (&flat.space, flat.line());
    if space.states & State::NEW == 0 || space.reply == Some(true) {
        report.say(line, Status::Implied, "answers to the host's own flows are returned first");
        return;
    }
    let to = match space.destination.as_slice() {
        _ if space.is_to_everywhere() => Some(Destination::Host),
        [span] if span.first == span.last => span.target(family).map(Destination::Addresses),
        _ => None,
    };
    let Some(to) = to else {
        let cure = "write a [[grant]] with `to = \"host\"`, or one address of the host";
        report.say_with(line, Status::NotCarried, "a network is no address of the host", cure);
        return;
    };
    match services(space) {
        Err((said, cure)) => report.say_with(line, Status::NotCarried, said, cure),
        Ok(services) => {
            let comment = flat.path.iter().rev().find_map(|rule| rule.comment.as_deref());
            let sources: Vec<_> = match covers(&space.source, &[family.everything()]) {
                true => vec![None],
                false => space.source.iter().map(|span| span.target(family)).collect(),
            };
            let names: Vec<String> =
                sources.into_iter().flat_map(|from| add_one(plan, line, to, from, &services, comment)).collect();
            let named = names.iter().map(|name| format!("grant {name}")).collect::<Vec<_>>().join(", ");
            report.say(line, Status::Changed, format!("{named}, for every container interface"));
        }
    }
}
