//! From the files to a configuration.

use std::path::{Path, PathBuf};

use super::Config;
use super::coverage::Coverage;
use super::denied_ranges::DeniedRanges;
use super::diagnostic::Diagnostic;
use super::error::ConfigError;
use super::file::{FileError, list_grant_files, name_exists, read_file};
use super::findings::Findings;
use super::grant::{Grant, GrantNames, read_grants};
use super::keys::read_config;
use super::origin::Files;
use super::reader::read_document;
use super::source::Source;
use super::texts::{Prints, Texts};

/// Where the configuration lies when nobody says where.
pub const DEFAULT_PATH: &str = "/etc/dockwall/dockwall.toml";

/// A configuration without errors, and what is worth knowing about it.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// The configuration, with the grants of all files.
    pub config: Config,
    /// What is allowed but has no effect, in the order of the files and lines.
    pub warnings: Vec<Diagnostic>,
    /// The files as they were read.
    pub texts: Texts,
}

impl Config {
    /// Reads the configuration file and the `grants.d/*.toml` beside it, in the order of their names.
    ///
    /// Without a path, [`DEFAULT_PATH`] is meant, and a file that is not there stands for the defaults.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with any of the files, at once.
    pub fn load(path: Option<&Path>) -> Result<Loaded, ConfigError> {
        match path {
            Some(path) => load_from(path, true),
            None => load_from(Path::new(DEFAULT_PATH), false),
        }
    }

    /// By which the files of a configuration show to be the same as others, with nothing of them understood; none where
    /// one cannot be had.
    pub(crate) fn prints(path: Option<&Path>) -> Option<Prints> {
        Prints::of_files(path.unwrap_or(Path::new(DEFAULT_PATH)), &Self::list(path)?)
    }

    /// The files of a configuration, in the order of reading, none of them read; none where that cannot be told.
    pub fn list(path: Option<&Path>) -> Option<Vec<PathBuf>> {
        let (path, must_exist) = path.map_or((Path::new(DEFAULT_PATH), false), |path| (path, true));
        let main = (must_exist || name_exists(path)).then(|| path.to_owned());
        let drop_ins = list_grant_files(&Files::around(path).grants_dir()).ok()?;
        Some(main.into_iter().chain(drop_ins).collect())
    }

    /// One of which no more is known than where it lies and whether the host is denied, for who has a grant judged.
    pub fn outline(configuration: &Path, host: bool) -> Self {
        Self {
            on_link: true,
            host,
            ranges: DeniedRanges::default(),
            files: Files::around(configuration),
            ..Self::default()
        }
    }

    /// The grants in a file of `grants.d` with that text; none where it is no such file.
    pub fn grants_in(path: &Path, text: &str) -> Option<Vec<Grant>> {
        let mut loading = Loading::around(path);
        let nothing = DeniedRanges::default();
        let grants = loading.read_grants(&Coverage::of(&nothing, true, true), path, text.to_owned());
        loading.finish(Self { grants, ..Self::default() }).ok().map(|loaded| loaded.config.grants)
    }

    /// Reads it again from the texts that it was read from once.
    ///
    /// # Errors
    ///
    /// As from the files.
    pub fn load_texts(texts: &Texts) -> Result<Loaded, ConfigError> {
        let mut loading = Loading::around(texts.configuration());
        let main = texts.main().map(|(path, text)| loading.read_config(path, text.to_owned()));
        let mut config = main.unwrap_or_default();
        let denied = Coverage::of(&config.ranges, config.on_link, config.host);
        for (path, text) in texts.drop_ins() {
            config.grants.extend(loading.read_grants(&denied, path, text.to_owned()));
        }
        loading.finish(config)
    }

    /// What would be found in a file of `grants.d` with nothing but `grant` in it, whatever its name.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with it, at once.
    pub fn judge(&self, grant: &Grant) -> Result<Vec<Diagnostic>, ConfigError> {
        let path = self.drop_in(&grant.name);
        let mut loading = Loading::around(&path);
        let denied = Coverage::of(&self.ranges, self.on_link, self.host);
        loading.read_grants(&denied, &path, grant.to_toml());
        loading.finish(Config::default()).map(|loaded| loaded.warnings)
    }

    /// Reads a configuration from `text`; `name` stands for its path in messages.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with it, at once.
    pub fn parse(name: &str, text: &str) -> Result<Loaded, ConfigError> {
        let path = Path::new(name);
        let mut loading = Loading::around(path);
        let config = loading.read_config(path, text.to_owned());
        loading.finish(config)
    }
}

/// [`Config::load`] with the path to use; `must_exist` when somebody asked for exactly this file.
fn load_from(path: &Path, must_exist: bool) -> Result<Loaded, ConfigError> {
    let mut loading = Loading::around(path);
    let mut config = Config::default();
    // A link to nowhere is a mistake, not an absent configuration: only the name itself may be missing.
    if (must_exist || name_exists(path))
        && let Some(text) = loading.take(path, read_file(path))
    {
        config = loading.read_config(path, text);
    }
    let directory = loading.files.grants_dir();
    let grant_files = loading.take(&directory, list_grant_files(&directory)).unwrap_or_default();
    let denied = Coverage::of(&config.ranges, config.on_link, config.host);
    for path in grant_files {
        if let Some(text) = loading.take(&path, read_file(&path)) {
            config.grants.extend(loading.read_grants(&denied, &path, text));
        }
    }
    loading.finish(config)
}

/// What is known so far while the files are read one after the other.
struct Loading {
    files: Files,
    names: GrantNames,
    findings: Findings,
    texts: Texts,
}

impl Loading {
    fn around(path: &Path) -> Self {
        let (files, texts) = (Files::around(path), Texts::around(path));
        Self { files, names: GrantNames::new(), findings: Findings::default(), texts }
    }

    /// The outcome of an access to a file; its failure is one more finding.
    fn take<T>(&mut self, path: &Path, outcome: Result<T, FileError>) -> Option<T> {
        outcome.map_err(|error| self.findings.add(error.diagnose(path))).ok()
    }

    fn read_config(&mut self, path: &Path, text: String) -> Config {
        let source = open_source(&mut self.files, path, &text);
        let config = read_document(&source, None, &mut self.findings, |top| read_config(top, &mut self.names));
        self.texts.push(path, text);
        config
    }

    fn read_grants(&mut self, denied: &Coverage<'_>, path: &Path, text: String) -> Vec<Grant> {
        let source = open_source(&mut self.files, path, &text);
        let elsewhere = "a file of grants.d holds `[[grant]]` tables only; other keys belong in dockwall.toml";
        let grants = read_document(&source, Some(elsewhere), &mut self.findings, |top| {
            read_grants(top, &mut self.names, denied)
        });
        self.texts.push(path, text);
        grants
    }

    fn finish(self, config: Config) -> Result<Loaded, ConfigError> {
        let Findings { errors, warnings, omitted } = self.findings;
        if errors.is_empty() {
            Ok(Loaded { config: Config { files: self.files, ..config }, warnings, texts: self.texts })
        } else {
            Err(ConfigError { errors, omitted })
        }
    }
}

fn open_source<'t>(files: &mut Files, path: &Path, text: &'t str) -> Source<'t> {
    let file = files.add(path);
    Source::new(path.display().to_string(), files.name(path), file, text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Mode;

    /// Loads `directory/dockwall.toml` as if it were the default path.
    fn load_default(directory: &Path) -> Result<Loaded, ConfigError> {
        load_from(&directory.join("dockwall.toml"), false)
    }

    #[test]
    fn without_a_file_at_the_default_path_the_defaults_hold() -> std::io::Result<()> {
        let directory = tempfile::tempdir()?;
        let expected = Ok((Mode::Audit, 1, 0));
        let summary =
            |loaded: Loaded| (loaded.config.mode, loaded.config.ranges.len(), loaded.config.files.paths().len());
        assert_eq!(load_default(directory.path()).map(summary), expected);
        assert_eq!(load_default(&directory.path().join("absent")).map(summary), expected);
        Ok(())
    }

    #[test]
    fn grants_hold_without_a_configuration_file() -> std::io::Result<()> {
        let directory = tempfile::tempdir()?;
        std::fs::create_dir(directory.path().join("grants.d"))?;
        std::fs::write(directory.path().join("grants.d/a.toml"), "[[grant]]\nname = 'a'\nto = '10.0.0.1'")?;
        assert_eq!(load_default(directory.path()).map(|loaded| loaded.config.grants.len()), Ok(1));
        Ok(())
    }

    #[test]
    fn from_its_texts_a_configuration_is_the_same_and_so_are_its_errors() -> std::io::Result<()> {
        let directory = tempfile::tempdir()?;
        let [main, drop_in] = ["dockwall.toml", "grants.d/a.toml"].map(|name| directory.path().join(name));
        std::fs::create_dir(directory.path().join("grants.d"))?;
        for (text, grant) in [
            ("mode = 'enforce'", "[[grant]]\nname = 'a'\nto = '10.0.0.1'"),
            ("mode = 'enforced'", "[[grant]]\nname = 'a'"),
        ] {
            std::fs::write(&main, text)?;
            std::fs::write(&drop_in, grant)?;
            let mut texts = Texts::around(&main);
            texts.push(&main, text.to_owned());
            texts.push(&drop_in, grant.to_owned());
            let again = Config::load_texts(&texts);
            assert_eq!(again, Config::load(Some(&main)));
            assert_eq!(again.is_ok_and(|loaded| loaded.texts == texts), text == "mode = 'enforce'");
        }
        Ok(())
    }

    #[test]
    fn a_link_to_nowhere_is_not_an_absent_file() -> std::io::Result<()> {
        let directory = tempfile::tempdir()?;
        std::os::unix::fs::symlink("nowhere", directory.path().join("dockwall.toml"))?;
        assert!(load_default(directory.path()).is_err());
        Ok(())
    }
}
