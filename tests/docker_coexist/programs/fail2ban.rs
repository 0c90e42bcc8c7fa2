//! (A4) One jail by nftables and one by iptables, each with somebody in it.

use crate::program::{Act, Program, nobody};
use crate::support::lab::HOST;

pub const PROGRAM: Program = Program {
    name: "fail2ban",
    with: &["--with", "fail2ban"],
    version: "fail2ban-client --version",
    prepare: |lab| lab.prepare_jails(),
    start: Act::of(&["lab unit fail2ban start", "sh /run/ban"]),
    reload: Act::of(&["lab unit fail2ban reload"]),
    stop: Act::of(&["lab unit fail2ban stop"]),
    alive: &[
        ("fail2ban-client status by-nftables", "2001:db8:66::66"),
        ("fail2ban-client status by-iptables", "2001:db8:66::66"),
        ("ip6tables-save", "f2b-by-iptables"),
    ],
    published: &HOST,
    rows: nobody,
};
