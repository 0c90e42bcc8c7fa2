//! A rule in `nft`'s words, read back from its expressions by following what each register holds.

use std::collections::BTreeMap;
use std::fmt;

use super::super::{
    CmpOp, CtKey, DataType, DynsetOp, Expr, Family, Limit, Log, LogTarget, MetaKey, PayloadBase, Register, Reject, Rule,
};
use crate::ruleset::expr::LOG_LEVEL_WARNING;

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut words = Words::default();
        let mut rest = self.expressions.as_slice();
        while let Some((expression, others)) = rest.split_first() {
            rest = match implied_family(rest) {
                Some(family) => {
                    words.family = Some(family);
                    rest.get(2..).unwrap_or_default()
                }
                None => {
                    words.add(expression);
                    others
                }
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

/// What a register holds.
#[derive(Clone)]
struct Operand {
    words: String,
    kind: DataType,
}

#[derive(Default)]
struct Words {
    words: Vec<String>,
    /// By the 4-byte word at which the register begins.
    registers: BTreeMap<u32, Operand>,
    family: Option<Family>,
}

impl Words {
    fn say(&mut self, words: impl Into<String>) {
        self.words.push(words.into());
    }

    fn load(&mut self, register: Register, words: impl Into<String>, kind: DataType) {
        if let Some(word) = register.word() {
            self.registers.insert(word, Operand { words: words.into(), kind });
        }
    }

    fn operand(&self, register: Register) -> Operand {
        let held = register.word().and_then(|word| self.registers.get(&word));
        held.cloned()
            .unwrap_or(Operand { words: format!("<register {}>", register.0), kind: DataType::Other { id: 0, len: 0 } })
    }

    fn add(&mut self, expression: &Expr) {
        match expression {
            Expr::Meta { key, register } => self.load_meta(*key, *register),
            Expr::Ct { key, register } => self.load_ct(*key, *register),
            Expr::Payload { base, offset, len, register } => self.load_payload(*base, *offset, *len, *register),
            Expr::Cmp { register, op, data } => {
                let operand = self.operand(*register);
                self.say(format!("{} {}{}", operand.words, comparison(*op), operand.kind.value(data)));
            }
            Expr::Range { register, op, from, to } => {
                let operand = self.operand(*register);
                let (from, to) = (operand.kind.value(from), operand.kind.value(to));
                self.say(format!("{} {}{from}-{to}", operand.words, comparison(*op)));
            }
            Expr::Bitwise { source, destination, mask, xor } => {
                let operand = self.operand(*source);
                let (mask, xor) = (operand.kind.value(mask), operand.kind.value(xor));
                self.load(*destination, format!("{} & {mask} ^ {xor}", operand.words), operand.kind);
            }
            Expr::Lookup { set, register, inverted } => {
                let operand = self.operand(*register);
                self.say(format!("{} {}@{set}", operand.words, if *inverted { "!= " } else { "" }));
            }
            Expr::Dynset { set, op, register, expressions } => self.update(set, *op, *register, expressions),
            Expr::Limit(limit) => self.say(limit.to_string()),
            Expr::Log(log) => self.say(log.to_string()),
            Expr::Counter { .. } => self.say("counter"),
            Expr::Verdict(verdict) => self.say(verdict.to_string()),
            Expr::Immediate { register, data } => {
                let constant = DataType::Other { id: 0, len: 0 }.value(data);
                self.load(*register, constant, DataType::Other { id: 0, len: 0 });
            }
            Expr::Reject(reject) => self.say(reject.to_string()),
            Expr::Raw { name, .. } => self.say(format!("<{name}>")),
        }
    }

    fn load_meta(&mut self, key: MetaKey, register: Register) {
        let (words, kind) = match key {
            MetaKey::IIFNAME => ("iifname".to_owned(), DataType::IfName),
            MetaKey::OIFNAME => ("oifname".to_owned(), DataType::IfName),
            MetaKey::NFPROTO => ("meta nfproto".to_owned(), DataType::NfProto),
            MetaKey::L4PROTO => ("meta l4proto".to_owned(), DataType::InetProto),
            MetaKey(other) => (format!("<meta {other}>"), DataType::Other { id: 0, len: 0 }),
        };
        self.load(register, words, kind);
    }

    fn load_ct(&mut self, key: CtKey, register: Register) {
        let (words, kind) = match key {
            CtKey::STATE => ("ct state".to_owned(), DataType::Other { id: 26, len: 4 }),
            CtKey::DIRECTION => ("ct direction".to_owned(), DataType::CtDirection),
            CtKey(other) => (format!("<ct {other}>"), DataType::Other { id: 0, len: 0 }),
        };
        self.load(register, words, kind);
    }

    fn load_payload(&mut self, base: PayloadBase, offset: u32, len: u32, register: Register) {
        let address = self.family.and_then(|family| address_field(family, offset, len));
        let (words, kind) = match (base, address) {
            (PayloadBase::NETWORK, Some((words, kind))) => (words.to_owned(), kind),
            (PayloadBase::TRANSPORT, _) if (offset, len) == (2, 2) => ("th dport".to_owned(), DataType::InetService),
            (PayloadBase::TRANSPORT, _) if (offset, len) == (0, 2) => ("th sport".to_owned(), DataType::InetService),
            (base, _) => {
                let base = ["@ll", "@nh", "@th"].get(base.0 as usize).copied().unwrap_or("@ih");
                (format!("{base},{},{}", offset * 8, len * 8), DataType::Other { id: 0, len })
            }
        };
        self.load(register, words, kind);
    }

    fn update(&mut self, set: &str, op: DynsetOp, register: Register, expressions: &[Expr]) {
        let op = match op {
            DynsetOp::Add => "add",
            DynsetOp::Update => "update",
        };
        let first = register.word().unwrap_or(u32::MAX);
        let key: Vec<&str> = self.registers.range(first..).map(|(_, operand)| operand.words.as_str()).collect();
        let mut each = Self::default();
        expressions.iter().for_each(|expression| each.add(expression));
        each.words.insert(0, key.join(" . "));
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
