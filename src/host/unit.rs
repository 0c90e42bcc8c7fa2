//! Units of systemd as their files say, without asking systemd.

use std::fs;
use std::path::{Path, PathBuf};

/// Where systemd looks for units, what counts most first (systemd.unit(5)).
const DIRECTORIES: [&str; 5] = [
    "etc/systemd/system",
    "run/systemd/system",
    "usr/local/lib/systemd/system",
    "usr/lib/systemd/system",
    "lib/systemd/system",
];

/// A unit file with its drop-ins.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Unit {
    /// The file.
    pub path: PathBuf,
    /// Whether something wants it at boot.
    pub enabled: bool,
    /// Whether it was masked: a link to /dev/null.
    pub masked: bool,
    /// The units that it is started before.
    pub before: Vec<String>,
}

impl Unit {
    /// The one of that name on the machine whose files are under `root`; none where there is none.
    pub fn read(root: &Path, name: &str) -> Option<Self> {
        let candidates = DIRECTORIES.map(|directory| root.join(directory).join(name));
        let path = candidates.into_iter().find(|path| path.symlink_metadata().is_ok())?;
        let masked = fs::read_link(&path).is_ok_and(|target| target == Path::new("/dev/null"));
        let texts = std::iter::once(path.clone()).chain(drop_ins(root, name));
        let texts = texts.filter_map(|path| fs::read_to_string(path).ok());
        let before = texts.fold(Vec::new(), |before, text| listed(&text, "Before", before));
        Some(Self { enabled: is_wanted(root, name), masked, before, path })
    }
}

/// Whether systemd runs the machine (sd_booted(3)).
pub fn has_systemd(root: &Path) -> bool {
    root.join("run/systemd/system").is_dir()
}

fn drop_ins(root: &Path, name: &str) -> Vec<PathBuf> {
    let directories = DIRECTORIES.map(|directory| root.join(directory).join(format!("{name}.d")));
    let files = directories.iter().filter_map(|directory| fs::read_dir(directory).ok()).flatten().flatten();
    let mut files: Vec<PathBuf> =
        files.map(|file| file.path()).filter(|path| path.extension().is_some_and(|ending| ending == "conf")).collect();
    files.sort_by(|one, other| one.file_name().cmp(&other.file_name()));
    files
}

/// A link in some `….wants` or `….requires`.
fn is_wanted(root: &Path, name: &str) -> bool {
    let entries =
        DIRECTORIES.iter().filter_map(|directory| fs::read_dir(root.join(directory)).ok()).flatten().flatten();
    let mut wanting = entries
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "wants" || ending == "requires"));
    wanting.any(|directory| directory.join(name).symlink_metadata().is_ok())
}

/// What `key` lists in the text, behind what it listed before; an empty one takes all away.
fn listed(text: &str, key: &str, mut values: Vec<String>) -> Vec<String> {
    for line in text.lines() {
        let Some((_, value)) = line.split_once('=').filter(|(name, _)| name.trim() == key) else {
            continue;
        };
        if value.trim().is_empty() {
            values.clear();
        }
        values.extend(value.split_whitespace().map(str::to_owned));
    }
    values
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_unit_is_read_with_its_drop_ins_and_its_links() {
        let root = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        let read = || Unit::read(root.path(), "dockwall.service");
        assert_eq!(read(), None);
        write("usr/lib/systemd/system/dockwall.service", "[Unit]\nBefore=network-pre.target docker.service\n");
        let unit = read().unwrap();
        assert_eq!((unit.enabled, unit.masked), (false, false));
        assert_eq!(unit.before, ["network-pre.target", "docker.service"]);

        write("etc/systemd/system/dockwall.service.d/late.conf", "[Unit]\nBefore=\nBefore=docker.service\n");
        assert_eq!(read().unwrap().before, ["docker.service"]);
        write("etc/systemd/system/sysinit.target.wants/dockwall.service", "");
        assert!(read().unwrap().enabled);
        symlink("/dev/null", root.path().join("etc/systemd/system/dockwall.service")).unwrap();
        assert!(read().unwrap().masked);
    }
}
