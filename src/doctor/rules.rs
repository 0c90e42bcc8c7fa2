//! What can be said of other people's rules: whether one has a condition, what it decides, which
//! interfaces it names.

use ipnet::IpNet;

use super::patient::Ruleset;
use crate::netlink::attribute::Attributes;
use crate::netlink::{ChainHead, ChainRules};
use crate::ruleset::{CmpOp, Expr, MetaKey, PayloadBase, Rule, Verdict};

/// `NFTA_TARGET_NAME` of xtables' targets in nf_tables (`net/netfilter/nft_compat.c`).
const NFTA_TARGET_NAME: u16 = 1;
/// No chain of jumps without a condition is followed further.
const DEPTH: usize = 4;

/// What a rule does with a packet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate<'a> {
    /// The packet is gone.
    Drops,
    /// This base chain lets it pass.
    Accepts,
    /// It goes on in that chain.
    Jumps(&'a str),
    /// Anything else.
    Other,
}

/// What the rule decides for the packets that it matches.
pub fn fate(rule: &Rule) -> Fate<'_> {
    let decided = rule.expressions.iter().find_map(|expression| match expression {
        Expr::Verdict(Verdict::Drop) | Expr::Reject(_) => Some(Fate::Drops),
        Expr::Verdict(Verdict::Accept) => Some(Fate::Accepts),
        Expr::Verdict(Verdict::Jump(chain) | Verdict::Goto(chain)) => Some(Fate::Jumps(chain)),
        Expr::Raw { .. } => match target(expression).as_deref() {
            Some("REJECT" | "DROP") => Some(Fate::Drops),
            _ => None,
        },
        _ => None,
    });
    decided.unwrap_or(Fate::Other)
}

/// The name of the target of iptables that this expression is.
pub fn target(expression: &Expr) -> Option<String> {
    match expression {
        Expr::Raw { name, data } if name == "target" => {
            Attributes::new(data).find(NFTA_TARGET_NAME).ok()??.string().ok()
        }
        Expr::Raw { name, .. } if name == "nat" => Some("DNAT".to_owned()),
        _ => None,
    }
}

/// Whether it is for every packet: it only counts, logs and decides.
pub fn is_unconditional(rule: &Rule) -> bool {
    rule.expressions.iter().all(|expression| match expression {
        Expr::Counter { .. } | Expr::Log(_) | Expr::Verdict(_) | Expr::Reject(_) => true,
        Expr::Raw { name, .. } => name == "target",
        _ => false,
    })
}

/// The incoming or outgoing interface that it wants (`MetaKey::IIFNAME`, `MetaKey::OIFNAME`): whether that
/// name or any other, and the name.
pub fn interface(rule: &Rule, key: MetaKey) -> Option<(bool, String)> {
    rule.expressions.windows(2).find_map(|pair| match pair {
        [Expr::Meta { key: loaded, .. }, Expr::Cmp { op, data, .. }] if *loaded == key => {
            let name = String::from_utf8_lossy(data).trim_end_matches('\0').to_owned();
            Some((*op == CmpOp::Eq, name))
        }
        _ => None,
    })
}

/// Whether packets from one of these networks may match what it wants of their source: IPv4 only, and true
/// where it wants nothing of it that is understood.
pub fn may_come_from(rule: &Rule, networks: &[IpNet]) -> bool {
    let mut expressions = rule.expressions.iter().skip_while(
        |expression| !matches!(expression, Expr::Payload { base, offset: 12, .. } if *base == PayloadBase::NETWORK),
    );
    let Some(Expr::Payload { len, .. }) = expressions.next() else {
        return true;
    };
    let (mask, compare) = match (expressions.next(), expressions.next()) {
        (Some(Expr::Bitwise { mask, .. }), compare) => (mask.clone(), compare),
        (compare, _) => (vec![0xff; *len as usize], compare),
    };
    let Some(Expr::Cmp { op: CmpOp::Eq, data, .. }) = compare else {
        return true;
    };
    networks.iter().any(|network| match network {
        IpNet::V4(network) => {
            let own = network.addr().octets().into_iter().zip(network.netmask().octets());
            own.zip(mask.iter().zip(data)).all(|((own, part), (mask, data))| own & part & mask == data & part & mask)
        }
        IpNet::V6(_) => false,
    })
}

/// The destination port that it wants.
pub fn port(rule: &Rule) -> Option<u16> {
    let native = rule.expressions.windows(2).find_map(|pair| match pair {
        [Expr::Payload { base, offset: 2, len: 2, .. }, Expr::Cmp { op: CmpOp::Eq, data, .. }]
            if *base == PayloadBase::TRANSPORT =>
        {
            Some(u16::from_be_bytes([*data.first()?, *data.get(1)?]))
        }
        _ => None,
    });
    native.or_else(|| rule.expressions.iter().find_map(port_of_match))
}

/// That of iptables' own match, before iptables 1.8.8: `struct xt_tcp` and `struct xt_udp` begin with the
/// source ports and the destination ports, each from and to.
fn port_of_match(expression: &Expr) -> Option<u16> {
    const NFTA_MATCH_NAME: u16 = 1;
    const NFTA_MATCH_INFO: u16 = 3;
    let Expr::Raw { name, data } = expression else {
        return None;
    };
    let attributes = Attributes::new(data);
    let of = attributes.find(NFTA_MATCH_NAME).ok()??.string().ok()?;
    if name != "match" || !["tcp", "udp", "sctp"].contains(&of.as_str()) {
        return None;
    }
    let info = attributes.find(NFTA_MATCH_INFO).ok()??.payload;
    Some(u16::from_ne_bytes([*info.get(4)?, *info.get(5)?]))
}

/// The index of the first rule of the chain behind which no packet comes, since it drops every one, by
/// itself or in a chain that it jumps to.
pub fn terminal(ruleset: &Ruleset, chain: &ChainRules) -> Option<usize> {
    terminal_within(ruleset, chain, DEPTH)
}

fn terminal_within(ruleset: &Ruleset, chain: &ChainRules, depth: usize) -> Option<usize> {
    chain.rules.iter().position(|rule| {
        is_unconditional(rule)
            && match fate(rule) {
                Fate::Drops => true,
                Fate::Jumps(next) if depth > 0 => ruleset
                    .rules_of(chain.family, &chain.table, next)
                    .is_some_and(|next| terminal_within(ruleset, next, depth - 1).is_some()),
                _ => false,
            }
    })
}

/// The chain's rules, and those of the chains that it jumps to without a condition, in their order.
pub fn met<'a>(ruleset: &'a Ruleset, head: &ChainHead) -> Vec<&'a Rule> {
    let mut rules = Vec::new();
    if let Some(chain) = ruleset.rules_of(head.family, &head.table, &head.name) {
        collect(ruleset, chain, DEPTH, &mut rules);
    }
    rules
}

fn collect<'a>(ruleset: &'a Ruleset, chain: &'a ChainRules, depth: usize, rules: &mut Vec<&'a Rule>) {
    for rule in &chain.rules {
        match fate(rule) {
            Fate::Jumps(next) if depth > 0 && is_unconditional(rule) => {
                if let Some(next) = ruleset.rules_of(chain.family, &chain.table, next) {
                    collect(ruleset, next, depth - 1, rules);
                }
            }
            _ => rules.push(rule),
        }
    }
}

/// Whether it is a chain of Docker's own.
pub fn is_dockers_chain(chain: &str) -> bool {
    chain.starts_with("DOCKER")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::tests::{chain_rules, oif, ruleset};
    use crate::ruleset::Reject;

    fn rule(expressions: Vec<Expr>) -> Rule {
        Rule { expressions, ..Rule::default() }
    }

    #[test]
    fn a_rule_is_for_every_packet_unless_it_looks_at_one() {
        assert!(is_unconditional(&rule(vec![Expr::COUNTER, Expr::Verdict(Verdict::Drop)])));
        assert!(is_unconditional(&rule(vec![Expr::Reject(Reject::TcpReset)])));
        assert!(!is_unconditional(&oif("eth0", Verdict::Drop)));
        let raw = |name: &str| Expr::Raw { name: name.to_owned(), data: Vec::new() };
        assert!(!is_unconditional(&rule(vec![raw("match"), Expr::Verdict(Verdict::Drop)])));
    }

    #[test]
    fn the_end_of_a_chain_is_found_through_jumps() {
        let jump = rule(vec![Expr::COUNTER, Expr::Verdict(Verdict::Jump("reject".into()))]);
        let reject = rule(vec![Expr::Reject(Reject::ADMIN_PROHIBITED)]);
        let chain = chain_rules("inet", "mine", "forward", vec![oif("eth0", Verdict::Accept), jump]);
        let mut ruleset = ruleset();
        ruleset.rules = vec![chain.clone(), chain_rules("inet", "mine", "reject", vec![reject])];
        assert_eq!(terminal(&ruleset, &chain), Some(1));
        ruleset.rules.pop();
        assert_eq!(terminal(&ruleset, &chain), None);
        let circle = rule(vec![Expr::Verdict(Verdict::Jump("forward".into()))]);
        let circle = chain_rules("inet", "mine", "forward", vec![circle]);
        ruleset.rules = vec![circle.clone()];
        assert_eq!(terminal(&ruleset, &circle), None);
    }

    #[test]
    fn a_source_that_no_container_has_is_no_match() {
        let register = crate::ruleset::Register::R1;
        let from = |bytes: &[u8], mask: Option<&[u8]>| {
            let len = bytes.len() as u32;
            let mut expressions = vec![Expr::Payload { base: PayloadBase::NETWORK, offset: 12, len, register }];
            expressions.extend(mask.map(|mask| Expr::Bitwise {
                source: register,
                destination: register,
                mask: mask.to_vec(),
                xor: vec![0; mask.len()],
            }));
            expressions.push(Expr::Cmp { register, op: CmpOp::Eq, data: bytes.to_vec() });
            rule(expressions)
        };
        let networks = ["172.17.0.0/16".parse().unwrap(), "fd00::/64".parse().unwrap()];
        assert!(!may_come_from(&from(&[100, 64, 0, 0], Some(&[255, 192, 0, 0])), &networks));
        assert!(may_come_from(&from(&[172, 16, 0, 0], Some(&[255, 240, 0, 0])), &networks));
        assert!(may_come_from(&from(&[172, 17], None), &networks));
        assert!(!may_come_from(&from(&[10], None), &networks));
        assert!(may_come_from(&rule(vec![Expr::COUNTER]), &networks));
    }

    #[test]
    fn interface_and_port_are_read() {
        assert_eq!(interface(&oif("eth0", Verdict::Drop), MetaKey::OIFNAME), Some((true, "eth0".to_owned())));
        assert_eq!(interface(&oif("eth0", Verdict::Drop), MetaKey::IIFNAME), None);
        let info: Vec<u8> = [0_u16, 65535, 8080, 8080].iter().flat_map(|port| port.to_ne_bytes()).collect();
        let mut writer = crate::netlink::attribute::Writer::append_to(Vec::new());
        writer.string(1, "tcp");
        writer.bytes(3, &info);
        let expression = Expr::Raw { name: "match".to_owned(), data: writer.into_bytes() };
        assert_eq!(port(&rule(vec![expression])), Some(8080));
    }
}
