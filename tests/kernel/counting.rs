//! What the rules count: each packet once, for its family and for where it went.

use std::collections::BTreeMap;
use std::net::UdpSocket;
use std::thread::sleep;
use std::time::Duration;

use dockwall::config::{Action, Mode};
use dockwall::observe::{Status, What, family_word};
use dockwall::policy::Policy;

use crate::passing::{Net, closed};

/// What is counted, as packets by what for and family.
fn counted(net: &Net) -> BTreeMap<(What, &'static str), u64> {
    let wall = Status::of(&net.host.read()).wall.unwrap();
    let mut all = BTreeMap::new();
    for counted in wall.counters.iter().filter(|counted| counted.count.packets > 0) {
        *all.entry((counted.what, counted.family.map_or("both", family_word))).or_default() += counted.count.packets;
    }
    all
}

/// Sends that many datagrams there from the container, as fast as the link takes them.
fn send(net: &Net, to: &str, datagrams: u32) {
    net.container.enter(|| {
        let any = if to.starts_with('[') { "[::]:0" } else { "0.0.0.0:0" };
        let socket = UdpSocket::bind(any).unwrap();
        (0..datagrams).for_each(|_| assert_eq!(socket.send_to(b"dockwall", to).unwrap(), 8));
    });
}

#[test]
fn k10_each_denied_packet_is_counted_once_by_its_family_whatever_becomes_of_it() {
    let net = Net::new();
    let verdicts = [(Mode::Audit, Action::Drop), (Mode::Enforce, Action::Drop), (Mode::Enforce, Action::Reject)];
    for (mode, action) in verdicts {
        net.host.kernel().remove().unwrap();
        net.apply(&Policy { mode, action, ..closed() });
        for (to, datagrams) in [("10.1.2.3:9", 2), ("[fd01::3]:9", 3), ("172.17.0.1:9", 4), ("[fd17::1]:9", 1)] {
            send(&net, to, datagrams);
        }
        let reached = [net.reaches("10.1.2.3:9"), net.reaches("[fd01::3]:9")];
        assert_eq!(reached, [mode == Mode::Audit || action == Action::Reject; 2], "{mode} {action}");
        let expected = BTreeMap::from([
            ((What::Denied, "ipv4"), 2 + 4 + 1),
            ((What::Denied, "ipv6"), 3 + 1 + 1),
            ((What::DeniedToHost, "ipv4"), 4),
            ((What::DeniedToHost, "ipv6"), 1),
            ((What::Logged, "both"), 2 + 4 + 1 + 3 + 1 + 1),
        ]);
        // The last datagrams may be on their way still.
        let arrived = (0..50).any(|_| {
            counted(&net) == expected || {
                sleep(Duration::from_millis(20));
                false
            }
        });
        assert!(arrived, "{mode} {action}: {:?} and not {expected:?}\n{}", counted(&net), net.host.list());
    }
}
