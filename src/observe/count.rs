//! What the rules count: by chain, by family and by what becomes of a packet.

use serde::Serialize;

use crate::config::Mode;
use crate::ruleset::{CmpOp, CtKey, Expr, Family, MetaKey, Rule, Table, Verdict, chains, sets};

/// What a counter counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Count {
    /// Packets.
    pub packets: u64,
    /// Bytes, with the headers from IP on.
    pub bytes: u64,
}

/// What a packet is counted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum What {
    /// It was dropped, or would have been.
    Denied,
    /// It was, and was for the host itself: counted among the denied as well.
    DeniedToHost,
    /// A grant let it through.
    Granted,
    /// It belonged to no flow and was dropped, or would have been, without a log.
    Invalid,
    /// It was for everybody on the link and was kept from the host without a log, or would have been.
    ForEverybody,
    /// It came into the log.
    Logged,
}

/// What the rules of one chain counted for one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Counted {
    /// The chain.
    pub chain: String,
    /// What for.
    pub what: What,
    /// Of which family; none where one counter counts both.
    #[serde(serialize_with = "family_name")]
    pub family: Option<Family>,
    /// The set that was looked into, where a grant let it through.
    pub set: Option<String>,
    /// How much.
    #[serde(flatten)]
    pub count: Count,
}

/// Everything that the rules of `table` count, in their order; what differs in the set alone stands apart.
pub fn counted(table: &Table) -> Vec<Counted> {
    let mut all: Vec<Counted> = Vec::new();
    for chain in &table.chains {
        for rule in &chain.rules {
            let (Some((packets, bytes)), Some(what)) = (rule.counter(), what(&chain.name, rule)) else {
                continue;
            };
            let same = |other: &Counted| other.chain == chain.name && other.what == what;
            // The rule behind the one for IPv4 is for what that left.
            let left = all.iter().any(|other| same(other) && other.family == Some(Family::Ipv4) && other.set.is_none());
            let family = family(rule).or(left.then_some(Family::Ipv6));
            let set = rule.references().find(|name| sets::holds_exceptions(name)).map(ToOwned::to_owned);
            let known = all.iter_mut().find(|other| same(other) && other.family == family && other.set == set);
            match known {
                Some(known) => known.count += Count { packets, bytes },
                None => {
                    let count = Count { packets, bytes };
                    all.push(Counted { chain: chain.name.clone(), what, family, set, count });
                }
            }
        }
    }
    all
}

/// What the counter of a rule in that chain counts; none where it is none of those that matter.
fn what(chain: &str, rule: &Rule) -> Option<What> {
    let decides = decision(rule).is_some();
    match chain {
        chains::DENY | chains::PUBLISHED | chains::HOST if is_grant(rule) => Some(What::Granted),
        chains::DROP if loads_state(rule) => Some(What::Invalid),
        chains::DROP | chains::PUBLISHED if decides => Some(What::Denied),
        chains::HOST if loads_frame_type(rule) => Some(What::ForEverybody),
        chains::HOST if rule.references().any(|name| name == chains::DROP) => Some(What::DeniedToHost),
        chains::LOG => Some(What::Logged),
        _ => None,
    }
}

/// What the rule decides of a packet, whatever it looks at.
pub(super) fn decision(rule: &Rule) -> Option<Mode> {
    rule.expressions.iter().find_map(|expression| match expression {
        Expr::Verdict(Verdict::Drop) | Expr::Reject(_) => Some(Mode::Enforce),
        Expr::Verdict(Verdict::Return) => Some(Mode::Audit),
        _ => None,
    })
}

fn is_grant(rule: &Rule) -> bool {
    rule.references().any(sets::holds_exceptions)
}

fn loads_state(rule: &Rule) -> bool {
    rule.expressions.iter().any(|expression| matches!(expression, Expr::Ct { key: CtKey::STATE, .. }))
}

fn loads_frame_type(rule: &Rule) -> bool {
    rule.expressions.iter().any(|expression| matches!(expression, Expr::Meta { key: MetaKey::PKTTYPE, .. }))
}

/// The family that the rule is for.
fn family(rule: &Rule) -> Option<Family> {
    rule.expressions.windows(2).find_map(|pair| match pair {
        [Expr::Meta { key: MetaKey::NFPROTO, .. }, Expr::Cmp { op: CmpOp::Eq, data, .. }] => {
            Family::BOTH.into_iter().find(|family| data == &[family.nfproto()])
        }
        _ => None,
    })
}

/// How programs are told of a family.
pub fn family_word(family: Family) -> &'static str {
    match family {
        Family::Ipv4 => "ipv4",
        Family::Ipv6 => "ipv6",
    }
}

// serde's own form.
#[allow(clippy::ref_option)]
fn family_name<S: serde::Serializer>(family: &Option<Family>, serializer: S) -> Result<S::Ok, S::Error> {
    family.map(family_word).serialize(serializer)
}

impl std::ops::AddAssign for Count {
    fn add_assign(&mut self, other: Self) {
        self.packets += other.packets;
        self.bytes += other.bytes;
    }
}

impl std::iter::Sum for Count {
    fn sum<I: Iterator<Item = Self>>(counts: I) -> Self {
        counts.fold(Self::default(), |mut sum, count| {
            sum += count;
            sum
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counting(rule: Rule, packets: u64) -> Rule {
        let counter = |expression: &Expr| matches!(expression, Expr::Counter { .. });
        let expressions = rule.expressions.iter().map(|expression| match counter(expression) {
            true => Expr::Counter { packets, bytes: packets * 100 },
            false => expression.clone(),
        });
        Rule { expressions: expressions.collect(), ..rule }
    }

    #[test]
    fn what_a_rule_for_ipv4_leaves_is_ipv6() {
        let ipv4 = Rule::new().family(Family::Ipv4);
        let rules = vec![
            counting(Rule::new().invalid().count().drop(), 1),
            counting(ipv4.clone().protocol(6).count().drop(), 10),
            counting(Rule::new().protocol(6).count().drop(), 20),
            counting(ipv4.count().drop(), 100),
            counting(Rule::new().count().drop(), 200),
        ];
        let table = Table { chains: vec![crate::ruleset::Chain::regular(chains::DROP, rules)], ..Table::new() };
        let counted = counted(&table);
        let read: Vec<_> = counted.iter().map(|one| (one.what, one.family, one.count.packets)).collect();
        let expected = [
            (What::Invalid, None, 1),
            (What::Denied, Some(Family::Ipv4), 110),
            (What::Denied, Some(Family::Ipv6), 220),
        ];
        assert_eq!(read, expected);
        let said = serde_json::to_value(&counted[1]).unwrap();
        let expected = serde_json::json!({
            "chain": "DOCKER-USER-DROP", "what": "denied", "family": "ipv4", "set": null, "packets": 110, "bytes": 11_000
        });
        assert_eq!(said, expected);
    }

    #[test]
    fn a_table_of_before_has_one_counter_for_both() {
        let rules = vec![counting(Rule::new().count().drop(), 7)];
        let table = Table { chains: vec![crate::ruleset::Chain::regular(chains::DROP, rules)], ..Table::new() };
        let [one] = counted(&table).try_into().unwrap();
        assert_eq!((one.what, one.family, one.count.packets), (What::Denied, None, 7));
    }
}
