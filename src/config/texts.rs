//! The files of a configuration as they were read, to be read again whatever has become of them.

use std::fmt;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::hashed::Hashed;

/// The texts of all files that a configuration consists of.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Texts {
    /// Where the configuration file lies, or would lie.
    configuration: PathBuf,
    /// The files, in the order of reading: the configuration file, where there is one, then the drop-ins
    /// in the order of their names.
    files: Vec<Text>,
}

/// One file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    path: PathBuf,
    text: String,
}

impl Texts {
    /// None yet, around the configuration file at that path.
    pub(crate) fn around(configuration: &Path) -> Self {
        Self { configuration: plain(configuration), files: Vec::new() }
    }

    /// Adds a file behind the others.
    pub(super) fn push(&mut self, path: &Path, text: String) {
        self.files.push(Text { path: plain(path), text });
    }

    /// Where the configuration file lies, or would lie.
    pub fn configuration(&self) -> &Path {
        &self.configuration
    }

    /// The path and the text of the configuration file, where there was one.
    pub(super) fn main(&self) -> Option<(&Path, &str)> {
        self.all().find(|(path, _)| *path == self.configuration)
    }

    /// Those of the drop-ins.
    pub fn drop_ins(&self) -> impl Iterator<Item = (&Path, &str)> {
        self.all().filter(|(path, _)| *path != self.configuration)
    }

    fn text_of(&self, path: &Path) -> Option<&str> {
        self.all().find(|(other, _)| *other == path).map(|(_, text)| text)
    }

    /// The path and the text of each file, in the order of reading.
    pub fn all(&self) -> impl Iterator<Item = (&Path, &str)> {
        self.files.iter().map(|file| (file.path.as_path(), file.text.as_str()))
    }

    /// The same with one more drop-in, in the place of one at the same path.
    pub fn with_drop_in(&self, path: &Path, text: String) -> Self {
        let mut texts = self.clone();
        texts.put_drop_in(path, text);
        texts
    }

    /// Adds a drop-in, in the place of one at the same path.
    pub fn put_drop_in(&mut self, path: &Path, text: String) {
        let path = plain(path);
        self.files.retain(|file| file.path != path);
        // The configuration file comes first wherever it lies.
        let place = self.files.partition_point(|file| file.path == self.configuration || file.path < path);
        self.files.insert(place, Text { path, text });
    }

    /// By which they show to be the same as others.
    pub(crate) fn prints(&self) -> Prints {
        let files = self.all().map(|(path, text)| (path.to_owned(), Sha256::digest(text).into()));
        Prints { configuration: self.configuration.clone(), files: files.collect() }
    }

    /// What became of the files since they were `then`, in the order of reading; what is gone comes last.
    pub fn edits_since(&self, then: &Self) -> Vec<(PathBuf, Edit)> {
        let edited = self.all().filter_map(|(path, text)| match then.text_of(path) {
            None => Some((path.to_owned(), Edit::Added)),
            Some(old) => (old != text).then(|| (path.to_owned(), Edit::Changed)),
        });
        let removed = then.all().filter(|(path, _)| self.text_of(path).is_none());
        edited.chain(removed.map(|(path, _)| (path.to_owned(), Edit::Removed))).collect()
    }

    /// The same without the files at these paths.
    pub fn without(&self, paths: &[PathBuf]) -> Self {
        let gone: Vec<PathBuf> = paths.iter().map(|path| plain(path)).collect();
        let files = self.files.iter().filter(|file| !gone.contains(&file.path)).cloned().collect();
        Self { files, ..self.clone() }
    }
}

/// The SHA-256 of each file of a configuration, which tell as much as their texts.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Prints {
    configuration: PathBuf,
    files: Vec<(PathBuf, [u8; 32])>,
}

impl Prints {
    /// Of the files as they are now, none of which is in memory as a whole; none where one cannot be had.
    pub(super) fn of_files(configuration: &Path, files: &[PathBuf]) -> Option<Self> {
        let print = |path: &PathBuf| Some((plain(path), digest(path).ok()?));
        Some(Self { configuration: plain(configuration), files: files.iter().map(print).collect::<Option<_>>()? })
    }
}

fn digest(path: &Path) -> io::Result<[u8; 32]> {
    let mut hashed = Hashed::default();
    io::copy(&mut File::open(path)?, &mut hashed)?;
    Ok(hashed.finish())
}

/// What became of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edit {
    /// There is one more.
    Added,
    /// Its text is another.
    Changed,
    /// It is gone.
    Removed,
}

impl fmt::Display for Edit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Added => "was added",
            Self::Changed => "was edited",
            Self::Removed => "was removed",
        })
    }
}

/// The path as it is shown: one that is no UTF-8 could not be kept as JSON.
fn plain(path: &Path) -> PathBuf {
    path.to_string_lossy().into_owned().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drop_in_is_read_in_the_order_of_names_and_in_the_place_of_its_own_older_text() {
        let path = |name: &str| Path::new("/etc/dockwall").join(name);
        let mut texts = Texts::around(&path("zz.toml"));
        texts.push(&path("zz.toml"), "mode = 'audit'".to_owned());
        texts.push(&path("grants.d/b.toml"), "b".to_owned());
        for (name, text) in [("grants.d/c.toml", "c"), ("grants.d/a.toml", "a"), ("grants.d/b.toml", "new")] {
            texts = texts.with_drop_in(&path(name), text.to_owned());
        }
        assert_eq!(texts.drop_ins().map(|(_, text)| text).collect::<Vec<_>>(), ["a", "new", "c"]);
        assert_eq!(texts.main().map(|(_, text)| text), Some("mode = 'audit'"));
        let texts = texts.without(&[path("grants.d/a.toml"), path("grants.d/c.toml")]);
        assert_eq!(texts.drop_ins().map(|(_, text)| text).collect::<Vec<_>>(), ["new"]);
    }

    #[test]
    fn a_file_shows_to_be_the_same_and_to_be_another() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("dockwall.toml");
        let text = "# ".repeat(20_000);
        let mut texts = Texts::around(&path);
        texts.push(&path, text.clone());
        for (written, is_same) in [(text.clone(), true), (text + " ", false), (String::new(), false)] {
            std::fs::write(&path, written).unwrap();
            let now = Prints::of_files(&path, std::slice::from_ref(&path)).unwrap();
            assert_eq!(now == texts.prints(), is_same);
        }
        std::fs::remove_file(&path).unwrap();
        assert_eq!(Prints::of_files(&path, std::slice::from_ref(&path)), None);
    }

    #[test]
    fn what_was_edited_added_and_removed_is_told_whatever_the_files_dates() {
        let path = |name: &str| Path::new("/etc/dockwall").join(name);
        let texts = |files: &[(&str, &str)]| {
            let mut texts = Texts::around(&path("dockwall.toml"));
            files.iter().for_each(|(name, text)| texts.push(&path(name), (*text).to_owned()));
            texts
        };
        let then = texts(&[("dockwall.toml", "mode = 'audit'"), ("grants.d/a.toml", "a"), ("grants.d/b.toml", "b")]);
        assert_eq!(then.edits_since(&then), []);
        let now = texts(&[("dockwall.toml", "mode = 'enforce'"), ("grants.d/b.toml", "b"), ("grants.d/c.toml", "a")]);
        let expected =
            [("dockwall.toml", Edit::Changed), ("grants.d/c.toml", Edit::Added), ("grants.d/a.toml", Edit::Removed)];
        assert_eq!(now.edits_since(&then), expected.map(|(name, edit)| (path(name), edit)));
    }
}
