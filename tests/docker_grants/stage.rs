//! A lab with a neighbour that has many addresses and ports, so that there is a next one to each.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::ops::Deref;
use std::thread::sleep;
use std::time::Duration;

use crate::support::lab::{Lab, Sender, Verdict};

/// All the rest is the default.
pub const ENFORCE: &str = "mode = \"enforce\"\n";

/// Served by TCP and UDP at all addresses of [`Kin`]; beside them are 7000 and 7001.
pub const PORTS: [u16; 5] = [7009, 7010, 7011, 7012, 7013];

/// Served by TCP and UDP at all addresses of the host.
pub const HOST_PORTS: [u16; 4] = [7020, 7021, 7022, 7023];

/// One of the two families of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kin {
    V4,
    V6,
}

impl Kin {
    pub const BOTH: [Self; 2] = [Self::V4, Self::V6];

    /// The neighbour in its network of that number.
    pub fn at(self, network: u8, host: u8) -> String {
        match self {
            Self::V4 => format!("10.98.{network}.{host}"),
            Self::V6 => format!("fd00:98:0:{network}::{host:x}"),
        }
    }

    /// The network of that number, as far as its addresses have so many bits in common.
    pub fn network(self, network: u8, first: u8, bits_of_host: u8) -> String {
        let bits = if self == Self::V4 { 32 } else { 128 };
        format!("{}/{}", self.at(network, first), bits - bits_of_host)
    }

    /// One of a pair, of which the first is of IPv4.
    pub fn of<'a>(self, pair: &[&'a str; 2]) -> &'a str {
        if self == Self::V4 { pair[0] } else { pair[1] }
    }
}

/// The lab, with servers that run as long as it does.
pub struct Stage {
    lab: Lab,
    _servers: Vec<Sender>,
}

impl Stage {
    /// Starts one whose neighbour has these addresses, of [`Kin::at`].
    #[track_caller]
    pub fn with(addresses: impl IntoIterator<Item = String>) -> Self {
        let lab = Lab::up(&[]);
        let addresses: BTreeSet<String> = addresses.into_iter().collect();
        let mut batch = String::new();
        for address in &addresses {
            let flags = if address.contains(':') { "/128 dev lo nodad" } else { "/32 dev lo" };
            writeln!(batch, "address add {address}{flags}").unwrap();
        }
        let file = lab.directory().join("addresses");
        fs::write(&file, batch).unwrap();
        lab.exec("lan", &format!("ip -batch {}", file.display()));
        lab.exec("host", "ip route add 10.98.0.0/16 via 10.57.17.6");
        lab.exec("host", "ip route add fd00:98::/48 via fd57:17::6");
        let serve = |ports: &[u16]| {
            let ports = ports.iter().map(|port| format!(" --tcp {port} --udp {port}")).collect::<String>();
            format!("traffic serve{ports}")
        };
        let servers = vec![lab.start("lan", &serve(&PORTS)), lab.start("host", &serve(&HOST_PORTS))];
        let mut probes: Vec<String> = addresses
            .iter()
            .flat_map(|address| {
                [format!("tcp {address} 7010"), format!("udp {address} 7010"), format!("udp {address} 7001")]
            })
            .collect();
        for address in ["10.57.17.2", "172.17.0.1", "fd57:17::2"] {
            probes.extend([format!("tcp {address} 7020"), format!("udp {address} 7020")]);
        }
        let stage = Self { lab, _servers: servers };
        stage.await_all("host", &probes);
        stage
    }

    /// Waits until servers that were just started, or have a new address, answer.
    #[track_caller]
    pub fn await_all(&self, place: &str, probes: &[String]) {
        let mut waiting: Vec<&str> = probes.iter().map(String::as_str).collect();
        for _ in 0..50 {
            let asked = self.lab.probes(place, &waiting);
            let silent = asked.iter().map(|(_, verdict)| *verdict != Verdict::Ok);
            waiting = waiting.iter().zip(silent).filter(|(_, silent)| *silent).map(|(probe, _)| *probe).collect();
            if waiting.is_empty() {
                return;
            }
            sleep(Duration::from_millis(100));
        }
        panic!("{place}: no answer to {waiting:?}");
    }
}

impl Deref for Stage {
    type Target = Lab;

    fn deref(&self) -> &Lab {
        &self.lab
    }
}

/// One `[[grant]]` of a configuration; `rest` is its lines but for the name and the destination.
pub fn grant(name: &str, to: &str, rest: &str) -> String {
    format!("[[grant]]\nname = \"{name}\"\nto = \"{to}\"\n{rest}\n")
}

/// Every way to ask one address.
pub fn every(address: &str) -> Vec<String> {
    vec![format!("tcp {address} 7010"), format!("udp {address} 7010"), format!("ping {address}")]
}

/// A question to one port.
pub fn tcp(address: &str, port: u16) -> Vec<String> {
    vec![format!("tcp {address} {port}")]
}

/// The same by UDP.
pub fn udp(address: &str, port: u16) -> Vec<String> {
    vec![format!("udp {address} {port}")]
}

/// A ping.
pub fn ping(address: &str) -> Vec<String> {
    vec![format!("ping {address}")]
}

/// The elements of a set as nft prints them; none where there is no such set.
pub fn elements(lab: &Lab, set: &str) -> BTreeSet<String> {
    let listed = lab.try_exec("host", &format!("nft list set inet dockwall {set}"));
    let listed = String::from_utf8(listed.stdout).unwrap();
    let within = listed.split_once("elements = {").and_then(|(_, rest)| rest.split_once('}'));
    let within = within.map(|(elements, _)| elements).unwrap_or_default();
    within.split(',').map(|element| element.trim().to_owned()).filter(|element| !element.is_empty()).collect()
}

/// The sets and chains without what they counted, without what containers tried and without the mark
/// of the generation: sorted, since what is made anew stands last.
#[track_caller]
pub fn rules(lab: &Lab) -> String {
    let listed = lab.exec("host", "nft -s list table inet dockwall");
    let mut blocks: Vec<&str> = listed.split("\n\t}\n").map(|block| block.trim_matches(['\n', '}'])).collect();
    let is_rule = |block: &&str| !["set denied", "chain generation"].iter().any(|name| block.contains(name));
    blocks.retain(is_rule);
    blocks.sort_unstable();
    blocks.join("\n")
}
