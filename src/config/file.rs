//! Reading files, and what can go wrong with that.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};

use super::diagnostic::{Diagnostic, Kind, Severity};
use super::invalid::Invalid;

/// The largest file that is read, in bytes: 20 times a list of 100,000 networks.
const LARGEST: u64 = 64 * 1024 * 1024;

/// Why a file or a directory could not be read.
#[derive(Debug)]
pub(super) enum FileError {
    /// The operating system refuses.
    Io(io::Error),
    /// It has more than 64 MiB.
    TooLarge,
    /// It is not UTF-8 from this byte on.
    NotUtf8 { offset: usize, line: u32, column: u32, byte: u8 },
}

/// Reads a whole file of at most 64 MiB; anything that can be read like a file is one.
pub(super) fn read_file(path: &Path) -> Result<String, FileError> {
    let mut bytes = Vec::with_capacity(fs::metadata(path).map_or(0, |file| file.len().min(LARGEST) as usize + 1));
    // One byte more than allowed tells a file of exactly the limit from a larger one, also where
    // the size is not known beforehand.
    File::open(path).and_then(|file| file.take(LARGEST + 1).read_to_end(&mut bytes)).map_err(FileError::Io)?;
    if bytes.len() as u64 > LARGEST {
        return Err(FileError::TooLarge);
    }
    String::from_utf8(bytes).map_err(|error| not_utf8(error.as_bytes(), error.utf8_error().valid_up_to()))
}

fn not_utf8(bytes: &[u8], offset: usize) -> FileError {
    let before = String::from_utf8_lossy(bytes.get(..offset).unwrap_or_default());
    let column = before.rsplit('\n').next().map_or(0, |line| line.chars().count()) + 1;
    let line = before.matches('\n').count() + 1;
    FileError::NotUtf8 {
        offset,
        line: u32::try_from(line).unwrap_or(u32::MAX),
        column: u32::try_from(column).unwrap_or(u32::MAX),
        byte: bytes.get(offset).copied().unwrap_or_default(),
    }
}

/// Whether the directory has an entry of this name, be it a link to nowhere. When that cannot be
/// said, it is assumed, so that opening it tells why.
pub(super) fn name_exists(path: &Path) -> bool {
    !matches!(fs::symlink_metadata(path), Err(error) if error.kind() == ErrorKind::NotFound)
}

/// The `*.toml` of a directory, sorted by name, without hidden files; none when it is not there.
pub(super) fn list_grant_files(directory: &Path) -> Result<Vec<PathBuf>, FileError> {
    if !name_exists(directory) {
        return Ok(Vec::new());
    }
    let entries = fs::read_dir(directory).and_then(Iterator::collect::<io::Result<Vec<_>>>).map_err(FileError::Io)?;
    let is_grant_file = |path: &PathBuf| {
        // An editor's temporary files are hidden or have another extension.
        let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        !hidden && path.extension().is_some_and(|extension| extension == "toml")
    };
    let mut paths: Vec<PathBuf> = entries.into_iter().map(|entry| entry.path()).filter(is_grant_file).collect();
    paths.sort();
    Ok(paths)
}

impl FileError {
    /// The finding about the file at `path`.
    pub(super) fn diagnose(&self, path: &Path) -> Diagnostic {
        let (line, column) = match self {
            Self::NotUtf8 { line, column, .. } => (Some(*line), Some(*column)),
            _ => (None, None),
        };
        let Invalid { problem, cure } = self.explain();
        Diagnostic {
            severity: Severity::Error,
            kind: self.kind(),
            file: path.display().to_string(),
            line,
            column,
            key: None,
            value: None,
            problem,
            cure,
            span: None,
            excerpt: None,
        }
    }

    fn kind(&self) -> Kind {
        match self {
            Self::Io(error) if error.kind() == ErrorKind::PermissionDenied => Kind::NotPermitted,
            _ => Kind::Unreadable,
        }
    }

    fn explain(&self) -> Invalid {
        match self {
            Self::TooLarge => {
                Invalid::new("it has more than 64 MiB", "write larger networks instead of many small ones")
            }
            Self::NotUtf8 { offset, line, byte, .. } => Invalid::new(
                format!("byte {byte:#04x} at offset {offset} (line {line}) is not UTF-8"),
                "save the file as UTF-8",
            ),
            Self::Io(error) => match error.kind() {
                ErrorKind::PermissionDenied => {
                    Invalid::new("this user may not read it", "run dockwall as root, or make it readable")
                }
                ErrorKind::NotFound => {
                    Invalid::new("there is no such file", "write one with `dockwall init`, or mend the path")
                }
                ErrorKind::IsADirectory => Invalid::new("it is a directory", "name the file in it"),
                _ => Invalid::new(
                    format!("it cannot be read: {error}"),
                    "see that it can be read, with `cat` for example",
                ),
            },
        }
    }
}
