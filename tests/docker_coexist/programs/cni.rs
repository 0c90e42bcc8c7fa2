//! (N6) containerd's and nerdctl's network: the plugins bridge, portmap and firewall in a chain, called as they are. The
//! bridge nerdctl0 is policed.

use crate::program::{Act, Program, nothing};
use crate::support::lab::{HOST, LAN, Verdict, WAN, from, of_tcp, of_tcp_at};

pub const PROGRAM: Program = Program {
    name: "CNI: bridge, portmap, firewall",
    with: &["--with", "containernetworking-plugins"],
    version: "zcat /usr/share/doc/containernetworking-plugins/changelog.Debian.gz",
    prepare: nothing,
    start: Act::of(&["lab cni add nerd-1"]),
    reload: Act::of(&["lab cni check nerd-1", "lab cni add nerd-2", "lab cni del nerd-2"]),
    stop: Act::of(&["lab cni del nerd-1"]),
    alive: &[("iptables-save", "CNI-FORWARD")],
    published: &HOST,
    rows: |closed| {
        let mut rows = from("nerd-1", of_tcp(&LAN), closed);
        rows.extend(from("nerd-1", of_tcp(&WAN), Verdict::Ok));
        // Docker's policy of FORWARD drops what comes from outside: the plugins accept answers only.
        rows.extend(from("host", of_tcp_at(&HOST, 9500), Verdict::Ok));
        rows
    },
};
