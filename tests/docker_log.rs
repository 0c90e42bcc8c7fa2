//! The log: enough to see what is denied, never so much that it harms, and never what decides.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod support;

use std::collections::BTreeSet;
use std::thread::sleep;
use std::time::{Duration, Instant};

use support::lab::log_lines::by_flow;
use support::lab::{LAN, Lab, Verdict, all_of, from};

/// `log.burst`.
const BURST: u64 = 5;

/// The most lines that a rate allows by now.
fn most(burst: u64, a_minute: u64, since: Instant) -> u64 {
    let elapsed = u64::try_from(since.elapsed().as_millis()).unwrap();
    burst + elapsed * a_minute / 60_000 + 1
}

fn logged(lab: &Lab) -> u64 {
    lab.status()["wall"]["logged"]["packets"].as_u64().unwrap()
}

/// One after the other, so that the limit of all of them together does not play a part.
#[test]
fn k2_k4_k8_each_flow_is_logged_five_times_and_then_six_times_a_minute() {
    let lab = Lab::up(&[]);
    let udp = |whom: &str| format!("traffic blast {whom} --pps 40 --seconds 1");
    let ping = |whom: &str| format!("ping -n -q -c 10 -i 0.02 -W 0.1 {whom}");
    let flows = [
        ("app", udp("10.57.17.6 7002"), "172.17.0.2 10.57.17.6 17 7002"),
        ("app", udp("10.57.17.6 53"), "172.17.0.2 10.57.17.6 17 53"),
        ("app", udp("10.57.17.5 7002"), "172.17.0.2 10.57.17.5 17 7002"),
        ("web-1", udp("10.57.17.6 7002"), "172.21.0.2 10.57.17.6 17 7002"),
        ("web-1", udp("fd57:17::6 7002"), "fd00:d0c:21::2 fd57:17::6 17 7002"),
        // Each from another port, and each ping with another identifier.
        ("web-1", "traffic connect 10.57.17.6 7000 --rate 40 --seconds 1".into(), "172.21.0.2 10.57.17.6 6 7000"),
        ("db-1", ping("10.57.17.6"), "172.22.0.2 10.57.17.6 1"),
        ("db-1", ping("10.57.17.6"), "172.22.0.2 10.57.17.6 1"),
        ("db-1", ping("fd57:17::6"), "fd00:d0c:22::2 fd57:17::6 58"),
        ("db-1", ping("fd57:17::6"), "fd00:d0c:22::2 fd57:17::6 58"),
    ];
    for (mode, prefix) in [("enforce", "DOCKER_NET_DROP "), ("audit", "DOCKER_NET_AUDIT ")] {
        let lines = lab.listen_to_log(5);
        let begun = Instant::now();
        lab.apply(&format!("mode = \"{mode}\"\nlog.target = \"nflog:5\""));
        for (place, command, _) in &flows {
            lab.try_exec(place, command);
            sleep(Duration::from_millis(200));
        }
        let counted = logged(&lab);
        let lines = lines.read(counted);
        assert_eq!(lines.len() as u64, counted, "{mode}: lines and their counter");
        assert!(lines.iter().all(|line| line.prefix == prefix), "{mode}: {lines:?}");
        let by_flow = by_flow(&lines);
        for (_, _, flow) in &flows {
            let count = by_flow.get(flow).copied().unwrap_or(0);
            assert!((BURST..=most(BURST, 6, begun)).contains(&count), "{mode}, {flow}: {count} lines of {by_flow:?}");
        }
        assert_eq!(by_flow.len(), flows.len() - 2, "{mode}: {by_flow:?}");
        lab.dockwall("remove");
    }
}

#[test]
fn k2_floods_from_and_to_many_ports_stay_under_the_limit_of_all_flows() {
    let lab = Lab::up(&[]);
    let lines = lab.listen_to_log(5);
    lab.apply("mode = \"enforce\"\nlog.target = \"nflog:5\"");
    let begun = Instant::now();
    let scans = [
        lab.start("app", "traffic scan 10.57.17.6 --from 5536 --pps 20000"),
        lab.start("web-1", "traffic scan fd57:17::6 --from 5536 --pps 20000"),
        lab.start("db-1", "traffic connect 10.57.17.5 7000 --rate 1000 --seconds 3 --until-eof"),
    ];
    let [ipv4, ipv6, _] = scans.map(|scan| scan.finish());
    assert_eq!((&ipv4["sent"], &ipv6["sent"]), (&60_000.into(), &60_000.into()));
    // As many at once as in one unit of time.
    let most = most(50, 50 * 60, begun);
    let counted = logged(&lab);
    let lines = lines.read(counted);
    println!("{counted} lines of 120,000 flows in {:?}", begun.elapsed());
    assert!((BURST..=most).contains(&counted), "{counted} lines, at most {most} are allowed");
    assert_eq!(lines.len() as u64, counted);
    assert!(by_flow(&lines).values().all(|count| *count <= BURST + 1));
}

/// To the LAN, to the host and to a port that the host publishes, dropped and rejected, with a prefix as
/// long as the kernel keeps.
#[test]
fn k4_k8_each_denied_flow_comes_to_the_group_with_the_whole_prefix() {
    const GROUP: u16 = 7;
    let lab = Lab::up(&[]);
    let prefix = "p".repeat(127);
    let flows = [
        ("app", "udp 10.57.17.6 7001", "172.17.0.2 10.57.17.6 17 7001"),
        ("app", "udp fd57:17::6 7001", "fd00:d0c:1::242:ac11:2 fd57:17::6 17 7001"),
        ("app", "udp 10.57.17.2 7001", "172.17.0.2 10.57.17.2 17 7001"),
        ("app", "udp fd57:17::2 7001", "fd00:d0c:1::242:ac11:2 fd57:17::2 17 7001"),
        ("web-1", "udp 172.21.0.1 7001", "172.21.0.2 172.21.0.1 17 7001"),
        ("db-1", "ping 172.22.0.1", "172.22.0.2 172.22.0.1 1"),
        ("db-1", "ping fd57:17::6", "fd00:d0c:22::2 fd57:17::6 58"),
    ];
    for action in ["drop", "reject"] {
        let lines = lab.listen_to_log(GROUP);
        let log = format!("log = {{ target = \"nflog:{GROUP}\", prefix = \"{prefix}\" }}");
        lab.apply(&format!("mode = \"enforce\"\ndeny.action = \"{action}\"\n{log}"));
        for (place, probe, _) in flows {
            lab.probes(place, &[probe]);
        }
        let lines = lines.read(flows.len() as u64);
        let found: BTreeSet<&str> = lines.iter().map(|line| line.flow.as_str()).collect();
        assert_eq!(found, flows.map(|(_, _, flow)| flow).into(), "{action}");
        assert!(lines.iter().all(|line| line.prefix == prefix), "{action}: {lines:?}");
        assert_eq!((lines.len(), logged(&lab)), (flows.len(), flows.len() as u64), "{action}");
        lab.dockwall("remove");
    }
}

#[test]
fn without_a_log_everything_is_denied_counted_and_remembered_and_no_line_comes() {
    const GROUP: u16 = 7;
    let lab = Lab::up(&[]);
    let lines = lab.listen_to_log(GROUP);
    let group = format!("target = \"nflog:{GROUP}\"");
    let ask =
        || lab.probes("app", &["udp 10.57.17.6 7001", "udp fd57:17::6 7001", "udp 172.17.0.1 7001", "ping fd57:17::2"]);
    lab.apply(&format!("mode = \"enforce\"\nlog = {{ enabled = false, {group} }}"));
    assert!(ask().iter().all(|(_, verdict)| *verdict == Verdict::Timeout));
    assert_eq!(lab.status()["wall"]["denied"]["packets"], 4);
    assert_eq!(lab.meters().len(), 4);
    // The same with a log: had there been lines before, these would not be all.
    lab.dockwall("remove");
    lab.apply(&format!("mode = \"enforce\"\nlog = {{ {group} }}"));
    ask();
    let lines = lines.read(4);
    assert_eq!((lines.len(), logged(&lab)), (4, 4), "{lines:?}");
}

#[test]
fn with_a_full_meter_enforce_still_drops_and_audit_still_passes() {
    const SIZE: usize = 65_535;
    let lab = Lab::up(&[]);
    lab.apply("mode = \"enforce\"");
    fill_meters(&lab, SIZE);
    lab.stats("lan");

    for (mode, verdict) in [("enforce", Verdict::Timeout), ("audit", Verdict::Ok), ("enforce", Verdict::Timeout)] {
        lab.apply(&format!("mode = \"{mode}\""));
        let before = lab.status()["wall"]["denied"]["packets"].as_u64().unwrap();
        let blasts = [
            lab.blast("web-1", "10.57.17.6 7002 --pps 2000 --stream 1"),
            lab.blast("web-1", "fd57:17::6 7002 --pps 2000 --stream 2"),
        ];
        sleep(Duration::from_millis(500));
        let sent = blasts.map(|blast| blast.finish()["sent"].as_u64().unwrap());
        sleep(Duration::from_millis(200));
        let denied = lab.status()["wall"]["denied"]["packets"].as_u64().unwrap() - before;
        assert_eq!(denied, sent.iter().sum::<u64>(), "{mode}");
        let lan = lab.stats("lan");
        let arrived = [1, 2].map(|stream| lan.stream(stream).packets);
        assert_eq!(arrived, if mode == "audit" { sent } else { [0, 0] }, "{mode}");
        lab.expect(mode, &from("web-1", LAN.into_iter().flat_map(all_of), verdict));
    }
}

/// Fills both meters with flows of app.
fn fill_meters(lab: &Lab, size: usize) {
    let mut denied = 0;
    for _ in 0..10 {
        let scans = ["10.57.17.6", "fd57:17::6"]
            .map(|address| lab.start("app", &format!("traffic scan {address} --pps 20000")));
        denied += scans.map(|scan| scan.finish()["sent"].as_u64().unwrap()).iter().sum::<u64>();
        assert_eq!(lab.status()["wall"]["denied"]["packets"], denied);
        if [lab.meter("denied4").len(), lab.meter("denied6").len()] == [size, size] {
            return;
        }
        // While its table grows the kernel refuses some keys (EBUSY of `rhashtable_insert_rehash`):
        // such a flow is remembered with a later packet.
    }
    panic!("the meters do not become full");
}
