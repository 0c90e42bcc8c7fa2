//! (A9, A10, N8) It flushes all of iptables when it starts, reloads and stops. Docker hears of the first two, and puts its
//! rules back by itself, but not always where they were: a restart of Docker's makes that sure.

use crate::program::{Act, Program, Takes, nobody, nothing};
use crate::support::lab::HOST;

pub const PROGRAM: Program = Program {
    name: "firewalld",
    with: &["--with", "firewalld"],
    version: "firewall-offline-cmd --version",
    prepare: nothing,
    start: Act::of(&["lab unit firewalld start", "lab dockerd restart"]).found(&["firewalld-beside"]),
    reload: Act::of(&["firewall-cmd --reload", "firewall-cmd --set-log-denied=off", "lab unit firewalld reload", "firewall-cmd --state", "lab dockerd restart"])
        .found(&["firewalld-beside"]),
    stop: Act::of(&["lab unit firewalld stop"])
        .taking(Takes::Dockers)
        .found(&["docker-rules-missing", "stale-forward-drop", "stale-forward-drop"]),
    alive: &[("firewall-cmd --state", "running"), ("firewall-cmd --get-active-zones", "docker")],
    published: &HOST,
    rows: nobody,
};
