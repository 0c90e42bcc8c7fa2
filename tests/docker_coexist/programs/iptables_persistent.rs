//! (A12)

use crate::program::{Act, Program, Takes, nobody};
use crate::support::lab::HOST;

pub const PROGRAM: Program = Program {
    name: "iptables-persistent",
    with: &["--with", "iptables-persistent"],
    version: "zcat /usr/share/doc/iptables-persistent/changelog.gz",
    // What it loads is what was saved: Docker's rules of then.
    prepare: |lab| {
        lab.exec("host", "netfilter-persistent save");
    },
    start: Act::of(&["lab unit netfilter-persistent start"]),
    reload: Act::of(&["netfilter-persistent reload", "lab unit netfilter-persistent restart"]),
    stop: Act::of(&["netfilter-persistent flush"]).taking(Takes::Dockers).found(&["docker-rules-missing"]),
    alive: &[("cat /etc/iptables/rules.v4", "DOCKER-USER")],
    published: &HOST,
    rows: nobody,
};
