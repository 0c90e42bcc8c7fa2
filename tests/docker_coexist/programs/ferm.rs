//! (A12, B6) Debian's writes to iptables-legacy where that is there, which Docker does not use: two packet filters at once,
//! and nothing of Docker's is flushed.

use crate::program::{Act, Program, nobody};
use crate::support::lab::HOST;

/// Its own, without the policies of the package's that close the host to everybody.
const RULES: &str = "domain (ip ip6) table filter chain (INPUT FORWARD) proto tcp dport 25 DROP;\n";
/// Tables of legacy stay until the host ends.
const BOTH: &[&str] = &["docker-backend"];

pub const PROGRAM: Program = Program {
    name: "ferm",
    with: &["--with", "ferm"],
    version: "ferm --version",
    prepare: |lab| {
        lab.write("/etc/ferm/ferm.conf", RULES);
        // What its package asks when it is installed.
        lab.write("/etc/default/ferm", "ENABLED=yes\nCACHE=no\nFAST=yes\n");
    },
    start: Act::of(&["lab unit ferm start"]).found(BOTH),
    reload: Act::of(&["lab unit ferm reload"]).found(BOTH),
    stop: Act::of(&["lab unit ferm stop"]).found(BOTH),
    alive: &[("iptables-legacy-save", "--dport 25 -j DROP"), ("ip6tables-legacy-save", "--dport 25 -j DROP")],
    published: &HOST,
    rows: nobody,
};
