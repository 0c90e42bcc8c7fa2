//! Brings the wall back when the machine has booted: what was confirmed last.

use jiff::Timestamp;

use super::hold::flags;
use super::{End, Error, Generation, Store, StoreError, Trial};
use crate::netlink::{self, Kernel, Sent};
use crate::ruleset::{Features, Table, compile};

/// What [`raise`] did.
#[derive(Debug)]
pub struct Boot {
    /// What is in force now, and what was sent for it; none where nothing that was confirmed could be had.
    pub raised: Option<(Generation, Sent)>,
    /// The change that was on trial when the machine went down.
    pub went_back: Option<Trial>,
    /// What was to be read or put in force before, and could not be.
    pub tried: Vec<Error>,
    /// Why the disk does not say it, as where it is full.
    pub not_noted: Option<StoreError>,
}

impl Boot {
    /// Whether no wall is right: what was there before the change on trial.
    pub fn is_without_wall(&self) -> bool {
        self.raised.is_none() && self.went_back.as_ref().is_some_and(|trial| trial.back_to.is_none())
    }
}

/// Puts in force what was confirmed last. Where that cannot be read or the kernel refuses it, the newest generation
/// that can be had and was not made within a trial which nobody confirmed. What the disk is like matters only for
/// reading.
///
/// # Errors
/// Where the kernel takes nothing from us at all.
pub fn raise(kernel: &mut Kernel, store: &Store, features: Features) -> Result<Boot, netlink::Error> {
    let mut tried = Vec::new();
    let trial = store.trial().unwrap_or_else(|error| note(&mut tried, error));
    let noted = store.wanted().unwrap_or_else(|error| note(&mut tried, error));
    let in_force = kernel.read_frame()?.marker().map(|marker| marker.generation);
    let plan = Plan::new(trial, noted, in_force, Timestamp::now());
    let numbers = store.numbers().unwrap_or_else(|error| {
        tried.push(error.into());
        Vec::new()
    });
    let mut boot = Boot { raised: None, went_back: plan.goes_back.clone(), tried, not_noted: None };
    for number in plan.candidates(&numbers) {
        let generation = match store.get(number) {
            Ok(generation) => generation,
            Err(error) => {
                boot.tried.push(error.into());
                continue;
            }
        };
        // First the disk, as for a rollback; a wall is raised all the same where that says no.
        let mut not_noted = if noted == Some(number) { None } else { store.want(number).err() };
        let raised = match put(kernel, store, &generation, features) {
            // The log may be all that this kernel lacks. It is asked only now: to refuse takes it longer than the rest.
            Err(refused @ netlink::Error::Refused(_)) => match generation.muted(kernel)? {
                (_, false) => Err(refused),
                (muted, true) => {
                    not_noted = store.put(&muted).err().or(not_noted);
                    put(kernel, store, &muted, features).map(|sent| (muted, sent))
                }
            },
            other => other.map(|sent| (generation, sent)),
        };
        match raised {
            Ok(raised) => {
                (boot.raised, boot.not_noted) = (Some(raised), not_noted);
                break;
            }
            Err(error @ netlink::Error::Refused(_)) => boot.tried.push(error.into()),
            Err(error) => return Err(error),
        }
    }
    if boot.is_without_wall() {
        boot.not_noted = store.want_nothing().err();
    }
    if let Some(trial) = plan.goes_back.filter(|_| boot.raised.is_some() || boot.is_without_wall()) {
        let ended = store.put_trial(&Trial { end: End::WentBack, ..trial });
        boot.not_noted = boot.not_noted.or(ended.err());
    }
    Ok(boot)
}

/// Makes the kernel hold that generation.
fn put(
    kernel: &mut Kernel,
    store: &Store,
    generation: &Generation,
    features: Features,
) -> Result<Sent, netlink::Error> {
    let flags = flags(&generation.policy, store, features);
    let table = compile(&generation.policy, features, Timestamp::now()).marked(generation.number);
    let table = Table { flags, ..table };
    kernel.replace(|_| Ok(table.clone()))
}

/// What the disk says of what should be in force.
#[derive(Debug, Default)]
struct Plan {
    /// What comes first; none where nothing is known.
    first: Option<u64>,
    /// The trial that is over by the boot, or was before and left no wall.
    goes_back: Option<Trial>,
    /// The last change that nobody confirmed.
    unconfirmed: Option<Trial>,
}

impl Plan {
    fn new(trial: Option<Trial>, noted: Option<u64>, in_force: Option<u64>, now: Timestamp) -> Self {
        let Some(trial) = trial else {
            return Self { first: noted.or(in_force), ..Self::default() };
        };
        // No boot, but the command in a machine that runs on: there the trial does as well.
        if trial.is_open() && trial.deadline > now && trial.generation.is_some() && trial.generation == in_force {
            return Self { first: in_force, ..Self::default() };
        }
        // Where it went back to no wall and nothing was wanted since, that is how it is.
        let went_back = trial.end == End::WentBack;
        let goes_back = (!went_back || trial.back_to.is_none() && noted.is_none()).then(|| trial.clone());
        let first = if went_back { noted } else { trial.back_to };
        Self { first, goes_back, unconfirmed: Some(trial) }
    }

    /// What may be put in force, of the generations with these `numbers`, best first.
    fn candidates(&self, numbers: &[u64]) -> Vec<u64> {
        if self.goes_back.as_ref().is_some_and(|trial| trial.back_to.is_none()) {
            return Vec::new();
        }
        let is_confirmed = |number: &u64| self.unconfirmed.as_ref().is_none_or(|trial| !trial.has_made(*number));
        let others = numbers.iter().rev().copied().filter(|number| Some(*number) != self.first);
        self.first.into_iter().chain(others.filter(is_confirmed)).collect()
    }
}

/// Notes why it could not be read, and goes on as if it were not there.
fn note<T>(tried: &mut Vec<Error>, error: StoreError) -> Option<T> {
    tried.push(error.into());
    None
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    /// Generation 5 on trial until 60, with 3 in force before and 4 the newest.
    fn trial(end: End) -> Trial {
        let begun = Trial::begin(at(0), Duration::from_secs(60), Some(3), 4, None);
        Trial { generation: Some(5), end, ..begun }
    }

    #[test]
    fn m5_what_was_never_confirmed_is_never_brought_back() {
        let open = || Some(trial(End::Open));
        let stuck = Some(trial(End::Stuck(String::new())));
        let to_nothing = |end| Some(Trial { back_to: None, ..trial(end) });
        for (what, trial, noted, in_force, expected) in [
            ("no trial: what is noted, then the newest", None, Some(2), None, vec![2, 6, 5, 4, 3, 1]),
            ("nothing is noted: the newest", None, None, None, vec![6, 5, 4, 3, 2, 1]),
            ("nor is it a boot: what is there", None, None, Some(4), vec![4, 6, 5, 3, 2, 1]),
            ("a boot within the trial", open(), Some(5), None, vec![3, 6, 4, 2, 1]),
            ("as it is, where the machine runs on", open(), Some(5), Some(5), vec![5, 6, 4, 3, 2, 1]),
            ("it should have gone back", stuck, Some(5), None, vec![3, 6, 4, 2, 1]),
            (
                "it went back, another was applied since",
                Some(self::trial(End::WentBack)),
                Some(6),
                None,
                vec![6, 4, 3, 2, 1],
            ),
            ("back to no wall", to_nothing(End::Open), Some(5), None, vec![]),
            ("it was back to no wall already", to_nothing(End::WentBack), None, None, vec![]),
            ("and has a wall since", to_nothing(End::WentBack), Some(6), None, vec![6, 4, 3, 2, 1]),
        ] {
            let plan = Plan::new(trial, noted, in_force, at(30));
            assert_eq!(plan.candidates(&[1, 2, 3, 4, 5, 6]), expected, "{what}");
        }
    }

    #[test]
    fn a_trial_whose_time_is_over_does_not_run_on() {
        let plan = Plan::new(Some(trial(End::Open)), Some(5), Some(5), at(61));
        assert_eq!(plan.candidates(&[3, 4, 5]), [3, 4]);
    }
}
