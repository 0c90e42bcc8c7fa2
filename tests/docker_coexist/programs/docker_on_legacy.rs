//! (B7) A Docker whose iptables is iptables-legacy: `nft` shows nothing of its rules.

use crate::program::{Act, Program, Takes, nobody};

/// A notice: neither `nft` nor dockwall sees these.
const LEGACY: &[&str] = &["docker-backend"];

pub const PROGRAM: Program = Program {
    name: "Docker on iptables-legacy",
    with: &[],
    version: "dockerd --version",
    prepare: |lab| {
        lab.control("dockerd stop");
        lab.exec("host", "nft flush ruleset");
        for program in ["iptables", "ip6tables"] {
            lab.exec("host", &format!("ln -sf /usr/sbin/{program}-legacy /etc/alternatives/{program}"));
        }
    },
    start: Act::of(&["lab dockerd start"]).found(LEGACY),
    reload: Act::of(&["lab dockerd restart"]).found(LEGACY),
    stop: Act::of(&["lab dockerd stop"]).taking(Takes::Daemon).found(LEGACY),
    alive: &[("iptables-legacy-save", "DOCKER-ISOLATION"), ("iptables --version", "legacy")],
    rows: nobody,
};
