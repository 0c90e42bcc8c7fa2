//! Flows that conntrack has seen, between two machines at one cable.

use std::net::UdpSocket;
use std::thread::sleep;
use std::time::Duration;

use caps::CapSet;
use dockwall::host::{Flow, FlowsError, open_flows};

use crate::support::Netns;
use crate::support::netns::text;

/// UDP's number.
const UDP: u8 = 17;

/// Tracks what comes in, and answers port 5300 at port 53.
const TRACKING: &str = "table inet tracking {
    chain input { type filter hook input priority 0; ct state new counter; }
    chain prerouting { type nat hook prerouting priority -100; udp dport 5300 redirect to :53; }
}";

fn ip(namespace: &Netns, command: &str) {
    let output = namespace.command("ip").args(command.split(' ')).output().unwrap();
    assert!(output.status.success(), "ip {command}: {}", text(&output.stderr));
}

/// A host at 10.9.0.1 and fd09::1, and its neighbour at .2 and ::2.
fn host_and_neighbour() -> (Netns, Netns) {
    let (host, neighbour) = (Netns::new(), Netns::new());
    ip(&host, &format!("link add eth0 type veth peer name eth0 netns {}", neighbour.name()));
    for (namespace, number) in [(&host, 1), (&neighbour, 2)] {
        ip(namespace, &format!("addr add 10.9.0.{number}/24 dev eth0"));
        ip(namespace, &format!("addr add fd09::{number}/64 nodad dev eth0"));
        ip(namespace, "link set eth0 up");
    }
    host.load(TRACKING);
    (host, neighbour)
}

fn flow(source: &str, destination: &str, port: u16) -> Flow {
    let (source, destination) = (source.parse().unwrap(), destination.parse().unwrap());
    Flow { source, destination, protocol: UDP, port: Some(port) }
}

#[test]
fn flows_are_listed_as_they_were_addressed() {
    let (host, neighbour) = host_and_neighbour();
    assert_eq!(host.enter(|| open_flows().unwrap()), []);
    neighbour.enter(|| {
        for (own, to) in [("10.9.0.2:0", "10.9.0.1:7"), ("10.9.0.2:0", "10.9.0.1:5300"), ("[fd09::2]:0", "[fd09::1]:7")]
        {
            UdpSocket::bind(own).unwrap().send_to(b"hello", to).unwrap();
        }
    });
    let expected = [flow("10.9.0.2", "10.9.0.1", 7), flow("10.9.0.2", "10.9.0.1", 5300), flow("fd09::2", "fd09::1", 7)];
    // A packet is there at once, but for the neighbour's address that has to be found first.
    let mut flows = Vec::new();
    for _ in 0..100 {
        flows = host.enter(|| open_flows().unwrap());
        flows.retain(|flow| flow.protocol == UDP);
        flows.sort_unstable();
        if flows == expected {
            return;
        }
        sleep(Duration::from_millis(20));
    }
    assert_eq!(flows, expected);
}

#[test]
fn more_flows_than_one_datagram_holds_are_listed() {
    let (host, neighbour) = host_and_neighbour();
    neighbour.enter(|| {
        let socket = UdpSocket::bind("10.9.0.2:0").unwrap();
        for port in 10_000..12_000 {
            socket.send_to(b"hello", ("10.9.0.1", port)).unwrap();
        }
    });
    sleep(Duration::from_millis(100));
    let flows = host.enter(|| open_flows().unwrap());
    assert!(flows.iter().filter(|flow| flow.protocol == UDP).count() > 1500, "{}", flows.len());
}

#[test]
fn without_net_admin_the_error_says_so() {
    let refused = Netns::new().enter(|| {
        for set in [CapSet::Effective, CapSet::Permitted] {
            caps::clear(None, set).unwrap();
        }
        open_flows().unwrap_err()
    });
    assert!(matches!(refused, FlowsError::NotPermitted), "{refused}");
}
