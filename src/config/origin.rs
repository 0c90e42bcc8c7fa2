//! Where in which file something was written.

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use super::load::DEFAULT_PATH;

/// Where a piece of the configuration comes from.
///
/// Eight bytes, because a list may have hundreds of thousands of entries that each carry one; the
/// paths are in [`Files`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Origin {
    /// Nobody wrote it: a default.
    BuiltIn,
    /// It was written in a file.
    Written {
        /// The file's index in [`Files`].
        file: u32,
        /// The line, counted from 1.
        line: NonZeroU32,
    },
}

/// The files that a configuration was read from, in the order in which they were read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Files {
    paths: Vec<PathBuf>,
    /// Where the configuration file lies (or would lie); places are shown relative to it.
    directory: PathBuf,
}

/// No files, around the place where the configuration lies when nobody says where.
impl Default for Files {
    fn default() -> Self {
        Self::around(Path::new(DEFAULT_PATH))
    }
}

impl Files {
    /// No files yet, around the configuration file at `configuration`.
    pub(super) fn around(configuration: &Path) -> Self {
        let directory = configuration.parent().map(Path::to_owned).unwrap_or_default();
        Self { paths: Vec::new(), directory }
    }

    /// Adds a file and returns its index.
    pub(super) fn add(&mut self, path: &Path) -> u32 {
        self.paths.push(path.to_owned());
        u32::try_from(self.paths.len() - 1).unwrap_or(u32::MAX)
    }

    /// The paths, in the order of reading; empty when the defaults are in force without a file.
    pub fn paths(&self) -> &[PathBuf] {
        &self.paths
    }

    /// The directory of the drop-in files with grants: `grants.d` beside the configuration file.
    pub(super) fn grants_dir(&self) -> PathBuf {
        self.directory.join("grants.d")
    }

    /// The path of the file that `origin` is in; none for a default.
    pub fn path(&self, origin: Origin) -> Option<&Path> {
        match origin {
            Origin::BuiltIn => None,
            Origin::Written { file, .. } => self.paths.get(file as usize).map(PathBuf::as_path),
        }
    }

    /// The place as people read it: `dockwall.toml:9`, `grants.d/ldap.toml:3`, or `default`.
    pub fn place(&self, origin: Origin) -> String {
        match (self.path(origin), origin) {
            (Some(path), Origin::Written { line, .. }) => format!("{}:{line}", self.name(path)),
            _ => "default".to_owned(),
        }
    }

    /// `path` relative to the directory of the configuration file.
    pub(super) fn name(&self, path: &Path) -> String {
        path.strip_prefix(&self.directory).unwrap_or(path).display().to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_relative_to_the_configuration_file() {
        let mut files = Files::around(Path::new("/etc/dockwall/dockwall.toml"));
        let file = files.add(Path::new("/etc/dockwall/grants.d/ldap.toml"));
        assert_eq!(files.place(Origin::Written { file, line: NonZeroU32::MIN }), "grants.d/ldap.toml:1");
        assert_eq!(files.place(Origin::BuiltIn), "default");
    }

    #[test]
    fn an_origin_is_eight_bytes() {
        assert_eq!(size_of::<Origin>(), 8);
    }
}
