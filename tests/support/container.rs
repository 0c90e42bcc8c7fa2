//! A container without a Docker: a namespace behind a bridge of a host.

use std::net::UdpSocket;
use std::thread::sleep;
use std::time::Duration;

use super::Netns;

/// Its addresses.
pub const ADDRESSES: [&str; 2] = ["172.17.0.2", "fd17::2"];
/// Those of its host.
pub const HOST: [&str; 2] = ["172.17.0.1", "fd17::1"];

/// One behind `docker0`, which is made for it.
pub fn behind(host: &Netns) -> Netns {
    let container = Netns::new();
    for words in [
        "link add docker0 type bridge",
        &format!("link add veth0 type veth peer name eth0 netns {}", container.name()),
        "link set veth0 master docker0 up",
        "link set docker0 up",
        "address add 172.17.0.1/16 dev docker0",
        "address add fd17::1/64 dev docker0 nodad",
    ] {
        ip(host, words);
    }
    for words in ["link set eth0 up", "address add 172.17.0.2/16 dev eth0", "address add fd17::2/64 dev eth0 nodad"] {
        ip(&container, words);
    }
    container
}

#[track_caller]
fn ip(netns: &Netns, words: &str) {
    assert!(netns.command("ip").args(words.split(' ')).status().unwrap().success(), "ip {words}");
}

/// Sends a datagram to that port of its host, by IPv4 and by IPv6.
pub fn knocks(container: &Netns, port: u16) {
    container.enter(|| {
        for (from, to) in ADDRESSES.into_iter().zip(HOST) {
            UdpSocket::bind((from, 0)).unwrap().send_to(b"x", (to, port)).unwrap();
        }
    });
}

/// Has it knock at that port until its wall remembers both; the first may wait for the link and for the neighbour.
///
/// # Panics
/// When it never does.
pub fn is_denied(host: &Netns, container: &Netns, port: u16) {
    let remembers = || {
        knocks(container, port);
        let listed = host.list();
        ADDRESSES.into_iter().zip(HOST).all(|(from, to)| listed.contains(&format!("{from} . {to} . udp . {port}")))
    };
    let any = (0..100).any(|_| {
        remembers() || {
            sleep(Duration::from_millis(50));
            false
        }
    });
    assert!(any, "nothing is remembered: {}", host.list());
}
