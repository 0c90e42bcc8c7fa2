//! What grants do to packets: of a container behind a bridge, to a machine of the LAN and to the host.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpStream};
use std::thread::sleep;
use std::time::Duration;

use dockwall::config::Mode;
use dockwall::netlink::Error;
use dockwall::observe::Status;
use dockwall::policy::{Grant, Opening, Policy};
use dockwall::ruleset::compile;
use jiff::{SignedDuration, Timestamp};

use crate::grants::while_it_lasts;
use crate::support::Netns;
use crate::support::policies::{features, interfaces, narrow_grant, networks, plain, services};

/// A packet that has no answer by then was dropped.
const PATIENCE: Duration = Duration::from_millis(300);

/// A container 172.17.0.2 and fd17::2, its host 172.17.0.1 and fd17::1, and a machine 10.1.2.3 and fd01::3 of
/// the LAN.
pub struct Net {
    pub container: Netns,
    pub host: Netns,
    pub lan: Netns,
}

impl Net {
    pub fn new() -> Self {
        let (container, host, lan) = (Netns::new(), Netns::new(), Netns::new());
        let (to_container, to_lan) = (container.name(), lan.name());
        run(
            &host,
            &[
                "ip link add docker0 type bridge",
                &format!("ip link add veth0 type veth peer name eth0 netns {to_container}"),
                &format!("ip link add lan0 type veth peer name eth0 netns {to_lan}"),
                "ip link set veth0 master docker0 up",
                "ip link set docker0 up",
                "ip link set lan0 up",
                "ip address add 172.17.0.1/16 dev docker0",
                "ip address add 10.1.0.1/16 dev lan0",
                "ip address add fd17::1/64 dev docker0 nodad",
                "ip address add fd01::1/64 dev lan0 nodad",
                "sysctl -q -w net.ipv4.ip_forward=1",
                "sysctl -q -w net.ipv6.conf.all.forwarding=1",
            ],
        );
        for (place, address, gateway, ipv6, gateway6) in [
            (&container, "172.17.0.2/16", "172.17.0.1", "fd17::2/64", "fd17::1"),
            (&lan, "10.1.2.3/16", "10.1.0.1", "fd01::3/64", "fd01::1"),
        ] {
            run(
                place,
                &[
                    "ip link set eth0 up",
                    &format!("ip address add {address} dev eth0"),
                    &format!("ip route add default via {gateway}"),
                    &format!("ip address add {ipv6} dev eth0 nodad"),
                    &format!("ip route add default via {gateway6}"),
                ],
            );
        }
        let net = Self { container, host, lan };
        // Until the links are up.
        let ready = (0..50).any(|_| net.reaches("10.1.2.3:9") && net.reaches("[fd01::3]:9"));
        assert!(ready, "there is no way through the host");
        net
    }

    /// Makes the host hold these grants alone, with those that runs out reckoned from now.
    fn grant(&self, grants: &[Grant]) {
        self.apply(&Policy { grants: grants.to_vec(), ..closed() });
    }

    pub fn apply(&self, policy: &Policy) {
        let table = compile(policy, features(), Timestamp::now()).marked(1);
        self.host.kernel().replace(|_| Ok::<_, Error>(table.clone())).unwrap();
    }

    /// Whether the container gets an answer from there: nobody listens, so it is a refusal.
    pub fn reaches(&self, place: &str) -> bool {
        let place: SocketAddr = place.parse().unwrap();
        let answer = self.container.enter(|| TcpStream::connect_timeout(&place, PATIENCE));
        match answer.unwrap_err().kind() {
            ErrorKind::ConnectionRefused => true,
            ErrorKind::TimedOut | ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => false,
            other => panic!("{other:?} from {place}"),
        }
    }
}

#[track_caller]
pub fn run(place: &Netns, commands: &[&str]) {
    for command in commands {
        let mut words = command.split(' ');
        let status = place.command(words.next().unwrap()).args(words).status().unwrap();
        assert!(status.success(), "{command}");
    }
}

pub fn closed() -> Policy {
    Policy { grants: Vec::new(), resolvers: Vec::new(), ..plain() }
}

fn until(grant: Grant, milliseconds: i64) -> Grant {
    Grant { until: Some(Timestamp::now() + SignedDuration::from_millis(milliseconds)), ..grant }
}

#[test]
fn j3_a_packet_passes_as_long_as_one_of_the_overlapping_grants_holds() {
    let net = Net::new();
    let timed = until(narrow_grant("timed", &["10.1.0.0/16"], &["8000-8100/tcp"]), 3_600_000);
    let lasting = narrow_grant("lasting", &["10.1.2.3"], &["8050/tcp"]);
    for (grants, open, shut) in [
        (vec![], vec![], vec![8000, 8050]),
        (vec![timed.clone(), lasting.clone()], vec![8000, 8050, 8100], vec![7999, 8101]),
        (vec![lasting.clone()], vec![8050], vec![8000, 8100]),
        (vec![timed.clone(), lasting], vec![8000, 8050], vec![8101]),
        (vec![timed], vec![8000, 8050, 8100], vec![8101]),
    ] {
        net.grant(&grants);
        for (ports, reached) in [(open, true), (shut, false)] {
            for port in ports {
                assert_eq!(net.reaches(&format!("10.1.2.3:{port}")), reached, "port {port} with {grants:#?}");
            }
        }
    }
}

#[test]
fn j7_what_runs_out_is_shut_by_then_unless_it_was_renewed() {
    let net = Net::new();
    let brief = |name: &str, port: &str| narrow_grant(name, &["10.1.2.3"], &[port]);
    let (one, two) = (brief("one", "443/tcp"), brief("two", "444/tcp"));
    let (life, reached) = while_it_lasts(|life| {
        net.grant(&[until(one.clone(), life), until(two.clone(), life)]);
        net.reaches("10.1.2.3:443") && net.reaches("10.1.2.3:444")
    });
    assert!(reached);
    net.grant(&[until(one, life), until(two, 3_600_000)]);
    sleep(Duration::from_millis(life.unsigned_abs() + 200));
    assert!(!net.reaches("10.1.2.3:443"));
    assert!(net.reaches("10.1.2.3:444"));
}

#[test]
fn who_is_not_meant_by_from_does_not_pass() {
    let net = Net::new();
    let from =
        |address: &str| Grant { from: Some(networks(&[address])), ..narrow_grant("db", &["10.1.2.3"], &["5432/tcp"]) };
    for (address, reached) in
        [("172.17.0.2", true), ("172.17.0.3", false), ("172.17.0.0/24", true), ("172.18.0.0/16", false)]
    {
        net.grant(&[from(address)]);
        assert_eq!(net.reaches("10.1.2.3:5432"), reached, "{address}");
        assert!(!net.reaches("10.1.2.3:5433"));
    }
}

#[test]
fn the_host_is_open_where_it_is_granted_and_a_network_around_it_does_not_open_it() {
    let net = Net::new();
    let on_host = |ports: &[&str]| Grant {
        openings: vec![Opening { to: networks(&["0.0.0.0/0"]), host: true, services: services(ports) }],
        ..narrow_grant("host", &[], &[])
    };
    let around = narrow_grant("around", &["172.16.0.0/12", "10.0.0.0/8"], &[]);
    for (grants, open, shut) in [
        (vec![], vec![], vec!["172.17.0.1:22", "10.1.0.1:22", "10.1.2.3:22"]),
        (vec![around], vec!["10.1.2.3:22"], vec!["172.17.0.1:22", "10.1.0.1:22"]),
        (vec![on_host(&["22/tcp"])], vec!["172.17.0.1:22", "10.1.0.1:22"], vec!["172.17.0.1:23", "10.1.2.3:22"]),
        (vec![on_host(&[])], vec!["172.17.0.1:22", "10.1.0.1:23"], vec!["10.1.2.3:22"]),
    ] {
        net.grant(&grants);
        for (places, reached) in [(open, true), (shut, false)] {
            for place in places {
                assert_eq!(net.reaches(place), reached, "{place} with {grants:#?}");
            }
        }
    }
    net.apply(&Policy { host: false, ..closed() });
    assert!(net.reaches("172.17.0.1:22") && !net.reaches("10.1.2.3:22"));
}

#[test]
fn a_packet_is_counted_once_whatever_names_its_interface() {
    let net = Net::new();
    for containers in [interfaces(&["docker0"]), interfaces(&["docker*"]), interfaces(&["br-*"])] {
        net.host.kernel().remove().unwrap();
        net.apply(&Policy { mode: Mode::Audit, bridges: true, containers, ..closed() });
        assert!(net.reaches("10.1.2.3:9"));
        let wall = Status::of(&net.host.read()).wall.unwrap();
        assert_eq!((wall.denied.packets, wall.logged.packets), (1, 1), "{}", net.host.list());
    }
}
