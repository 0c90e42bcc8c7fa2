//! Other people's tables.

use dockwall::netlink::Error;

use crate::support::Netns;
use crate::support::monitor::Monitor;
use crate::support::policies::{plain, table};

/// What Docker, fail2ban and CrowdSec have on a host, an address of each kind of set among it.
const OTHERS: &str = r#"
table ip nat {
    chain DOCKER { ip daddr 10.1.1.1 tcp dport 80 counter dnat to 172.17.0.2:80; }
    chain POSTROUTING { type nat hook postrouting priority srcnat; policy accept; ip saddr 172.17.0.0/16 masquerade; }
    chain PREROUTING { type nat hook prerouting priority dstnat; policy accept; fib daddr type local jump DOCKER; }
}
table ip filter {
    chain DOCKER-USER { counter return; }
    chain FORWARD { type filter hook forward priority filter; policy drop; jump DOCKER-USER; ct state established accept; }
}
table inet f2b-table {
    set addr-set-sshd { type ipv4_addr; elements = { 192.0.2.1, 192.0.2.2 } }
    chain f2b-chain { type filter hook input priority -1; policy accept; tcp dport 22 ip saddr @addr-set-sshd reject; }
}
table ip6 crowdsec6 {
    set blacklists { type ipv6_addr; flags timeout; elements = { 2001:db8::1 timeout 10d } }
    chain input { type filter hook input priority -10; policy accept; ip6 saddr @blacklists drop; }
}
table ip dockwall { chain forward { type filter hook forward priority 7; policy accept; counter; }; }
"#;

/// The tables of [`OTHERS`], but for what runs out by itself.
fn others(netns: &Netns) -> String {
    let tables = ["ip nat", "ip filter", "inet f2b-table", "ip6 crowdsec6", "ip dockwall"];
    let listed: Vec<String> = tables.iter().map(|table| netns.nft(&format!("-a list table {table}"))).collect();
    let without_expiry = |line: &str| line.split(" expires ").next().unwrap_or_default().to_owned();
    listed.concat().lines().map(without_expiry).collect::<Vec<_>>().join("\n")
}

#[test]
fn a1_foreign_tables_are_byte_for_byte_the_same_before_and_after() {
    let netns = Netns::new();
    netns.load(OTHERS);
    let before = others(&netns);
    let empty = dockwall::policy::Policy { grants: Vec::new(), ..plain() };
    for policy in [plain(), empty, plain()] {
        netns.replace(&table(&policy, 1));
        assert_eq!(others(&netns), before);
    }
    assert!(netns.kernel().remove().unwrap());
    assert_eq!(others(&netns), before);
}

#[test]
fn a4_nft_monitor_sees_changes_of_our_table_only() {
    let netns = Netns::new();
    netns.load(OTHERS);
    let monitor = Monitor::start(&netns);
    for generation in 1..=3 {
        netns.replace(&table(&plain(), generation));
    }
    netns.kernel().remove().unwrap();
    let changes = monitor.finish();
    // Linux 5.10 tells of an added rule as of an inserted one.
    let is_rule =
        |line: &String| ["add", "insert"].iter().any(|verb| line.starts_with(&format!("{verb} rule inet dockwall")));
    assert!(changes.iter().any(is_rule), "{changes:#?}");
    let unlike = |line: &&String| !line.contains(" inet dockwall") && line.contains(' ');
    assert_eq!(changes.iter().filter(unlike).collect::<Vec<_>>(), Vec::<&String>::new());
}

#[test]
fn a_table_of_our_name_that_is_somebody_elses_is_left_alone() {
    for comment in ["", "comment \"Dockwall\""] {
        let netns = Netns::new();
        netns.load(&format!("table inet dockwall {{\n{comment}\nchain x {{ tcp dport 1 accept; }}\n}}"));
        let before = netns.nft("-a list ruleset");
        let error = netns.try_replace(&table(&plain(), 1)).unwrap_err();
        assert!(matches!(error, Error::Foreign { .. }), "{error:?}");
        assert!(error.to_string().contains("left alone"), "{error}");
        assert!(matches!(netns.kernel().remove(), Err(Error::Foreign { .. })));
        assert_eq!(netns.nft("-a list ruleset"), before);
    }
}
