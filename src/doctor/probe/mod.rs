//! `--probe`: packets instead of lists.
//!
//! From a guest on each policed bridge packets are sent to what is denied and to what is open. A table of its
//! own counts each of them where it comes by: at the very first, before the wall, behind the wall and at the
//! last, where it is dropped, so that none of them leaves the host or comes to a program on it. Guest and
//! table are gone with this process, however it ends.

mod judge;
mod meter;
mod plan;
mod stages;

use std::net::SocketAddr;
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::finding::Finding;
use super::owner::through_owner;
use super::patient::Patient;
use crate::config::Mode;
use crate::generation::Store;
use crate::host::{FactsError, Visitor, VisitorError, route_to};
use crate::netlink::{self, Kernel, Temporary};
pub use judge::{Answer, Got, findings};
pub use plan::{About, Expected, Shot};
use plan::{Berth, berths};
use stages::Counts;

/// How often what was not seen is sent, and how long it may take to come by.
const VOLLEYS: usize = 3;
const PAUSE: Duration = Duration::from_millis(100);
/// How long a new port may take until anything comes from it: where many links change, the kernel looks after them
/// once a second (`linkwatch_schedule_work` in `net/core/link_watch.c`).
const WAKING: Duration = Duration::from_secs(3);
/// The first letters of the port's name; the rest is the process's number.
const PORT: &str = "dwp";

/// What came of it.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Report {
    /// Each packet, with where it came.
    pub answers: Vec<Answer>,
    /// Bridges from which nothing was sent, each with the reason.
    pub skipped: Vec<(String, String)>,
    /// Why the wall still remembers some of the packets, where it does.
    pub not_forgotten: Option<String>,
}

/// Why nothing was sent.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// No guest could be put on a bridge.
    #[error(transparent)]
    Visitor(#[from] VisitorError),
    /// The machine did not say where addresses are.
    #[error(transparent)]
    Facts(#[from] FactsError),
    /// The table that counts could not be made or read.
    #[error("cannot make the table that counts the packets (it takes Linux 5.12, and no other probe at the same time)")]
    Kernel(#[from] netlink::Error),
}

/// Sends them, from one bridge after the other.
///
/// # Errors
/// [`ProbeError`]. Nothing stays behind.
pub fn run(patient: &Patient, store: &Store) -> Result<Report, ProbeError> {
    let Some(policy) = patient.policy() else {
        return Ok(Report::default());
    };
    let route = |address| route_to(address).ok().flatten();
    let (berths, skipped) = berths(patient, policy, route);
    let mut report = Report { skipped, ..Report::default() };
    for (index, berth) in berths.iter().enumerate() {
        let answers = send_from(patient, berth, index)?;
        let remembered: Vec<&Shot> =
            answers.iter().filter(|answer| answer.remembered).map(|answer| &answer.shot).collect();
        if !remembered.is_empty()
            && let Err(error) = through_owner(store, |kernel| meter::forget(kernel, &remembered))
        {
            report.not_forgotten = Some(error.to_string());
        }
        report.answers.extend(answers);
    }
    Ok(report)
}

fn send_from(patient: &Patient, berth: &Berth, index: usize) -> Result<Vec<Answer>, ProbeError> {
    let mut table = Temporary::make(stages::TABLE, &stages::chains(&berth.shots))?;
    let port = format!("{PORT}{}x{index}", std::process::id());
    let visitor = Visitor::on(&berth.bridge, &port, &berth.addresses, &berth.gateways)?;
    let mut counts = stages::read(&table.rules()?, berth.shots.len());
    let begun = Instant::now();
    for volley in 0.. {
        if volley >= VOLLEYS && (begun.elapsed() >= WAKING || !is_asleep(&berth.shots, &counts)) {
            break;
        }
        let missing = berth.shots.iter().zip(&counts).filter(|(_, counts)| counts.seen == 0);
        let missing: Vec<(SocketAddr, bool)> =
            missing.map(|(shot, _)| (SocketAddr::new(shot.to, shot.port), shot.tcp)).collect();
        if missing.is_empty() {
            break;
        }
        visitor.send(&missing)?;
        sleep(PAUSE);
        counts = stages::read(&table.rules()?, berth.shots.len());
    }
    drop((visitor, table));
    let stands = patient.wall().is_some_and(|wall| wall.hooked);
    let remembered = match stands {
        true => meter::remembered(&mut Kernel::open()?, &berth.shots)?,
        false => vec![false; berth.shots.len()],
    };
    let mode = patient.wall().filter(|wall| wall.hooked).and_then(|wall| wall.mode);
    let answers = berth.shots.iter().cloned().zip(counts).zip(remembered);
    Ok(answers.map(|((shot, counts), remembered)| Answer::new(shot, counts, remembered, mode)).collect())
}

/// Whether of a whole family nothing came from that port yet.
fn is_asleep(shots: &[Shot], counts: &[Counts]) -> bool {
    let of = |is_ipv4: bool| shots.iter().zip(counts).filter(move |(shot, _)| shot.from.is_ipv4() == is_ipv4);
    [true, false]
        .into_iter()
        .any(|family| of(family).next().is_some() && of(family).all(|(_, counts)| counts.seen == 0))
}

/// Whether the mode is one in which nothing is dropped.
fn is_audit(mode: Option<Mode>) -> bool {
    mode == Some(Mode::Audit)
}

/// What the packets prove to be wrong.
pub fn judged(patient: &Patient, report: &Report) -> Vec<Finding> {
    findings(patient, &report.answers)
}
