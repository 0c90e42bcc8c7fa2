//! Links, as they are made.

use std::collections::BTreeSet;
use std::thread;

use caps::CapSet;
use dockwall::host::{Facts, Link};

use crate::namespace::{Namespace, named};

/// What a link is, without its number.
fn shape<'a>(facts: &'a Facts, link: &'a Link) -> (&'a str, Option<&'a str>, Option<&'a str>, bool) {
    let master = link.master.map(|index| facts.links.iter().find(|link| link.index == index).unwrap().name.as_str());
    (&link.name, link.kind.as_deref(), master, link.up)
}

#[test]
fn a_new_namespace_has_its_loopback_alone() {
    let facts = Namespace::with(&[]).read();
    let loopback = Link { index: 1, name: "lo".to_owned(), loopback: true, ..Link::default() };
    // Tunnel modules put a link of theirs into every namespace.
    assert_eq!(facts.links.first(), Some(&loopback));
    assert!(facts.links.iter().skip(1).all(|link| link.kind.is_some() && !link.has_device), "{:?}", facts.links);
    assert_eq!((facts.addresses, facts.routes), (vec![], vec![]));
}

#[test]
fn links_read_back_with_kind_and_master() {
    let namespace = Namespace::with(&[
        "link add br-lan type bridge",
        "link add veth-a type veth peer name veth-b",
        "link set veth-a master br-lan",
        "link set veth-a up",
        "tuntap add tap0 mode tap",
        "tuntap add tun0 mode tun",
        "link set tap0 master br-lan",
        "link add link veth-b name mac0 type macvlan",
    ]);
    let facts = namespace.read();
    for expected in [
        ("br-lan", Some("bridge"), None, false),
        ("veth-a", Some("veth"), Some("br-lan"), true),
        ("veth-b", Some("veth"), None, false),
        ("tap0", Some("tun"), Some("br-lan"), false),
        ("tun0", Some("tun"), None, false),
        ("mac0", Some("macvlan"), None, false),
    ] {
        let link = named(&facts, expected.0);
        assert_eq!(shape(&facts, link), expected);
        assert!(!link.has_device && !link.loopback, "{link:?}");
    }
    assert!(facts.links.is_sorted_by_key(|link| link.index));
    let mut ports: Vec<_> = facts.ports_of(named(&facts, "br-lan")).map(|port| port.name.as_str()).collect();
    ports.sort_unstable();
    assert_eq!(ports, ["tap0", "veth-a"]);
}

#[test]
fn kinds_that_not_every_kernel_has_read_back() {
    let namespace = Namespace::with(&["link add veth-a type veth peer name veth-b"]);
    let wanted = [
        ("dummy", "dum0 type dummy"),
        ("vlan", "link veth-a name veth-a.20 type vlan id 20"),
        ("bond", "bond7 type bond"),
        ("wireguard", "wg0 type wireguard"),
        ("vrf", "vrf0 type vrf table 10"),
        ("vxlan", "vx0 type vxlan id 7 dstport 4789 dev veth-a"),
    ];
    let made: Vec<_> = wanted.into_iter().filter(|(_, link)| namespace.can_add(link)).collect();
    let facts = namespace.read();
    for (kind, link) in made {
        let found = facts.links.iter().find(|link| link.kind.as_deref() == Some(kind));
        assert!(found.is_some_and(|link| !link.has_device), "{link}: {found:?}");
    }
}

#[test]
fn a_name_of_15_bytes_with_a_dot_reads_back() {
    let facts = Namespace::with(&["link add br-0123456.7-ü type bridge"]).read();
    assert_eq!(named(&facts, "br-0123456.7-ü").name.len(), 15);
}

/// Commands that make so many pairs of veths.
fn pairs(count: u32) -> String {
    (0..count).map(|number| format!("link add veth{number} type veth peer name peer{number}\n")).collect()
}

#[test]
fn a_thousand_links_are_read_whole() {
    let namespace = Namespace::with(&[]);
    namespace.batch(&pairs(500));
    let facts = namespace.read();
    assert_eq!(facts.links.iter().filter(|link| link.kind.as_deref() == Some("veth")).count(), 1000);
}

#[test]
fn no_link_is_missed_or_read_twice_while_others_come_and_go() {
    let namespace = Namespace::with(&[]);
    namespace.batch(&pairs(200));
    let (come, go): (String, String) =
        (0..10).map(|number| (format!("link add br{number} type bridge\n"), format!("link del br{number}\n"))).unzip();
    thread::scope(|scope| {
        let busy = scope.spawn(|| (0..10).for_each(|_| namespace.batch(&format!("{come}{go}"))));
        while !busy.is_finished() {
            let facts = namespace.read();
            let once: BTreeSet<_> = facts.links.iter().map(|link| &link.name).collect();
            assert_eq!(once.len(), facts.links.len(), "twice: {facts:#?}");
            let staying = once.iter().filter(|name| name.starts_with("veth") || name.starts_with("peer"));
            assert_eq!(staying.count(), 400, "missed: {facts:#?}");
        }
    });
}

#[test]
fn no_privilege_is_needed() {
    let namespace = Namespace::with(&["link add br-lan type bridge"]);
    let facts = namespace.enter(|| {
        for set in [CapSet::Effective, CapSet::Permitted] {
            caps::clear(None, set).unwrap();
        }
        Facts::read().unwrap()
    });
    assert_eq!(named(&facts, "br-lan").kind.as_deref(), Some("bridge"));
}
