//! Rules and chains in nft's words.

use super::Duration;
use crate::ruleset::{
    Chain, CmpOp, CtKey, Destination, Expr, Family, FlowKey, Hook, Limit, Log, LogTarget, PayloadBase, Register,
    Reject, Rule, Side,
};

const RATE: Limit = Limit { rate: 6, unit: 60, burst: 5, bytes: false, inverted: false };

fn rule(expressions: Vec<Expr>) -> Rule {
    Rule { expressions, ..Rule::new() }
}

#[test]
fn rules_read_as_nft_writes_them() {
    let r1 = Register::R1;
    let cases = [
        (Rule::new().destination_in(Family::Ipv4, "deny4").jump("X"), "ip daddr @deny4 jump X"),
        (Rule::new().destination_in(Family::Ipv6, "deny6").drop(), "ip6 daddr @deny6 drop"),
        (
            Rule::new().destination_in_both(Family::Ipv4, "first4", "deny4").jump("X"),
            "ip daddr & 255.0.0.0 @first4 ip daddr @deny4 jump X",
        ),
        (
            Rule::new().destination_in_both(Family::Ipv6, "first6", "deny6").drop(),
            "ip6 daddr & ff00:: @first6 ip6 daddr @deny6 drop",
        ),
        (Rule::new().interface_in(Side::Incoming, "containers").return_(), "iifname @containers return"),
        (Rule::new().interface_prefix(Side::Outgoing, "br-").return_(), "oifname \"br-*\" return"),
        (Rule::new().interface_is(Side::Incoming, "eth0").count(), "iifname \"eth0\" counter"),
        (Rule::new().protocol_not_in("port-protocols").drop(), "meta l4proto != @port-protocols drop"),
        (Rule::new().protocol(6).reject(Reject::TcpReset), "meta l4proto tcp reject with tcp reset"),
        (Rule::new().count().reject(Reject::ADMIN_PROHIBITED), "counter reject with icmpx type admin-prohibited"),
        (Rule::new().reply().return_().comment("why"), "ct direction reply return comment \"why\""),
        (
            Rule::new().update("m", FlowKey::flow(Family::Ipv4), vec![Expr::COUNTER, Expr::Limit(RATE)]),
            "update @m { ip saddr . ip daddr . meta l4proto counter limit rate 6/minute burst 5 packets }",
        ),
        (
            Rule::new().update("m", FlowKey::flow(Family::Ipv6).port(Destination::Packet), Vec::new()),
            "update @m { ip6 saddr . ip6 daddr . meta l4proto . th dport }",
        ),
        (
            Rule::new().log(Log { prefix: Some("A ".to_owned()), target: LogTarget::Group(7) }),
            "log prefix \"A \" group 7",
        ),
        (Rule::new().log(Log { prefix: None, target: LogTarget::Kernel { level: 4 } }), "log"),
        (Rule::new().log(Log { prefix: None, target: LogTarget::Kernel { level: 6 } }), "log level info"),
        (
            Rule::new().limit(Limit { inverted: true, bytes: true, unit: 1, ..RATE }),
            "limit rate over 6 bytes/second burst 5 bytes",
        ),
        // What somebody else may have written.
        (
            rule(vec![
                Expr::Payload { base: PayloadBase::TRANSPORT, offset: 2, len: 2, register: r1 },
                Expr::Cmp { register: r1, op: CmpOp::Gte, data: vec![0x1f, 0x40] },
            ]),
            "th dport >= 8000",
        ),
        (
            rule(vec![
                Expr::Payload { base: PayloadBase::NETWORK, offset: 16, len: 4, register: r1 },
                Expr::Lookup { set: "s".to_owned(), register: r1, inverted: false },
            ]),
            "@nh,128,32 @s",
        ),
        (rule(vec![Expr::Raw { name: "masq".to_owned(), data: Vec::new() }]), "<masq>"),
        (
            rule(vec![
                Expr::Ct { key: CtKey(99), direction: None, register: r1 },
                Expr::Cmp { register: r1, op: CmpOp::Neq, data: vec![0, 1] },
            ]),
            "<ct 99> != 0x0001",
        ),
        (rule(vec![Expr::Cmp { register: Register(3), op: CmpOp::Eq, data: vec![1] }]), "<register 3> 0x01"),
    ];
    for (rule, text) in cases {
        assert_eq!(rule.to_string(), text);
    }
}

#[test]
fn priorities_are_written_as_nft_lists_them() {
    for (priority, text) in [(0, "filter"), (-20, "filter - 20"), (7, "filter + 7"), (-300, "-300"), (51, "51")] {
        let chain = Chain::filter("c", Hook::FORWARD, priority, Vec::new()).to_string();
        assert!(chain.contains(&format!("type filter hook forward priority {text}; policy accept;")), "{chain}");
    }
}

#[test]
fn durations_are_written_as_nft_writes_them() {
    for (milliseconds, text) in [
        (0, "0s"),
        (1, "1ms"),
        (1500, "1s500ms"),
        (1000, "1s"),
        (90_061_000, "1d1h1m1s"),
        (100_000_001, "1d3h46m40s1ms"),
        (3_600_000, "1h"),
    ] {
        assert_eq!(Duration(milliseconds).to_string(), text);
    }
}
