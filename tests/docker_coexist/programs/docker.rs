//! (A5, M3) The Docker of this machine: 20.10 on Debian 12.

use crate::program::{Act, Program, Takes, nobody};
use crate::support::lab::HOST;

/// A Docker that comes to a host without any rules.
pub const REINSTALLED: Program = Program {
    name: "Docker",
    with: &[],
    version: "dockerd --version",
    prepare: |lab| {
        lab.control("dockerd stop");
        lab.exec("host", "nft flush ruleset");
    },
    start: Act::of(&["lab dockerd start"]),
    reload: Act::of(&["lab dockerd restart"]),
    stop: Act::of(&["lab dockerd stop"]).taking(Takes::Daemon),
    alive: &[("docker ps", "web-1")],
    published: &HOST,
    rows: nobody,
};

pub const PROGRAM: Program = REINSTALLED;
