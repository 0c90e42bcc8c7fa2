//! Where packets are counted on their way, and dropped at its end.

use std::net::IpAddr;

use serde::Serialize;

use super::plan::Shot;
use crate::ruleset::{Chain, CmpOp, Expr, Hook, MetaKey, PayloadBase, Register, Rule, Verdict};

/// The table's name.
pub const TABLE: &str = "dockwall-probe";

const PREROUTING: Hook = Hook(0);
const POSTROUTING: Hook = Hook(4);
/// The wall's own priority; one before and one behind it.
const WALL: i32 = -20;
/// Before everybody's, those of `raw` (-300) too.
const FIRST: i32 = -500;
/// Behind everybody's filters on the input hook; the kernel's own are further behind.
const LAST_INPUT: i32 = 1000;
/// Just before the source is translated (`NF_IP_PRI_NAT_SRC`, 100), by which it is known here.
const LAST_FORWARD: i32 = 99;

/// The chains, in the order of a packet's way; the last two drop.
const STAGES: [(&str, Hook, i32, bool); 7] = [
    ("seen", PREROUTING, FIRST, false),
    ("before-forward", Hook::FORWARD, WALL - 1, false),
    ("before-input", Hook::INPUT, WALL - 1, false),
    ("behind-forward", Hook::FORWARD, WALL + 1, false),
    ("behind-input", Hook::INPUT, WALL + 1, false),
    ("leaves", POSTROUTING, LAST_FORWARD, true),
    ("arrives", Hook::INPUT, LAST_INPUT, true),
];

/// How often a packet came by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Counts {
    /// When it came in.
    pub seen: u64,
    /// Just before the wall.
    pub before: u64,
    /// Just behind it.
    pub behind: u64,
    /// At the end of its way, where it was dropped.
    pub end: u64,
}

/// A chain for each stage with a rule for each shot.
pub fn chains(shots: &[Shot]) -> Vec<Chain> {
    let chain = |(name, hook, priority, drops): (&str, Hook, i32, bool)| {
        Chain::filter(name, hook, priority, shots.iter().map(|shot| rule(shot, drops)).collect())
    };
    STAGES.map(chain).into()
}

/// What the rules of [`chains`] have counted, for each of so many shots.
pub fn read(rules: &[(String, Rule)], shots: usize) -> Vec<Counts> {
    let mut counts = vec![Counts::default(); shots];
    for (name, ..) in STAGES {
        let of_stage = rules.iter().filter(|(chain, _)| chain == name);
        for (counts, (_, rule)) in counts.iter_mut().zip(of_stage) {
            let packets = rule.counter().map_or(0, |(packets, _)| packets);
            let field = match name {
                "seen" => &mut counts.seen,
                "before-forward" | "before-input" => &mut counts.before,
                "behind-forward" | "behind-input" => &mut counts.behind,
                _ => &mut counts.end,
            };
            *field += packets;
        }
    }
    counts
}

fn rule(shot: &Shot, drops: bool) -> Rule {
    let (ipv4, source, destination) = match shot.from {
        IpAddr::V4(_) => (true, 12, 16),
        IpAddr::V6(_) => (false, 8, 24),
    };
    let nfproto: u8 = if ipv4 { 2 } else { 10 };
    let protocol: u8 = if shot.tcp { 6 } else { 17 };
    let register = Register::R1;
    let address = |offset, address: IpAddr| {
        let data = match address {
            IpAddr::V4(address) => address.octets().to_vec(),
            IpAddr::V6(address) => address.octets().to_vec(),
        };
        let len = data.len() as u32;
        [Expr::Payload { base: PayloadBase::NETWORK, offset, len, register }, equal(data)]
    };
    let mut expressions = vec![Expr::Meta { key: MetaKey::NFPROTO, register }, equal(vec![nfproto])];
    expressions.extend(address(source, shot.from));
    expressions.extend(address(destination, shot.to));
    expressions.extend([Expr::Meta { key: MetaKey::L4PROTO, register }, equal(vec![protocol])]);
    let port = Expr::Payload { base: PayloadBase::TRANSPORT, offset: 2, len: 2, register };
    expressions.extend([port, equal(shot.port.to_be_bytes().to_vec()), Expr::COUNTER]);
    expressions.extend(drops.then_some(Expr::Verdict(Verdict::Drop)));
    Rule { expressions, ..Rule::default() }
}

fn equal(data: Vec<u8>) -> Expr {
    Expr::Cmp { register: Register::R1, op: CmpOp::Eq, data }
}
