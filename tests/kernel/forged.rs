//! Packets with a source that is not the sender's: no grant for others lets them pass, whichever way the kernel
//! can tell them.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::thread::sleep;
use std::time::{Duration, Instant};

use dockwall::config::Mode;
use dockwall::netlink::Error;
use dockwall::policy::{Grant, Opening, Policy};
use dockwall::ruleset::{Features, chains, compile};
use jiff::Timestamp;

use crate::passing::{Net, run};
use crate::support::Netns;
use crate::support::policies::{features, interfaces, narrow_grant, networks, plain, services};

/// What the LAN and the host count what comes to the ports in.
const COUNTERS: &str = "table inet seen {
    chain input { type filter hook input priority 100; policy accept; udp dport 7 counter; udp dport 8 counter; }
}";
/// Granted, and not granted.
const PORTS: [u16; 2] = [7, 8];
/// Nothing takes longer.
const PATIENCE: Duration = Duration::from_secs(5);

/// The kernel's own way, and the one for kernels that know a forged source before routing only.
fn both_ways() -> [Features; 2] {
    [features(), Features { way_back_anywhere: false, ..features() }]
}

/// A net in which the container has the addresses of somebody else as well.
fn net() -> Net {
    let net = Net::new();
    run(&net.container, &["ip address add 172.18.0.9/32 dev eth0", "ip address add fd00:e::9/128 dev eth0 nodad"]);
    for place in [&net.lan, &net.host] {
        place.load(COUNTERS);
    }
    net
}

/// Port 7/udp of the LAN and of the host is granted to the network of the container at `from`.
fn granted_to(from: &[&str]) -> Policy {
    let openings = [false, true].map(|host| Opening {
        to: networks(&["0.0.0.0/0", "::/0"]),
        host,
        services: services(&["7/udp"]),
    });
    let grant = Grant { from: Some(networks(from)), openings: openings.to_vec(), ..narrow_grant("theirs", &[], &[]) };
    Policy { grants: vec![grant], resolvers: Vec::new(), ..plain() }
}

fn apply(net: &Net, policy: &Policy, features: Features) {
    let table = compile(policy, features, Timestamp::now()).marked(1);
    net.host.kernel().replace(|_| Ok::<_, Error>(table.clone())).unwrap();
}

/// How many packets came to each of the ports so far.
fn seen(place: &Netns) -> Vec<u64> {
    let listed = place.nft("list table inet seen");
    let counts =
        listed.lines().filter_map(|line| line.split_once("counter packets ")?.1.split(' ').next()?.parse().ok());
    counts.collect()
}

/// Sends a packet to both ports at each of the places from `source`; gives how many of them came to the LAN and
/// to the host.
fn sent(net: &Net, source: &str) -> [Vec<u64>; 2] {
    let source: IpAddr = source.parse().unwrap();
    let places: [IpAddr; 2] = match source {
        IpAddr::V4(_) => ["10.1.2.3".parse().unwrap(), "172.17.0.1".parse().unwrap()],
        IpAddr::V6(_) => ["fd01::3".parse().unwrap(), "fd17::1".parse().unwrap()],
    };
    let before = [&net.lan, &net.host].map(seen);
    net.container.enter(|| {
        let socket = UdpSocket::bind(SocketAddr::new(source, 0)).unwrap();
        for place in places {
            for port in PORTS {
                socket.send_to(b"x", (place, port)).unwrap();
            }
        }
    });
    // A dropped packet is gone at once: veth has no queue. What is on its way needs an answer of the neighbour.
    sleep(Duration::from_millis(200));
    let after = [&net.lan, &net.host].map(seen);
    [0, 1].map(|place| after[place].iter().zip(&before[place]).map(|(after, before)| after - before).collect())
}

/// As [`sent`], until it is what is expected; a neighbour that is not known yet takes the first packets.
#[track_caller]
fn expect(net: &Net, source: &str, expected: [Vec<u64>; 2], why: &str) {
    let end = Instant::now() + PATIENCE;
    loop {
        let found = sent(net, source);
        if found == expected {
            return;
        }
        assert!(Instant::now() < end, "{why}: {found:?} from {source} and not {expected:?}\n{}", net.host.list());
    }
}

#[test]
fn h10_a_forged_source_uses_no_grant_for_others() {
    let net = net();
    let (nothing, the_granted) = ([vec![0, 0], vec![0, 0]], [vec![1, 0], vec![1, 0]]);
    for features in both_ways() {
        apply(&net, &granted_to(&["172.18.0.0/16", "fd00:e::/64"]), features);
        for forged in ["172.18.0.9", "fd00:e::9"] {
            // Not only not yet: what came once would be seen here.
            for _ in 0..3 {
                assert_eq!(sent(&net, forged), nothing, "{features:?} from {forged}");
            }
        }
        apply(&net, &granted_to(&["172.17.0.0/16", "fd17::/64"]), features);
        for own in ["172.17.0.2", "fd17::2"] {
            expect(&net, own, the_granted.clone(), "an honest source keeps its grant");
        }
    }
}

#[test]
fn h10_on_a_bridge_that_is_policed_by_its_kind_alone_neither() {
    let net = net();
    for features in both_ways() {
        let by_kind = |from: &[&str]| Policy { bridges: true, containers: interfaces(&["other0"]), ..granted_to(from) };
        apply(&net, &by_kind(&["172.18.0.0/16", "fd00:e::/64"]), features);
        for forged in ["172.18.0.9", "fd00:e::9"] {
            let [lan, _] = sent(&net, forged);
            assert_eq!(lan, [0, 0], "{features:?} from {forged}");
        }
    }
}

#[test]
fn a_forged_source_is_dropped_before_routing_only_where_something_is_denied() {
    let net = net();
    let old = Features { way_back_anywhere: false, ..features() };
    let open = Policy { denied: networks(&["192.168.0.0/16"]), host: false, ..granted_to(&["172.19.0.0/16"]) };
    apply(&net, &open, old);
    assert!(net.host.table().chain(chains::PREROUTING).is_some());
    for source in ["172.18.0.9", "172.17.0.2", "fd00:e::9", "fd17::2"] {
        expect(&net, source, [vec![1, 1], vec![1, 1]], "nothing of it is denied");
    }
    // Audit mode drops nothing at all.
    apply(&net, &Policy { mode: Mode::Audit, ..granted_to(&["172.19.0.0/16"]) }, old);
    for source in ["172.18.0.9", "172.17.0.2", "fd00:e::9", "fd17::2"] {
        expect(&net, source, [vec![1, 1], vec![1, 1]], "it is only logged");
    }
    // Nor is there such a chain where no grant is for certain containers.
    apply(&net, &Policy { grants: Vec::new(), ..granted_to(&[]) }, old);
    assert!(net.host.table().chain(chains::PREROUTING).is_none());
}
