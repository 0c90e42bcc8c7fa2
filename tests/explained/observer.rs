//! Two more pairs of chains at the same hooks: which packets come to the wall, and which go on behind it.

use std::collections::BTreeSet;

use dockwall::ruleset::explain::Packet;

use crate::hook;
use crate::support::Netns;
use crate::topology::{CONTAINER, CONTAINER_PORT, LINKS, PUBLISHED};

/// The numbers of the packets that were seen: set by set, hook by hook.
#[derive(Debug, Default)]
pub struct Seen(BTreeSet<(String, u16)>);

impl Seen {
    /// Whether the packet came to the hook.
    pub fn came(&self, number: u16, packet: &Packet) -> bool {
        self.0.contains(&(set("before", packet), number))
    }

    /// Whether it was still there behind the wall.
    pub fn went_on(&self, number: u16, packet: &Packet) -> bool {
        self.0.contains(&(set("after", packet), number))
    }

    /// Where the packet of that number was seen.
    pub fn places(&self, number: u16) -> Vec<&str> {
        self.0.iter().filter(|(_, other)| *other == number).map(|(place, _)| place.as_str()).collect()
    }

    /// Reads the sets of the observer.
    pub fn read(host: &Netns) -> Self {
        let listed: serde_json::Value = serde_json::from_str(&host.nft("-j list table inet observer")).unwrap();
        let sets = listed["nftables"].as_array().unwrap().iter().filter_map(|object| object.get("set"));
        let numbers = sets.flat_map(|set| {
            let elements = set["elem"].as_array().into_iter().flatten();
            elements.map(|element| (set["name"].as_str().unwrap().to_owned(), element.as_u64().unwrap() as u16))
        });
        Self(numbers.collect())
    }
}

fn set(when: &str, packet: &Packet) -> String {
    format!("{when}-{}{}", hook(packet), if packet.source.is_ipv6() { 6 } else { 4 })
}

/// The observer's table, empty; and the published port.
pub fn ruleset() -> String {
    let (mut sets, mut chains) = (String::new(), String::new());
    for (when, priority) in [("before", -90), ("after", 90)] {
        for hook in ["forward", "input"] {
            let mut rules = String::new();
            for (family, field) in [(4, "ip id"), (6, "ip6 flowlabel")] {
                sets += &format!("set {when}-{hook}{family} {{ typeof {field}; flags dynamic; size 65535; }}\n");
                rules += &format!("add @{when}-{hook}{family} {{ {field} }}\n");
            }
            chains += &format!("chain {when}-{hook} {{ type filter hook {hook} priority {priority};\n{rules}}}\n");
        }
    }
    let published = LINKS.iter().flat_map(|link| link.addresses.iter().zip(["ip", "ip6"])).map(|(address, family)| {
        let own = address.split('/').next().unwrap();
        let container = CONTAINER[usize::from(family == "ip6")];
        let container = if family == "ip6" { format!("[{container}]") } else { container.to_owned() };
        format!(
            "{family} daddr {own} meta l4proto {{ tcp, udp, sctp }} th dport {PUBLISHED} dnat {family} to {container}:{CONTAINER_PORT}\n"
        )
    });
    let published: String = published.collect();
    format!(
        "table inet observer\ndelete table inet observer\ntable inet observer {{\n{sets}{chains}\
         chain published {{ type nat hook prerouting priority -100;\n{published}}}\n}}\n"
    )
}
