//! Is a change waiting for somebody to confirm it, or did one go back?

use super::super::finding::{Check, Finding, Severity};
use super::super::patient::Patient;
use crate::generation::End;

/// The check.
pub const CHECK: Check = Check { id: "unconfirmed", about: "a change on trial, or one that could not go back", judge };

fn judge(patient: &Patient) -> Vec<Finding> {
    let Some(trial) = &patient.history.trial else {
        return Vec::new();
    };
    let number = trial.generation.map_or_else(|| "a change".to_owned(), |number| format!("generation {number}"));
    let left = trial.deadline.duration_since(patient.now).as_secs();
    let finding = match &trial.end {
        End::Open if left >= 0 => CHECK.found(
            Severity::Warning,
            format!("{number} is on trial"),
            format!("in {left} s it goes back to {} by itself", trial.way_back()),
            "dockwall confirm",
        ),
        End::Open => CHECK.found(
            Severity::Error,
            format!("the trial of {number} ended {} s ago, and nothing went back", -left),
            format!("the process that should have gone back to {} was killed, or is stopped", trial.way_back()),
            "sudo dockwall rollback    # or `dockwall confirm` to keep it",
        ),
        End::Stuck(reason) => CHECK.found(
            Severity::Error,
            format!("nobody confirmed {number}, and it could not go back: {reason}"),
            format!("it is still in force; {} was to be", trial.way_back()),
            "sudo dockwall rollback    # or `sudo dockwall apply` to keep it",
        ),
        End::WentBack => CHECK.found(
            Severity::Notice,
            format!("nobody confirmed {number} in time, and it went back to {}", trial.way_back()),
            "what was last applied is not in force",
            "sudo dockwall apply --confirm 60s",
        ),
    };
    vec![finding]
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::Timestamp;

    use super::super::super::tests::fires;
    use super::*;
    use crate::generation::Trial;

    #[test]
    fn each_end_of_a_trial_is_told_apart() {
        let ended = |end: End, seconds: i64| {
            let found = fires(&CHECK, |patient| {
                let began = patient.now - jiff::SignedDuration::from_secs(seconds);
                let trial = Trial::begin(began, Duration::from_secs(60), Some(1), 1, None);
                patient.history.trial = Some(Trial { generation: Some(2), end, ..trial });
            });
            found.into_iter().next().unwrap()
        };
        let _: Timestamp = Timestamp::UNIX_EPOCH;
        assert!(ended(End::Open, 10).starts_with("warning: generation 2 is on trial"));
        assert!(ended(End::Open, 90).starts_with("error: the trial of generation 2 ended 30 s ago"));
        assert!(ended(End::Stuck("no".into()), 90).contains("could not go back: no"));
        assert!(ended(End::WentBack, 90).starts_with("notice: "));
    }
}
