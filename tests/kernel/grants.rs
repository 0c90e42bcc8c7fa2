//! Grants of every kind as the kernel holds them: narrow and wide, many, overlapping, running out.

use std::net::{IpAddr, Ipv4Addr};
use std::thread::sleep;
use std::time::{Duration, Instant};

use dockwall::config::{Protocol, Target};
use dockwall::policy::{Grant, Networks, Opening, Policy, Service};
use dockwall::ruleset::{Elements, KeyBox, SET_CONCAT, SET_DYNAMIC, SET_INTERVAL, Table, compile};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use crate::support::Netns;
use crate::support::policies::{any_policy, features, grant, narrow_grant, networks, plain, services, table};

/// The table of these grants alone, looked at now.
fn granting(grants: &[Grant]) -> Table {
    let policy = Policy { grants: grants.to_vec(), resolvers: Vec::new(), ..plain() };
    compile(&policy, features(), Timestamp::now()).marked(1)
}

/// The grant, for so many milliseconds from now.
fn lasting(grant: Grant, milliseconds: i64) -> Grant {
    Grant { until: Some(Timestamp::now() + SignedDuration::from_millis(milliseconds)), ..grant }
}

/// What `look` sees of what lasts so many milliseconds: 2 s, and twice as long where this machine was too slow to look
/// in time.
pub fn while_it_lasts<T>(mut look: impl FnMut(i64) -> T) -> (i64, T) {
    for life in [2000, 4000, 8000, 16_000, 32_000] {
        let start = Instant::now();
        let seen = look(life);
        if start.elapsed() < Duration::from_millis(life.unsigned_abs()) {
            return (life, seen);
        }
    }
    panic!("this machine takes more than half a minute to look");
}

fn boxes(netns: &Netns, set: &str) -> Vec<KeyBox> {
    match netns.table().set(set).map(|set| set.elements.clone()) {
        Some(Elements::Boxes(boxes)) => boxes,
        None => Vec::new(),
        other => panic!("{set} is {other:?}"),
    }
}

#[test]
fn a_grant_that_runs_out_is_gone_from_the_kernel_by_itself() {
    let netns = Netns::new();
    let (life, (want, held, listed, digest)) = while_it_lasts(|life| {
        let want = granting(&[lasting(narrow_grant("brief", &["10.1.2.3"], &["443/tcp"]), life)]);
        netns.replace(&want);
        let listed = netns.nft("list set inet dockwall grant4-range");
        (want, boxes(&netns, "grant4-range"), listed, netns.table().digest())
    });
    let [held] = held.try_into().unwrap();
    let left = held.expiry.unwrap().left;
    assert!((1..=life.unsigned_abs()).contains(&left), "{left} ms");
    assert!(listed.contains("10.1.2.3 . tcp . 443 timeout ") && listed.contains(" expires "), "{listed}");
    assert!(listed.contains("comment \"until "), "{listed}");
    assert_eq!(digest, want.digest());

    sleep(Duration::from_millis(life.unsigned_abs() + 200));
    assert_eq!(boxes(&netns, "grant4-range"), []);
    let listed = netns.nft("list set inet dockwall grant4-range");
    assert!(!listed.contains("10.1.2.3"), "{listed}");
    // It is as it was applied, but for what was to run out.
    let live = netns.table();
    assert!(live.marker().unwrap().digest.matches(&live.digest()));
    assert_ne!(live.digest(), want.digest());
}

#[test]
fn j7_a_renewal_extends_and_a_shorter_one_shortens() {
    let netns = Netns::new();
    let brief = narrow_grant("brief", &["10.1.2.3", "fd00:1::5"], &["443/tcp"]);
    netns.replace(&granting(&[lasting(brief.clone(), 2000)]));
    let renewed = granting(&[lasting(brief.clone(), 3_600_000)]);
    assert_eq!(netns.replace(&renewed).batches, 1);
    sleep(Duration::from_millis(2200));
    for set in ["grant4-range", "grant6-range"] {
        let [held] = boxes(&netns, set).try_into().unwrap();
        assert!(held.expiry.unwrap().left > 3_590_000, "{held:?}");
    }
    assert_eq!(netns.table().digest(), renewed.digest());
    // The same again renews nothing.
    assert_eq!(netns.replace(&renewed).batches, 0);

    netns.replace(&granting(&[lasting(brief.clone(), 1000)]));
    sleep(Duration::from_millis(1200));
    assert_eq!(boxes(&netns, "grant4-range"), []);
    // What is gone comes again, and for ever.
    netns.replace(&granting(&[lasting(brief.clone(), 3_600_000)]));
    assert_eq!(boxes(&netns, "grant4-range").len(), 1);
    netns.replace(&granting(&[brief]));
    assert_eq!(boxes(&netns, "grant4-range"), []);
    assert_eq!(netns.table().set("grant4-port").unwrap().elements.len(), 1);
}

/// Whether the kernel's set has an element with that key.
fn has(netns: &Netns, set: &str, key: &str) -> bool {
    let element = format!("{{ {key} }}");
    let mut nft = netns.command("nft");
    nft.args(["get", "element", "inet", "dockwall", set, &element]).output().unwrap().status.success()
}

#[test]
fn j3_of_overlapping_grants_each_holds_when_the_other_goes() {
    let netns = Netns::new();
    let from = Some(networks(&["172.18.0.0/16"]));
    let timed =
        lasting(Grant { from: from.clone(), ..narrow_grant("timed", &["10.1.0.0/16"], &["8000-8100/tcp"]) }, 3_600_000);
    let longer = Grant { until: timed.until.map(|until| until + SignedDuration::from_hours(1)), ..timed.clone() };
    let longer = Grant { openings: narrow_grant("", &["10.1.2.0/24"], &["8090-8200/tcp"]).openings, ..longer };
    let lasting = Grant { from, ..narrow_grant("lasting", &["10.1.2.3"], &["8050/tcp", "8095-8099/tcp"]) };
    let all = [("timed", timed), ("longer", longer), ("lasting", lasting)];
    // A port at an address, and which of the grants open it.
    let cases: [(&str, u16, &[&str]); 6] = [
        ("10.1.2.3", 8050, &["timed", "lasting"]),
        ("10.1.2.3", 8095, &["timed", "longer", "lasting"]),
        ("10.1.2.4", 8095, &["timed", "longer"]),
        ("10.1.9.9", 8000, &["timed"]),
        ("10.1.2.3", 8150, &["longer"]),
        ("10.1.9.9", 8150, &[]),
    ];
    for kept in 0..8u8 {
        let names: Vec<&str> =
            all.iter().enumerate().filter(|(bit, _)| kept >> bit & 1 == 1).map(|(_, one)| one.0).collect();
        let grants: Vec<Grant> = all.iter().filter(|(name, _)| names.contains(name)).map(|one| one.1.clone()).collect();
        netns.replace(&granting(&grants));
        for (address, port, opened_by) in cases {
            let open = opened_by.iter().any(|name| names.contains(name));
            let key = format!("172.18.0.7 . {address} . tcp . {port}");
            assert_eq!(has(&netns, "grant4-range", &key), open, "{key} with {names:?}");
        }
    }
}

#[test]
fn the_widest_boxes_load_and_read_back() {
    let netns = Netns::new();
    let everything = networks(&["0.0.0.0/0", "::/0"]);
    let every_port = services(&["1-65535/tcp", "1-65535/udp", "1-65535/sctp"]);
    let opening = |host, services: &[Service]| Opening { to: everything.clone(), host, services: services.to_vec() };
    let all = Grant {
        from: Some(everything.clone()),
        openings: [false, true].into_iter().flat_map(|host| [opening(host, &every_port), opening(host, &[])]).collect(),
        ..grant("all", &[])
    };
    let all_protocols: Vec<Service> = (0..=255).map(|number| Service::Protocol(Protocol::Other(number))).collect();
    let last = networks(&["255.255.255.255", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"]);
    let ends = Grant {
        from: Some(last.clone()),
        openings: vec![Opening { to: last, host: false, services: all_protocols }],
        ..grant("ends", &[])
    };
    for grants in [vec![all.clone()], vec![lasting(all.clone(), 3_600_000), ends.clone()], vec![ends, all]] {
        let want = granting(&grants);
        netns.replace(&want);
        assert_eq!(netns.table().digest(), want.digest());
        assert_eq!(netns.replace(&want).batches, 0);
        for set in ["grant4-range", "grant4-proto", "host6-range", "host6-proto"] {
            assert!(!boxes(&netns, set).is_empty(), "{set}");
        }
    }
    let listed = netns.nft("list set inet dockwall grant6-proto");
    assert!(listed.contains("elements = { ::/0 . ::/0 . 0-255 }"), "{listed}");
    let listed = netns.nft("list set inet dockwall host4-range");
    assert!(listed.contains("0.0.0.0/0 . 0.0.0.0/0 . tcp . 1-65535"), "{listed}");
}

#[test]
fn what_nft_loaded_of_our_text_is_what_would_be_applied() {
    let narrow = |ports: &[&str]| narrow_grant(&ports.concat(), &["10.1.0.0/16", "fd00:1::/64"], ports);
    let from = Some(networks(&["172.18.0.0/16", "fd00:18::/64"]));
    let want = granting(&[
        narrow(&["443/tcp"]),
        lasting(Grant { from: from.clone(), ..narrow(&["8000-8100/udp"]) }, 3_600_123),
        Grant { from, ..narrow(&[]) },
    ]);
    let netns = Netns::new();
    if !netns.loads(&want.to_string()) {
        return;
    }
    // nft 1.0.6 puts in a `byteorder` that turns nothing around.
    assert_eq!(netns.table().digest(), want.digest());
    assert_eq!(netns.replace(&want).batches, 0);
}

/// One grant for the address of each number that fits in two bytes, none beside the next.
fn many(count: u16, grant: impl Fn(Ipv4Addr) -> Grant) -> Vec<Grant> {
    (0..count).map(|number| grant((0x0a00_0000 + u32::from(number) * 2).into())).collect()
}

#[test]
fn ten_thousand_grants_of_each_kind_are_one_batch() {
    let to = |address: Ipv4Addr| [address].into_iter().map(|one| Target::V4(one.into())).collect::<Networks>();
    let from = || Some(networks(&["172.18.0.7"]));
    let narrow = |address, ports| Grant {
        openings: vec![Opening { to: to(address), host: false, services: services(ports) }],
        ..grant(&address.to_string(), &[])
    };
    let kinds: [(&str, Vec<Grant>); 5] = [
        ("grant4", many(10_000, |address| narrow(address, &[]))),
        ("grant4-port", many(10_000, |address| narrow(address, &["5432/tcp"]))),
        ("grant4-flow", many(10_000, |address| Grant { from: from(), ..narrow(address, &["5432/tcp"]) })),
        ("grant4-range", many(10_000, |address| Grant { from: from(), ..narrow(address, &["8000-8100/tcp"]) })),
        ("grant4-proto", many(10_000, |address| Grant { from: from(), ..narrow(address, &[]) })),
    ];
    for (set, grants) in &kinds {
        let netns = Netns::new();
        let start = Instant::now();
        let want = granting(grants);
        let compiled = start.elapsed();
        assert_eq!(netns.replace(&want).batches, 1);
        println!("{set}: compiled in {compiled:?}, in the kernel after {:?}", start.elapsed());
        let live = netns.table();
        assert_eq!(live.set(set).unwrap().elements.len(), 10_000);
        assert_eq!(live.digest(), want.digest());
        // One less is one element less.
        let sent = netns.replace(&granting(&grants[1..]));
        assert!(sent.bytes < 3000, "{set}: {sent:?}");
    }
}

proptest! {
    /// Linux mishandles a set that rules fill and that holds intervals at once.
    #[test]
    fn j8_no_set_is_filled_by_packets_and_holds_intervals(policy in any_policy()) {
        for set in table(&policy, 1).sets {
            prop_assert!(set.flags & (SET_INTERVAL | SET_DYNAMIC) != SET_INTERVAL | SET_DYNAMIC, "{}", set.name);
            let boxes = set.flags & SET_CONCAT != 0;
            prop_assert!(!boxes || set.flags & SET_INTERVAL != 0, "{}", set.name);
            match set.elements {
                Elements::Exact(_) => prop_assert!(set.flags & (SET_INTERVAL | SET_CONCAT) == 0, "{}", set.name),
                Elements::Boxes(_) => prop_assert!(boxes && set.key.len() > 1, "{}", set.name),
                Elements::Ipv4(_) | Elements::Ipv6(_) => prop_assert!(set.is_interval() && !boxes, "{}", set.name),
            }
        }
    }

    #[test]
    fn i7_no_kernel_finds_a_name_too_long(policy in any_policy()) {
        let table = table(&policy, u64::MAX);
        for set in &table.sets {
            prop_assert!(set.name.len() <= 15, "{}", set.name);
        }
        for chain in &table.chains {
            prop_assert!(chain.name.len() <= 31, "{}", chain.name);
        }
    }
}

#[test]
fn an_open_resolver_is_open_at_port_53_alone() {
    let netns = Netns::new();
    let resolver =
        |address: &str, host| dockwall::policy::OpenResolver { address: address.parse::<IpAddr>().unwrap(), host };
    let resolvers = vec![resolver("10.0.0.53", false), resolver("192.168.1.1", true), resolver("fd00::53", false)];
    netns.replace(&table(&Policy { grants: Vec::new(), resolvers, ..plain() }, 1));
    for protocol in ["tcp", "udp"] {
        assert!(has(&netns, "grant4-port", &format!("10.0.0.53 . {protocol} . 53")));
        assert!(has(&netns, "grant6-port", &format!("fd00::53 . {protocol} . 53")));
        assert!(has(&netns, "host4-range", &format!("172.17.0.2 . 192.168.1.1 . {protocol} . 53")));
        assert!(!has(&netns, "host4-range", &format!("172.17.0.2 . 192.168.1.1 . {protocol} . 54")));
    }
    assert!(!has(&netns, "grant4-port", "192.168.1.1 . udp . 53"));
    assert!(!has(&netns, "grant4-port", "10.0.0.53 . udp . 80"));
}
