//! A rule in `nft`'s words, read back from its expressions by following what each register holds.

use std::collections::BTreeMap;
use std::fmt;

use super::super::{
    CmpOp, CtKey, DataType, DynsetOp, Expr, Family, Limit, Log, LogTarget, MetaKey, PayloadBase, Register, Reject, Rule,
};
use crate::ruleset::build::ICMPV6;
use crate::ruleset::expr::{
    CT_STATE_INVALID, CT_STATUS_DNAT, FIB_OIF, FIB_STAYS, FIB_WAY_BACK, FIB_WAY_OUT, FlowDirection, LOG_LEVEL_WARNING,
};

/// What nothing is known of.
const UNKNOWN: DataType = DataType::Other { id: 0, len: 0 };

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut words = Words::default();
        let mut rest = self.expressions.as_slice();
        while let Some((expression, others)) = rest.split_first() {
            rest = if let Some(family) = implied_family(rest) {
                words.family = Some(family);
                rest.get(2..).unwrap_or_default()
            } else if let Some(rest) = implied_icmpv6(rest) {
                words.family = Some(Family::Ipv6);
                words.icmpv6 = true;
                rest
            } else if let Some(rest) = words.add_bounds(rest) {
                rest
            } else {
                words.add(expression);
                others
            };
        }
        if let Some(comment) = &self.comment {
            words.say(format!("comment \"{comment}\""));
        }
        f.write_str(&words.words.join(" "))
    }
}

/// The family check that `nft` writes by itself in front of an address of that family.
fn implied_family(expressions: &[Expr]) -> Option<Family> {
    let [
        Expr::Meta { key: MetaKey::NFPROTO, register: checked },
        Expr::Cmp { register, op: CmpOp::Eq, data },
        Expr::Payload { base: PayloadBase::NETWORK, offset, len, .. },
        ..,
    ] = expressions
    else {
        return None;
    };
    let family = Family::BOTH.into_iter().find(|family| data == &[family.nfproto()])?;
    (checked == register && address_field(family, *offset, *len).is_some()).then_some(family)
}

/// The checks that `nft` writes by itself in front of the type of an ICMPv6 message; gives what is
/// behind them.
fn implied_icmpv6(expressions: &[Expr]) -> Option<&[Expr]> {
    let [
        Expr::Meta { key: MetaKey::NFPROTO, .. },
        Expr::Cmp { op: CmpOp::Eq, data: family, .. },
        Expr::Meta { key: MetaKey::L4PROTO, .. },
        Expr::Cmp { op: CmpOp::Eq, data: protocol, .. },
        rest @ ..,
    ] = expressions
    else {
        return None;
    };
    let message_type = matches!(rest, [Expr::Payload { base: PayloadBase::TRANSPORT, offset: 0, len: 1, .. }, ..]);
    (message_type && family == &[Family::Ipv6.nfproto()] && protocol == &[ICMPV6]).then_some(rest)
}

/// What a register holds.
#[derive(Clone)]
struct Operand {
    words: String,
    kind: DataType,
    /// The bits that were left of it.
    mask: Option<Vec<u8>>,
}

impl Operand {
    fn new(words: impl Into<String>, kind: DataType) -> Self {
        Self { words: words.into(), kind, mask: None }
    }

    /// The name of the single bit that was left, where the operand has bits with names.
    fn flag(&self) -> Option<&'static str> {
        let mask = u32::from_ne_bytes(self.mask.as_deref()?.try_into().ok()?);
        match (self.kind, mask) {
            (DataType::CtState, CT_STATE_INVALID) => Some("invalid"),
            (DataType::CtStatus, CT_STATUS_DNAT) => Some("dnat"),
            _ => None,
        }
    }

    /// With the bits that were left of it, as a key has it.
    fn masked(&self) -> String {
        match &self.mask {
            Some(mask) => format!("{} & {}", self.words, self.kind.value(mask)),
            None => self.words.clone(),
        }
    }

    fn compared(&self, op: CmpOp, data: &[u8]) -> String {
        let Self { words, kind, mask } = self;
        match (self.flag(), mask) {
            (Some(flag), _) if op == CmpOp::Neq && data == 0u32.to_ne_bytes() => format!("{words} {flag}"),
            (_, Some(mask)) => format!("{words} & {} {}{}", kind.value(mask), comparison(op), kind.value(data)),
            (_, None) => format!("{words} {}{}", comparison(op), kind.value(data)),
        }
    }
}

#[derive(Default)]
struct Words {
    words: Vec<String>,
    /// By the 4-byte word at which the register begins.
    registers: BTreeMap<u32, Operand>,
    family: Option<Family>,
    icmpv6: bool,
}

impl Words {
    fn say(&mut self, words: impl Into<String>) {
        self.words.push(words.into());
    }

    fn load(&mut self, register: Register, operand: Operand) {
        let Some(word) = register.word() else {
            return;
        };
        if word == 0 {
            // The begin of another key.
            self.registers.clear();
        }
        self.registers.insert(word, operand);
    }

    fn operand(&self, register: Register) -> Operand {
        let held = register.word().and_then(|word| self.registers.get(&word));
        held.cloned().unwrap_or_else(|| Operand::new(format!("<register {}>", register.0), UNKNOWN))
    }

    /// All that was loaded from `register` on.
    fn key(&self, register: Register) -> String {
        let first = register.word().unwrap_or(u32::MAX);
        let fields: Vec<String> = self.registers.range(first..).map(|(_, operand)| operand.masked()).collect();
        if fields.is_empty() { self.operand(register).words } else { fields.join(" . ") }
    }

    /// An interval, which `nft` makes two compares of; gives what is behind them.
    fn add_bounds<'a>(&mut self, expressions: &'a [Expr]) -> Option<&'a [Expr]> {
        let [
            Expr::Cmp { register, op: CmpOp::Gte, data: from },
            Expr::Cmp { register: same, op: CmpOp::Lte, data: to },
            rest @ ..,
        ] = expressions
        else {
            return None;
        };
        let Operand { words, kind, mask: None } = self.operand(*register) else {
            return None;
        };
        (register == same).then(|| {
            self.say(format!("{words} {}-{}", kind.value(from), kind.value(to)));
            rest
        })
    }

    fn add(&mut self, expression: &Expr) {
        match expression {
            Expr::Meta { key, register } => self.load_meta(*key, *register),
            Expr::Ct { key, direction, register } => self.load_ct(*key, *direction, *register),
            Expr::Fib { result, flags, register } => self.load_fib(*result, *flags, *register),
            Expr::Payload { base, offset, len, register } => self.load_payload(*base, *offset, *len, *register),
            Expr::Cmp { register, op, data } => {
                let operand = self.operand(*register);
                self.say(operand.compared(*op, data));
            }
            Expr::Range { register, op, from, to } => {
                let operand = self.operand(*register);
                let (from, to) = (operand.kind.value(from), operand.kind.value(to));
                self.say(format!("{} {}{from}-{to}", operand.words, comparison(*op)));
            }
            Expr::Bitwise { source, destination, mask, xor } => {
                let operand = self.operand(*source);
                let masked = if xor.iter().all(|byte| *byte == 0) {
                    Operand { mask: Some(mask.clone()), ..operand }
                } else {
                    let (mask, xor) = (operand.kind.value(mask), operand.kind.value(xor));
                    Operand::new(format!("{} & {mask} ^ {xor}", operand.words), operand.kind)
                };
                self.load(*destination, masked);
            }
            Expr::Lookup { set, register, inverted } => {
                self.say(format!("{} {}@{set}", self.key(*register), if *inverted { "!= " } else { "" }));
            }
            Expr::Dynset { set, op, register, expressions } => self.update(set, *op, *register, expressions),
            Expr::Limit(limit) => self.say(limit.to_string()),
            Expr::Log(log) => self.say(log.to_string()),
            Expr::Counter { .. } => self.say("counter"),
            Expr::Verdict(verdict) => self.say(verdict.to_string()),
            Expr::Immediate { register, data } => {
                self.load(*register, Operand::new(UNKNOWN.value(data), UNKNOWN));
            }
            Expr::Reject(reject) => self.say(reject.to_string()),
            Expr::Raw { name, .. } => self.say(format!("<{name}>")),
        }
    }

    fn load_fib(&mut self, result: u32, flags: u32, register: Register) {
        let operand = match (result, flags) {
            (FIB_OIF, FIB_WAY_BACK) => Operand::new("fib saddr . iif oif", DataType::Presence),
            (FIB_OIF, FIB_STAYS) => Operand::new("fib daddr . iif oif", DataType::Presence),
            (FIB_OIF, FIB_WAY_OUT) => Operand::new("fib daddr oif", DataType::Presence),
            _ => Operand::new(format!("<fib {result} {flags}>"), UNKNOWN),
        };
        self.load(register, operand);
    }

    fn load_meta(&mut self, key: MetaKey, register: Register) {
        let (words, kind) = match key {
            MetaKey::IIFNAME => ("iifname".to_owned(), DataType::IfName),
            MetaKey::OIFNAME => ("oifname".to_owned(), DataType::IfName),
            MetaKey::NFPROTO => ("meta nfproto".to_owned(), DataType::NfProto),
            MetaKey::L4PROTO => ("meta l4proto".to_owned(), DataType::InetProto),
            MetaKey::PKTTYPE => ("meta pkttype".to_owned(), DataType::PktType),
            MetaKey::IIFKIND => ("meta iifkind".to_owned(), DataType::IfName),
            MetaKey::OIFKIND => ("meta oifkind".to_owned(), DataType::IfName),
            MetaKey(other) => (format!("<meta {other}>"), UNKNOWN),
        };
        self.load(register, Operand::new(words, kind));
    }

    fn load_ct(&mut self, key: CtKey, direction: Option<FlowDirection>, register: Register) {
        let (words, kind) = match key {
            CtKey::STATE => ("state", DataType::CtState),
            CtKey::DIRECTION => ("direction", DataType::CtDirection),
            CtKey::STATUS => ("status", DataType::CtStatus),
            CtKey::PROTO_DST => ("proto-dst", DataType::InetService),
            CtKey::DST_IP => ("ip daddr", DataType::Ipv4Addr),
            CtKey::DST_IP6 => ("ip6 daddr", DataType::Ipv6Addr),
            CtKey(other) => return self.load(register, Operand::new(format!("<ct {other}>"), UNKNOWN)),
        };
        let direction = match direction {
            Some(FlowDirection::Original) => "original ",
            Some(FlowDirection::Reply) => "reply ",
            None => "",
        };
        self.load(register, Operand::new(format!("ct {direction}{words}"), kind));
    }

    fn load_payload(&mut self, base: PayloadBase, offset: u32, len: u32, register: Register) {
        let address = self.family.and_then(|family| address_field(family, offset, len));
        let (words, kind) = match (base, address) {
            (PayloadBase::NETWORK, Some((words, kind))) => (words.to_owned(), kind),
            (PayloadBase::TRANSPORT, _) if (offset, len) == (2, 2) => ("th dport".to_owned(), DataType::InetService),
            (PayloadBase::TRANSPORT, _) if (offset, len) == (0, 1) && self.icmpv6 => {
                ("icmpv6 type".to_owned(), DataType::Icmpv6Type)
            }
            (PayloadBase::TRANSPORT, _) if (offset, len) == (0, 2) => ("th sport".to_owned(), DataType::InetService),
            (base, _) => {
                let base = ["@ll", "@nh", "@th"].get(base.0 as usize).copied().unwrap_or("@ih");
                (format!("{base},{},{}", offset * 8, len * 8), DataType::Other { id: 0, len })
            }
        };
        self.load(register, Operand::new(words, kind));
    }

    fn update(&mut self, set: &str, op: DynsetOp, register: Register, expressions: &[Expr]) {
        let op = match op {
            DynsetOp::Add => "add",
            DynsetOp::Update => "update",
        };
        let mut each = Self::default();
        each.say(self.key(register));
        expressions.iter().for_each(|expression| each.add(expression));
        self.say(format!("{op} @{set} {{ {} }}", each.words.join(" ")));
    }
}

fn comparison(op: CmpOp) -> &'static str {
    match op {
        CmpOp::Eq => "",
        CmpOp::Neq => "!= ",
        CmpOp::Lt => "< ",
        CmpOp::Lte => "<= ",
        CmpOp::Gt => "> ",
        CmpOp::Gte => ">= ",
    }
}

fn address_field(family: Family, offset: u32, len: u32) -> Option<(&'static str, DataType)> {
    match (family, offset, len) {
        (Family::Ipv4, 12, 4) => Some(("ip saddr", DataType::Ipv4Addr)),
        (Family::Ipv4, 16, 4) => Some(("ip daddr", DataType::Ipv4Addr)),
        (Family::Ipv6, 8, 16) => Some(("ip6 saddr", DataType::Ipv6Addr)),
        (Family::Ipv6, 24, 16) => Some(("ip6 daddr", DataType::Ipv6Addr)),
        (Family::Ipv6, 7, 1) => Some(("ip6 hoplimit", DataType::Integer)),
        _ => None,
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let over = if self.inverted { "over " } else { "" };
        let (counted, burst) = if self.bytes { (" bytes", "bytes") } else { ("", "packets") };
        write!(f, "limit rate {over}{}{counted}/{}", self.rate, unit_name(self.unit))?;
        write!(f, " burst {} {burst}", self.burst)
    }
}

fn unit_name(seconds: u64) -> String {
    match seconds {
        1 => "second".into(),
        60 => "minute".into(),
        3_600 => "hour".into(),
        86_400 => "day".into(),
        604_800 => "week".into(),
        other => format!("{other}s"),
    }
}

impl fmt::Display for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("log")?;
        if let Some(prefix) = &self.prefix {
            write!(f, " prefix \"{prefix}\"")?;
        }
        match self.target {
            LogTarget::Kernel { level: LOG_LEVEL_WARNING } => Ok(()),
            LogTarget::Kernel { level } => {
                let names = ["emerg", "alert", "crit", "err", "warn", "notice", "info", "debug"];
                write!(f, " level {}", names.get(level as usize).copied().unwrap_or("audit"))
            }
            LogTarget::Group(group) => write!(f, " group {group}"),
        }
    }
}

impl fmt::Display for Reject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TcpReset => f.write_str("reject with tcp reset"),
            Self::Icmpx(code) => {
                let names = ["no-route", "port-unreachable", "host-unreachable", "admin-prohibited"];
                match names.get(usize::from(*code)) {
                    Some(name) => write!(f, "reject with icmpx type {name}"),
                    None => write!(f, "reject with icmpx type {code}"),
                }
            }
            Self::Icmp(code) => write!(f, "reject with icmp type {code}"),
        }
    }
}
