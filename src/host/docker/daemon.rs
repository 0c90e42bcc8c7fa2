//! How Docker's daemon was told to make its rules: options of the running one, and `daemon.json`.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::super::resolver::{DAEMON_JSON, command_line, under};

/// What matters here of both. dockerd refuses to start with a thing said in both.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct DaemonSettings {
    /// Whether it makes rules at all; none where nothing is said, and it does.
    pub iptables: Option<bool>,
    /// Whether it does for IPv6.
    pub ip6tables: Option<bool>,
    /// Whether it turns forwarding on.
    pub ip_forward: Option<bool>,
    /// `iptables` or `nftables`; none where nothing is said.
    pub firewall_backend: Option<String>,
    /// Its configuration file.
    #[serde(skip)]
    pub file: PathBuf,
}

impl DaemonSettings {
    /// Reads them from the machine whose files are under `root`.
    pub fn read(root: &Path) -> Self {
        let options = command_line(root).unwrap_or_default();
        let file = option(&options, "--config-file").map_or_else(|| PathBuf::from(DAEMON_JSON), PathBuf::from);
        let bytes = fs::read(under(root, &file)).unwrap_or_default();
        let written: Self = serde_json::from_slice(&bytes).unwrap_or_default();
        let flag = |name: &str| option(&options, name).and_then(|value| value.parse().ok());
        Self {
            iptables: flag("--iptables").or(written.iptables),
            ip6tables: flag("--ip6tables").or(written.ip6tables),
            ip_forward: flag("--ip-forward").or(written.ip_forward),
            firewall_backend: option(&options, "--firewall-backend").or(written.firewall_backend),
            file,
        }
    }
}

/// The value of an option. A flag (`--iptables`) takes none but behind `=`.
fn option(arguments: &[String], name: &str) -> Option<String> {
    let at = arguments.iter().rposition(|argument| argument == name || is_with_value(argument, name))?;
    let argument = arguments.get(at)?;
    match argument.split_once('=') {
        Some((_, value)) => Some(value.to_owned()),
        None if ["--config-file", "--firewall-backend"].contains(&name) => arguments.get(at + 1).cloned(),
        None => Some("true".to_owned()),
    }
}

fn is_with_value(argument: &str, name: &str) -> bool {
    argument.split_once('=').is_some_and(|(before, _)| before == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_and_file_are_read() {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let options = words("--iptables=false --ip6tables --config-file /srv/d.json --firewall-backend=nftables");
        assert_eq!(option(&options, "--iptables").as_deref(), Some("false"));
        assert_eq!(option(&options, "--ip6tables").as_deref(), Some("true"));
        assert_eq!(option(&options, "--config-file").as_deref(), Some("/srv/d.json"));
        assert_eq!(option(&options, "--firewall-backend").as_deref(), Some("nftables"));
        assert_eq!(option(&options, "--dns"), None);

        let root = tempfile::tempdir().unwrap();
        assert_eq!(DaemonSettings::read(root.path()).iptables, None);
        fs::create_dir_all(root.path().join("etc/docker")).unwrap();
        let text = r#"{ "iptables": false, "firewall-backend": "nftables", "dns": ["10.0.0.1"] }"#;
        fs::write(root.path().join("etc/docker/daemon.json"), text).unwrap();
        let read = DaemonSettings::read(root.path());
        assert_eq!((read.iptables, read.firewall_backend.as_deref()), (Some(false), Some("nftables")));
    }
}
