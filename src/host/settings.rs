//! Settings of the kernel that decide about packets and their log, of this thread's network namespace.

use std::fs;
use std::path::Path;

/// What `/proc` says. What is not there, or may not be read, is none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Settings {
    /// `net.ipv4.ip_forward`.
    pub forwards_ipv4: Option<bool>,
    /// `net.ipv6.conf.all.forwarding`.
    pub forwards_ipv6: Option<bool>,
    /// `net.bridge.bridge-nf-call-iptables`; none where br_netfilter is not loaded.
    pub bridge_calls_ipv4: Option<bool>,
    /// `net.bridge.bridge-nf-call-ip6tables`.
    pub bridge_calls_ipv6: Option<bool>,
    /// Whether this is the network namespace that the kernel was booted with, the only one whose packets it
    /// logs by itself: only there `nf_log_all_netns` is (`netfilter_log_sysctl_init` in
    /// `net/netfilter/nf_log.c`).
    pub is_initial_netns: bool,
    /// Who can take lines of IPv4 and of IPv6 packets, by their names in `/proc/net/netfilter/nf_log`.
    pub loggers: Option<[Vec<String>; 2]>,
    /// The NFLOG groups that somebody listens to.
    pub log_groups: Option<Vec<u16>>,
    /// The tables of iptables-legacy, such as `nat`, for IPv4 and IPv6; none where they may not be seen. A
    /// kernel without iptables-legacy has no such file, and no such table.
    pub legacy_tables: Option<Vec<String>>,
}

impl Settings {
    /// Reads them.
    pub fn read() -> Self {
        let flag = |path: &str| text(path).map(|value| value.trim() != "0");
        let legacy = ["/proc/net/ip_tables_names", "/proc/net/ip6_tables_names"].map(legacy_tables);
        Self {
            forwards_ipv4: flag("/proc/sys/net/ipv4/ip_forward"),
            forwards_ipv6: flag("/proc/sys/net/ipv6/conf/all/forwarding"),
            bridge_calls_ipv4: flag("/proc/sys/net/bridge/bridge-nf-call-iptables"),
            bridge_calls_ipv6: flag("/proc/sys/net/bridge/bridge-nf-call-ip6tables"),
            is_initial_netns: Path::new("/proc/sys/net/netfilter/nf_log_all_netns").exists(),
            loggers: text("/proc/net/netfilter/nf_log").map(|text| loggers(&text)),
            log_groups: text("/proc/net/netfilter/nfnetlink_log").map(|text| log_groups(&text)),
            legacy_tables: legacy.into_iter().collect::<Option<Vec<_>>>().map(|tables| tables.concat()),
        }
    }
}

fn text(path: &str) -> Option<String> {
    fs::read_to_string(path).ok()
}

fn legacy_tables(path: &str) -> Option<Vec<String>> {
    match fs::read_to_string(path) {
        Ok(text) => Some(text.lines().map(str::to_owned).collect()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Some(Vec::new()),
        Err(_) => None,
    }
}

/// A line is ` 2 nf_log_ipv4 (nf_log_ipv4,nfnetlink_log)`: the family's number, and in brackets who can.
fn loggers(text: &str) -> [Vec<String>; 2] {
    [2, 10].map(|family| {
        let of_family = |line: &&str| line.split_whitespace().next() == Some(family.to_string().as_str());
        let line = text.lines().find(of_family).unwrap_or_default();
        let inside = line.split_once('(').map_or("", |(_, rest)| rest.trim_end_matches(')'));
        inside.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect()
    })
}

/// The first column is the group (`seq_show` in `net/netfilter/nfnetlink_log.c`).
fn log_groups(text: &str) -> Vec<u16> {
    text.lines().filter_map(|line| line.split_whitespace().next()?.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loggers_are_those_in_brackets() {
        let text = " 0 NONE (nfnetlink_log)\n 2 NONE (nf_log_ipv4,nfnetlink_log)\n10 nf_log_ipv6 ()\n";
        let [ipv4, ipv6] = loggers(text);
        assert_eq!(ipv4, ["nf_log_ipv4", "nfnetlink_log"]);
        assert_eq!(ipv6, [""; 0]);
        assert_eq!(log_groups("    5  12345     0 2 65535    100  1\n"), [5]);
    }
}
