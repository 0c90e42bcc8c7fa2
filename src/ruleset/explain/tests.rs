//! What the kernel's proof (`tests/explained`) has no packets for, and what is easily got wrong, one by one.

use std::net::IpAddr;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::*;
use crate::policies::{any_policy, grant, interfaces, narrow_grant, networks, now, plain, table};
use crate::policy::{Grant, Opening, Policy};
use crate::ruleset::{
    CT_STATE_INVALID, Chain, ChainPolicy, DataType, Expr, Features, Hook, Limit, Register, Rule, Set, Side,
    TABLE_DORMANT, Table, Verdict, chains, compile,
};

/// A forwarded segment of TCP from docker0, to port 5432 of a machine behind eth0.
fn packet() -> Packet {
    to("10.1.2.3", 5432)
}

/// A forwarded segment of TCP that begins a flow, from docker0 to what lies behind eth0.
pub(super) fn to(destination: &str, port: u16) -> Packet {
    let destination: IpAddr = destination.parse().unwrap();
    let source = if destination.is_ipv4() { "172.17.0.2" } else { "fd00:17::2" };
    Packet {
        hook: Hook::FORWARD,
        incoming: Interface { name: "docker0".to_owned(), kind: Some("bridge".to_owned()) },
        outgoing: Some(Interface { name: "eth0".to_owned(), kind: None }),
        source: source.parse().unwrap(),
        destination,
        hop_limit: 63,
        addressee: Addressee::Host,
        protocol: 6,
        transport: Packet::ports(40_000, port),
        flow: Flow::new(destination, port),
        way_back: true,
    }
}

fn from(mut packet: Packet, source: &str) -> Packet {
    packet.source = source.parse().unwrap();
    packet
}

fn came_by(name: &str) -> Packet {
    Packet { incoming: Interface { name: name.to_owned(), kind: Some("bridge".to_owned()) }, ..packet() }
}

fn fate(policy: &Policy, packet: &Packet) -> Fate {
    walk(&table(policy, 1), packet, now(), Rates::Within).fate
}

/// The fate in a table of one base chain at the hook, and others.
fn fate_in(policy: ChainPolicy, base: Vec<Rule>, others: Vec<Chain>) -> Fate {
    walk(&one_chain(policy, base, others), &packet(), now(), Rates::Within).fate
}

fn one_chain(policy: ChainPolicy, base: Vec<Rule>, others: Vec<Chain>) -> Table {
    let mut chain = Chain::filter("base", Hook::FORWARD, 0, base);
    chain.base.as_mut().unwrap().policy = policy;
    Table { chains: [vec![chain], others].concat(), ..Table::new() }
}

fn accept() -> Rule {
    Rule { expressions: vec![Expr::Verdict(Verdict::Accept)], ..Rule::new() }
}

#[test]
fn a_prefix_takes_in_its_own_name_and_an_exact_one_no_longer_one() {
    let policy = Policy { containers: interfaces(&["docker0", "br-*"]), grants: Vec::new(), ..plain() };
    for (name, dropped) in [
        ("docker0", true),
        ("docker01", false),
        ("docker", false),
        ("br-", true),
        ("br-0123456789ab", true),
        ("br", false),
        ("xbr-", false),
    ] {
        assert_eq!(fate(&policy, &came_by(name)) == Fate::Dropped, dropped, "{name}");
    }
}

#[test]
fn what_is_excluded_from_a_prefix_is_not_policed() {
    let (containers, excluded) = interfaces(&["br-*"]).without(&interfaces(&["br-lan0", "br-v*"]));
    let policy = Policy { containers, excluded, grants: Vec::new(), ..plain() };
    for (name, dropped) in [("br-a", true), ("br-lan0", false), ("br-lan01", true), ("br-v", false), ("br-vm", false)] {
        assert_eq!(fate(&policy, &came_by(name)) == Fate::Dropped, dropped, "{name}");
    }
}

#[test]
fn a_bridge_is_known_by_its_kind_and_a_physical_link_has_none() {
    let policy = Policy { bridges: true, containers: interfaces(&["docker0"]), grants: Vec::new(), ..plain() };
    let by = |kind: Option<&str>| Packet {
        incoming: Interface { name: "lan7".to_owned(), kind: kind.map(str::to_owned) },
        ..packet()
    };
    for (kind, dropped) in [(Some("bridge"), true), (Some("veth"), false), (Some("bridge_slave"), false), (None, false)]
    {
        assert_eq!(fate(&policy, &by(kind)) == Fate::Dropped, dropped, "{kind:?}");
    }
}

#[test]
fn each_field_of_a_concatenation_has_an_interval_of_its_own() {
    let ranges = Grant {
        from: Some(networks(&["172.17.0.0-172.17.0.4"])),
        ..narrow_grant("x", &["10.1.2.0/24"], &["8000-8100/tcp"])
    };
    let policy = Policy { grants: vec![ranges], ..plain() };
    for (source, destination, port, passes) in [
        ("172.17.0.0", "10.1.2.0", 8000, true),
        ("172.17.0.4", "10.1.2.255", 8100, true),
        ("172.17.0.5", "10.1.2.3", 8050, false),
        ("172.16.255.255", "10.1.2.3", 8050, false),
        ("172.17.0.2", "10.1.3.0", 8050, false),
        ("172.17.0.2", "10.1.2.3", 7999, false),
        ("172.17.0.2", "10.1.2.3", 8101, false),
    ] {
        let packet = from(to(destination, port), source);
        assert_eq!(fate(&policy, &packet) == Fate::Passes, passes, "{source} {destination} {port}");
    }
}

#[test]
fn what_has_run_out_lets_nothing_pass_any_more() {
    let until = now() + SignedDuration::from_secs(60);
    let timed = Grant { until: Some(until), ..narrow_grant("x", &["10.1.2.3"], &["5432/tcp"]) };
    let table = compile(&Policy { grants: vec![timed], ..plain() }, Features::ALL, now());
    let at = |now: Timestamp| walk(&table, &packet(), now, Rates::Within);
    assert_eq!(at(now()).fate, Fate::Passes);
    let found: Vec<_> = at(now()).looks.iter().flat_map(|look| look.found.clone()).collect();
    assert_eq!(found.last().unwrap().until, Some(until));
    assert_eq!(at(until).fate, Fate::Dropped);
}

#[test]
fn a_return_behind_a_goto_goes_back_to_the_last_jump() {
    let returns = || Chain::regular("inner", vec![Rule::new().return_()]);
    let jumped = Chain::regular("outer", vec![Rule::new().goto("inner"), Rule::new().drop()]);
    let base = vec![Rule::new().jump("outer"), accept()];
    assert_eq!(fate_in(ChainPolicy::Drop, base, vec![returns(), jumped]), Fate::Passes);
    let jumped = Chain::regular("outer", vec![Rule::new().jump("inner"), Rule::new().drop()]);
    let base = vec![Rule::new().jump("outer"), accept()];
    assert_eq!(fate_in(ChainPolicy::Accept, base, vec![returns(), jumped]), Fate::Dropped);
    // Out of the base chain itself nothing comes back: its policy decides.
    let base = vec![Rule::new().goto("inner"), accept()];
    assert_eq!(fate_in(ChainPolicy::Drop, base, vec![returns()]), Fate::Dropped);
    assert_eq!(fate_in(ChainPolicy::Drop, vec![Rule::new().return_(), accept()], vec![]), Fate::Dropped);
    // Nor out of a chain that ends.
    let base = vec![Rule::new().goto("inner"), accept()];
    assert_eq!(fate_in(ChainPolicy::Drop, base, vec![Chain::regular("inner", vec![])]), Fate::Dropped);
}

#[test]
fn an_accept_ends_its_own_base_chain_and_a_drop_all_of_them() {
    let mut table = one_chain(ChainPolicy::Accept, vec![accept()], vec![]);
    table.chains.push(Chain::filter("later", Hook::FORWARD, 10, vec![Rule::new().drop()]));
    table.chains.push(Chain::filter("elsewhere", Hook::INPUT, -10, vec![Rule::new().drop()]));
    let trace = walk(&table, &packet(), now(), Rates::Within);
    let chains: Vec<&str> = trace.looks.iter().map(|look| look.chain.name.as_str()).collect();
    assert_eq!((trace.fate, chains), (Fate::Dropped, vec!["base", "later"]));
    table.flags = TABLE_DORMANT;
    assert_eq!(walk(&table, &packet(), now(), Rates::Within), Trace { looks: vec![], fate: Fate::Passes });
}

#[test]
fn jumps_in_a_circle_come_to_an_end() {
    let circle = Chain::regular("circle", vec![Rule::new().goto("circle")]);
    assert_eq!(fate_in(ChainPolicy::Drop, vec![Rule::new().jump("circle")], vec![circle]), Fate::Unknown);
    let deep = Chain::regular("deep", vec![Rule::new().jump("deep")]);
    assert_eq!(fate_in(ChainPolicy::Drop, vec![Rule::new().jump("deep")], vec![deep]), Fate::Unknown);
}

#[test]
fn a_limit_that_is_exceeded_ends_its_own_rule_only() {
    let limit = Limit { rate: 1, unit: 1, burst: 1, bytes: false, inverted: false };
    let rules = vec![Rule::new().limit(limit).return_(), Rule::new().drop()];
    let table = one_chain(ChainPolicy::Accept, rules, vec![]);
    assert_eq!(walk(&table, &packet(), now(), Rates::Within).fate, Fate::Passes);
    assert_eq!(walk(&table, &packet(), now(), Rates::Exceeded).fate, Fate::Dropped);
}

#[test]
fn what_is_not_understood_is_unknown_and_never_a_match() {
    let raw = Expr::Raw { name: "osf".to_owned(), data: Vec::new() };
    let meta = |key| Expr::Meta { key: crate::ruleset::MetaKey(key), register: Register::R1 };
    for expression in [raw, meta(3), Expr::Verdict(Verdict::Other(3))] {
        let rule = Rule { expressions: vec![expression], ..Rule::new() }.drop();
        assert_eq!(fate_in(ChainPolicy::Accept, vec![rule], vec![]), Fate::Unknown);
    }
    // What packets put into a set is not known either.
    let mut table = one_chain(ChainPolicy::Accept, vec![Rule::new().interface_in(Side::Incoming, "x").drop()], vec![]);
    assert_eq!(walk(&table, &packet(), now(), Rates::Within).fate, Fate::Unknown);
    table.sets.push(Set::dynamic("x", vec![DataType::IfName], 10, 1000));
    assert_eq!(walk(&table, &packet(), now(), Rates::Within).fate, Fate::Unknown);
    // Behind a match that fails it does not matter.
    let failing = Rule { expressions: vec![meta(3)], ..Rule::new().interface_is(Side::Incoming, "eth9") };
    assert_eq!(failing.expressions.len(), 1);
    let rule = Rule::new().interface_is(Side::Incoming, "eth9");
    let rule = Rule { expressions: [rule.expressions, failing.expressions].concat(), ..Rule::new() };
    assert_eq!(fate_in(ChainPolicy::Accept, vec![rule], vec![]), Fate::Passes);
}

#[test]
fn a_packet_without_a_flow_has_a_state_and_nothing_else() {
    assert_eq!(Flow::Invalid.state(), CT_STATE_INVALID);
    let of = |flow| Packet { flow, ..packet() };
    let reply = || vec![Rule::new().reply().drop()];
    let invalid = || vec![Rule::new().invalid().drop()];
    for (flow, is_reply, is_invalid) in [
        (Flow::Invalid, false, true),
        (Flow::Untracked, false, false),
        (Flow::new("10.1.2.3".parse().unwrap(), 80), false, false),
        (Flow::answer("172.17.0.2".parse().unwrap(), 80), true, false),
    ] {
        let fate = |rules| walk(&one_chain(ChainPolicy::Accept, rules, vec![]), &of(flow), now(), Rates::Within).fate;
        assert_eq!(
            (fate(reply()) == Fate::Dropped, fate(invalid()) == Fate::Dropped),
            (is_reply, is_invalid),
            "{flow:?}"
        );
    }
}

#[test]
fn c2_a_grant_beats_a_denied_range_whatever_the_order_they_are_written_in() {
    let denied = networks(&["10.1.2.0/24", "10.1.2.3"]);
    let grants = [grant("wide", &["10.1.0.0/16"]), narrow_grant("narrow", &["10.1.2.3"], &["80/tcp"])];
    let reversed = [grants[1].clone(), grants[0].clone()];
    let fates = [grants.to_vec(), reversed.to_vec()].map(|grants| {
        let policy = Policy { denied: denied.clone(), grants, ..plain() };
        ["10.1.2.3", "10.1.2.4", "10.2.0.1"].map(|address| fate(&policy, &to(address, 5432)))
    });
    assert_eq!(fates[0], fates[1]);
    assert_eq!(fates[0], [Fate::Passes; 3]);
}

#[test]
fn the_trace_names_the_element_that_decided() {
    let policy = Policy { grants: vec![narrow_grant("x", &["10.1.2.3"], &["5432/tcp"])], ..plain() };
    let table = table(&policy, 1);
    let trace = walk(&table, &packet(), now(), Rates::Within);
    let told: Vec<(&str, Subject, String)> = trace
        .looks
        .iter()
        .filter(|look| look.matched())
        .map(|look| {
            let elements: Vec<&str> = look.found.iter().map(|found| found.element.as_str()).collect();
            (look.chain.name.as_str(), Subject::of(look.rule), elements.join(" "))
        })
        .collect();
    assert_eq!(
        told,
        [
            (chains::FORWARD, Subject::Destination, "10.0.0.0 10.0.0.0/8".to_owned()),
            (chains::USER, Subject::Incoming, "\"docker0\"".to_owned()),
            (chains::DENY, Subject::Grant, "10.1.2.3 . tcp . 5432".to_owned()),
        ]
    );
}

#[test]
fn every_rule_that_is_compiled_asks_a_question_that_has_a_name() {
    let mixed = Grant { from: Some(networks(&["172.17.0.0/16"])), ..narrow_grant("x", &["10.1.2.3"], &["80/tcp"]) };
    let on_host = Opening { host: true, ..mixed.openings[0].clone() };
    let mixed = Grant { openings: vec![mixed.openings[0].clone(), on_host], ..mixed };
    let policy = Policy { grants: vec![mixed], uplinks: Some(interfaces(&["eth*"])), bridges: true, ..plain() };
    let table = table(&policy, 1);
    for rule in table.chains.iter().flat_map(|chain| &chain.rules) {
        assert_ne!(Subject::of(rule), Subject::Other, "{rule}");
    }
}

fn any_packet() -> impl Strategy<Value = Packet> {
    let hook = prop::sample::select(vec![Hook::FORWARD, Hook::INPUT]);
    let name = prop::sample::select(vec!["docker0", "br-lan0", "eth0", "lo", "x"]);
    let ends = prop_oneof![
        any::<([u8; 4], [u8; 4])>().prop_map(|(a, b)| (IpAddr::from(a), IpAddr::from(b))),
        any::<([u8; 16], [u8; 16])>().prop_map(|(a, b)| (IpAddr::from(a), IpAddr::from(b))),
    ];
    let protocol = prop::sample::select(vec![1u8, 6, 17, 58, 132, 136, 47, 99]);
    let flow = prop_oneof![
        4 => (any::<bool>(), any::<u16>()).prop_map(Some),
        1 => Just(None),
    ];
    (hook, name, ends, protocol, prop::collection::vec(any::<u8>(), 0..20), flow, any::<bool>()).prop_map(
        |(hook, name, (source, destination), protocol, transport, flow, way_back)| Packet {
            hook,
            source,
            destination,
            protocol,
            transport,
            way_back,
            addressee: Addressee::of(destination),
            flow: flow.map_or(Flow::Invalid, |(new, port)| match new {
                true => Flow::translated(destination, port),
                false => Flow::answer(source, port),
            }),
            ..came_by(name)
        },
    )
}

proptest! {
    /// Whatever is compiled is understood, and whether something comes into the log is no matter for
    /// what becomes of it.
    #[test]
    fn a_compiled_table_is_understood_and_its_meters_decide_nothing(policy in any_policy(), packet in any_packet()) {
        let table = table(&policy, 1);
        let fates = [Rates::Within, Rates::Exceeded].map(|rates| walk(&table, &packet, now(), rates).fate);
        prop_assert_ne!(fates[0], Fate::Unknown);
        prop_assert_eq!(fates[0], fates[1]);
    }

    /// In audit mode nothing is dropped, and nothing at all with nothing denied.
    #[test]
    fn what_is_only_audited_passes(policy in any_policy(), packet in any_packet()) {
        let audit = Policy { mode: crate::config::Mode::Audit, ..policy.clone() };
        prop_assert_eq!(fate(&audit, &packet), Fate::Passes);
        let open = Policy { denied: networks(&[]), host: false, ..policy };
        prop_assert_eq!(fate(&open, &packet), Fate::Passes);
    }
}
