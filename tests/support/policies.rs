//! Policies: one that is easy to read, and any.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::LazyLock;

use dockwall::config::{Action, InterfacePattern, LogPrefix, LogTarget, Mode, Ports, Protocol, Rate, RateUnit, Target};
use dockwall::interval::Interval;
use dockwall::policy::{Grant, InterfaceNames, Log, Networks, OpenResolver, Opening, Policy, Service};
use dockwall::ruleset::{Features, Table, compile};
use jiff::Timestamp;
use proptest::prelude::*;

/// A policy that enforces, with something in every set.
pub fn plain() -> Policy {
    Policy {
        mode: Mode::Enforce,
        action: Action::Drop,
        containers: interfaces(&["docker0", "docker_gwbridge", "br-*"]),
        bridges: false,
        excluded: InterfaceNames::default(),
        uplinks: None,
        host: true,
        resolvers: vec![OpenResolver { address: [10, 57, 17, 5].into(), host: false }],
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
        own: true,
    }
}

/// The table of a policy, marked as that generation.
pub fn table(policy: &Policy, generation: u64) -> Table {
    compile(policy, features(), now()).marked(generation)
}

/// What the kernel that runs the tests can do.
pub fn features() -> Features {
    Features::of_release(&dockwall::host::kernel_release())
}

/// The instant at which all policies here are looked at: the same for a whole process, so that what
/// runs out is left out of none of two tables, or of both.
pub fn now() -> Timestamp {
    static NOW: LazyLock<Timestamp> = LazyLock::new(|| Timestamp::from_second(Timestamp::now().as_second()).unwrap());
    *NOW
}

/// An exception for everything at these addresses.
pub fn grant(name: &str, to: &[&str]) -> Grant {
    narrow_grant(name, to, &[])
}

/// An exception for these ports at these addresses.
pub fn narrow_grant(name: &str, to: &[&str], ports: &[&str]) -> Grant {
    Grant {
        name: name.to_owned(),
        from: None,
        openings: vec![Opening { to: networks(to), host: false, services: services(ports) }],
        until: None,
    }
}

/// Ports as the configuration writes them.
pub fn services(ports: &[&str]) -> Vec<Service> {
    ports.iter().map(|text| Service::Ports(text.parse().unwrap())).collect()
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
    let mode = prop::sample::select(vec![Mode::Audit, Mode::Enforce]);
    let action = prop::sample::select(vec![Action::Drop, Action::Reject]);
    let uplinks = prop::option::of(any_interfaces());
    let grants = prop::collection::vec(any_grant(), 0..4).prop_map(|grants| {
        let named = |(index, grant)| Grant { name: format!("grant-{index}"), ..grant };
        grants.into_iter().enumerate().map(named).collect()
    });
    let resolver = (any::<IpAddr>(), any::<bool>()).prop_map(|(address, host)| OpenResolver { address, host });
    let resolvers = prop::collection::vec(resolver, 0..3);
    let containers = (any_interfaces(), any_interfaces()).prop_map(|(names, out)| names.without(&out));
    let flags = (any::<bool>(), any::<bool>(), any::<bool>());
    let policy = (mode, action, containers, flags, uplinks, any_networks(), (grants, resolvers), any_log());
    policy.prop_map(
        |(mode, action, (containers, excluded), (bridges, host, own), uplinks, denied, (grants, resolvers), log)| {
            Policy { mode, action, containers, bridges, excluded, uplinks, denied, host, grants, resolvers, log, own }
        },
    )
}

/// Any exception, of a kind that a set of its own holds, and mixed ones.
fn any_grant() -> impl Strategy<Value = Grant> {
    let from = prop::option::of(any_networks());
    let opening = (any_networks(), any::<bool>(), prop::collection::vec(any_service(), 0..3));
    let opening = opening.prop_map(|(to, host, services)| Opening { to, host, services });
    // Some that ran out, some that will while nobody looks.
    let later = prop_oneof![Just(-10_000i64), 3_600_000i64..10_000_000_000];
    let until = later.prop_map(|milliseconds| now() + jiff::SignedDuration::from_millis(milliseconds));
    let until = prop::option::of(prop_oneof![4 => until, 1 => Just(Timestamp::MAX)]);
    (from, prop::collection::vec(opening, 1..3), until).prop_map(|(from, openings, until)| Grant {
        name: String::new(),
        from,
        openings,
        until,
    })
}

fn any_service() -> impl Strategy<Value = Service> {
    let ported = prop::sample::select(vec![Protocol::Tcp, Protocol::Udp, Protocol::Sctp]);
    let ports = prop_oneof![(1u16..20, 0u16..3), (1u16..=u16::MAX, Just(0u16)), (Just(1u16), Just(u16::MAX - 1))];
    let ports = (ported, ports).prop_map(|(protocol, (first, more))| {
        Service::Ports(Ports { protocol, first, last: first.saturating_add(more) })
    });
    let protocol = prop::sample::select(vec![Protocol::Icmp, Protocol::Esp, Protocol::Tcp, Protocol::Other(99)]);
    prop_oneof![3 => ports, 1 => protocol.prop_map(Service::Protocol)]
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
        // IPv4 in IPv6, which is written in more than one way.
        "::10.0.0.0-::10.1.2.3",
        "64:ff9b::a00:0/104",
    ]);
    // Few values, so that neighbours and overlaps are common, and all.
    let v4 = prop_oneof![(0u32..32, 0u32..8).prop_map(|(a, b)| (a, a + b)), any::<(u32, u32)>()];
    let v6 = prop_oneof![(0u128..32, 0u128..8).prop_map(|(a, b)| (a, a + b)), any::<(u128, u128)>()];
    let target = prop_oneof![
        corners.prop_map(|text| text.parse::<Target>().unwrap()),
        v4.prop_map(|(a, b)| Target::V4(Interval::new(Ipv4Addr::from(a.min(b)), a.max(b).into()).unwrap())),
        v6.prop_map(|(a, b)| Target::V6(Interval::new(Ipv6Addr::from(a.min(b)), a.max(b).into()).unwrap())),
        // IPv4-mapped, as a preset has it.
        Just(Target::V6(Interval::new((0xffff_u128 << 32).into(), (0xffff_ffff_ffff_u128).into()).unwrap())),
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
