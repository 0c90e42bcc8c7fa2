//! From rules to a configuration, and to what is said of each line.

mod deny;
mod exception;
mod grant;
mod host;
mod log;
mod opened;
mod ufw;

use super::flat::{Action, Flat, List, flatten};
use super::model::{Hook, RuleSet, Target};
use super::plan::Plan;
use super::read::{Kind, Source};
use super::report::{Report, Status};
use super::span::Family;

/// What is made of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Translation {
    /// The configuration to be.
    pub plan: Plan,
    /// What becomes of each line.
    pub report: Report,
}

/// Why answers are a change, in the words of the report.
pub const ANSWERS: &str =
    "answers to flows that others opened are returned first, so published ports answer clients on a denied network";

/// Translates what was read. With `literal`, what no rule says stays as it is: the host and the networks on its links
/// are not closed, and no resolver is granted.
pub fn translate(source: &Source, literal: bool) -> Translation {
    let Source { kind, text, rules } = source;
    let mut report = Report::of(text);
    report.take(rules);
    let mut plan = Plan { literal, host: !literal, ..Plan::default() };
    if ufw::is(source) {
        ufw::account(rules, &mut report);
        plan.host = true;
        plan.literal = false;
    } else {
        let lists = Family::BOTH.map(|family| flatten(rules, *kind, family, Hook::Forward));
        let denies = deny::translate(&lists, &mut plan, &mut report);
        log::translate(&lists, &denies, &mut plan, &mut report);
        exception::translate(&lists, &denies, &mut plan, &mut report);
        host::translate(rules, *kind, &mut plan, &mut report);
        lists.iter().for_each(|list| account(list, &plan, &mut report));
    }
    leave_alone(rules, *kind, &mut report);
    notes(&plan, &mut report);
    report.close();
    Translation { plan, report }
}

/// What is left of a list: rules that decide nothing, and those that no packet comes to.
fn account(list: &List<'_>, plan: &Plan, report: &mut Report) {
    for (rule, name) in &list.missing {
        let said = format!("the chain {name} is not in the text");
        report.say_with(
            rule.line,
            Status::NotCarried,
            said,
            format!("add the rules of {name} to it, and import again"),
        );
    }
    for (rule, before) in &list.unreached {
        let audits = plan.mode == crate::config::Mode::Audit && matches!(rule.target, Target::Drop | Target::Reject);
        match audits {
            true => report.say(
                rule.line,
                Status::Carried,
                format!("mode = \"audit\": line {} returns before it", before.line),
            ),
            false => report.say(
                rule.line,
                Status::Implied,
                format!("no packet comes to it: line {} lets none through", before.line),
            ),
        }
    }
    for flat in &list.flats {
        if let Action::Other(other) = &flat.action {
            let said = format!("`{}` is nothing that dockwall does", other.text);
            report.say_with(flat.line(), Status::NotCarried, said, &other.cure);
        }
    }
    for rule in list.seen.iter().filter(|rule| !report.is_said(rule.line)).collect::<Vec<_>>() {
        match &rule.target {
            Target::Jump(name) | Target::Goto(name) => {
                report.say(rule.line, Status::Implied, format!("nothing in {name} denies what it is for"));
            }
            Target::Nothing => report.say(rule.line, Status::Implied, "it counts: every rule of dockwall does"),
            _ => report.say(rule.line, Status::Implied, "no packet can meet all of its conditions"),
        }
    }
    if list.is_cut
        && let Some(rule) = list.seen.last()
    {
        let said = "the chains are too deep or too many to be followed further";
        report.say_with(rule.line, Status::NotCarried, said, "import them in parts");
    }
}

/// What no packet of the hooks that dockwall is on comes to.
fn leave_alone(rules: &RuleSet, kind: Kind, report: &mut Report) {
    for chain in &rules.chains {
        let is_dump = matches!(kind, Kind::Save | Kind::Ufw | Kind::Nft | Kind::NftJson);
        for rule in &chain.rules {
            if report.is_said(rule.line) {
                continue;
            }
            let (table, name) = (&chain.table, &chain.name);
            if table == crate::ruleset::TABLE_NAME {
                report.say(rule.line, Status::LeftAlone, "dockwall's own table");
            } else if is_dump || chain.hook.is_some_and(|(hook, _)| hook == Hook::Input) {
                let said = format!("the chain {name} of the table {table} goes on as it is");
                report.say(rule.line, Status::LeftAlone, said);
            } else if matches!(chain.hook, Some((Hook::Elsewhere, _))) || table != "filter" {
                let said = format!(
                    "the table {table}, chain {name}: dockwall only filters what is forwarded and what is for the host"
                );
                report.say_with(rule.line, Status::NotCarried, said, "keep the rule where it is");
            } else {
                let said = format!("nothing jumps to the chain {name}");
                report.say_with(rule.line, Status::NotCarried, said, "add what jumps there, and import again");
            }
        }
    }
}

/// What holds whatever the lines say.
fn notes(plan: &Plan, report: &mut Report) {
    report.notes.push(ANSWERS.to_owned());
    report.notes.push(
        "between containers Docker's own isolation decides: dockwall returns what goes from one to another".to_owned(),
    );
    if plan.literal {
        report.notes.push(
            "--literal: the host itself and the networks on its links stay open, and no resolver is granted, as the rules have it"
                .to_owned(),
        );
        return;
    }
    report.notes.push(
        "deny.host = true: what containers ask of the host is denied as well, where the rules left every port open"
            .to_owned(),
    );
    report.notes.push(
        "deny.on_link = true: so are the networks that the host is attached to, IPv6 neighbours among them".to_owned(),
    );
    report.notes.push(
        "dns.allow = \"auto\": the resolvers that Docker uses are granted, so that names are resolved".to_owned(),
    );
}

/// Says of a rule and of the jumps that lead to it where each condition went.
fn credit(flat: &Flat<'_>, status: Status, report: &mut Report, said: impl Fn(&super::model::Rule) -> Option<String>) {
    for rule in &flat.path {
        if let Some(said) = said(rule) {
            report.say(rule.line, status, said);
        }
    }
}
