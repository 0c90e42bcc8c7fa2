//! `dockwall doctor`

use std::fmt::Write as _;

use clap::Args;
use serde_json::{Value, json};

use super::context::Context;
use super::exit::{Outcome, Usage};
use super::page::{self, Sheet, counted};
use super::progress::Progress;
use super::{completion, paint, resolvers};
use crate::config::{Invalid, nearest};
use crate::doctor::probe::{self, About, Answer, Expected, Report};
use crate::doctor::{CHECKS, Finding, Patient, Severity, Sources, examine, gather};
use crate::host;
use crate::policy::resolvers_under;

/// Find everything that would make the wall useless or harmful here, each with its cure.
///
/// Reads the kernel, Docker, systemd's unit files, the configuration and the state directory, once; changes nothing.
/// Of other people's tables it reads which chains there are, and the rules of those that decide early, never a
/// table in full. Everybody may run it; what one may not look at is said.
///
/// Ends with status 4 on an error (the wall does not hold, or containers are not behind it) or a warning (something
/// works otherwise than one would think), and with 0 where there are none; a notice does not count. A kernel without
/// nf_tables is an error.
///
/// With --json: {findings, unseen, resolvers, checks, probe}; a finding is {id, severity, what, why, cure}, what could not be looked
/// at {what, why}, checks the ids of those that ran, probe {answers, skipped, not_forgotten} or null.
#[derive(Debug, Args)]
#[command(after_help = help())]
pub struct Doctor {
    /// Only this check; may be given several times
    #[arg(long, value_name = "ID", add = completion::checks())]
    only: Vec<String>,
    /// Without this check; may be given several times
    #[arg(long, value_name = "ID", add = completion::checks())]
    ignore: Vec<String>,
    /// Send packets from each policed bridge as well, and tell what got where
    #[arg(long)]
    probe: bool,
}

const PROBE: &str = "\
What --probe sends:
From a network namespace of its own, which is made a port of each policed bridge in turn, with free addresses of its \
networks: to each destination one TCP SYN and one empty UDP datagram to the discard port (9), to resolvers to port 53, \
to what is granted to the granted port; what was not seen is sent again, three times at the most, and for up to three \
seconds where nothing comes from the bridge. Destinations are the host, the networks around it, an address in each \
denied range that there is a route to, the resolvers, the grants, and one on the Internet.

A table of its own, `inet dockwall-probe`, counts each packet before and behind the wall, and drops it at the end of its \
way: none leaves the host, or comes to a program on it. What the wall remembers of them is taken out again; a line of \
each may be in the log.

It takes CAP_SYS_ADMIN beside CAP_NET_ADMIN, for the namespace, and Linux 5.12, whose kernel takes all of it away when \
this process ends, however it ends.";

fn help() -> String {
    let widest = CHECKS.iter().map(|check| check.id.len()).max().unwrap_or_default();
    let mut text = "Checks:\n".to_owned();
    for check in CHECKS {
        let _ = writeln!(text, "  {:widest$}  {}", check.id, check.about);
    }
    text.push('\n');
    text.push_str(PROBE);
    text
}

impl Doctor {
    /// Runs it.
    pub fn run(self, context: &Context) -> anyhow::Result<Outcome> {
        let unknown: Vec<Invalid> = self.only.iter().chain(&self.ignore).filter_map(|id| unknown(id)).collect();
        if !unknown.is_empty() {
            return Err(Usage(unknown).into());
        }
        let sources = Sources {
            config: context.config_option(),
            store: &context.store,
            features: context.features(),
            probes: self.probe,
        };
        let patient = Progress::of("looking at all that matters and asking Docker", || gather(&sources))?;
        let report = match self.probe {
            true => {
                host::keep_net_and_sys_admin()?;
                Some(Progress::of("sending packets", || probe::run(&patient, &context.store))?)
            }
            false => None,
        };
        let wanted = |id: &str| {
            (self.only.is_empty() || self.only.iter().any(|only| only == id))
                && !self.ignore.iter().any(|other| other == id)
        };
        let mut findings = Progress::of("examining", || examine(&patient, wanted));
        findings.extend(report.iter().flat_map(|report| probe::judged(&patient, report)));
        findings.sort_by_key(|finding| finding.severity);
        let ran = CHECKS.iter().map(|check| check.id).filter(|id| wanted(id)).collect::<Vec<_>>();
        if context.json {
            page::json(&json!({
                "findings": findings,
                "unseen": patient.unseen,
                "resolvers": resolvers_as_json(&patient),
                "checks": ran,
                "probe": report,
            }));
        } else {
            print(&patient, &findings, ran.len(), report.as_ref(), context.verbose);
        }
        let counts = findings.iter().any(|finding| finding.severity != Severity::Notice);
        Ok(if counts { Outcome::NotSo } else { Outcome::Done })
    }
}

fn unknown(id: &str) -> Option<Invalid> {
    if CHECKS.iter().any(|check| check.id == id) {
        return None;
    }
    let cure = match nearest(id, CHECKS.iter().map(|check| check.id)) {
        Some(near) => format!("did you mean `{near}`? `dockwall doctor --help` lists them"),
        None => "`dockwall doctor --help` lists them".to_owned(),
    };
    Some(Invalid { problem: format!("there is no check `{id}`"), cure })
}

fn resolvers_as_json(patient: &Patient) -> Value {
    match patient.policy() {
        Some(policy) => resolvers::as_json(&resolvers_under(policy, &patient.host)),
        None => Value::Null,
    }
}

fn print(patient: &Patient, findings: &[Finding], checks: usize, report: Option<&Report>, verbose: bool) {
    anstream::println!("{}", headline(patient, findings, checks));
    for finding in findings {
        let (sign, name) = match finding.severity {
            Severity::Error => ("✗", paint::bad(finding.severity)),
            Severity::Warning => ("!", paint::notable(finding.severity)),
            Severity::Notice => ("·", paint::faint(finding.severity)),
        };
        anstream::println!("\n{sign} {name}  {}", paint::faint(finding.id));
        let mut sheet = Sheet::default();
        sheet.say("  found", finding.what.clone());
        sheet.say("  why", finding.why.clone());
        sheet.say("  cure", finding.cure.clone());
        sheet.print();
    }
    if let Some(report) = report {
        print_probe(report, verbose);
    }
    let resolvers = patient.policy().map(|policy| resolvers_under(policy, &patient.host)).unwrap_or_default();
    if verbose && !resolvers.is_empty() {
        anstream::println!("\nContainers ask");
        resolvers::text(&resolvers).lines().for_each(|line| anstream::println!("  {line}"));
    }
    if !patient.unseen.is_empty() {
        anstream::println!("\n{}", paint::notable("Not looked at"));
        let mut sheet = Sheet::default();
        patient.unseen.iter().for_each(|unseen| sheet.say(&format!("  {}", unseen.what), unseen.why.clone()));
        sheet.print();
    }
}

fn headline(patient: &Patient, findings: &[Finding], checks: usize) -> String {
    let of = |severity| findings.iter().filter(|finding| finding.severity == severity).count();
    let counts = [
        (of(Severity::Error), "error", "errors"),
        (of(Severity::Warning), "warning", "warnings"),
        (of(Severity::Notice), "notice", "notices"),
    ];
    let told: Vec<String> = counts
        .into_iter()
        .filter(|(count, ..)| *count > 0)
        .map(|(count, one, many)| counted(count, one, many))
        .collect();
    let ran = paint::faint(format!("    {}", counted(checks, "check", "checks")));
    let partly = if patient.unseen.is_empty() { "" } else { ", as far as it could be looked at" };
    match (of(Severity::Error), of(Severity::Warning)) {
        (0, 0) if told.is_empty() => {
            format!("{} {}{ran}", paint::good("●"), paint::good(format!("nothing is wrong{partly}")))
        }
        (0, 0) => format!(
            "{} {}, {}{ran}",
            paint::good("●"),
            paint::good(format!("nothing is wrong{partly}")),
            told.join(", ")
        ),
        (0, _) => format!("{} {}{ran}", paint::notable("◐"), paint::notable(told.join(", "))),
        _ => format!("{} {}{ran}", paint::bad("○"), paint::bad(told.join(", "))),
    }
}

/// With `-v` each packet; else those of a bridge together that were sent for the same reason and ended alike,
/// and bridges together where all of it is the same.
fn print_probe(report: &Report, verbose: bool) {
    let mut bridges: Vec<(&str, Vec<&Answer>)> = Vec::new();
    for answer in &report.answers {
        match bridges.iter_mut().find(|(bridge, _)| *bridge == answer.shot.bridge) {
            Some((_, answers)) => answers.push(answer),
            None => bridges.push((&answer.shot.bridge, vec![answer])),
        }
    }
    let mut told: Vec<(Vec<&str>, Vec<Vec<String>>)> = Vec::new();
    for (bridge, answers) in bridges {
        let rows = probe_rows(&answers, verbose);
        match told.iter_mut().find(|(_, other)| *other == rows) {
            Some((bridges, _)) => bridges.push(bridge),
            None => told.push((vec![bridge], rows)),
        }
    }
    for (bridges, rows) in told {
        anstream::println!("\nPackets sent from {}", bridges.join(", "));
        page::rows(&["", "to", "should", "did", "packets"], rows);
    }
    for (bridge, reason) in &report.skipped {
        anstream::println!("\nNo packet was sent from {bridge}: {reason}");
    }
    if let Some(reason) = &report.not_forgotten {
        anstream::println!("\nThe wall still remembers the packets, until their time is over: {reason}");
    }
}

fn probe_rows(answers: &[&Answer], verbose: bool) -> Vec<Vec<String>> {
    let mut groups: Vec<(Vec<String>, Vec<&Answer>)> = Vec::new();
    for answer in answers {
        let key = probe_key(answer);
        match groups.iter_mut().find(|(other, _)| *other == key) {
            Some((_, answers)) => answers.push(answer),
            None => groups.push((key, vec![answer])),
        }
    }
    let row = |(mut row, answers): (Vec<String>, Vec<&Answer>)| {
        let short = !verbose && answers.iter().all(|answer| answer.fine);
        row.push(if short { page::grouped(answers.len() as u64) } else { destinations(&answers) });
        row
    };
    groups.into_iter().map(row).collect()
}

/// What is told of a packet beside where it was sent.
fn probe_key(answer: &Answer) -> Vec<String> {
    let shot = &answer.shot;
    let sign = if answer.fine { paint::good("●") } else { paint::bad("✗") };
    let about = match &shot.about {
        About::Host => "the host".to_owned(),
        About::Neighbour(link) => format!("neighbours by {link}"),
        About::Denied => "denied ranges".to_owned(),
        About::Metadata => "cloud metadata".to_owned(),
        About::Resolver => "resolvers".to_owned(),
        About::Grant(name) => format!("granted: {name}"),
        About::Outside => "the Internet".to_owned(),
    };
    let should = match shot.expected {
        Expected::Denied => "be denied",
        Expected::Passes => "pass",
    };
    let did = if answer.fine { answer.got.to_string() } else { paint::bad(answer.got) };
    vec![sign, about, should.to_owned(), did]
}

/// `10.57.17.5 53/tcp,udp`, each address once.
fn destinations(answers: &[&Answer]) -> String {
    let mut told: Vec<(String, Vec<&str>)> = Vec::new();
    for Answer { shot, .. } in answers {
        let place = format!("{} {}", shot.to, shot.port);
        let protocol = if shot.tcp { "tcp" } else { "udp" };
        match told.iter_mut().find(|(other, _)| *other == place) {
            Some((_, protocols)) => protocols.push(protocol),
            None => told.push((place, vec![protocol])),
        }
    }
    told.into_iter().map(|(place, protocols)| format!("{place}/{}", protocols.join(","))).collect::<Vec<_>>().join("\n")
}
