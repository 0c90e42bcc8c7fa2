//! (A2, A12) `flush ruleset` stands in /etc/nftables.conf, and in what stops the unit.

use crate::program::{Act, Program, Takes, nobody, nothing};
use crate::support::lab::HOST;

/// What is said of Docker, whose rules went as well.
const FLUSHED: &[&str] = &["docker-rules-missing"];

pub const PROGRAM: Program = Program {
    name: "nftables.service",
    with: &[],
    version: "nft --version",
    prepare: nothing,
    start: Act::of(&["lab unit nftables start"]).taking(Takes::Everything).found(FLUSHED),
    reload: Act::of(&["lab unit nftables reload"]).taking(Takes::Everything).found(FLUSHED),
    stop: Act::of(&["lab unit nftables stop"]).taking(Takes::Everything).found(FLUSHED),
    alive: &[("nft list tables", "table inet filter")],
    published: &HOST,
    rows: nobody,
};
