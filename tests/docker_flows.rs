//! Open connections while the rules change around them.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod support;

use std::thread::sleep;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use support::lab::{ENFORCE, Lab, Sender, addresses, assert_unbroken};

const GRANTED: &str = "mode = \"enforce\"\n\
    [[grant]]\nname = \"four\"\nto = \"10.57.17.6\"\n[[grant]]\nname = \"six\"\nto = \"fd57:17::6\"";

/// How long a flow may outlive the grant that it lived by.
const REVOKED_WITHIN: u64 = 2000;

fn now() -> u64 {
    u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

/// Flows by TCP and UDP, IPv4 and IPv6, that live only by a grant.
fn granted_flows(lab: &Lab) -> Vec<Sender> {
    ["10.57.17.6 7000", "10.57.17.6 7001 --udp", "fd57:17::6 7000", "fd57:17::6 7001 --udp"]
        .map(|flow| lab.session("web-1", flow))
        .into()
}

/// Flows that no grant is needed for: to the Internet, and from outside to a published port.
fn other_flows(lab: &Lab) -> Vec<Sender> {
    let out =
        ["198.51.100.10 7000", "198.51.100.10 7001 --udp", "2001:db8:100::10 7000", "2001:db8:100::10 7001 --udp"];
    let published = ["10.57.17.2 8080", "10.57.17.2 8053 --udp", "fd57:17::2 8080", "fd57:17::2 51820 --udp"];
    let out = out.map(|flow| lab.session("web-1", flow));
    let published = published.map(|flow| lab.session("lan", flow));
    out.into_iter().chain(published).collect()
}

/// That each of these flows had its last answer in time.
fn assert_ended(when: &str, flows: Vec<Sender>, changed: u64) {
    for flow in flows {
        let what = flow.what().to_owned();
        let ended = flow.finish();
        let last = ended["last_answer_unix_ms"].as_u64().unwrap();
        assert!(last < changed + REVOKED_WITHIN, "{when}: {what}: {} ms later: {ended}", last.saturating_sub(changed));
        assert!(ended["sent"].as_u64() > Some(0) && ended["broken"] == true, "{when}: {what}: {ended}");
    }
}

#[test]
fn g1_g5_revoking_a_grant_ends_its_open_flows_and_no_others() {
    let lab = Lab::up(&[]);
    let changes = [("a grant is revoked", GRANTED, ENFORCE), ("audit becomes enforce", "mode = \"audit\"", ENFORCE)];
    for (when, before, after) in changes {
        lab.apply(before);
        let (granted, others) = (granted_flows(&lab), other_flows(&lab));
        sleep(Duration::from_millis(500));
        lab.apply(after);
        let changed = now();
        sleep(Duration::from_millis(2 * REVOKED_WITHIN));
        assert_ended(when, granted, changed);
        assert_unbroken(when, others);
    }
}

#[test]
fn g1_revoking_one_of_two_grants_leaves_the_flows_of_the_other() {
    let lab = Lab::up(&[]);
    lab.apply(GRANTED);
    let mut granted = granted_flows(&lab);
    let six = granted.split_off(2);
    lab.apply("mode = \"enforce\"\n[[grant]]\nname = \"six\"\nto = \"fd57:17::6\"");
    let changed = now();
    sleep(Duration::from_millis(2 * REVOKED_WITHIN));
    assert_ended("the other one is revoked", granted, changed);
    assert_unbroken("the other one is revoked", six);
}

/// A peer that plays along: it answers what it never got, and opens from the very ports.
#[test]
fn g6_an_answer_to_a_dropped_packet_opens_nothing() {
    let lab = Lab::up(&[]);
    lab.apply(ENFORCE);
    for container in ["app", "web-1"] {
        lab.count_seen(container, "tcp sport 7000");
        for (peer, own, host) in [("10.57.17.6", 0, "10.57.17.2"), ("fd57:17::6", 1, "fd57:17::2")] {
            let own = addresses(container)[own];
            let forged: Vec<Sender> = [own, host]
                .iter()
                .flat_map(|target| ["syn-ack", "ack", "syn"].map(|kind| format!("{kind} {target}")))
                .map(|what| format!("traffic forge {what} 5555 --from {peer} --source-port 7000 --count 100"))
                .map(|command| lab.start("lan", &command))
                .collect();
            let asked = lab.try_exec(container, &format!("traffic probe tcp {peer} 7000 --source-port 5555"));
            assert_eq!(String::from_utf8_lossy(&asked.stdout).trim(), "timeout", "{container}, {peer}");
            for sender in forged {
                assert_eq!(sender.finish(), serde_json::json!({ "sent": 100, "errors": 0 }));
            }
            assert_eq!(lab.seen(container), 0, "{container}, {peer}");
            // Had one of these come in, it would be no echo: `garbled`.
            let unasked = [(own, 7005), (host, 7006)]
                .map(|(target, port)| lab.blast("lan", &format!("{target} 5555 --source-port {port}")));
            for port in [7005, 7006] {
                let asked = lab.try_exec(container, &format!("traffic probe udp {peer} {port} --source-port 5555"));
                assert_eq!(String::from_utf8_lossy(&asked.stdout).trim(), "timeout", "{container}, {peer}, {port}");
            }
            assert!(unasked.map(Sender::finish).iter().all(|sent| sent["sent"].as_u64() > Some(100)));
        }
    }
    // What is forged does travel: at a published port it is seen.
    lab.exec("lan", "traffic forge syn 172.21.0.2 7000 --from 10.57.17.6 --source-port 7000 --count 3");
    lab.exec("lan", "traffic forge syn fd00:d0c:21::2 7000 --from fd57:17::6 --source-port 7000 --count 3");
    assert_ne!(lab.seen("web-1"), 0);
}

#[test]
fn g7_sessions_to_the_host_and_to_a_published_port_survive_a_hundred_applies() {
    let lab = Lab::up(&[]);
    let policies = [
        ENFORCE,
        "mode = \"audit\"",
        GRANTED,
        "mode = \"enforce\"\ndeny.ranges = [\"recipe\", \"10.57.17.0/24\"]\ndeny.action = \"reject\"",
        "mode = \"enforce\"\nlog.remember = \"1h\"\ndeny.uplinks = [\"eth*\"]",
    ];
    lab.apply(ENFORCE);
    let mut flows = other_flows(&lab);
    flows.extend(["10.57.17.2 7000", "fd57:17::2 7000", "10.57.17.2 7001 --udp"].map(|flow| lab.session("lan", flow)));
    flows.push(lab.session("host", "10.57.17.6 7000"));
    let mut changes = 0;
    for policy in policies.iter().cycle().skip(1).take(100) {
        changes += lab.apply(policy)["batches"].as_u64().unwrap();
    }
    assert_eq!(changes, 100);
    assert_unbroken("after 100 changes", flows);
    // No hook of ours re-maps a flow: there are no other hooks than these.
    let hooks = lab.exec("host", "nft list table inet dockwall");
    let hooks: Vec<&str> = hooks.lines().filter(|line| line.contains(" hook ")).map(str::trim).collect();
    let expected = ["forward", "input"].map(|hook| format!("type filter hook {hook} priority -20; policy accept;"));
    assert_eq!(hooks, expected);
}
