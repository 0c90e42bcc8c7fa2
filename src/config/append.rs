//! Adding to a file that people wrote: its text stays as it is, and the new stands behind it.

use std::fs::{self, Metadata};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{MetadataExt, chown};
use std::path::Path;

use super::new_file::{FileChangeError, directory_of, failed, sync, write_new_file};

/// Writes `text` with the `addition` that `make` gives for it, whole or not at all: under another name first, with
/// the same owner and mode. A link is followed. A file that is not there is made.
///
/// # Errors
/// What `make` says, and [`FileChangeError`]; the file is as it was.
pub fn append_to_file<E: From<FileChangeError>>(
    path: &Path,
    make: impl FnOnce(&str) -> Result<String, E>,
) -> Result<(), E> {
    let path = match fs::canonicalize(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(write_new_file(path, &make("")?)?),
        path_there => path_there.map_err(|source| failed("find", path, source))?,
    };
    let look = || fs::metadata(&path).map_err(|source| failed("look at", &path, source));
    let before = look()?;
    let text = fs::read_to_string(&path).map_err(|source| failed("read", &path, source))?;
    let addition = make(&text)?;
    let gap = match text.as_str() {
        "" => "",
        text if text.ends_with('\n') => "\n",
        _ => "\n\n",
    };
    let whole = [text.as_str(), gap, &addition].concat();
    let unchanged = || Ok::<_, FileChangeError>(mark(&look()?) == mark(&before));
    Ok(replace(&path, &whole, &before, unchanged)?)
}

/// By what it shows that somebody else wrote it.
fn mark(metadata: &Metadata) -> (u64, u64, i64, i64) {
    (metadata.ino(), metadata.size(), metadata.mtime(), metadata.mtime_nsec())
}

fn replace(
    path: &Path,
    text: &str,
    like: &Metadata,
    unchanged: impl FnOnce() -> Result<bool, FileChangeError>,
) -> Result<(), FileChangeError> {
    let written = || -> io::Result<tempfile::NamedTempFile> {
        let mut file = tempfile::Builder::new().prefix(".new-").tempfile_in(directory_of(path))?;
        file.write_all(text.as_bytes())?;
        let own = file.as_file().metadata()?;
        if (own.uid(), own.gid()) != (like.uid(), like.gid()) {
            chown(file.path(), Some(like.uid()), Some(like.gid()))?;
        }
        file.as_file().set_permissions(like.permissions())?;
        file.as_file().sync_all()?;
        Ok(file)
    };
    let file = written().map_err(|source| failed("write", path, source))?;
    if !unchanged()? {
        return Err(FileChangeError::Changed(path.to_owned()));
    }
    file.persist(path).map_err(|error| failed("write", path, error.error))?;
    sync(directory_of(path)).map_err(|source| failed("write", path, source))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn append(path: &Path, addition: &str) -> Result<(), FileChangeError> {
        append_to_file(path, |_| Ok(addition.to_owned()))
    }

    #[test]
    fn the_text_stays_and_the_new_stands_behind_it() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("dockwall.toml");
        let link = directory.path().join("link.toml");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        for (text, expected) in
            [("", "new\n"), ("# mine", "# mine\n\nnew\n"), ("# mine\r\n\tmode\n", "# mine\r\n\tmode\n\nnew\n")]
        {
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, PermissionsExt::from_mode(0o640)).unwrap();
            append(&link, "new\n").unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), expected);
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
        }
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        append(&directory.path().join("other.toml"), "new\n").unwrap();
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 3, "something was left behind");
    }

    #[test]
    fn what_somebody_else_wrote_meanwhile_is_not_lost() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("dockwall.toml");
        fs::write(&path, "before").unwrap();
        let appended = append_to_file(&path, |_| {
            fs::write(&path, "by somebody else").unwrap();
            Ok::<_, FileChangeError>("new".to_owned())
        });
        assert!(matches!(appended, Err(FileChangeError::Changed(_))), "{appended:?}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "by somebody else");
    }
}
