//! Writing files that were not there before, and taking them away.
//!
//! A file is written under another name, flushed and given its own, so that it is there whole or not
//! at all, whatever happens meanwhile; and never in the place of another.

use std::fs::{self, DirBuilder, File, Permissions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::file::name_exists;

/// Why a file was not written or not taken away. All is as it was.
#[derive(Debug, thiserror::Error)]
pub enum FileChangeError {
    /// One of that name is there.
    #[error("{} is there already, and nothing is written over it", .0.display())]
    Exists(PathBuf),
    /// Somebody else wrote it at the same time.
    #[error("{} was changed by somebody else meanwhile, and is left as that one wrote it: try again", .0.display())]
    Changed(PathBuf),
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
}

fn cure(error: &io::Error) -> &'static str {
    match error.kind() {
        ErrorKind::PermissionDenied => {
            "run it with sudo, or name a configuration with --config that belongs to who runs it (dockwall gives up every \
             privilege but CAP_NET_ADMIN)"
        }
        ErrorKind::ReadOnlyFilesystem => "mount it writable",
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => "make room there",
        _ => "check the directory that it is in",
    }
}

impl FileChangeError {
    /// Whether permission is all that is missing.
    pub fn is_not_permitted(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == ErrorKind::PermissionDenied)
    }
}

/// Writes a file for everybody to read, with the directory that it is in where that is missing. Once
/// this returns it is on the disk.
///
/// # Errors
/// See [`FileChangeError`].
pub fn write_new_file(path: &Path, text: &str) -> Result<(), FileChangeError> {
    let directory = directory_of(path);
    make_directory(directory).map_err(|source| failed("make", directory, source))?;
    let written = write(path, directory, text);
    written.map_err(|source| match source.kind() {
        ErrorKind::AlreadyExists => FileChangeError::Exists(path.to_owned()),
        _ => failed("write", path, source),
    })
}

/// Takes a file away. It may be gone already.
///
/// # Errors
/// See [`FileChangeError`].
pub fn remove_file(path: &Path) -> Result<(), FileChangeError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        removed => removed.and_then(|()| sync(directory_of(path))).map_err(|source| failed("delete", path, source)),
    }
}

fn write(path: &Path, directory: &Path, text: &str) -> io::Result<()> {
    // Hidden: a file that a crash leaves behind is read by nobody.
    let mut file = tempfile::Builder::new().prefix(".new-").tempfile_in(directory)?;
    file.write_all(text.as_bytes())?;
    file.as_file().set_permissions(Permissions::from_mode(0o644))?;
    file.as_file().sync_all()?;
    file.persist_noclobber(path).map_err(|error| error.error)?;
    sync(directory)
}

/// Makes the directory and those above it, for everybody to read.
fn make_directory(directory: &Path) -> io::Result<()> {
    if name_exists(directory) {
        return Ok(());
    }
    let above = directory_of(directory);
    make_directory(above)?;
    match DirBuilder::new().create(directory) {
        // By another process at the same moment.
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        made => {
            made.and_then(|()| fs::set_permissions(directory, Permissions::from_mode(0o755))).and_then(|()| sync(above))
        }
    }
}

pub(super) fn sync(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

/// The directory that a path is in: of a bare name the present one.
pub(super) fn directory_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

pub(super) fn failed(doing: &'static str, path: &Path, source: io::Error) -> FileChangeError {
    FileChangeError::Io { doing, path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_file_is_for_everybody_to_read_and_never_replaces_another() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a/b/new.toml");
        write_new_file(&path, "first").unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(directory_of(&path))), (0o644, 0o755));
        assert!(matches!(write_new_file(&path, "second"), Err(FileChangeError::Exists(_))));
        assert_eq!(fs::read_to_string(&path).unwrap(), "first");
        assert_eq!(fs::read_dir(directory_of(&path)).unwrap().count(), 1, "something was left behind");
        remove_file(&path).unwrap();
        remove_file(&path).unwrap();
    }

    #[test]
    fn a_link_to_nowhere_is_not_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("link");
        std::os::unix::fs::symlink("nowhere", &path).unwrap();
        assert!(matches!(write_new_file(&path, ""), Err(FileChangeError::Exists(_))));
    }
}
