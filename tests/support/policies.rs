//! Policies: one that is easy to read, and any.

use std::net::{Ipv4Addr, Ipv6Addr};

use dockwall::config::{Action, InterfacePattern, LogPrefix, LogTarget, Mode, Rate, RateUnit, Target};
use dockwall::interval::Interval;
use dockwall::policy::{Grant, InterfaceNames, Log, Networks, Policy};
use dockwall::ruleset::{Features, Table, compile};
use proptest::prelude::*;

/// A policy that enforces, with something in every set.
pub fn plain() -> Policy {
    Policy {
        mode: Mode::Enforce,
        action: Action::Drop,
        containers: interfaces(&["docker0", "docker_gwbridge", "br-*"]),
        excluded: InterfaceNames::default(),
        uplinks: None,
        denied: networks(&["10.0.0.0/8", "192.168.0.0/16", "224.0.0.0/4", "fc00::/7", "fe80::/10"]),
        grants: vec![grant("database", &["10.57.17.6"]), grant("site", &["10.60.0.0/16", "fd00:1::/64"])],
        log: Log {
            enabled: true,
            rate: Rate { count: 6, unit: RateUnit::Minute },
            burst: 5,
            limit: Rate { count: 50, unit: RateUnit::Second },
            prefix: "DOCKER_NET_DROP ".to_owned(),
            target: LogTarget::Kernel,
            remember: 600,
        },
    }
}

/// The table of a policy, marked as that generation.
pub fn table(policy: &Policy, generation: u64) -> Table {
    compile(policy, Features::ALL).marked(generation)
}

/// An exception.
pub fn grant(name: &str, to: &[&str]) -> Grant {
    Grant { name: name.to_owned(), to: networks(to) }
}

/// Networks as the configuration writes them.
pub fn networks(written: &[&str]) -> Networks {
    written.iter().map(|text| text.parse::<Target>().unwrap()).collect()
}

/// Interfaces as the configuration writes them.
pub fn interfaces(written: &[&str]) -> InterfaceNames {
    let patterns: Vec<InterfacePattern> = written.iter().map(|text| text.parse().unwrap()).collect();
    patterns.iter().collect()
}

/// Any policy that a configuration can mean.
pub fn any_policy() -> impl Strategy<Value = Policy> {
    let mode = prop_oneof![Just(Mode::Audit), Just(Mode::Enforce)];
    let action = prop_oneof![Just(Action::Drop), Just(Action::Reject)];
    let uplinks = prop::option::of(any_interfaces());
    let grants = prop::collection::vec(any_networks(), 0..4).prop_map(|grants| {
        grants.into_iter().enumerate().map(|(index, to)| Grant { name: format!("grant-{index}"), to }).collect()
    });
    let containers = (any_interfaces(), any_interfaces()).prop_map(|(names, out)| names.without(&out));
    let policy = (mode, action, containers, uplinks, any_networks(), grants, any_log());
    policy.prop_map(|(mode, action, (containers, excluded), uplinks, denied, grants, log)| Policy {
        mode,
        action,
        containers,
        excluded,
        uplinks,
        denied,
        grants,
        log,
    })
}

fn any_interfaces() -> impl Strategy<Value = InterfaceNames> {
    let common = prop::sample::select(vec!["docker0", "docker_gwbridge", "br-*", "br-lan0", "eth*", "eth0", "lo"]);
    let odd = "[!-~]{1,14}[!-~*]".prop_filter_map("no name", |text| text.parse().ok());
    let pattern = prop_oneof![common.prop_map(|text| text.parse::<InterfacePattern>().unwrap()), odd];
    prop::collection::vec(pattern, 0..6).prop_map(|patterns| patterns.iter().collect())
}

/// Networks, ranges and addresses of both families, the ends of the address space among them.
pub fn any_networks() -> impl Strategy<Value = Networks> {
    let corners = prop::sample::select(vec![
        "0.0.0.0/0",
        "0.0.0.0/8",
        "0.0.0.0",
        "255.255.255.255",
        "224.0.0.0-255.255.255.255",
        "10.0.0.0/8",
        "10.1.0.0/16",
        "11.0.0.0/8",
        "::/0",
        "::",
        "fe80::/10",
        "ff00::/8",
        "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
        "fd00::1-fd00::9",
        "fd00::a-fd00::f",
    ]);
    // Few values, so that neighbours and overlaps are common, and all.
    let v4 = prop_oneof![(0u32..32, 0u32..8).prop_map(|(a, b)| (a, a + b)), any::<(u32, u32)>()];
    let v6 = prop_oneof![(0u128..32, 0u128..8).prop_map(|(a, b)| (a, a + b)), any::<(u128, u128)>()];
    let target = prop_oneof![
        corners.prop_map(|text| text.parse::<Target>().unwrap()),
        v4.prop_map(|(a, b)| Target::V4(Interval::new(Ipv4Addr::from(a.min(b)), a.max(b).into()).unwrap())),
        v6.prop_map(|(a, b)| Target::V6(Interval::new(Ipv6Addr::from(a.min(b)), a.max(b).into()).unwrap())),
        any::<u32>().prop_map(|a| Target::V4(Ipv4Addr::from(a).into())),
        (any::<u32>(), 0u32..32).prop_map(|(a, host)| {
            let mask = (1 << host) - 1;
            Target::V4(Interval::new((a & !mask).into(), (a | mask).into()).unwrap())
        }),
    ];
    prop::collection::vec(target, 0..8).prop_map(|targets| targets.into_iter().collect())
}

fn any_log() -> impl Strategy<Value = Log> {
    let target = prop_oneof![Just(LogTarget::Kernel), any::<u16>().prop_map(LogTarget::Nflog)];
    let prefix = "[ -~]{1,127}".prop_filter_map("no prefix", |text| Some(text.parse::<LogPrefix>().ok()?.to_string()));
    let prefix = prop_oneof![Just("DOCKER_NET_DROP ".to_owned()), prefix];
    let remember = prop_oneof![1u64..=2_592_000, Just(600)];
    let log = (any::<bool>(), any_rate(), 1u32..=1_000_000, any_rate(), prefix, target, remember);
    log.prop_filter_map("a burst too large", |(enabled, rate, burst, limit, prefix, target, remember)| {
        let possible = u64::from(burst) <= rate.largest_burst();
        possible.then_some(Log { enabled, rate, burst, limit, prefix, target, remember })
    })
}

fn any_rate() -> impl Strategy<Value = Rate> {
    let units = vec![RateUnit::Second, RateUnit::Minute, RateUnit::Hour, RateUnit::Day, RateUnit::Week];
    (1u32..=Rate::MOST, prop::sample::select(units)).prop_map(|(count, unit)| Rate { count, unit })
}
