//! (B6) A script of iptables-legacy beside Docker's iptables-nft: two packet filters at once.

use crate::program::{Act, Program, nobody};
use crate::support::lab::HOST;

/// Which of its modules the host has tables of stays until it ends.
const BOTH: &[&str] = &["docker-backend"];

const RULES: &str = "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n-A FORWARD -p tcp -m tcp --dport 25 -j DROP\nCOMMIT\n";

pub const PROGRAM: Program = Program {
    name: "iptables-legacy",
    with: &[],
    version: "iptables-legacy --version",
    prepare: |lab| lab.write("/run/legacy", RULES),
    start: Act::of(&["iptables-legacy-restore /run/legacy", "ip6tables-legacy-restore /run/legacy"]).found(BOTH),
    reload: Act::of(&["iptables-legacy-restore /run/legacy", "ip6tables-legacy-restore /run/legacy"]).found(BOTH),
    stop: Act::of(&["iptables-legacy -F", "ip6tables-legacy -F"]).found(BOTH),
    alive: &[("iptables-legacy-save", "--dport 25 -j DROP"), ("ip6tables-legacy-save", "--dport 25 -j DROP")],
    published: &HOST,
    rows: nobody,
};
