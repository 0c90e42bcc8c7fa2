//! The list of the generations, with what is said of each in a line: of a hundred with a million networks each, no
//! more is held than of one with none.

use jiff::Timestamp;
use serde::Deserialize;

use super::shelf::scan;
use super::store::{Store, StoreError};
use super::{Amendment, Author, Base, Settings};
use crate::config::Mode;
use crate::policy::InterfaceNames;

/// A generation in the list: the number from its file's name, and what could be read of it.
#[derive(Debug)]
pub struct Listed {
    /// Its number.
    pub number: u64,
    /// What it says.
    pub entry: Result<Entry, StoreError>,
}

/// A generation without what holds in it and what it was made from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Counted from 1.
    pub number: u64,
    /// When it was applied.
    pub applied: Timestamp,
    /// By whom.
    pub author: Author,
    /// The one that was in force before it, where there was one.
    pub parent: Option<u64>,
    /// What it changed, in words, against the parent.
    pub changes: Vec<String>,
    /// What happens to a packet that it denies.
    pub mode: Mode,
    /// The container interfaces.
    pub containers: InterfaceNames,
}

/// What is read of the file of one that is kept whole.
#[derive(Clone, Deserialize)]
struct Whole {
    number: u64,
    applied: Timestamp,
    author: Author,
    parent: Option<u64>,
    changes: Vec<String>,
    policy: Outline,
    #[serde(default)]
    revised: Option<Timestamp>,
}

#[derive(Clone, Deserialize)]
struct Outline {
    mode: Mode,
    containers: InterfaceNames,
}

impl Whole {
    fn base(&self) -> Base {
        let Self { number, applied, revised, .. } = *self;
        Base { number, applied, revised }
    }

    fn entry(self) -> Entry {
        let Self { number, applied, author, parent, changes, policy: Outline { mode, containers }, .. } = self;
        Entry { number, applied, author, parent, changes, mode, containers }
    }
}

impl Store {
    /// The generations, oldest first. Of each file it is found out whether it is whole; whether the networks in it make
    /// sense, whoever reads the generation finds out.
    ///
    /// # Errors
    /// [`StoreError::Io`] where the directory cannot be read; a missing one is empty.
    pub fn list(&self) -> Result<Vec<Listed>, StoreError> {
        let numbers = self.numbers()?;
        // Many may be differences to one.
        let mut last = None;
        Ok(numbers.into_iter().map(|number| Listed { number, entry: self.entry(number, &mut last) }).collect())
    }

    /// The one with the highest number.
    ///
    /// # Errors
    /// As [`Store::get`].
    pub fn last_entry(&self) -> Result<Option<Entry>, StoreError> {
        let last = self.numbers()?.pop();
        last.map(|number| self.entry(number, &mut None)).transpose()
    }

    /// `last` is the base that was read last.
    fn entry(&self, number: u64, last: &mut Option<Whole>) -> Result<Entry, StoreError> {
        if let Some(whole) = self.scan_whole(number)? {
            return Ok(last.insert(whole).clone().entry());
        }
        match self.amendment(number)? {
            Some(amendment) => self.amended(amendment, last),
            // A guard may have made it whole just now.
            None => self.scan_whole(number)?.map(Whole::entry).ok_or_else(|| self.missing(number)),
        }
    }

    fn amended(&self, amendment: Amendment, last: &mut Option<Whole>) -> Result<Entry, StoreError> {
        let Amendment { number, applied, author, parent, changes, base, changed } = amendment;
        let path = || self.whole_path(base.number);
        let whole = match last.take().filter(|whole| whole.number == base.number) {
            Some(whole) => whole,
            None => {
                let whole = self.scan_whole(base.number)?;
                whole.ok_or_else(|| StoreError::BaseLost { number, base: base.number, path: path() })?
            }
        };
        let whole = last.insert(whole);
        if whole.base() != base {
            return Err(StoreError::BaseChanged { number, base: base.number, path: path() });
        }
        let Outline { mode, containers } = match changed.settings {
            Some(Settings { policy, .. }) => Outline { mode: policy.mode, containers: policy.containers },
            None => whole.policy.clone(),
        };
        Ok(Entry { number, applied, author, parent, changes, mode, containers })
    }

    fn scan_whole(&self, number: u64) -> Result<Option<Whole>, StoreError> {
        scan(&self.whole_path(number))
    }
}
