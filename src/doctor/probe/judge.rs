//! What became of a packet, and what that proves.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;

use serde::Serialize;

use super::super::finding::{Check, Finding, Severity, listed};
use super::super::patient::Patient;
use super::is_audit;
use super::plan::{About, Expected, Shot};
use super::stages::Counts;
use crate::config::Mode;

/// Under which its findings stand.
const CHECK: Check = Check { id: "probe", about: "what became of packets that were sent", judge: |_| Vec::new() };

/// A packet, and what became of it.
#[derive(Debug, Clone, Serialize)]
pub struct Answer {
    /// The packet.
    #[serde(flatten)]
    pub shot: Shot,
    /// Where it was counted.
    pub counts: Counts,
    /// Whether the wall remembers to have denied it.
    pub remembered: bool,
    /// What became of it.
    pub got: Got,
    /// Whether that is as it should be.
    pub fine: bool,
}

/// What became of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Got {
    /// The wall dropped it.
    DroppedByUs,
    /// The wall would have dropped it, and only audits.
    WouldBeDropped,
    /// It passed the wall, and somebody else dropped it.
    DroppedByAnother,
    /// It was lost before any filter: by a route, by reverse path filtering, or by rules before routing.
    LostBefore,
    /// It never came to the host's IP layer: the bridge, or rules of the bridge, kept it.
    NeverSeen,
    /// It came to the end of its way, where it was held.
    Passed,
}

impl fmt::Display for Got {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::DroppedByUs => "dropped by the wall",
            Self::WouldBeDropped => "would be dropped by the wall (audit)",
            Self::DroppedByAnother => "passed the wall, dropped by somebody else",
            Self::LostBefore => "lost before it came to the wall",
            Self::NeverSeen => "never seen by the wall",
            Self::Passed => "passed",
        })
    }
}

impl Answer {
    /// `mode` is that of the wall; none where there is no wall.
    pub fn new(shot: Shot, counts: Counts, remembered: bool, mode: Option<Mode>) -> Self {
        let got = match counts {
            Counts { seen: 0, .. } => Got::NeverSeen,
            Counts { before: 0, .. } => Got::LostBefore,
            Counts { behind: 0, .. } if mode.is_some() => Got::DroppedByUs,
            _ if remembered && is_audit(mode) => Got::WouldBeDropped,
            Counts { end: 0, .. } => Got::DroppedByAnother,
            _ => Got::Passed,
        };
        let fine = match shot.expected {
            Expected::Denied => matches!(got, Got::DroppedByUs | Got::WouldBeDropped),
            Expected::Passes => got == Got::Passed,
        };
        Self { shot, counts, remembered, got, fine }
    }
}

/// One finding for each kind of trouble, and bridges that have the same.
pub fn findings(patient: &Patient, answers: &[Answer]) -> Vec<Finding> {
    let mut wrong: BTreeMap<(Expected, Got), BTreeMap<&str, Vec<String>>> = BTreeMap::new();
    for answer in answers.iter().filter(|answer| !answer.fine && !is_docker_s_own(patient, answer)) {
        let shot = &answer.shot;
        let protocol = if shot.tcp { "tcp" } else { "udp" };
        let to = format!("{}:{}/{protocol}", bracketed(shot.to), shot.port);
        wrong.entry((shot.expected, answer.got)).or_default().entry(&shot.bridge).or_default().push(to);
    }
    let mut found = Vec::new();
    for ((expected, got), bridges) in wrong {
        // What is the same from several bridges is one thing.
        let mut told: Vec<(Vec<&str>, Vec<String>)> = Vec::new();
        for (bridge, to) in bridges {
            match told.iter_mut().find(|(_, other)| *other == to) {
                Some((bridges, _)) => bridges.push(bridge),
                None => told.push((vec![bridge], to)),
            }
        }
        found.extend(told.into_iter().map(|(bridges, to)| finding(&bridges.join(", "), expected, got, &listed(to))));
    }
    found
}

fn bracketed(address: IpAddr) -> String {
    if address.is_ipv6() { format!("[{address}]") } else { address.to_string() }
}

/// Docker lets nobody out of an internal network.
fn is_docker_s_own(patient: &Patient, answer: &Answer) -> bool {
    let internal = patient.docker_bridges().any(|(network, bridge)| network.internal && bridge == answer.shot.bridge);
    let beyond = answer.shot.about != About::Host;
    internal && beyond && answer.got == Got::DroppedByAnother
}

fn finding(bridge: &str, expected: Expected, got: Got, to: &str) -> Finding {
    match (expected, got) {
        (Expected::Denied, Got::Passed | Got::DroppedByAnother | Got::WouldBeDropped | Got::DroppedByUs) => CHECK.found(
            Severity::Error,
            format!("from {bridge}, packets to what is denied passed the wall: {to}"),
            "the policy denies them, and the wall did not",
            "dockwall doctor    # without --probe tells whether it is hooked and unchanged; then `sudo dockwall apply`",
        ),
        (Expected::Passes, Got::DroppedByUs | Got::WouldBeDropped) => CHECK.found(
            Severity::Error,
            format!("from {bridge}, the wall denied what the policy leaves open: {to}"),
            "what is granted, or none of its business, does not pass",
            "sudo dockwall apply",
        ),
        (Expected::Passes, Got::DroppedByAnother) => CHECK.found(
            Severity::Warning,
            format!("from {bridge}, packets passed the wall and were dropped by somebody else: {to}"),
            "a rule behind the wall's priority drops them: Docker's, or a firewall of the host's own",
            "nft list ruleset    # look for chains on the forward and the input hook that drop",
        ),
        (_, Got::NeverSeen | Got::LostBefore) => CHECK.found(
            Severity::Warning,
            format!("from {bridge}, packets did not come as far as the wall: {to}"),
            "they prove nothing of the wall: a route, reverse path filtering, rules of the bridge or before routing keep \
             them",
            format!("ip route get ADDRESS iif {bridge} from SOURCE; nft list ruleset bridge"),
        ),
        (Expected::Passes, Got::Passed) => CHECK.found(Severity::Notice, to, "", ""),
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::tests::healthy;
    use super::*;

    fn answer(expected: Expected, counts: [u64; 4], remembered: bool, mode: Option<Mode>) -> Answer {
        let shot = Shot {
            bridge: "br-abc".into(),
            from: "172.21.255.253".parse().unwrap(),
            to: "10.57.17.6".parse().unwrap(),
            port: 9,
            tcp: true,
            about: About::Denied,
            expected,
        };
        let [seen, before, behind, end] = counts;
        Answer::new(shot, Counts { seen, before, behind, end }, remembered, mode)
    }

    #[test]
    fn d10_dropped_by_us_is_told_from_never_seen_and_from_dropped_by_another() {
        use Expected::{Denied, Passes};
        use Mode::{Audit, Enforce};
        for (expected, counts, remembered, mode, got, fine) in [
            (Denied, [1, 1, 0, 0], true, Some(Enforce), Got::DroppedByUs, true),
            (Denied, [1, 1, 1, 1], true, Some(Audit), Got::WouldBeDropped, true),
            (Denied, [1, 1, 1, 1], false, Some(Enforce), Got::Passed, false),
            (Denied, [1, 1, 1, 1], false, None, Got::Passed, false),
            (Passes, [1, 1, 1, 0], false, Some(Enforce), Got::DroppedByAnother, false),
            (Passes, [1, 1, 0, 0], false, None, Got::DroppedByAnother, false),
            (Passes, [1, 0, 0, 0], false, Some(Enforce), Got::LostBefore, false),
            (Passes, [0, 0, 0, 0], false, Some(Enforce), Got::NeverSeen, false),
            (Passes, [1, 1, 1, 1], false, Some(Enforce), Got::Passed, true),
        ] {
            let answer = answer(expected, counts, remembered, mode);
            assert_eq!((answer.got, answer.fine), (got, fine), "{expected:?} {counts:?} {mode:?}");
            assert_eq!(findings(&healthy(), &[answer]).len(), usize::from(!fine));
        }
    }

    #[test]
    fn that_docker_keeps_an_internal_network_in_is_no_finding() {
        let mut patient = healthy();
        super::super::super::tests::docker_of(&mut patient).networks[0].internal = true;
        let kept = answer(Expected::Passes, [1, 1, 1, 0], false, Some(Mode::Enforce));
        assert_eq!(findings(&patient, &[kept]), []);
    }
}
