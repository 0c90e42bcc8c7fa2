//! What `nft` and the kernel say of a table that was applied.

use dockwall::config::{Action, LogTarget, Mode};
use dockwall::policy::{Grant, Log, Policy};
use dockwall::ruleset::{ChainPolicy, CmpOp, CtKey, Expr, Hook, MetaKey, PayloadBase, Rule, chains};

use crate::support::netns::text;
use crate::support::policies::{any_policy, grant, interfaces, narrow_grant, networks, now, plain, table};
use crate::support::{Netns, listing, raw};
use proptest::prelude::*;

#[test]
fn i17_nft_lists_the_very_networks_and_interface_names_of_the_configuration() {
    let netns = Netns::new();
    let denied = ["10.0.0.0/8", "192.168.7.0/24", "172.16.0.1-172.16.0.9", "203.0.113.9", "fe80::/10", "2001:db8::1"];
    let names = ["docker0", "a23456789012345", "lan-brücke"];
    let uplinks = ["eth0", "wlan*"];
    netns.replace(&table(
        &Policy {
            denied: networks(&denied),
            containers: interfaces(&names),
            uplinks: Some(interfaces(&uplinks)),
            ..plain()
        },
        1,
    ));
    let listing = netns.list();
    for network in denied {
        assert!(listing.contains(network), "{network} is not in\n{listing}");
    }
    for name in names.into_iter().chain(uplinks) {
        assert!(listing.contains(&format!("\"{name}\"")), "{name} is not in\n{listing}");
    }
}

#[test]
fn c7_a_pattern_never_stands_in_a_set_and_nft_lists_it_as_it_was_written() {
    let netns = Netns::new();
    let both = interfaces(&["docker0", "br-*", "veth*"]);
    netns.replace(&table(&Policy { containers: both.clone(), uplinks: Some(both), ..plain() }, 1));
    for set in ["containers", "uplinks"] {
        let listed = netns.nft(&format!("list set inet dockwall {set}"));
        assert!(listed.contains("elements = { \"docker0\" }"), "{listed}");
        assert!(!listed.contains('*'), "{listed}");
    }
    let listing = netns.list();
    for rule in [
        "iifname \"br-*\" goto DOCKER-USER-DENY-INTERNAL",
        "iifname \"veth*\" jump DOCKER-USER-HOST",
        "oifname \"br-*\" goto DOCKER-USER-BETWEEN",
        "oifname \"veth*\" jump DOCKER-USER-DROP",
    ] {
        assert!(listing.contains(rule), "{rule} is not in\n{listing}");
    }
}

proptest! {
    #[test]
    fn i19_an_address_is_loaded_only_behind_the_check_of_its_family(policy in any_policy()) {
        for rule in table(&policy, 1).chains.iter().flat_map(|chain| &chain.rules) {
            prop_assert!(checks_families(rule), "{rule:?}");
        }
    }
}

/// Whether a check of the family stands in front of every load from the network header and of every
/// address that conntrack remembers, and it is the family whose field that is.
fn checks_families(rule: &Rule) -> bool {
    let mut checked = None;
    rule.expressions.windows(2).all(|pair| {
        if let [Expr::Meta { key: MetaKey::NFPROTO, .. }, Expr::Cmp { op: CmpOp::Eq, data, .. }] = pair {
            checked = data.first().copied();
        }
        let family = match &pair[1] {
            Expr::Payload { base: PayloadBase::NETWORK, offset: 12 | 16, len: 4, .. } => Some(2),
            Expr::Payload { base: PayloadBase::NETWORK, offset: 8 | 24, len: 16, .. } => Some(10),
            // The hop limit.
            Expr::Payload { base: PayloadBase::NETWORK, offset: 7, len: 1, .. } => Some(10),
            Expr::Ct { key: CtKey::DST_IP, .. } => Some(2),
            Expr::Ct { key: CtKey::DST_IP6, .. } => Some(10),
            Expr::Payload { base: PayloadBase::NETWORK, .. } => return false,
            _ => return true,
        };
        checked == family
    })
}

#[test]
fn c16_the_kernel_says_where_the_base_chain_is_hooked() {
    let netns = Netns::new();
    netns.replace(&table(&plain(), 1));
    let table = netns.table();
    let base = table.chain(chains::FORWARD).unwrap().base.as_ref().unwrap();
    assert_eq!((base.kind.as_str(), base.hook, base.priority), ("filter", Hook::FORWARD, -20));
    assert_eq!(base.policy, ChainPolicy::Accept);
}

#[test]
fn every_way_to_deny_and_to_log_loads_and_is_listed_as_configured() {
    let netns = Netns::new();
    let prefix = "x".repeat(126) + " ";
    let targets = [LogTarget::Kernel, LogTarget::Nflog(0), LogTarget::Nflog(u16::MAX)];
    for (mode, action, target, enabled) in [Mode::Audit, Mode::Enforce].into_iter().flat_map(|mode| {
        let actions = [Action::Drop, Action::Reject].into_iter();
        let targets = move |action| targets.into_iter().map(move |target| (action, target));
        actions
            .flat_map(targets)
            .flat_map(move |(action, target)| [true, false].map(|enabled| (mode, action, target, enabled)))
    }) {
        let log = Log { enabled, prefix: prefix.clone(), target, ..plain().log };
        let want = table(&Policy { mode, action, log, ..plain() }, 1);
        netns.replace(&want);
        assert_eq!(netns.table().digest(), want.digest());
        let listing = netns.list();
        let logged = match target {
            LogTarget::Kernel => format!("log prefix \"{prefix}\"\n"),
            LogTarget::Nflog(group) => format!("log prefix \"{prefix}\" group {group}\n"),
        };
        assert_eq!(listing.contains(&logged), enabled, "{listing}");
        assert_eq!(listing.contains("chain DOCKER-USER-LOG"), enabled, "{listing}");
        let rejects = (mode, action) == (Mode::Enforce, Action::Reject);
        for part in ["reject with tcp reset", "reject with icmpx admin-prohibited"] {
            assert_eq!(listing.contains(part), rejects, "{listing}");
        }
        let drop = "counter packets 0 bytes 0 drop\n";
        assert_eq!(listing.contains(drop), (mode, action) == (Mode::Enforce, Action::Drop), "{listing}");
        assert_eq!(listing.contains("audit: would be dropped"), mode == Mode::Audit, "{listing}");
    }
}

#[test]
fn j1_networks_that_overlap_load_as_what_they_cover() {
    let netns = Netns::new();
    let v4 = ["10.0.0.0/8", "10.1.0.0/16", "10.0.0.0-10.0.0.255", "10.1.2.3", "10.1.2.3"];
    let v6 = ["fd00::/8", "fd01::/16", "fd00::-fd00::ff", "fd01:2::3", "fd01:2::3"];
    netns.replace(&table(&Policy { denied: networks(&[v4, v6].concat()), ..plain() }, 1));
    let element = |set: &str| netns.nft(&format!("list set inet dockwall {set}"));
    assert!(element("deny4").contains("elements = { 10.0.0.0/8 }"), "{}", element("deny4"));
    assert!(element("deny6").contains("elements = { fd00::/8 }"), "{}", element("deny6"));
}

#[test]
fn the_whole_address_space_and_its_last_address_load() {
    let netns = Netns::new();
    for denied in [&["0.0.0.0/0", "::/0"][..], &["255.255.255.255", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"]] {
        let want = table(&Policy { denied: networks(denied), ..plain() }, 1);
        netns.replace(&want);
        assert_eq!(netns.table().digest(), want.digest());
        assert_eq!(raw::chains(&netns).len(), want.chains.len());
    }
}

/// Policies with everything in them that `nft` has to list.
fn of_every_kind() -> Vec<Policy> {
    let timed = Some(now() + jiff::SignedDuration::from_hours(48));
    let from = Some(networks(&["172.18.0.0/16", "fd00:18::/64"]));
    let grants = vec![
        grant("whole", &["10.57.17.6", "10.60.0.0/16", "fd00:1::/64"]),
        narrow_grant("ports", &["10.1.2.3", "fd00:1::3"], &["443/tcp", "53/udp", "8000-8100/tcp"]),
        Grant { from: from.clone(), ..narrow_grant("by source", &["10.1.0.0/16", "fd00:7::/64"], &["5432/tcp"]) },
        Grant { until: timed, from, ..narrow_grant("timed", &["10.2.0.0/16", "fd00:8::/64"], &["1-9/udp"]) },
    ];
    let log = |target| Log { target, burst: 7, remember: 90, ..plain().log };
    vec![
        plain(),
        Policy { grants: grants.clone(), bridges: true, excluded: interfaces(&["br-lan*", "docker9"]), ..plain() },
        Policy {
            mode: Mode::Audit,
            grants: grants.clone(),
            uplinks: Some(interfaces(&["lo", "eth*"])),
            log: log(LogTarget::Nflog(9)),
            ..plain()
        },
        Policy { action: Action::Reject, grants, host: false, log: log(LogTarget::Kernel), ..plain() },
    ]
}

#[test]
fn what_nft_lists_it_loads_again_without_loss_and_without_a_warning() {
    let (applied, loaded) = (Netns::new(), Netns::new());
    for policy in of_every_kind() {
        applied.replace(&table(&policy, 1));
        let listed = applied.command("nft").args(["list", "ruleset"]).output().unwrap();
        assert!(listed.status.success());
        assert_eq!(text(&listed.stderr), "", "nft warns of\n{}", text(&listed.stdout));
        let listed = text(&listed.stdout);
        assert!(!listed.contains("unknown") && !listed.contains("xt "), "{listed}");
        loaded.nft("flush ruleset");
        if loaded.loads(&listed) {
            assert_eq!(listing::blocks(&loaded.list()), listing::blocks(&listed));
        }
    }
}
