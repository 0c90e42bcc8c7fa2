//! Hearing that the network changes.

use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use dockwall::host::FactsWatch;

use crate::namespace::Namespace;

/// Long enough for what is to be heard, and for what is not.
const PATIENCE: Duration = Duration::from_secs(5);
const SILENCE: Duration = Duration::from_millis(200);

/// What a watch hears in a namespace; the thread ends with the test program.
fn heard_in(namespace: &Namespace) -> Receiver<()> {
    let mut watch = namespace.enter(|| FactsWatch::open().unwrap());
    let (sender, heard) = channel();
    thread::spawn(move || while watch.wait().is_ok() && sender.send(()).is_ok() {});
    heard
}

/// Takes all that is there, and says how often something was heard.
fn drain(heard: &Receiver<()>) -> usize {
    std::iter::from_fn(|| heard.recv_timeout(SILENCE).ok()).count()
}

#[test]
fn links_addresses_and_routes_that_matter_are_heard_of_and_routes_through_routers_are_not() {
    let namespace = Namespace::with(&[
        "link set lo up",
        "link add eth0 type veth peer name peer",
        // Or the kernel gives them addresses of its own, seconds later.
        "link set eth0 addrgenmode none",
        "link set peer addrgenmode none",
    ]);
    let heard = heard_in(&namespace);
    for (command, tells) in [
        ("link set eth0 up", true),
        ("link set peer up", true),
        ("address add 10.1.2.3/24 dev eth0", true),
        ("address add fd00::3/64 dev eth0 nodad", true),
        ("route add 10.9.0.0/16 via 10.1.2.1", false),
        ("route add fd00:9::/64 via fd00::1", false),
        ("route add default via 10.1.2.1", true),
        ("route add 10.8.0.0/16 dev eth0", true),
        ("link add br-mine type bridge", true),
        ("link del br-mine", true),
    ] {
        drain(&heard);
        namespace.ip(command);
        let patience = if tells { PATIENCE } else { SILENCE };
        assert_eq!(heard.recv_timeout(patience).is_ok(), tells, "{command}");
    }
}

#[test]
fn what_is_lost_because_it_was_too_much_counts_as_heard() {
    let namespace = Namespace::with(&["link add eth0 type veth peer name peer"]);
    let mut watch = namespace.enter(|| FactsWatch::open().unwrap());
    // Each is about 2 KiB to the kernel, of which it keeps 2 MiB.
    let many: String = (0..4000).map(|number| format!("link set eth0 mtu {}\n", 1400 + number % 2)).collect();
    namespace.batch(&many);
    // All that waits, and the notice that more was lost, which comes before it.
    let (sender, heard) = channel();
    thread::spawn(move || while watch.wait().is_ok() && sender.send(()).is_ok() {});
    let count = drain(&heard);
    assert!((1..4000).contains(&count), "nothing was lost: {count}");
    namespace.ip("link set eth0 up");
    assert!(heard.recv_timeout(PATIENCE).is_ok(), "deaf after that");
}
