//! A host with containers' networks and others around it, and somebody in each who sends any packet.

use std::io::Write;
use std::net::{IpAddr, SocketAddr, SocketAddrV6};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use dockwall::host::{DockerState, Host};
use dockwall::ruleset::Table;
use dockwall::ruleset::explain::Packet;
use ipnet::IpNet;
use netlink_sys::{Socket, protocols::NETLINK_NETFILTER};
use rustix::net::{AddressFamily, Protocol, RawProtocol, SendFlags, SocketType, sendto, socket, sockopt};

use crate::observer::{Seen, ruleset};
use crate::shot::{Kind, Shot};
use crate::support::Netns;
use crate::topology::{LINKS, UPLINK};

/// How long all packets of one configuration may be under way.
const PATIENCE: Duration = Duration::from_secs(3);

pub struct Network {
    host: Netns,
    /// What the host says of itself.
    pub facts: Host,
    own: Sender,
    senders: Vec<Sender>,
    _outside: Vec<Netns>,
}

/// Raw sockets of both families, to which packets are given whole.
struct Sender {
    sockets: [OwnedFd; 2],
    /// The link's number there, for what has no route.
    link: u32,
}

impl Network {
    pub fn new() -> Self {
        let host = Netns::new();
        let outside: Vec<Netns> = LINKS.iter().map(|_| Netns::new()).collect();
        for (name, value) in [
            ("net/ipv4/ip_forward", "1"),
            ("net/ipv4/conf/all/rp_filter", "0"),
            ("net/ipv4/conf/default/rp_filter", "0"),
            ("net/ipv4/conf/all/send_redirects", "0"),
            ("net/ipv6/conf/all/forwarding", "1"),
            ("net/ipv6/conf/default/accept_dad", "0"),
        ] {
            sysctl(&host, name, value);
        }
        // Where bridges pass netfilter, one keeps what comes back to it by translation to itself.
        for family in ["ip", "ip6"] {
            let name = format!("net/bridge/bridge-nf-call-{family}tables");
            if host.enter(|| Path::new("/proc/sys").join(&name).exists()) {
                sysctl(&host, &name, "0");
            }
        }
        let mut batch = String::new();
        for (number, (link, place)) in LINKS.iter().zip(&outside).enumerate() {
            let (name, there) = (link.name, place.name());
            match link.kind {
                "bridge" => {
                    // One that snoops takes messages of multicast that are none away before any hook.
                    batch += &format!("link add {name} type bridge mcast_snooping 0\n");
                    batch += &format!("link add port{number} type veth peer name eth0 netns {there}\n");
                    batch += &format!("link set port{number} master {name} up\n");
                }
                _ => batch += &format!("link add {name} type veth peer name eth0 netns {there}\n"),
            }
            batch += &format!("link set {name} address {} up\n", hardware_address(number));
            for address in link.addresses {
                batch += &format!("address add {address} dev {name}{}\n", nodad(address));
            }
        }
        for (family, gateway) in [("-4", "10.1.0.254"), ("-6", "fd00:1::fe")] {
            batch += &format!("{family} route add default via {gateway} dev {}\n", LINKS[UPLINK].name);
        }
        ip(&host, &batch.replace("-4 ", "").replace("-6 ", ""));
        for (number, (link, place)) in LINKS.iter().zip(&outside).enumerate() {
            ip(place, &outside_of(number, link.addresses));
        }
        host.load(&ruleset());
        sysctl(&host, "net/netfilter/nf_conntrack_checksum", "0");
        let empty = tempfile::tempdir().unwrap();
        let facts = host.enter(|| Host::with_docker(DockerState::Absent, empty.path()).unwrap());
        let senders = outside.iter().map(Sender::new).collect();
        let network = Self { own: Sender::new(&host), host, facts, senders, _outside: outside };
        network.await_links();
        network
    }

    /// Until every link takes packets of both families to the host.
    fn await_links(&self) {
        let probe = |link: usize, source: &str, destination: &str| {
            let (source, destination) = (source.parse().unwrap(), destination.parse().unwrap());
            Shot { link, source, destination, kind: Kind::Udp, port: 9, answers: false }
        };
        let probes: Vec<(u16, Shot)> = (0..LINKS.len())
            .flat_map(|link| [probe(link, "203.0.113.9", "198.51.100.7"), probe(link, "2001:db8::9", "2001:db8::7")])
            .zip(1..)
            .map(|(shot, number)| (number, shot))
            .collect();
        let deadline = Instant::now() + PATIENCE;
        loop {
            probes.iter().for_each(|(number, shot)| self.send(shot, &shot.bytes(*number, *number)));
            let seen = Seen::read(&self.host);
            if probes.iter().all(|(number, shot)| seen.came(*number, &shot.packet(false, *number))) {
                return;
            }
            assert!(Instant::now() < deadline, "the links do not come up");
            sleep(Duration::from_millis(20));
        }
    }

    /// Makes the host hold `table`, and forget all packets.
    pub fn begin(&self, table: &Table) {
        self.host.replace(table);
        self.host.load(&ruleset());
        self.host.enter(forget_flows);
    }

    /// Sends a packet to the host by the shot's link.
    pub fn send(&self, shot: &Shot, bytes: &[u8]) {
        self.senders[shot.link].send(bytes, shot.destination);
    }

    /// Sends one of the host's own.
    pub fn send_from_host(&self, bytes: &[u8], to: IpAddr) {
        self.own.send(bytes, to);
    }

    /// What became of the packets, when all of them came to the hook or long should have.
    pub fn observe(&self, packets: &[(u16, Packet)]) -> Seen {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let seen = Seen::read(&self.host);
            let all = packets.iter().all(|(number, packet)| seen.came(*number, packet));
            if all || Instant::now() > deadline {
                // Who came last may still be on its way through the wall.
                return Seen::read(&self.host);
            }
            sleep(Duration::from_millis(10));
        }
    }
}

impl Sender {
    fn new(place: &Netns) -> Self {
        let open =
            |family| socket(family, SocketType::RAW, RawProtocol::new(IPPROTO_RAW).map(Protocol::from_raw)).unwrap();
        let (sockets, link) = place.enter(|| {
            let sockets = [AddressFamily::INET, AddressFamily::INET6].map(open);
            let link = rustix::net::netdevice::name_to_index(&sockets[0], "eth0").unwrap();
            (sockets, link)
        });
        sockopt::set_socket_broadcast(&sockets[0], true).unwrap();
        Self { sockets, link }
    }

    fn send(&self, bytes: &[u8], to: IpAddr) {
        let (socket, to) = match to {
            IpAddr::V4(_) => (&self.sockets[0], SocketAddr::new(to, 0)),
            IpAddr::V6(address) => {
                let scope = if address.is_multicast() { self.link } else { 0 };
                (&self.sockets[1], SocketAddrV6::new(address, 0, 0, scope).into())
            }
        };
        sendto(socket, bytes, SendFlags::empty(), &to).unwrap_or_else(|error| panic!("cannot send to {to}: {error}"));
    }
}

/// A socket of this protocol takes packets with their IP headers (`man 7 raw`).
const IPPROTO_RAW: u32 = 255;

/// Everything goes to the host.
fn outside_of(number: usize, addresses: [&str; 2]) -> String {
    let mut batch = "link set eth0 up\nlink set lo up\n".to_owned();
    for address in addresses {
        let gateway: IpNet = address.parse().unwrap();
        let (gateway, own) = match gateway.addr() {
            IpAddr::V4(gateway) => (IpAddr::V4(gateway), "192.0.2.2/32"),
            IpAddr::V6(gateway) => (IpAddr::V6(gateway), "2001:db8:2::2/128"),
        };
        batch += &format!("address add {own} dev eth0{}\n", nodad(own));
        batch += &format!("route add default via {gateway} dev eth0 onlink\n");
        batch += &format!("neighbour replace {gateway} lladdr {} dev eth0 nud permanent\n", hardware_address(number));
    }
    batch
}

fn hardware_address(number: usize) -> String {
    format!("02:00:00:00:00:{:02x}", number + 1)
}

fn nodad(address: &str) -> &'static str {
    if address.contains(':') { " nodad" } else { "" }
}

fn sysctl(place: &Netns, name: &str, value: &str) {
    place
        .enter(|| std::fs::write(format!("/proc/sys/{name}"), value).unwrap_or_else(|error| panic!("{name}: {error}")));
}

/// Runs many commands of `ip` at once.
fn ip(place: &Netns, batch: &str) {
    let mut command = Command::new("ip");
    command.args(["-n", place.name(), "-batch", "-"]).stdin(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(batch.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success(), "ip: {batch}");
}

/// Empties connection tracking: `IPCTNL_MSG_CT_DELETE` of `NFNL_SUBSYS_CTNETLINK` without attributes.
fn forget_flows() {
    const DELETE: u16 = 1 << 8 | 2;
    const REQUEST_AND_ACK: u16 = 1 | 4;
    let mut message = Vec::new();
    message.extend(20u32.to_ne_bytes());
    message.extend(DELETE.to_ne_bytes());
    message.extend(REQUEST_AND_ACK.to_ne_bytes());
    message.extend([0; 12]);
    let mut socket = Socket::new(NETLINK_NETFILTER).unwrap();
    socket.bind_auto().unwrap();
    socket.send(&message, 0).unwrap();
    let mut answer = Vec::with_capacity(4096);
    socket.recv(&mut answer, 0).unwrap();
    assert_eq!(answer[16..20], [0; 4], "the flows are still there");
}
