//! Lines of logs, and what is made of flows.

use std::io::Cursor;

use jiff::tz::TimeZone;

use super::*;
use crate::config::{Destination, Mode};
use crate::host::{Address, Container, Docker, DockerState, Facts, Host, Published, Scope};

const UDP4: &str = "IN=br-3f2a9c OUT=eth0 PHYSIN=veth1 MAC=02:42:ac:15:00:01:02:42:ac:15:00:03:08:00 SRC=172.21.0.3 \
                    DST=10.57.17.6 LEN=34 TOS=0x00 PREC=0x00 TTL=63 ID=1 DF PROTO=UDP SPT=40000 DPT=5432 LEN=14 ";
const TCP6: &str = "IN=docker0 OUT= MAC=02 SRC=fd17:0000:0000:0000:0000:0000:0000:0002 \
                    DST=fd57:0017:0000:0000:0000:0000:0000:0006 LEN=80 TC=0 HOPLIMIT=63 FLOWLBL=1 PROTO=TCP \
                    SPT=40000 DPT=22 WINDOW=64800 RES=0x00 SYN URGP=0 ";
const PING: &str =
    "IN=docker0 OUT=eth0 SRC=172.17.0.2 DST=10.57.17.6 LEN=84 TTL=63 ID=1 PROTO=ICMP TYPE=8 CODE=0 ID=7 SEQ=1 ";
/// An error about a packet of somebody else's.
const ICMP_ERROR: &str = "IN=docker0 OUT=eth0 SRC=172.17.0.2 DST=10.57.17.6 LEN=84 TTL=63 ID=1 PROTO=ICMP TYPE=3 CODE=3 \
                          [SRC=10.9.9.9 DST=172.17.0.2 LEN=60 PROTO=TCP SPT=1 DPT=2 INCOMPLETE [8 bytes] ] ";
const GRE: &str = "IN=docker0 OUT=eth0 SRC=172.17.0.2 DST=10.57.17.6 LEN=84 TTL=63 ID=1 PROTO=47 ";

fn clock() -> Clock {
    let at = |text: &str| text.parse().unwrap();
    Clock { now: at("2026-08-20T12:00:00Z"), boot: Some(at("2026-08-20T10:00:00Z")), zone: TimeZone::UTC }
}

fn read(text: &str) -> Line {
    let mut prefixes = Prefixes::default();
    prefixes.add("wall ", Some(Mode::Enforce));
    prefixes.add("wall-audit: ", Some(Mode::Audit));
    read_line(text, &prefixes, &clock())
}

fn said(denied: &Denied) -> String {
    let Flow { source, destination, protocol, port } = denied.flow;
    format!("{source} {destination} {protocol} {}", port.map_or("-".to_owned(), |port| port.to_string()))
}

#[test]
fn k8_a_line_says_whether_the_packet_was_dropped_or_only_noted() {
    for (prefix, mode) in [
        ("DOCKER_NET_DROP ", Some(Mode::Enforce)),
        ("DOCKER_NET_AUDIT ", Some(Mode::Audit)),
        // The recipe's, in its versions and with the words that people put behind.
        ("DOCKER_NET_DROP: ", Some(Mode::Enforce)),
        ("DOCKER_NET_AUDIT:", Some(Mode::Audit)),
        ("DOCKER_NET_DROP_INTERNAL: ", Some(Mode::Enforce)),
        ("DOCKER_NET_DROP", Some(Mode::Enforce)),
        ("DOCKER_NET_LOG ", None),
        ("wall ", Some(Mode::Enforce)),
        ("wall-audit: ", Some(Mode::Audit)),
    ] {
        let line = read(&format!("[  100.5] {prefix}{UDP4}"));
        assert_eq!((line.denied.len(), line.broken), (1, 0), "{prefix}");
        assert_eq!(line.denied[0].mode, mode, "{prefix}");
    }
}

#[test]
fn lines_of_every_protocol_are_understood() {
    for (fields, expected, bytes) in [
        (UDP4, "172.21.0.3 10.57.17.6 17 5432", 34),
        (TCP6, "fd17::2 fd57:17::6 6 22", 80),
        (PING, "172.17.0.2 10.57.17.6 1 -", 84),
        (ICMP_ERROR, "172.17.0.2 10.57.17.6 1 -", 84),
        (GRE, "172.17.0.2 10.57.17.6 47 -", 84),
    ] {
        let line = read(&format!("DOCKER_NET_DROP {fields}"));
        assert_eq!(line.denied.iter().map(said).collect::<Vec<_>>(), [expected]);
        assert_eq!((line.denied[0].bytes, line.broken), (Some(bytes), 0));
    }
}

#[test]
fn a_line_that_is_cut_anywhere_is_never_taken_for_another_flow() {
    for fields in [UDP4, TCP6, PING, GRE] {
        let whole = format!("<4>[    1.0] DOCKER_NET_DROP {fields}");
        let expected = said(&read(&whole).denied[0]);
        for len in 0..whole.len() {
            for line in [read(&whole[..len]), read(&format!("{}\n", &whole[..len].trim_end()))] {
                if let Some(denied) = line.denied.first() {
                    assert_eq!(said(denied), expected, "{}", &whole[..len]);
                }
            }
        }
    }
}

#[test]
fn lines_written_into_each_other_give_what_is_whole() {
    let (drop, audit) = (format!("DOCKER_NET_DROP {UDP4}"), format!("DOCKER_NET_AUDIT {TCP6}"));
    for at in 0..drop.len() {
        let mixed = format!("{}{audit}{}", &drop[..at], &drop[at..]);
        let line = read(&mixed);
        let flows: Vec<String> = line.denied.iter().map(said).collect();
        assert!(flows.contains(&"fd17::2 fd57:17::6 6 22".to_owned()), "{mixed}");
        assert!(flows.iter().all(|flow| flow.ends_with(" 22") || flow == "172.21.0.3 10.57.17.6 17 5432"), "{mixed}");
    }
    let both = read(&format!("{drop}{audit}"));
    assert_eq!((both.denied.len(), both.broken), (2, 0));
}

#[test]
fn garbage_is_counted_and_does_no_harm() {
    let log = [
        &b"\xff\xfe\0garbage IN=eth0 SRC=1.2.3.4\n"[..],
        b"DOCKER_NET_DROP\n",
        b"DOCKER_NET_DROP IN=docker0 OUT=eth0 SRC=172.17.0.2 DST=\xff\xff PROTO=TCP DPT=1 X\n",
        b"DOCKER_NET_DROP IN=docker0 OUT=eth0 SRC=172.17.0.2 DST=fd00::1 LEN=1 PROTO=TCP DPT=1 X\n",
        b"DOCKER_NET_DROP IN=docker0 OUT=eth0 SRC=172.17.0.2 DST=10.0.0.1 LEN=1 PROTO=TCP DPT=99999 X\n",
        format!("[ 1.0] DOCKER_NET_DROP {UDP4}\r\n[ 9.0] DOCKER_NET_DROP {UDP4}\n").as_bytes(),
        &b"x".repeat(200_000),
        b"\nlast line DOCKER_NET_DROP IN=docker0 SR",
    ]
    .concat();
    let log = Log::read(Cursor::new(log), &Prefixes::default(), &clock()).unwrap();
    assert_eq!((log.flows.len(), log.denied, log.broken), (1, 2, 5));
    let at = |seconds: i64| Some(clock().boot.unwrap() + SignedDuration::from_secs(seconds));
    assert_eq!((log.flows[0].packets, log.flows[0].first, log.flows[0].last), (Some(2), at(1), at(9)));
}

#[test]
fn times_are_read_as_the_programs_write_them() {
    for (head, time) in [
        ("[ 3600.000000] ", Some("2026-08-20T11:00:00Z")),
        ("<4>[ 3600.000000] ", Some("2026-08-20T11:00:00Z")),
        ("[99999.000000] ", None),
        ("[Thu Aug 20 11:00:00 2026] ", Some("2026-08-20T11:00:00Z")),
        ("[Sun Aug  2 11:00:00 2026] ", Some("2026-08-02T11:00:00Z")),
        ("2026-08-20T11:00:00,500000+02:00 ", Some("2026-08-20T09:00:00.5Z")),
        ("2026-08-20T11:00:00+0200 host kernel: ", Some("2026-08-20T09:00:00Z")),
        ("2026-08-20T11:00:00.5+00:00 host kernel: ", Some("2026-08-20T11:00:00.5Z")),
        ("Aug 20 11:00:00 host kernel: ", Some("2026-08-20T11:00:00Z")),
        ("Aug  2 11:00:00 host kernel: [ 3600.0] ", Some("2026-08-02T11:00:00Z")),
        ("Dec 31 11:00:00 host kernel: ", Some("2025-12-31T11:00:00Z")),
        ("", None),
        ("host kernel: ", None),
    ] {
        let line = read(&format!("{head}DOCKER_NET_DROP {UDP4}"));
        assert_eq!(line.denied[0].last, time.map(|time| time.parse().unwrap()), "{head}");
    }
}

fn host() -> Host {
    let published = |port, container_port| Published {
        address: None,
        port,
        protocol: crate::config::Protocol::Tcp,
        container_port,
    };
    let web = Container {
        name: "shop-web-1".to_owned(),
        image: "nginx:1.27".to_owned(),
        labels: [(super::names::PROJECT.to_owned(), "shop".to_owned())].into(),
        addresses: vec![("backend".to_owned(), "172.21.0.3".parse().unwrap())],
        published: vec![published(8080, 80), published(8443, 443), published(9443, 443)],
        ..Container::default()
    };
    let own = Address { link: 1, network: "10.57.17.2/24".parse().unwrap(), peer: None, scope: Scope::Global };
    Host {
        docker: DockerState::Known(Docker { containers: vec![web], ..Docker::default() }),
        facts: Facts { addresses: vec![own], ..Facts::default() },
        ..Host::default()
    }
}

fn denied(destination: &str, protocol: u8, port: Option<u16>, packets: u64) -> Denied {
    let source = if destination.contains(':') { "fd21::3" } else { "172.21.0.3" };
    let flow = Flow { source: source.parse().unwrap(), destination: destination.parse().unwrap(), protocol, port };
    let last = Some(clock().now);
    Denied { flow, packets: Some(packets), bytes: Some(packets * 60), first: None, last, mode: None }
}

#[test]
fn names_stand_beside_addresses() {
    let host = host();
    let names = Names::of(&host);
    let web = names.place("172.21.0.3".parse().unwrap());
    assert_eq!((web.container, web.image, web.network), (Some("shop-web-1"), Some("nginx:1.27"), Some("backend")));
    assert_eq!((web.project, web.host), (Some("shop"), false));
    assert!(names.place("10.57.17.2".parse().unwrap()).host);
    assert_eq!(names.place("10.57.17.6".parse().unwrap()), Place::default());
}

#[test]
fn d5_a_translated_port_is_known_where_one_port_leads_there() {
    let host = host();
    let names = Names::of(&host);
    for (port, published) in [(80, Some(8080)), (443, None), (81, None)] {
        assert_eq!(names.published(&denied("172.21.0.3", 6, Some(port), 1).flow), published, "{port}");
    }
    assert_eq!(names.published(&denied("172.21.0.3", 17, Some(80), 1).flow), None);
}

#[test]
fn filters_keep_what_is_asked_for() {
    let host = host();
    let names = Names::of(&host);
    let flows = [
        denied("10.57.17.6", 6, Some(5432), 9),
        denied("10.57.17.2", 17, Some(53), 1),
        denied("10.60.0.1", 1, None, 4),
        denied("fd57::6", 6, Some(53), 2),
    ];
    let kept = |filter: &Filter| {
        let kept = flows.iter().enumerate().filter(|(_, denied)| filter.takes(denied, &names));
        kept.map(|(index, _)| index).collect::<Vec<_>>()
    };
    let to = |text: &str| Filter { to: vec![text.parse::<Destination>().unwrap()], ..Filter::default() };
    let port = |text: &str| Filter { ports: vec![text.parse().unwrap()], ..Filter::default() };
    let of = |text: &str| Filter { containers: vec![text.to_owned()], ..Filter::default() };
    let since = |text: &str| Filter { since: Some(text.parse().unwrap()), ..Filter::default() };
    for (filter, expected) in [
        (Filter::default(), &[0, 1, 2, 3][..]),
        (to("host"), &[1]),
        (to("10.57.17.0/24"), &[0, 1]),
        (to("fd57::6"), &[3]),
        (port("53"), &[1, 3]),
        (port("53/tcp"), &[3]),
        (port("5000-6000/tcp"), &[0]),
        (of("shop-web-1"), &[0, 1, 2]),
        (of("fd21::3"), &[3]),
        (of("shop-web"), &[]),
        (since("2026-08-20T12:00:00Z"), &[0, 1, 2, 3]),
        (since("2026-08-20T12:00:01Z"), &[]),
    ] {
        assert_eq!(kept(&filter), expected, "{filter:?}");
    }
}

#[test]
fn flows_are_sorted_and_grouped() {
    let host = host();
    let names = Names::of(&host);
    let mut flows =
        [denied("10.57.17.6", 6, Some(22), 1), denied("10.57.17.2", 6, Some(22), 30), denied("10.57.17.6", 1, None, 4)];
    sort(&mut flows, Order::Packets);
    assert_eq!(flows.map(|denied| denied.packets.unwrap()), [30, 4, 1]);
    let groups = |by| {
        let groups = group(&flows, by, &names).into_iter();
        groups.map(|group| format!("{} {} {:?}", group.name, group.flows, group.packets.unwrap())).collect::<Vec<_>>()
    };
    assert_eq!(groups(By::Container), ["shop-web-1 3 35"]);
    assert_eq!(groups(By::Destination), ["host 1 30", "10.57.17.6 2 5"]);
    assert_eq!(groups(By::Port), ["22/tcp 2 31", "icmp 1 4"]);
}

fn scan(ports: std::ops::RangeInclusive<u16>) -> Vec<Denied> {
    ports.map(|port| denied("10.57.17.6", 6, Some(port), 1)).collect()
}

#[test]
fn a_scan_is_one_line_and_what_is_no_scan_stays_apart() {
    let mut flows = scan(1..=1000);
    flows.extend([denied("10.57.17.6", 17, Some(53), 7), denied("10.57.17.5", 6, Some(22), 3)]);
    let folded = fold(&flows);
    assert_eq!(folded.len(), 3);
    assert_eq!((folded[0].ports.len(), folded[0].denied.packets), (1000, Some(1000)));
    assert!(folded[1].ports.is_empty() && folded[2].ports.is_empty());
    assert_eq!(fold(&scan(1..=16)).len(), 16);
}

#[test]
fn each_flow_is_told_once_and_a_scan_in_one_piece_of_news() {
    let (start, remember) = (clock().now, SignedDuration::from_mins(10));
    let mut follow = Follow::since(start);
    let second = start + SignedDuration::from_secs(1);
    let old = Denied { last: Some(start - SignedDuration::from_secs(5)), ..denied("10.57.17.6", 6, Some(22), 1) };
    assert_eq!(follow.look(&[old], second, remember), []);
    // It moves.
    let moved = Denied { last: Some(second), ..old };
    assert_eq!(follow.look(&[moved], second, remember).len(), 1);
    assert_eq!(follow.look(&[moved], second, remember), []);
    let mut all = scan(1000..=60_999);
    all.push(moved);
    let news = follow.look(&all, second, remember);
    assert_eq!((news.len(), news[0].ports.len(), news[0].denied.packets), (1, 60_000, Some(60_000)));
    assert_eq!(follow.look(&all, second, remember), []);
    // Heard of by the log first.
    let heard = denied("10.57.17.5", 17, Some(53), 1);
    assert_eq!(follow.hear(&[heard, heard], second).len(), 1);
    all.push(heard);
    assert_eq!(follow.look(&all, second, remember), []);
    // Missed in one look.
    assert_eq!(follow.look(&[], second, remember), []);
    assert_eq!(follow.look(&all, second, remember), []);
    // Forgotten, and there again.
    let later = second + remember;
    assert_eq!(follow.look(&[], later, remember), []);
    let again = Denied { last: Some(later), ..old };
    assert_eq!(follow.look(&[again], later, remember).len(), 1);
}
