//! Any configuration that has a say in the packets of this test.

use std::fmt;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use crate::topology::PUBLISHED;

/// A configuration, which is printed as its file.
#[derive(Debug, Clone)]
pub struct Configuration {
    mode: &'static str,
    action: &'static str,
    interfaces: Option<Vec<&'static str>>,
    bridges: bool,
    exclude: Vec<&'static str>,
    ranges: Vec<&'static str>,
    on_link: bool,
    host: bool,
    uplinks: Vec<&'static str>,
    log: bool,
    grants: Vec<Grant>,
}

#[derive(Debug, Clone)]
struct Grant {
    to: &'static str,
    from: Option<&'static str>,
    service: Service,
    runs_out: bool,
}

#[derive(Debug, Clone)]
enum Service {
    Everything,
    Ports(Vec<String>),
    Protocol(&'static str),
}

const INTERFACES: [&str; 8] = ["docker0", "br-*", "br-a", "br-lan0", "podman*", "podman1", "doc*", "eth1"];
const EXCLUDED: [&str; 5] = ["br-lan*", "br-lan0", "docker0", "podman1", "eth1"];
const RANGES: [&str; 13] = [
    "internal",
    "special",
    "10.0.0.0/8",
    "10.1.2.3",
    "10.1.2.0/24",
    "172.16.0.0/12",
    "192.168.7.1-192.168.7.3",
    "0.0.0.0/0",
    "224.0.0.0/4",
    "fc00::/7",
    "fd00:1::3-fd00:1::4",
    "::/0",
    "ff00::/8",
];
const UPLINKS: [&str; 4] = ["eth0", "eth*", "eth1", "br-lan0"];
const TO: [[&str; 9]; 2] = [
    [
        "10.1.2.3",
        "10.1.2.0/24",
        "10.1.0.0/16",
        "10.1.2.4-10.1.255.7",
        "172.18.0.9",
        "172.18.0.1",
        "10.1.0.1",
        "0.0.0.0/0",
        "host",
    ],
    ["fd00:1::3", "fd00:1::/64", "fd00:7::3", "fd00::/16", "fd00:18::9", "fd00:18::1", "fd00:1::1", "::/0", "host"],
];
const FROM: [[&str; 4]; 2] = [
    ["172.17.0.5", "172.16.0.0/12", "172.18.0.4-172.18.0.6", "10.88.0.0/16"],
    ["fd00:17::5", "fd00:18::/64", "fd00:17::4-fd00:17::6", "fd00::/16"],
];
const PORTS: [&str; 10] = [
    "53/udp",
    "53/tcp",
    "80/tcp",
    "443/tcp",
    "8000-8100/tcp",
    "1-65535/udp",
    "80/sctp",
    "5432/udplite",
    "8080/udp",
    "8080/tcp",
];

pub fn any_configuration() -> impl Strategy<Value = Configuration> {
    let interfaces = prop::option::weighted(0.6, subsequence(INTERFACES.to_vec(), 1..=4));
    let exclude = prop_oneof![2 => Just(Vec::new()), 1 => subsequence(EXCLUDED.to_vec(), 0..=2)];
    let ranges = prop_oneof![
        2 => Just(vec!["internal"]),
        2 => subsequence(RANGES.to_vec(), 0..=4),
    ];
    let uplinks = prop_oneof![3 => Just(Vec::new()), 1 => subsequence(UPLINKS.to_vec(), 1..=2)];
    let words = (select(vec!["audit", "enforce", "enforce", "enforce", "enforce"]), select(vec!["drop", "reject"]));
    let flags = (any::<bool>(), any::<bool>(), prop::bool::weighted(0.7), any::<bool>());
    (words, flags, interfaces, exclude, ranges, uplinks, vec(any_grant(), 0..7)).prop_map(
        |((mode, action), (bridges, on_link, host, log), interfaces, exclude, ranges, uplinks, grants)| Configuration {
            mode,
            action,
            interfaces,
            bridges,
            exclude,
            ranges,
            on_link,
            host,
            uplinks,
            log,
            grants,
        },
    )
}

fn any_grant() -> impl Strategy<Value = Grant> {
    let service = prop_oneof![
        1 => Just(Service::Everything),
        3 => subsequence(PORTS.to_vec(), 1..=3).prop_map(|ports| Service::Ports(ports.into_iter().map(String::from).collect())),
        1 => Just(Service::Ports(vec![format!("{PUBLISHED}/tcp"), format!("{PUBLISHED}/sctp")])),
        2 => select(vec!["icmp", "tcp", "udp", "gre", "99", "sctp"]).prop_map(Service::Protocol),
    ];
    (0..TO.len())
        .prop_flat_map(move |family| {
            let from = prop::option::of(select(FROM[family].to_vec()));
            (select(TO[family].to_vec()), from, service.clone(), prop::bool::weighted(0.2))
        })
        .prop_map(|(to, from, service, runs_out)| Grant { to, from, service, runs_out })
}

impl fmt::Display for Configuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "mode = \"{}\"", self.mode)?;
        writeln!(f, "[containers]")?;
        match (&self.interfaces, self.bridges) {
            (Some(list), _) => writeln!(f, "interfaces = {list:?}")?,
            (None, true) => writeln!(f, "interfaces = \"bridges\"")?,
            (None, false) => {}
        }
        writeln!(f, "exclude = {:?}", self.exclude)?;
        writeln!(f, "[deny]\nranges = {:?}\non_link = {}\nhost = {}", self.ranges, self.on_link, self.host)?;
        if !self.uplinks.is_empty() {
            writeln!(f, "uplinks = {:?}", self.uplinks)?;
        }
        writeln!(f, "action = \"{}\"\n[log]\nenabled = {}", self.action, self.log)?;
        self.grants.iter().enumerate().try_for_each(|(number, grant)| {
            writeln!(f, "[[grant]]\nname = \"g{number}\"\nto = \"{}\"", grant.to)?;
            if let Some(from) = grant.from {
                writeln!(f, "from = \"{from}\"")?;
            }
            if grant.runs_out {
                writeln!(f, "until = 2090-01-01T00:00:00Z")?;
            }
            match &grant.service {
                Service::Everything => Ok(()),
                Service::Ports(ports) => writeln!(f, "ports = {ports:?}"),
                Service::Protocol(protocol) => writeln!(f, "protocol = \"{protocol}\""),
            }
        })
    }
}
