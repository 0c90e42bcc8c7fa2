//! Values that are accepted, and what they mean.

use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use dockwall::config::*;

use crate::accept;

fn patterns(interfaces: Interfaces) -> Vec<InterfacePattern> {
    match interfaces {
        Interfaces::List(patterns) => patterns,
        word => panic!("{word:?}"),
    }
}

fn written(ranges: &DeniedRanges) -> Vec<String> {
    ranges.iter().map(|range| range.to_string()).collect()
}

#[test]
fn an_empty_file_stands_for_the_defaults() {
    let config = accept("").config;
    assert_eq!(Config { files: Files::default(), ..config }, Config::default());
}

#[test]
fn the_defaults_are_those_of_the_manual() {
    let config = Config::default();
    assert_eq!((config.on_link, config.host, &config.dns), (true, true, &DnsAllow::Auto));
    assert_eq!(config.grants_dir(), Path::new("/etc/dockwall/grants.d"));
    let Config { mode, interfaces, ranges, uplinks, action, log, own, grants, .. } = config;
    assert!(own);
    assert_eq!((mode, interfaces, uplinks, action), (Mode::Audit, Interfaces::Auto, Uplinks::Any, Action::Drop));
    assert_eq!(written(&ranges), ["internal"]);
    assert_eq!(ranges.iter().next().unwrap().origin, Origin::BuiltIn);
    assert_eq!((log.enabled, log.burst, log.target), (true, 5, LogTarget::Kernel));
    assert_eq!((log.rate.to_string(), log.limit.to_string()), ("6/minute".into(), "50/second".into()));
    assert_eq!((log.prefix.as_str(), log.audit_prefix.as_str()), ("DOCKER_NET_DROP ", "DOCKER_NET_AUDIT "));
    assert_eq!(log.remember.duration(), Duration::from_secs(600));
    assert!(grants.is_empty());
}

#[test]
fn every_key_is_read() {
    let text = r#"
        mode = "enforce"
        [containers]
        interfaces = ["docker0", "br-*"]
        exclude = ["br-lan", "br-vm*"]
        [deny]
        ranges = ["recipe", "198.18.0.0/15"]
        on_link = false
        host = false
        uplinks = ["lo", "eth*"]
        action = "reject"
        [dns]
        allow = ["10.57.17.5", "fd00::53", "10.57.17.5"]
        [log]
        enabled = false
        rate = "10/hour"
        burst = 1_000
        limit = "7/day"
        prefix = "D: "
        audit_prefix = "A: "
        target = "nflog:65535"
        remember = "1h 30m"
        [guard]
        own = false
        [[grant]]
        name = "ldap"
        to = "10.57.17.5"
        ports = ["389/tcp", "636/tcp", "389/tcp"]
        from = "label:tier=backend"
        until = "2100-01-31T18:00:00+02:00"
        required = true
        comment = "der Verzeichnisdienst, für alle"
    "#;
    let loaded = accept(text);
    assert_eq!(loaded.warnings, []);
    assert_eq!(loaded.config.grants_dir(), Path::new("grants.d"));
    let Config { mode, interfaces, exclude, ranges, on_link, host, uplinks, action, dns, log, own, grants, files } =
        loaded.config;
    assert!(!host && !own);
    assert_eq!(dns, DnsAllow::List(["10.57.17.5", "fd00::53"].map(|text| text.parse::<IpAddr>().unwrap()).to_vec()));
    let docker0 = InterfacePattern::Exact("docker0".into());
    let bridges = InterfacePattern::Prefix("br-".into());
    assert_eq!((mode, action), (Mode::Enforce, Action::Reject));
    assert_eq!(patterns(interfaces), [docker0, bridges]);
    let lan = InterfacePattern::Exact("br-lan".into());
    assert_eq!((exclude, on_link), (vec![lan, InterfacePattern::Prefix("br-vm".into())], false));
    let lo = InterfacePattern::Exact("lo".into());
    assert_eq!(uplinks, Uplinks::List(vec![lo, InterfacePattern::Prefix("eth".into())]));
    assert_eq!(written(&ranges), ["recipe", "198.18.0.0/15"]);
    assert_eq!(files.place(ranges.iter().nth(1).unwrap().origin), "dockwall.toml:7");
    assert_eq!((log.enabled, log.burst, log.target), (false, 1000, LogTarget::Nflog(65535)));
    assert_eq!(log.rate, Rate { count: 10, unit: RateUnit::Hour });
    assert_eq!(log.limit, Rate { count: 7, unit: RateUnit::Day });
    assert_eq!((log.prefix.as_str(), log.audit_prefix.as_str()), ("D: ", "A: "));
    assert_eq!(log.remember.duration(), Duration::from_secs(5400));
    assert_eq!((grants[0].name.as_str(), grants[0].to.to_string()), ("ldap", "10.57.17.5".into()));
    let tcp = |port| Ports { protocol: Protocol::Tcp, first: port, last: port };
    assert_eq!((&*grants[0].ports, grants[0].protocol), ([tcp(389), tcp(636)].as_slice(), None));
    assert_eq!(grants[0].from, Some(Source::Label { key: "tier".into(), value: "backend".into() }));
    assert_eq!(grants[0].until, Some("2100-01-31T16:00:00Z".parse().unwrap()));
    assert!(grants[0].required);
    assert_eq!(grants[0].comment.as_deref(), Some("der Verzeichnisdienst, für alle"));
    assert_eq!(files.place(grants[0].origin), "dockwall.toml:25");
}

#[test]
fn sections_dotted_keys_and_inline_tables_mean_the_same() {
    let section = accept("[log]\nburst = 9\n[[grant]]\nname = 'a'\nto = '10.0.0.1'").config;
    let dotted = accept("log.burst = 9\n\n[[grant]]\nname = 'a'\nto = '10.0.0.1'").config;
    let inline = accept("log = { burst = 9 }\n\ngrant = [{ name = 'a', to = '10.0.0.1' }]").config;
    assert_eq!(section, dotted);
    assert_eq!(section, inline);
}

#[test]
fn targets_are_read_and_printed_in_normal_form() {
    let cases = [
        ("10.1.2.3", "10.1.2.3"),
        ("10.1.2.3/32", "10.1.2.3"),
        ("10.0.0.0/8", "10.0.0.0/8"),
        ("0.0.0.0/0", "0.0.0.0/0"),
        ("255.255.255.255", "255.255.255.255"),
        ("10.0.0.0-10.0.0.255", "10.0.0.0/24"),
        ("10.0.0.1-10.0.0.9", "10.0.0.1-10.0.0.9"),
        ("10.0.0.1-10.0.0.1", "10.0.0.1"),
        ("FD00:0::1", "fd00::1"),
        ("fd00::/8", "fd00::/8"),
        ("::/0", "::/0"),
        ("fd00::1-fd00::9", "fd00::1-fd00::9"),
        ("64:ff9b::10.0.0.1", "64:ff9b::a00:1"),
    ];
    for (input, expected) in cases {
        assert_eq!(input.parse::<Target>().map(|target| target.to_string()), Ok(expected.to_owned()), "{input}");
    }
}

#[test]
fn c6_wildcard_is_a_prefix() {
    assert_eq!("br-*".parse(), Ok(InterfacePattern::Prefix("br-".into())));
    let pattern: InterfacePattern = "br-*".parse().unwrap();
    assert!(pattern.matches("br-3f2a9c") && pattern.matches("br-") && !pattern.matches("br"));
    assert_eq!(pattern.to_string(), "br-*");
}

#[test]
fn interface_names_go_up_to_the_kernels_limit() {
    for name in ["a", "docker_gwbridge", "bond0.20", "wg-büro", "eth0@x"] {
        assert_eq!(name.parse(), Ok(InterfacePattern::Exact(name.into())), "{name}");
    }
    assert_eq!("abcdefghijklmn*".parse(), Ok(InterfacePattern::Prefix("abcdefghijklmn".into())));
}

#[test]
fn a_duplicate_interface_counts_once() {
    let config = accept("containers.interfaces = ['b', 'a*', 'b', 'a*']").config;
    assert_eq!(patterns(config.interfaces).len(), 2);
}

#[test]
fn j1_overlapping_duplicate_and_adjacent_ranges_are_no_mistake() {
    let loaded = accept("deny.ranges = ['10.0.0.0/8', '10.1.0.0/16', '10.0.0.0-10.0.0.255', '10.1.2.3', '10.1.2.3']");
    assert_eq!(loaded.config.ranges.len(), 5);
    assert_eq!(loaded.warnings, []);
}

#[test]
fn an_empty_list_of_ranges_is_allowed() {
    assert!(accept("deny.ranges = []").config.ranges.is_empty());
}

#[test]
fn words_for_interfaces_and_resolvers() {
    assert_eq!(accept("containers.interfaces = 'bridges'").config.interfaces, Interfaces::Bridges);
    assert_eq!(accept("dns.allow = 'none'").config.dns, DnsAllow::None);
    assert_eq!(accept("dns.allow = 'auto'").config.dns, DnsAllow::Auto);
}

#[test]
fn a_long_list_is_no_empty_one() {
    let resolvers: Vec<String> = (0..2000).map(|i| format!("'10.0.{}.{}'", i / 250, i % 250 + 1)).collect();
    let dns = accept(&format!("dns.allow = [{}]", resolvers.join(", "))).config.dns;
    assert!(matches!(dns, DnsAllow::List(addresses) if addresses.len() == 2000));
}

#[test]
fn what_is_printed_is_read_back() {
    for text in ["1/second", "6/minute", "1000000/hour", "3/day", "2/week"] {
        assert_eq!(text.parse::<Rate>().map(|rate| rate.to_string()), Ok(text.to_owned()));
    }
    for text in ["kernel", "nflog:0", "nflog:65535"] {
        assert_eq!(text.parse::<LogTarget>().map(|target| target.to_string()), Ok(text.to_owned()));
    }
    for text in ["audit", "enforce"] {
        assert_eq!(text.parse::<Mode>().map(|mode| mode.to_string()), Ok(text.to_owned()));
    }
    for text in ["drop", "reject"] {
        assert_eq!(text.parse::<Action>().map(|action| action.to_string()), Ok(text.to_owned()));
    }
}
