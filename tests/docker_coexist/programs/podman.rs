//! (A13, N4) A pod on a bridge of netavark's, which dockwall polices: closed to the LAN, open to the Internet.

use crate::program::{Act, Program, nothing};
use crate::support::lab::{HOST, LAN, Verdict, WAN, from, of_tcp};

pub const PROGRAM: Program = Program {
    name: "podman, netavark",
    with: &["--with", "podman"],
    version: "podman --version",
    prepare: nothing,
    start: Act::of(&["lab pod pod-1 -p 9400:7000"]).followed(),
    reload: Act::of(&["lab podman network reload --all"]).followed(),
    // The resolver on its bridge is gone, and stays granted without a guard.
    stop: Act::of(&["lab podman rm --force pod-1"]).found(&["not-applied"]).followed(),
    alive: &[("iptables-save", "NETAVARK_FORWARD")],
    published: &HOST,
    rows: |closed| [from("pod-1", of_tcp(&LAN), closed), from("pod-1", of_tcp(&WAN), Verdict::Ok)].concat(),
};
