//! The resolvers of Docker's daemon: options of the running one, else its configuration.

use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::{Resolver, ResolverOrigin, under};

/// Where dockerd writes its process ID.
const PID_FILE: &str = "/run/docker.pid";
/// Its configuration, unless an option says otherwise.
pub(in crate::host) const DAEMON_JSON: &str = "/etc/docker/daemon.json";

/// What matters here of dockerd's command line.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct DaemonOptions {
    dns: Vec<IpAddr>,
    config_file: PathBuf,
}

/// What matters here of `daemon.json`.
#[derive(Deserialize)]
struct DaemonJson {
    #[serde(default)]
    dns: Vec<String>,
}

impl DaemonOptions {
    /// Those of the dockerd that runs, else its defaults.
    pub(super) fn read(root: &Path) -> Self {
        Self::parse(&command_line(root).unwrap_or_default())
    }

    fn parse(arguments: &[String]) -> Self {
        let mut options = Self { dns: Vec::new(), config_file: DAEMON_JSON.into() };
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            let (name, value) = match argument.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (argument.as_str(), None),
            };
            // Only an option whose value is wanted takes the next argument with it.
            match name {
                "--dns" => options.dns.extend(value.or_else(|| arguments.next().map(String::as_str)).and_then(address)),
                "--config-file" => {
                    let path = value.or_else(|| arguments.next().map(String::as_str));
                    options.config_file = path.map_or(options.config_file, PathBuf::from);
                }
                _ => {}
            }
        }
        options
    }

    /// The files that say more, and which daemon it is.
    pub(super) fn files(self) -> [PathBuf; 2] {
        [PID_FILE.into(), self.config_file]
    }

    /// The resolvers that the daemon gives every container without its own; none where it has none,
    /// and the host's are given. dockerd refuses to start with both an option and the file.
    pub(super) fn resolvers(&self, root: &Path) -> Option<Vec<Resolver>> {
        let named = |origin: &ResolverOrigin, addresses: &[IpAddr]| {
            let resolver = |address: &IpAddr| Resolver { address: *address, origin: origin.clone() };
            (!addresses.is_empty()).then(|| addresses.iter().map(resolver).collect())
        };
        named(&ResolverOrigin::DaemonOption, &self.dns)
            .or_else(|| named(&ResolverOrigin::DaemonJson(self.config_file.clone()), &in_file(root, &self.config_file)))
    }
}

/// `dns` of the file. One that dockerd could not read either says nothing.
fn in_file(root: &Path, path: &Path) -> Vec<IpAddr> {
    let bytes = fs::read(under(root, path)).unwrap_or_default();
    let json = serde_json::from_slice::<DaemonJson>(&bytes).map(|json| json.dns).unwrap_or_default();
    json.iter().filter_map(|text| address(text)).collect()
}

/// An address as dockerd takes it; the link behind an IPv6 address is the container's.
fn address(text: &str) -> Option<IpAddr> {
    text.trim().split('%').next()?.parse().ok()
}

/// How the running dockerd was started. Its process ID may be another program's by now.
pub(in crate::host) fn command_line(root: &Path) -> Option<Vec<String>> {
    let pid: u32 = fs::read_to_string(under(root, Path::new(PID_FILE))).ok()?.trim().parse().ok()?;
    let bytes = fs::read(root.join("proc").join(pid.to_string()).join("cmdline")).ok()?;
    let mut arguments = bytes.split(|byte| *byte == 0).map(|argument| String::from_utf8_lossy(argument).into_owned());
    let program = arguments.next()?;
    (Path::new(&program).file_name()? == "dockerd").then(|| arguments.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_read_in_either_form() {
        for (arguments, dns, config_file) in [
            ("", &[][..], DAEMON_JSON),
            ("-H fd:// --containerd=/run/containerd/containerd.sock", &[], DAEMON_JSON),
            ("--dns 10.0.0.1 --dns=fd00::1 --debug", &["10.0.0.1", "fd00::1"], DAEMON_JSON),
            ("--config-file /srv/d.json --dns-search lan", &[], "/srv/d.json"),
            ("--config-file=/srv/d.json --dns", &[], "/srv/d.json"),
            ("--dns nonsense --dns-opt=--dns", &[], DAEMON_JSON),
        ] {
            let words: Vec<String> = arguments.split(' ').map(str::to_owned).collect();
            let dns = dns.iter().map(|address| address.parse().unwrap()).collect();
            let expected = DaemonOptions { dns, config_file: config_file.into() };
            assert_eq!(DaemonOptions::parse(&words), expected, "{arguments}");
        }
    }
}
