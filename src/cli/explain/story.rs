//! All that is to be said of one packet.

use super::Basis;
use super::ask::{Kernels, Question};
use crate::config::{self, Mode};
use crate::observe::explain::{
    Asked, Cause, Isolation, Met, Missed, Near, Other, causes, course, isolation, matching, nearest_grant, others,
    remedy,
};
use crate::policy::Policy;
use crate::ruleset::explain::{Fate, Rates, Trace, walk};
use crate::ruleset::{Features, compile};

/// One packet's.
pub struct Story<'b> {
    /// Where from, in words.
    pub source: String,
    /// Where to, in words.
    pub destination: String,
    /// What comes of it.
    pub course: Course<'b>,
}

/// Whether it comes to the wall.
pub enum Course<'b> {
    /// It does not.
    Missed(Missed),
    /// It does.
    Met(Box<Explained<'b>>),
}

/// What the rules do to it.
pub struct Explained<'b> {
    pub asked: Asked,
    pub met: Met,
    pub trace: Trace<'b>,
    /// Its fate in either mode; none where the policy is not known.
    pub audit: Option<Fate>,
    pub enforce: Option<Fate>,
    pub causes: Vec<Cause>,
    /// The names of the grants that are for it.
    pub granted_by: Vec<String>,
    pub nearest: Option<Near>,
    /// How many grants there are.
    pub grants: usize,
    /// Other base chains; none where the kernel may not be looked at.
    pub others: Option<Vec<Other>>,
    pub docker: Option<Isolation>,
    /// Its fate by what is in force now, where that is not what is explained: none inside where there is no wall.
    pub in_force: Option<Option<Fate>>,
    pub remedy: Option<config::Grant>,
}

impl<'b> Story<'b> {
    /// Finds it out.
    pub fn of(question: Question, basis: &'b Basis) -> Self {
        match question {
            Question::Missed { source, destination, why } => Self { source, destination, course: Course::Missed(why) },
            Question::Of(asked) => {
                let service = match asked.service {
                    Some(service) if service.port.is_some() => format!(":{service}"),
                    Some(service) => format!(" by {service}"),
                    None => String::new(),
                };
                let (source, destination) = (asked.source.to_string(), format!("{}{service}", asked.destination));
                let course = match course(&asked, &basis.host, &Kernels) {
                    Ok(met) => Course::Met(Box::new(Explained::of(asked, met, basis))),
                    Err(missed) => Course::Missed(missed),
                };
                Self { source, destination, course }
            }
        }
    }
}

impl<'b> Explained<'b> {
    fn of(asked: Asked, met: Met, basis: &'b Basis) -> Self {
        let trace = walk(&basis.table, &met.packet, basis.now, Rates::Within);
        let in_mode = |mode| {
            let policy = basis.policy.as_ref()?;
            let table = compile(&Policy { mode, ..policy.clone() }, Features::ALL, basis.now);
            Some(walk(&table, &met.packet, basis.now, Rates::Within).fate)
        };
        let (audit, enforce) = (in_mode(Mode::Audit), in_mode(Mode::Enforce));
        let is_denied = enforce.is_some_and(|fate| fate != Fate::Passes);
        let policy = basis.policy.as_ref();
        let ipv6 = met.packet.destination.is_ipv6();
        let in_force =
            basis.kernel.as_ref().filter(|_| !basis.live).map(|kernel| {
                kernel.table.as_ref().map(|table| walk(table, &met.packet, basis.now, Rates::Within).fate)
            });
        Self {
            audit,
            enforce,
            causes: policy
                .filter(|_| basis.in_step)
                .map(|policy| causes(met.packet.destination, &basis.config, policy, &basis.host))
                .unwrap_or_default(),
            granted_by: policy.map(|policy| matching(&met.packet, policy, basis.now)).unwrap_or_default(),
            nearest: policy.filter(|_| is_denied).and_then(|policy| nearest_grant(&met.packet, policy, basis.now)),
            grants: policy.map_or(0, |policy| policy.grants.len()),
            others: basis.kernel.as_ref().map(|kernel| others(met.packet.hook, ipv6, &kernel.others)),
            docker: isolation(&asked, &met, &basis.host),
            in_force,
            remedy: policy
                .filter(|_| is_denied)
                .and_then(|policy| remedy(&asked, &met, policy, &basis.host, basis.now)),
            trace,
            asked,
            met,
        }
    }
}
