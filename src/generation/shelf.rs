//! The generations in the state directory.
//!
//! `generation-N.json` holds all of generation N, `generation-N.on-B.json` what it changed in B, which is whole. Where
//! there are both, the first is newer and holds.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::flush::flush_both;
use super::record::NewGeneration;
use super::store::{DRAFT, Draft, Store, StoreError, delete, io_error};
use super::{Amendment, Generation, Sources};

/// How many generations are kept.
const KEPT: usize = 100;

/// The name of a generation's file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Name {
    number: u64,
    /// What it is a difference to; none where it is whole.
    base: Option<u64>,
}

impl Name {
    fn read(text: &str) -> Option<Self> {
        let stem = text.strip_prefix("generation-")?.strip_suffix(".json")?;
        match stem.split_once(".on-") {
            None => Some(Self { number: stem.parse().ok()?, base: None }),
            Some((number, base)) => Some(Self { number: number.parse().ok()?, base: Some(base.parse().ok()?) }),
        }
    }

    fn write(self) -> String {
        let base = self.base.map(|base| format!(".on-{base}")).unwrap_or_default();
        format!("generation-{}{base}.json", self.number)
    }
}

/// Of a generation's file what it was made from.
#[derive(Deserialize)]
struct MadeFrom {
    #[serde(default)]
    sources: Option<Sources>,
}

impl Store {
    /// The highest number so far; 0 without any.
    ///
    /// # Errors
    /// As [`Store::list`].
    pub fn last(&self) -> Result<u64, StoreError> {
        Ok(self.numbers()?.last().copied().unwrap_or(0))
    }

    /// What the generation with the highest number is a difference to, or that itself where it is kept whole; none where
    /// that cannot be told.
    pub(super) fn last_base(&self) -> Option<u64> {
        let names = self.names().ok()?;
        let last = names.last()?.number;
        let name = names.iter().find(|name| name.number == last)?;
        Some(name.base.unwrap_or(last))
    }

    /// Their numbers, lowest first.
    pub(super) fn numbers(&self) -> Result<Vec<u64>, StoreError> {
        Ok(numbers(&self.names()?))
    }

    /// The names of their files, lowest number first.
    fn names(&self) -> Result<Vec<Name>, StoreError> {
        let entries = match fs::read_dir(self.directory()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(|source| io_error("read", self.directory(), source))?,
        };
        Ok(generations(entries.filter_map(|entry| Some(entry.ok()?.file_name()))))
    }

    /// The generation of that number.
    ///
    /// # Errors
    /// [`StoreError::Missing`], [`StoreError::Damaged`], [`StoreError::BaseLost`], [`StoreError::BaseChanged`], or what
    /// the system says.
    pub fn get(&self, number: u64) -> Result<Generation, StoreError> {
        if let Some(whole) = self.whole(number)? {
            return Ok(whole);
        }
        match self.amendment(number)? {
            Some(amendment) => self.whole_of(amendment),
            // A guard may have made it whole just now.
            None => self.whole(number)?.ok_or_else(|| self.missing(number)),
        }
    }

    fn whole(&self, number: u64) -> Result<Option<Generation>, StoreError> {
        read(&self.whole_path(number))
    }

    /// What the generation of that number was made from, which is kept whole: nothing else of it is held.
    ///
    /// # Errors
    /// As [`Store::get`].
    pub(super) fn sources_of(&self, number: u64) -> Result<Option<Sources>, StoreError> {
        let made: Option<MadeFrom> = scan(&self.whole_path(number))?;
        made.map(|made| made.sources).ok_or_else(|| self.missing(number))
    }

    /// The whole generation.
    ///
    /// # Errors
    /// As [`Store::get`].
    pub(super) fn whole_of(&self, amendment: Amendment) -> Result<Generation, StoreError> {
        let (number, base) = (amendment.number, amendment.base.number);
        let path = self.whole_path(base);
        let whole = self.whole(base)?.ok_or_else(|| StoreError::BaseLost { number, base, path: path.clone() })?;
        amendment.on(whole).ok_or(StoreError::BaseChanged { number, base, path })
    }

    /// The generation of that number, where it is kept as a difference.
    ///
    /// # Errors
    /// [`StoreError::Damaged`], or what the system says.
    pub(super) fn amendment(&self, number: u64) -> Result<Option<Amendment>, StoreError> {
        let is_it = |name: &Name| name.number == number && name.base.is_some();
        match self.names()?.into_iter().find(is_it) {
            Some(name) => read(&self.directory().join(name.write())),
            None => Ok(None),
        }
    }

    /// The one file by which the generation of that number shows that it was written since.
    pub(super) fn file_of(&self, number: u64) -> PathBuf {
        let whole = self.whole_path(number);
        let is_it = |name: &Name| name.number == number;
        let name =
            if whole.exists() { None } else { self.names().ok().and_then(|names| names.into_iter().find(is_it)) };
        name.map_or(whole, |name| self.directory().join(name.write()))
    }

    /// The file of the generation of that number, where it is kept whole.
    pub(super) fn whole_path(&self, number: u64) -> PathBuf {
        self.directory().join(Name { number, base: None }.write())
    }

    pub(super) fn missing(&self, number: u64) -> StoreError {
        StoreError::Missing { number, directory: self.directory().to_owned() }
    }

    /// Puts a new generation in its place, where every process finds it from then on, and writes its number beside the
    /// one that is wanted so far. What is in both is on the disk; that the generation is there is, once the number is
    /// kept.
    ///
    /// # Errors
    /// [`StoreError::Io`]; the directory is as it was.
    pub(super) fn put_first(&self, generation: &NewGeneration) -> Result<Draft, StoreError> {
        self.place(generation, &self.whole_path(generation.number), generation.number)
    }

    /// The same for one that is kept as a difference.
    ///
    /// # Errors
    /// [`StoreError::Io`]; the directory is as it was.
    pub(super) fn put_amendment_first(&self, amendment: &Amendment) -> Result<Draft, StoreError> {
        let name = Name { number: amendment.number, base: Some(amendment.base.number) };
        self.place(amendment, &self.directory().join(name.write()), amendment.number)
    }

    fn place(&self, content: &impl serde::Serialize, path: &Path, number: u64) -> Result<Draft, StoreError> {
        let failed = |source| io_error("write", path, source);
        let file = self.write_draft(content).map_err(failed)?;
        let wanted = self.write_wanted(number)?;
        flush_both(file.as_file(), wanted.file()).map_err(failed)?;
        file.persist(path).map_err(|error| failed(error.error))?;
        Ok(wanted)
    }

    /// Keeps a generation whole, also in the place of another one: once this returns it is on the disk.
    ///
    /// # Errors
    /// [`StoreError::Io`]; the directory is as it was.
    pub fn put(&self, generation: &Generation) -> Result<(), StoreError> {
        let names = self.names()?;
        // Those that are differences to what was there before are kept whole first. One that cannot be read stays as
        // it is, and says so to whoever wants it.
        for name in names.iter().filter(|name| name.base == Some(generation.number)) {
            if let Ok(whole) = self.get(name.number) {
                self.write_whole(&whole)?;
                delete(&self.directory().join(name.write()))?;
            }
        }
        self.write_whole(generation)?;
        let own = names.iter().filter(|name| name.number == generation.number && name.base.is_some());
        own.into_iter().try_for_each(|name| delete(&self.directory().join(name.write())))
    }

    fn write_whole(&self, generation: &Generation) -> Result<(), StoreError> {
        let path = self.whole_path(generation.number);
        self.write(&path, generation).map_err(|source| io_error("write", &path, source))
    }

    /// Forgets a generation, as when the kernel refused it. It may be gone already.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn forget(&self, number: u64) -> Result<(), StoreError> {
        let mut own = self.names()?.into_iter().filter(|name| name.number == number);
        own.try_for_each(|name| delete(&self.directory().join(name.write())))
    }

    /// Forgets the oldest generations beyond a hundred, and never the one in force nor what one that is kept is a
    /// difference to; and what killed commands left half written. To be called with the lock held, and no draft that is
    /// still to be kept.
    ///
    /// # Errors
    /// As [`Store::list`] and [`Store::forget`].
    pub fn prune(&self, in_force: u64) -> Result<(), StoreError> {
        let entries = fs::read_dir(self.directory()).map_err(|source| io_error("read", self.directory(), source))?;
        let files: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.file_name())).collect();
        let drafts = files.iter().filter(|file| file.as_encoded_bytes().starts_with(DRAFT));
        drafts.into_iter().try_for_each(|draft| delete(&self.directory().join(draft)))?;
        let names = generations(files);
        let numbers = numbers(&names);
        let surplus = numbers.len().saturating_sub(KEPT);
        let (old, kept) = numbers.split_at_checked(surplus).unwrap_or_default();
        let stays = |number: u64| number == in_force || kept.contains(&number);
        let is_base = |number: u64| names.iter().any(|name| name.base == Some(number) && stays(name.number));
        // The newest first: what is a difference goes before what it is one to.
        let goes = |number: &&u64| !stays(**number) && !is_base(**number);
        old.iter().rev().filter(goes).try_for_each(|number| self.forget(*number))
    }
}

/// Those of the files that are generations, lowest number first.
fn generations(files: impl IntoIterator<Item = OsString>) -> Vec<Name> {
    let mut names: Vec<Name> = files.into_iter().filter_map(|file| Name::read(file.to_str()?)).collect();
    names.sort_unstable();
    names
}

/// Their numbers, each once.
fn numbers(names: &[Name]) -> Vec<u64> {
    let mut numbers: Vec<u64> = names.iter().map(|name| name.number).collect();
    numbers.dedup();
    numbers
}

/// What is in a file; none where there is no such file.
fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, StoreError> {
    match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(io_error("read", path, source)),
        Ok(text) => match serde_json::from_slice(&text) {
            Ok(content) => Ok(Some(content)),
            Err(source) => Err(StoreError::Damaged { path: path.to_owned(), source }),
        },
    }
}

/// The same without the file in memory as a whole: of a large one only what is asked for is held.
pub(super) fn scan<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, StoreError> {
    let file = match fs::File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(|source| io_error("read", path, source))?,
    };
    let content = serde_json::from_reader(io::BufReader::with_capacity(1 << 16, file));
    content.map(Some).map_err(|source| StoreError::Damaged { path: path.to_owned(), source })
}
