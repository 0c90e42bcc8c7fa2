//! (N7)

use crate::program::{Act, Program, nobody, nothing};
use crate::support::lab::HOST;

pub const PROGRAM: Program = Program {
    name: "ufw",
    with: &["--with", "ufw"],
    version: "ufw version",
    prepare: nothing,
    start: Act::of(&["ufw --force enable", "ufw allow 22/tcp"]),
    reload: Act::of(&["ufw reload", "lab unit ufw restart"]),
    stop: Act::of(&["ufw disable"]),
    alive: &[("ufw status", "Status: active"), ("ip6tables-save", "ufw6-user-input")],
    published: &HOST,
    rows: nobody,
};
