//! Files of what dockwall takes the place of, which would bring its rules back.

use std::fs;
use std::path::{Path, PathBuf};

/// Rules about DOCKER-USER that stand in files of other firewalls.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Leftovers {
    /// firewalld's direct.xml, where it has such rules.
    pub firewalld: Option<PathBuf>,
    /// ufw's after.rules and after6.rules with ufw-docker's block.
    pub ufw: Vec<PathBuf>,
}

impl Leftovers {
    /// Reads the files under `root`. What is not there, or may not be read, has none.
    pub fn read(root: &Path) -> Self {
        let says = |name: &str, word: &str| {
            let path = root.join(name);
            fs::read_to_string(&path).is_ok_and(|text| text.contains(word)).then_some(path)
        };
        Self {
            firewalld: says("etc/firewalld/direct.xml", "DOCKER-USER"),
            ufw: ["etc/ufw/after.rules", "etc/ufw/after6.rules"]
                .into_iter()
                .filter_map(|name| says(name, "DOCKER-USER"))
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_with_rules_about_docker_user_are_found_and_others_are_not() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(Leftovers::read(root.path()), Leftovers::default());
        for (name, text) in [
            ("etc/firewalld/direct.xml", "<direct><rule chain=\"DOCKER-USER\">-j DROP</rule></direct>"),
            ("etc/ufw/after.rules", "*filter\n-A ufw-after-input -j RETURN\nCOMMIT\n"),
            ("etc/ufw/after6.rules", "*filter\n-A DOCKER-USER -j ufw6-user-forward\nCOMMIT\n"),
        ] {
            let path = root.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let found = Leftovers::read(root.path());
        assert_eq!(found.firewalld, Some(root.path().join("etc/firewalld/direct.xml")));
        assert_eq!(found.ufw, [root.path().join("etc/ufw/after6.rules")]);
    }
}
