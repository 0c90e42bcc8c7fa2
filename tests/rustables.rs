//! A third opinion: what the crate `rustables` reads of our table is what this program reads.
//!
//! It was written independently of libnftnl and of this codec. What it cannot read is asserted
//! too, so that the day it learns it shows.
#![allow(clippy::unwrap_used, missing_docs)]

mod support;

use dockwall::config::Protocol;
use dockwall::policy::{Grant, Opening, Policy, Service};
use dockwall::ruleset::{
    CmpOp, CtKey, Expr, Family, Log, LogTarget, MetaKey, Register, Reject, Rule, Side, Table, Verdict, chains, sets,
};
use rustables::expr::{self, RawExpression, VerdictKind};
use rustables::{ProtocolFamily, list_chains_for_table, list_rules_for_chain, list_tables};
use support::Netns;
use support::policies::{grant, narrow_grant, networks, plain, table};

/// The expression as rustables has it; none for what it does not have.
fn translated(expression: &Expr) -> Option<RawExpression> {
    let register = |register: &Register| (*register == Register::R1).then_some(expr::Register::Reg1);
    Some(match expression {
        Expr::Meta { key, register: target } => {
            let key = match *key {
                MetaKey::IIFNAME => expr::MetaType::IifName,
                MetaKey::OIFNAME => expr::MetaType::OifName,
                MetaKey::NFPROTO => expr::MetaType::NfProto,
                MetaKey::L4PROTO => expr::MetaType::L4Proto,
                _ => return None,
            };
            expr::Meta::default().with_key(key).with_dreg(register(target)?).into()
        }
        Expr::Ct { key: CtKey::STATE, direction: None, register: target } => {
            expr::Conntrack::default().with_key(expr::ConntrackKey::State).with_dreg(register(target)?).into()
        }
        Expr::Bitwise { source: Register::R1, destination: Register::R1, mask, xor } => {
            expr::Bitwise::new(mask.clone(), xor.clone()).ok()?.into()
        }
        Expr::Payload { base, offset, len, register: target } => {
            let payload = expr::Payload::default().with_base(base.0).with_offset(*offset).with_len(*len);
            payload.with_dreg(register(target)?).into()
        }
        Expr::Cmp { op, data, register: Register::R1 } => {
            let op = match op {
                CmpOp::Eq => expr::CmpOp::Eq,
                CmpOp::Neq => expr::CmpOp::Neq,
                CmpOp::Lt => expr::CmpOp::Lt,
                CmpOp::Lte => expr::CmpOp::Lte,
                CmpOp::Gt => expr::CmpOp::Gt,
                CmpOp::Gte => expr::CmpOp::Gte,
            };
            expr::Cmp::new(op, data.clone()).into()
        }
        Expr::Lookup { set, register: source, .. } => {
            expr::Lookup::default().with_set(set).with_sreg(register(source)?).into()
        }
        Expr::Log(Log { prefix, target }) => {
            let group = if let LogTarget::Group(group) = target { Some(*group) } else { None };
            expr::Log::new(group, prefix.clone()).ok()?.into()
        }
        Expr::Counter { packets, bytes } => {
            expr::Counter::default().with_nb_packets(*packets).with_nb_bytes(*bytes).into()
        }
        Expr::Verdict(verdict) => {
            let verdict = match verdict {
                Verdict::Accept => VerdictKind::Accept,
                Verdict::Drop => VerdictKind::Drop,
                Verdict::Return => VerdictKind::Return,
                Verdict::Jump(chain) => VerdictKind::Jump { chain: chain.clone() },
                Verdict::Goto(chain) => VerdictKind::Goto { chain: chain.clone() },
                Verdict::Other(_) => return None,
            };
            expr::Immediate::new_verdict(verdict).into()
        }
        Expr::Reject(Reject::TcpReset) => expr::Reject::default().with_type(expr::RejectType::TcpRst).into(),
        Expr::Reject(Reject::ADMIN_PROHIBITED) => {
            let reject = expr::Reject::default().with_type(expr::RejectType::IcmpxUnreach);
            reject.with_icmp_code(expr::IcmpCode::AdminProhibited).into()
        }
        _ => return None,
    })
}

/// The rules of a chain as rustables reads them, or what it says instead.
fn rules_by_rustables(netns: &Netns, chain: &str) -> Result<Vec<Vec<RawExpression>>, String> {
    netns.enter(|| {
        let table = rustables::Table::new(ProtocolFamily::Inet).with_name("dockwall");
        let chain = rustables::Chain::new(&table).with_name(chain);
        let rules = list_rules_for_chain(&chain).map_err(|error| format!("{error:?}"))?;
        Ok(rules.iter().map(|rule| rule.get_expressions().unwrap().iter().cloned().collect()).collect())
    })
}

#[track_caller]
fn is_read_alike(netns: &Netns, read: &Table, chain: &str) {
    let ours = &read.chain(chain).unwrap().rules;
    let ours: Vec<Vec<_>> =
        ours.iter().map(|rule| rule.expressions.iter().map(|each| translated(each).unwrap()).collect()).collect();
    assert!(!ours.is_empty());
    assert_eq!(rules_by_rustables(netns, chain), Ok(ours), "{chain}");
}

#[test]
fn the_table_and_its_chains_are_read_alike() {
    let netns = Netns::new();
    netns.replace(&table(&plain(), 1));
    let ours = netns.table();
    netns.enter(|| {
        let tables = list_tables().unwrap();
        let names: Vec<_> = tables.iter().map(|table| table.get_name().unwrap().as_str()).collect();
        assert_eq!(names, ["dockwall"]);
        assert_eq!(tables[0].get_flags(), Some(&ours.flags));
        assert_eq!(tables[0].get_userdata(), Some(&b"\0\x09dockwall\0".to_vec()));
        for (theirs, ours) in list_chains_for_table(&tables[0]).unwrap().iter().zip(&ours.chains) {
            assert_eq!(theirs.get_name(), Some(&ours.name));
            let place = ours.base.as_ref().map(|base| (base.hook.0, base.priority.cast_unsigned()));
            let hook = theirs.get_hook().map(|hook| (*hook.get_class().unwrap(), *hook.get_priority().unwrap()));
            assert_eq!(hook, place);
            assert_eq!(theirs.get_type().is_some(), ours.base.is_some());
            assert_eq!(theirs.get_policy().is_some(), ours.base.is_some());
        }
    });
}

#[test]
fn sets_are_read_alike() {
    const NFT_MSG_GETSET: u16 = 10;
    let netns = Netns::new();
    // A set of each kind.
    let narrow = narrow_grant("narrow", &["10.1.2.3", "10.2.0.0/16"], &["443/tcp"]);
    let icmp = Opening { services: vec![Service::Protocol(Protocol::Icmp)], ..narrow.openings[0].clone() };
    let some = Grant { from: Some(networks(&["172.18.0.7"])), name: "some".to_owned(), ..narrow.clone() };
    let grants =
        vec![narrow, some, Grant { openings: vec![icmp], ..grant("icmp", &[]) }, grant("all", &["10.9.0.0/16"])];
    netns.replace(&table(&Policy { grants, ..plain() }, 1));
    let mut theirs = Vec::new();
    netns.enter(|| {
        let add = |set: rustables::Set, sets: &mut Vec<_>| {
            sets.push(set);
            Ok(())
        };
        rustables::query::list_objects_with_data(NFT_MSG_GETSET, &add, None, &mut theirs).unwrap();
    });
    let ours = netns.table().sets;
    let names: Vec<&str> = ours.iter().map(|set| set.name.as_str()).collect();
    for name in ["grant4", "grant4-port", "grant4-flow", "grant4-range", "grant4-proto"] {
        assert!(names.contains(&name), "{name} is not in {names:?}");
    }
    assert_eq!(theirs.len(), ours.len());
    for (theirs, ours) in theirs.iter().zip(&ours) {
        let number = ours.key.iter().fold(0, |number, field| number << 6 | field.id());
        assert_eq!(theirs.get_name(), Some(&ours.name));
        // The kernel does not mention flags when there are none.
        assert_eq!(theirs.get_flags().copied().unwrap_or_default(), ours.flags);
        assert_eq!((theirs.get_key_type(), theirs.get_key_len()), (Some(&number), Some(&ours.key_len())));
        assert_eq!(theirs.get_timeout().copied(), ours.timeout);
    }
}

#[test]
fn rules_are_read_alike() {
    let netns = Netns::new();
    netns.replace(&table(&plain(), 1));
    let read = netns.table();
    is_read_alike(&netns, &read, chains::FORWARD);
    is_read_alike(&netns, &read, chains::INPUT);
}

#[test]
fn every_expression_that_both_know_is_read_alike() {
    let netns = Netns::new();
    let mut all = table(&plain(), 1);
    let chain = all.chains.iter_mut().find(|chain| chain.name == chains::DROP).unwrap();
    let log = |target| Log { prefix: Some("DROP ".to_owned()), target };
    chain.rules = vec![
        Rule::new().interface_is(Side::Outgoing, "eth0").count().drop(),
        Rule::new().destination_in(Family::Ipv6, &sets::deny(Family::Ipv6)).return_(),
        Rule::new().log(log(LogTarget::Group(7))),
        Rule::new().log(log(LogTarget::Kernel { level: 4 })),
        Rule::new().invalid().count().drop(),
        Rule::new().destination_in(Family::Ipv4, &sets::deny(Family::Ipv4)).goto(chains::LOG),
        Rule::new().protocol(6).reject(Reject::TcpReset),
        Rule::new().reject(Reject::ADMIN_PROHIBITED),
    ];
    netns.replace(&all);
    is_read_alike(&netns, &netns.table(), chains::DROP);
}

#[test]
fn what_rustables_cannot_read() {
    let netns = Netns::new();
    netns.replace(&table(&plain(), 1));
    // `ct direction`.
    let error = rules_by_rustables(&netns, chains::USER).unwrap_err();
    assert!(error.contains("UnknownConntrackKey(1)"), "{error}");
    // `ct status`.
    let error = rules_by_rustables(&netns, chains::BETWEEN).unwrap_err();
    assert!(error.contains("UnknownConntrackKey(2)"), "{error}");
    // `ct original`, in a register of 32 bits.
    let error = rules_by_rustables(&netns, chains::PUBLISHED).unwrap_err();
    assert!(error.contains("Unknown"), "{error}");
    // Registers of 32 bits, which a concatenated key is packed into.
    let error = rules_by_rustables(&netns, chains::DROP).unwrap_err();
    assert!(error.contains("UnknownRegister(9)"), "{error}");
    // A policy of drop reads as accept.
    netns.load("add chain inet dockwall forward { policy drop; }");
    netns.enter(|| {
        let table = rustables::Table::new(ProtocolFamily::Inet).with_name("dockwall");
        let chains = list_chains_for_table(&table).unwrap();
        let forward = chains.iter().find(|chain| chain.get_name().is_some_and(|name| name == "forward")).unwrap();
        assert_eq!(forward.get_policy(), Some(&rustables::ChainPolicy::Accept));
    });
}
