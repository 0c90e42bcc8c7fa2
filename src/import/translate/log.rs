//! What is logged.

use super::deny::Denied;
use crate::config::{self, LogTarget, Mode};
use crate::import::flat::{Action, Flat, List};
use crate::import::model::{Limit, Log};
use crate::import::plan::Plan;
use crate::import::report::{Report, Status};
use crate::import::span::{Family, intersect};

/// Takes the first log that is about what is denied; others have to say the same.
pub fn translate(lists: &[List<'_>; 2], denied: &[Denied<'_>], plan: &mut Plan, report: &mut Report) {
    let mut first: Option<(Log, Option<Limit>, usize)> = None;
    for (family, list) in Family::BOTH.into_iter().zip(lists) {
        for (index, flat) in list.flats.iter().enumerate() {
            let Action::Log(log) = &flat.action else { continue };
            if !is_of_denied(family, index, flat, denied) {
                let cure = "keep the rule where it is, or log it with iptables";
                report.say_with(
                    flat.line(),
                    Status::NotCarried,
                    "it logs what nothing denies; dockwall logs what is denied",
                    cure,
                );
                continue;
            }
            let said = (log.clone(), flat.space.limit.clone(), flat.line());
            match &first {
                None => {
                    take(&said.0, said.1.as_ref(), said.2, plan, report);
                    first = Some(said);
                }
                Some((other, limit, _)) if (other, limit) == (&said.0, &said.1) => {
                    take(&said.0, said.1.as_ref(), said.2, plan, report);
                }
                Some((.., line)) => {
                    let text = format!("one log for all that is denied, as line {line} has it");
                    report.say(said.2, Status::Changed, text);
                }
            }
        }
    }
}

/// Whether what it logs is denied behind it, or is all that is said of it.
fn is_of_denied(family: Family, index: usize, flat: &Flat<'_>, denied: &[Denied<'_>]) -> bool {
    denied.iter().any(|denied| {
        denied.family == family
            && denied.index >= index
            && !intersect(&denied.flat.space.destination, &flat.space.destination).is_empty()
    })
}

fn take(log: &Log, limit: Option<&Limit>, line: usize, plan: &mut Plan, report: &mut Report) {
    let key = if plan.mode == Mode::Audit { "log.audit_prefix" } else { "log.prefix" };
    let mut said = Vec::new();
    match log.prefix.as_ref().map(|prefix| (prefix, prefix.parse())) {
        Some((_, Ok(prefix))) => {
            plan.log.prefix = Some(prefix);
            said.push(key.to_owned());
        }
        Some((prefix, Err(_))) => {
            let text = format!("the prefix `{}` cannot be written; the default is taken", prefix.escape_debug());
            report.say(line, Status::Changed, text);
        }
        None => {}
    }
    if let Some(group) = log.group {
        plan.log.target = Some(LogTarget::Nflog(group));
        said.push("log.target".to_owned());
    }
    let Some(limit) = limit else {
        report.say(line, Status::Changed, limits("no limit", &said));
        return;
    };
    let each = limit.each.as_ref().map(|each| sorted(each));
    match (limit.rate, &each) {
        (None, _) => report.say(line, Status::Changed, limits("a rate that is no count in a time", &said)),
        _ if limit.above => report.say(line, Status::Changed, limits("only what is above a rate", &said)),
        (Some(rate), None) if limit.each.is_none() => {
            plan.log.limit = Some(rate);
            said.push("log.limit".to_owned());
            report.say(
                line,
                Status::Changed,
                format!(
                    "{}; each flow is limited by itself as well, so that one does not hide another",
                    said.join(", ")
                ),
            );
        }
        (Some(rate), each) => {
            plan.log.rate = Some(rate);
            said.push("log.rate".to_owned());
            // hashlimit's default, iptables-extensions(8).
            let burst = limit.burst.unwrap_or(5);
            let most = u32::try_from(rate.largest_burst()).unwrap_or(u32::MAX).min(*config::Log::BURST.end());
            plan.log.burst = Some(burst.clamp(1, most));
            said.push("log.burst".to_owned());
            match each.as_deref() {
                Some("dstip,dstport,srcip") => report.say(line, Status::Carried, said.join(", ")),
                _ => report.say(
                    line,
                    Status::Changed,
                    format!("{}; for each source, destination, protocol and port", said.join(", ")),
                ),
            }
        }
    }
}

fn limits(what: &str, said: &[String]) -> String {
    let keys = if said.is_empty() { String::new() } else { format!("{}; ", said.join(", ")) };
    format!(
        "{keys}{what}: dockwall logs 6 a minute for each flow, 50 a second in all, so that no container fills the disk"
    )
}

fn sorted(each: &str) -> String {
    let mut words: Vec<&str> = each.split(',').map(str::trim).collect();
    words.sort_unstable();
    words.join(",")
}
