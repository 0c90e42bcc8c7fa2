//! (B7) A Docker whose iptables is iptables-legacy: `nft` shows nothing of its rules.

use crate::program::{Act, Program, Takes, nobody};
use crate::support::lab::HOST;

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
    // Docker 20.10 puts back all but one of its rules of IPv6 there when it starts beside running containers.
    published: &[HOST[0]],
    rows: nobody,
};
