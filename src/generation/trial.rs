//! A change on trial: it goes back by itself unless somebody confirms it in time.
//!
//! What is on trial stands on the disk before the kernel is changed, and a process of its own waits
//! for the end. So whoever is killed meanwhile, the change is confirmed or goes back.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{RollbackError, Store, StoreError, WayBack, remove, rollback};
use crate::netlink::Kernel;
use crate::ruleset::Features;

/// A change on trial, or the last one that was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trial {
    /// When it began, by which it is told from another.
    pub began: Timestamp,
    /// When it goes back.
    pub deadline: Timestamp,
    /// The generation on trial; none while it is being applied.
    pub generation: Option<u64>,
    /// The last one that was confirmed, to which it goes back; none for no wall at all.
    pub back_to: Option<u64>,
    /// The highest number when it began: what has a higher one was made within it.
    #[serde(default)]
    pub newest: u64,
    /// What became of it.
    pub end: End,
}

/// What became of a trial.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum End {
    /// Nothing yet.
    Open,
    /// Nobody confirmed it, and it went back.
    WentBack,
    /// Nobody confirmed it, and it did not go back, for this reason.
    Stuck(String),
}

impl Trial {
    /// One that begins at `began`, for that long, with `in_force` in force and `newest` the highest number. One
    /// within another goes back to where the other would have gone: what is on trial was never confirmed.
    pub fn begin(began: Timestamp, within: Duration, in_force: Option<u64>, newest: u64, other: Option<&Self>) -> Self {
        let other = other.filter(|other| other.is_open());
        let (back_to, newest) = other.map_or((in_force, newest), |other| (other.back_to, other.newest));
        let within = SignedDuration::try_from(within).unwrap_or(SignedDuration::MAX);
        let deadline = began.checked_add(within).unwrap_or(Timestamp::MAX);
        Self { began, deadline, generation: None, back_to, newest, end: End::Open }
    }

    /// Whether it can still be confirmed, and will go back otherwise.
    pub fn is_open(&self) -> bool {
        self.end == End::Open
    }

    /// Whether the generation of that number was made within it. While it is being applied every new one was.
    pub fn has_made(&self, number: u64) -> bool {
        number > self.newest && self.generation.is_none_or(|last| number <= last)
    }

    /// Where it goes back, in words.
    pub fn way_back(&self) -> String {
        self.back_to.map_or_else(|| "no wall at all".to_owned(), |number| format!("generation {number}"))
    }
}

/// Ends the trial that began then, if it still is the one that is open: goes back in one batch.
///
/// # Errors
/// Why it could not; that is noted on the disk as well.
pub fn expire(kernel: &mut Kernel, store: &Store, began: Timestamp, features: Features) -> Result<(), RollbackError> {
    let Some(trial) = store.trial()?.filter(|trial| trial.began == began && trial.is_open()) else {
        return Ok(());
    };
    let back = match trial.back_to {
        Some(number) => go_back(kernel, store, number, features),
        None => match remove(kernel, store) {
            Ok(removed) => removed.still_wanted.map_or(Ok(()), |error| Err(error.into())),
            Err(error) => Err(error.into()),
        },
    };
    let end = match &back {
        Ok(()) => End::WentBack,
        Err(error) => End::Stuck(error.to_string()),
    };
    store.put_trial(&Trial { end, ..trial })?;
    back
}

fn go_back(kernel: &mut Kernel, store: &Store, number: u64, features: Features) -> Result<(), RollbackError> {
    if let Some(way) = WayBack::find(kernel, store, features, Some(number))
        && way.go(kernel, store)?.is_some()
    {
        return Ok(());
    }
    let generation = store.get(number)?;
    rollback(kernel, store, &generation, features)?;
    Ok(())
}

/// Makes a trial that is open follow from one generation to the next, which adds a grant to it or takes
/// one away.
pub(super) fn follow(store: &Store, from: u64, to: u64) -> Result<(), StoreError> {
    match store.trial() {
        // What is made within an unreadable one is made all the same.
        Err(StoreError::Damaged { .. }) => Ok(()),
        Err(error) => Err(error),
        Ok(Some(trial)) if trial.is_open() && trial.generation == Some(from) => {
            store.put_trial(&Trial { generation: Some(to), ..trial })
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trial_within_a_trial_goes_back_to_what_was_confirmed() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let minute = Duration::from_secs(60);
        let first = Trial::begin(at(0), minute, Some(4), 7, None);
        assert_eq!((first.back_to, first.deadline), (Some(4), at(60)));
        let second = Trial::begin(at(10), minute, Some(8), 8, Some(&first));
        assert_eq!((second.back_to, second.deadline), (Some(4), at(70)));
        assert!(second.has_made(8) && second.has_made(9) && !second.has_made(7));
        let over = Trial { end: End::WentBack, ..second };
        assert_eq!(Trial::begin(at(100), minute, Some(9), 9, Some(&over)).back_to, Some(9));
        assert_eq!(Trial::begin(at(0), Duration::MAX, None, 0, None).deadline, Timestamp::MAX);
    }
}
