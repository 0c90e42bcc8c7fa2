//! The state directory: one file per generation, which holds all of it or what it changed in another one.
//!
//! A file is written under another name, flushed and renamed, so that it is there whole or not at
//! all; one that is damaged nevertheless is listed as such and stops nothing else.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use fd_lock::{RwLock, RwLockWriteGuard};
use serde::Serialize;
use tempfile::NamedTempFile;

use super::known::Known;
use super::{GuardRecord, Trial};

/// How the names of files begin that are not in their place yet.
pub(super) const DRAFT: &[u8] = b".new-";
/// Held by who makes a generation.
const LOCK: &str = "lock";
/// Held by a guard.
const GUARD_LOCK: &str = "guard.lock";
/// How long one waits for another that is at work.
const LOCK_PATIENCE: Duration = Duration::from_secs(60);

/// The state directory.
#[derive(Debug, Clone)]
pub struct Store {
    directory: PathBuf,
}

/// Why the state directory is of no use. Nothing was changed in the kernel.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The system refused.
    #[error("cannot {doing} {}: {source}; {}", path.display(), cure(source))]
    Io {
        /// What was tried.
        doing: &'static str,
        /// With what.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// No generation has that number.
    #[error("there is no generation {number} in {}: `dockwall history` lists those there are", directory.display())]
    Missing {
        /// The number.
        number: u64,
        /// Where it was looked for.
        directory: PathBuf,
    },
    /// Its file makes no sense.
    #[error("{} is damaged: {source}; go back to another generation, or delete the file", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: serde_json::Error,
    },
    /// It is a difference to one that is not there any more.
    #[error(
        "generation {number} is kept as what it changed in generation {base}, and {} is gone: go back to another \
         generation, or run `dockwall apply`", path.display()
    )]
    BaseLost {
        /// The number.
        number: u64,
        /// The number of the other.
        base: u64,
        /// The other's file.
        path: PathBuf,
    },
    /// It is a difference to one that is another by now.
    #[error(
        "generation {number} is kept as what it changed in generation {base}, and {} is another one by now: go back to \
         another generation, or run `dockwall apply`", path.display()
    )]
    BaseChanged {
        /// The number.
        number: u64,
        /// The number of the other.
        base: u64,
        /// The other's file.
        path: PathBuf,
    },
    /// Somebody else is at work for longer than one waits.
    #[error(
        "another dockwall has been at work in {} for {} s: wait for it, or look for it with `fuser {}`",
        path.display(), LOCK_PATIENCE.as_secs(), path.display()
    )]
    Locked {
        /// The lock file.
        path: PathBuf,
    },
}

fn cure(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::PermissionDenied => {
            "run it with sudo, or name a directory with --state-dir that belongs to who runs it (dockwall gives up every \
             privilege but CAP_NET_ADMIN)"
        }
        io::ErrorKind::ReadOnlyFilesystem => "mount it writable, or name another directory with --state-dir",
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "make room there, or name another directory with --state-dir"
        }
        io::ErrorKind::NotADirectory | io::ErrorKind::AlreadyExists => "name a directory with --state-dir",
        _ => "check the directory, or name another one with --state-dir",
    }
}

impl StoreError {
    /// Whether permission is all that is missing.
    pub fn is_not_permitted(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == io::ErrorKind::PermissionDenied)
    }
}

/// Held while a generation is made, by one process at a time.
pub struct Lock(RwLock<File>, PathBuf);

/// A number that is written and not yet in its place.
pub struct Draft(NamedTempFile, PathBuf);

impl Store {
    /// The state directory at that path; it need not exist yet.
    pub fn new(directory: &Path) -> Self {
        Self { directory: directory.to_owned() }
    }

    /// Its path.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Makes the directory and opens its lock.
    ///
    /// # Errors
    /// [`StoreError::Io`] where it can be neither made nor written.
    pub fn prepare(&self) -> Result<Lock, StoreError> {
        self.prepare_lock(LOCK)
    }

    /// Makes the directory and opens the lock that a guard holds as long as it runs.
    ///
    /// # Errors
    /// As [`Store::prepare`].
    pub fn prepare_guard(&self) -> Result<Lock, StoreError> {
        self.prepare_lock(GUARD_LOCK)
    }

    /// Whether a guard runs here.
    pub fn has_guard(&self) -> bool {
        let taken = |error: io::Error| error.kind() == io::ErrorKind::WouldBlock;
        // Shared, so that two who ask do not take each other for a guard.
        File::open(self.directory.join(GUARD_LOCK)).is_ok_and(|file| RwLock::new(file).try_read().is_err_and(taken))
    }

    /// Whether a guard runs here, or ever ran.
    pub fn has_had_guard(&self) -> bool {
        self.directory.join(GUARD_LOCK).exists()
    }

    fn prepare_lock(&self, name: &str) -> Result<Lock, StoreError> {
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.directory);
        made.map_err(|source| io_error("make", &self.directory, source))?;
        let path = self.directory.join(name);
        let opened = File::options().create(true).append(true).mode(0o600).open(&path);
        Ok(Lock(RwLock::new(opened.map_err(|source| io_error("open", &path, source))?), path))
    }

    /// Takes the directory away again where nothing was kept in it. To be called by who made it, with its lock held.
    pub fn unmake(&self) {
        let is_lock = |entry: io::Result<fs::DirEntry>| entry.is_ok_and(|entry| entry.file_name() == LOCK);
        if fs::read_dir(&self.directory).is_ok_and(|mut entries| entries.all(is_lock)) {
            // Left behind it does no harm.
            fs::remove_file(self.directory.join(LOCK))
                .and_then(|()| fs::remove_dir(&self.directory))
                .unwrap_or_default();
        }
    }

    /// The change on trial, or the last one that was and went back.
    ///
    /// # Errors
    /// [`StoreError::Damaged`], or what the system says.
    pub fn trial(&self) -> Result<Option<Trial>, StoreError> {
        let path = self.trial_path();
        match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(io_error("read", &path, source)),
            Ok(text) => serde_json::from_slice(&text).map_err(|source| StoreError::Damaged { path, source }),
        }
    }

    /// Keeps it: once this returns it is on the disk.
    ///
    /// # Errors
    /// [`StoreError::Io`]; the directory is as it was.
    pub fn put_trial(&self, trial: &Trial) -> Result<(), StoreError> {
        let path = self.trial_path();
        self.write(&path, trial).map_err(|source| io_error("write", &path, source))
    }

    /// Forgets it: what is in force stays. There may be none.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn end_trial(&self) -> Result<(), StoreError> {
        delete(&self.trial_path())
    }

    /// What the guard has done; none where there never was one.
    ///
    /// # Errors
    /// [`StoreError::Damaged`], or what the system says.
    pub fn guard_record(&self) -> Result<Option<GuardRecord>, StoreError> {
        let path = self.guard_record_path();
        match fs::read(&path) {
            Err(error) if is_nothing(&error) => Ok(None),
            Err(source) => Err(io_error("read", &path, source)),
            Ok(text) => serde_json::from_slice(&text).map(Some).map_err(|source| StoreError::Damaged { path, source }),
        }
    }

    /// Keeps it. Nothing is waited for: who reads it finds it, and a power failure may lose it.
    ///
    /// # Errors
    /// [`StoreError::Io`]; the directory is as it was.
    pub fn put_guard_record(&self, record: &GuardRecord) -> Result<(), StoreError> {
        let path = self.guard_record_path();
        self.put_unflushed(record, &path).map_err(|source| io_error("write", &path, source))
    }

    /// Where it is noted what is known of the kernel without looking.
    pub(super) fn known_path(&self) -> PathBuf {
        self.directory.join("known.json")
    }

    /// Notes it, as [`Store::put_guard_record`].
    pub(super) fn put_known(&self, known: &Known) -> io::Result<()> {
        self.put_unflushed(known, &self.known_path())
    }

    /// Writes a file whole or not at all, and waits for no disk.
    pub(super) fn put_unflushed(&self, content: &impl Serialize, path: &Path) -> io::Result<()> {
        let mut file = self.write_draft(content)?;
        file.flush()?;
        file.persist(path).map(|_| ()).map_err(|error| error.error)
    }

    fn guard_record_path(&self) -> PathBuf {
        self.directory.join("guard.json")
    }

    /// The generation that is to be in force: what was put there last, unless the wall was taken away
    /// since. A guard goes by it where the kernel has lost its own mark.
    ///
    /// # Errors
    /// [`StoreError::Damaged`], or what the system says.
    pub fn wanted(&self) -> Result<Option<u64>, StoreError> {
        let path = self.wanted_path();
        match fs::read(&path) {
            Err(error) if is_nothing(&error) => Ok(None),
            Err(source) => Err(io_error("read", &path, source)),
            Ok(text) => serde_json::from_slice(&text).map(Some).map_err(|source| StoreError::Damaged { path, source }),
        }
    }

    /// Writes that number beside the one that is wanted so far, so that taking its place needs no room. It is not on the
    /// disk yet.
    pub(super) fn write_wanted(&self, number: u64) -> Result<Draft, StoreError> {
        let path = self.wanted_path();
        match self.write_draft(&number) {
            Ok(file) => Ok(Draft(file, path)),
            Err(source) => Err(io_error("write", &path, source)),
        }
    }

    /// Makes that generation the one that is wanted, once it is on the disk.
    ///
    /// # Errors
    /// [`StoreError::Io`]; the directory is as it was.
    pub fn want(&self, number: u64) -> Result<(), StoreError> {
        let path = self.wanted_path();
        self.write(&path, &number).map_err(|source| io_error("write", &path, source))
    }

    /// Nothing is wanted any more. It may be so already.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn want_nothing(&self) -> Result<(), StoreError> {
        delete(&self.wanted_path())
    }

    fn wanted_path(&self) -> PathBuf {
        self.directory.join("in-force")
    }

    fn trial_path(&self) -> PathBuf {
        self.directory.join("trial.json")
    }

    pub(super) fn write(&self, path: &Path, content: &impl Serialize) -> io::Result<()> {
        persist(self.draft(content)?, path)
    }

    /// The content in a file under another name, on the disk.
    pub(super) fn draft(&self, content: &impl Serialize) -> io::Result<NamedTempFile> {
        let file = self.write_draft(content)?;
        file.as_file().sync_data()?;
        Ok(file)
    }

    /// A file with nothing in it yet.
    pub(super) fn begin_draft(&self) -> io::Result<NamedTempFile> {
        tempfile::Builder::new().prefix(OsStr::from_bytes(DRAFT)).tempfile_in(&self.directory)
    }

    /// The same, not on the disk yet.
    pub(super) fn write_draft(&self, content: &impl Serialize) -> io::Result<NamedTempFile> {
        let mut file = self.begin_draft()?;
        let mut writer = io::BufWriter::new(&mut file);
        serde_json::to_writer(&mut writer, content)?;
        writer.write_all(b"\n")?;
        writer.flush()?;
        drop(writer);
        Ok(file)
    }
}

impl Draft {
    /// Puts it in its place: once this returns it is on the disk.
    ///
    /// # Errors
    /// [`StoreError::Io`]; what was wanted before still is.
    pub(super) fn keep(self) -> Result<(), StoreError> {
        let Self(file, path) = self;
        persist(file, &path).map_err(|source| io_error("write", &path, source))
    }

    /// Where it is written.
    pub(super) fn file(&self) -> &File {
        self.0.as_file()
    }
}

impl Lock {
    /// Held from now on, unless another process holds it.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn try_acquire(&mut self) -> Result<Option<RwLockWriteGuard<'_, File>>, StoreError> {
        match self.0.try_write() {
            Ok(held) => Ok(Some(held)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(source) => Err(io_error("lock", &self.1, source)),
        }
    }

    /// Waits until no other process is at work; calls `waiting` once, if it has to wait.
    ///
    /// # Errors
    /// [`StoreError::Locked`] after a minute.
    pub fn acquire(&mut self, waiting: impl FnOnce()) -> Result<RwLockWriteGuard<'_, File>, StoreError> {
        self.acquire_within(LOCK_PATIENCE, waiting)
    }

    /// As [`Lock::acquire`], for who has another patience.
    ///
    /// # Errors
    /// [`StoreError::Locked`] after that time.
    pub fn acquire_within(
        &mut self,
        patience: Duration,
        waiting: impl FnOnce(),
    ) -> Result<RwLockWriteGuard<'_, File>, StoreError> {
        let deadline = Instant::now() + patience;
        let mut waiting = Some(waiting);
        while self.is_taken()? {
            if Instant::now() >= deadline {
                return Err(StoreError::Locked { path: self.1.clone() });
            }
            if let Some(waiting) = waiting.take() {
                waiting();
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let path = self.1.clone();
        let held = self.0.write().map_err(|source| io_error("lock", &path, source))?;
        // Whoever had it may have taken the directory away, and nobody else would find this one.
        match held.metadata().map(|file| file.nlink()) {
            Ok(0) => Err(io_error("lock", &path, io::ErrorKind::NotFound.into())),
            Ok(_) => Ok(held),
            Err(source) => Err(io_error("lock", &path, source)),
        }
    }

    fn is_taken(&mut self) -> Result<bool, StoreError> {
        Ok(self.try_acquire()?.is_none())
    }
}

/// Gives the file its name, and returns when that is on the disk.
fn persist(file: NamedTempFile, path: &Path) -> io::Result<()> {
    file.persist(path).map_err(|error| error.error)?;
    File::open(path.parent().unwrap_or(Path::new(".")))?.sync_data()
}

/// Whether there is no such file, nor could be.
pub(super) fn is_nothing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

pub(super) fn delete(path: &Path) -> Result<(), StoreError> {
    match fs::remove_file(path) {
        Err(error) if is_nothing(&error) => Ok(()),
        removed => removed.map_err(|source| io_error("delete", path, source)),
    }
}

pub(super) fn io_error(doing: &'static str, path: &Path, source: io::Error) -> StoreError {
    StoreError::Io { doing, path: path.to_owned(), source }
}
