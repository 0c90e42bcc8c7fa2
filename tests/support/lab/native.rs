//! Docker's nftables backend, as a fixture: the tables that dockerd makes of its networks where `firewall-backend` is
//! `nftables`. No package of Debian has a dockerd with it.
//!
//! After moby's `daemon/libnetwork/drivers/bridge/internal/nftabler` of August 2026: two tables of Docker's own, one
//! for each family; verdict maps by the name of a bridge lead to chains of that bridge; nothing on the input hook, and
//! no chain that anybody else may write to.

use std::fmt::Write as _;

use super::{Lab, addresses};

/// A bridge network, as far as its rules go.
#[derive(Clone, Debug)]
pub struct Bridge {
    /// The interface.
    pub name: String,
    /// Its subnets, of IPv4 and of IPv6.
    pub subnets: [&'static str; 2],
    /// The addresses of its containers.
    pub containers: Vec<[&'static str; 2]>,
    /// Whether it has a way out.
    pub internal: bool,
    /// What is published: the container, its port, and the host's.
    pub published: Vec<Published>,
}

/// A published port.
#[derive(Clone, Copy, Debug)]
pub struct Published {
    /// Of whom, by IPv4 and by IPv6.
    pub container: [&'static str; 2],
    /// `tcp` or `udp`.
    pub protocol: &'static str,
    /// The host's port, and the container's.
    pub ports: (u16, u16),
}

/// The words of a family.
#[derive(Clone, Copy)]
struct Family {
    index: usize,
    name: &'static str,
    loopback: &'static str,
    /// No source of a packet that is translated.
    not_from: &'static str,
}

const FAMILIES: [Family; 2] = [
    Family { index: 0, name: "ip", loopback: "127.0.0.0/8", not_from: "" },
    // A link-local client cannot be answered from another network.
    Family { index: 1, name: "ip6", loopback: "::1", not_from: "ip6 saddr != fe80::/10 " },
];

impl Lab {
    /// The bridges of every lab.
    #[track_caller]
    pub fn bridges(&self) -> Vec<Bridge> {
        let bridge = |name: String, subnets, containers: &[&str]| Bridge {
            name,
            subnets,
            containers: containers.iter().map(|name| addresses(name)).collect(),
            internal: false,
            published: Vec::new(),
        };
        let ports = [("tcp", 8080, 7000), ("tcp", 8081, 7004), ("udp", 8053, 7001), ("udp", 51820, 7001)];
        let container = addresses("web-1");
        let published = ports.map(|(protocol, host, port)| Published { container, protocol, ports: (host, port) });
        let backend = bridge(self.bridge_of("backend"), ["172.21.0.0/16", "fd00:d0c:21::/64"], &["web-1", "web-2"]);
        vec![
            bridge("docker0".to_owned(), ["172.17.0.0/16", "fd00:d0c:1::/64"], &["app"]),
            Bridge { published: published.into(), ..backend },
            bridge(self.bridge_of("other"), ["172.22.0.0/16", "fd00:d0c:22::/64"], &["db-1"]),
        ]
    }

    /// Takes away all that Docker has in iptables, and puts those tables in its place.
    #[track_caller]
    pub fn make_docker_native(&self, bridges: &[Bridge]) {
        for family in ["ip", "ip6"] {
            for table in ["filter", "nat", "raw", "mangle"] {
                // Not all of them are there.
                self.try_exec("host", &format!("nft delete table {family} {table}"));
            }
        }
        self.write("/run/docker-bridges.nft", &tables(bridges));
        self.exec("host", "nft -f /run/docker-bridges.nft");
    }
}

/// Both tables, as a file of nft that puts them there anew in one transaction: as dockerd does when it starts.
pub fn tables(bridges: &[Bridge]) -> String {
    FAMILIES.map(|family| table(family, bridges)).concat()
}

fn table(family: Family, bridges: &[Bridge]) -> String {
    let name = format!("{} docker-bridges", family.name);
    let mut text = format!("table {name}\ndelete table {name}\ntable {name} {{\n");
    for map in ["filter-forward-in", "filter-forward-out", "nat-postrouting-in", "nat-postrouting-out"] {
        let jumps = bridges.iter().map(|bridge| format!("\"{0}\" : jump {map}__{0}", bridge.name));
        let jumps: Vec<String> = jumps.collect();
        writeln!(text, "map {map}-jumps {{\n type ifname : verdict\n elements = {{ {} }}\n}}", jumps.join(", "))
            .unwrap();
    }
    for bridge in bridges {
        text += &chains_of(family, bridge);
    }
    text += &bases(family, bridges);
    text + "}\n"
}

/// What is on the hooks.
fn bases(family: Family, bridges: &[Bridge]) -> String {
    let Family { index, name, loopback, not_from } = family;
    let mut translated = String::new();
    let mut direct = String::new();
    for bridge in bridges {
        for Published { container, protocol, ports: (host, port) } in &bridge.published {
            let to = if index == 0 { format!("{}:{port}", container[0]) } else { format!("[{}]:{port}", container[1]) };
            // From the bridge itself the userland proxy takes it.
            writeln!(
                translated,
                "  iifname != \"{}\" {not_from}{protocol} dport {host} counter dnat to {to} comment \"DNAT\"",
                bridge.name
            )
            .unwrap();
        }
        for container in bridge.containers.iter().filter(|_| !bridge.internal) {
            let (address, bridge) = (container[index], &bridge.name);
            writeln!(
                direct,
                "  {name} daddr {address} iifname != \"{bridge}\" counter drop comment \"DROP DIRECT ACCESS\""
            )
            .unwrap();
        }
    }
    format!(
        "\
 chain filter-FORWARD {{
  type filter hook forward priority 0; policy accept;
  oifname vmap @filter-forward-in-jumps
  iifname vmap @filter-forward-out-jumps
 }}
 chain nat-prerouting-and-output {{
{translated} }}
 chain nat-PREROUTING {{
  type nat hook prerouting priority -100; policy accept;
  fib daddr type local counter jump nat-prerouting-and-output
 }}
 chain nat-OUTPUT {{
  type nat hook output priority -100; policy accept;
  {name} daddr != {loopback} fib daddr type local counter jump nat-prerouting-and-output
 }}
 chain nat-POSTROUTING {{
  type nat hook postrouting priority 100; policy accept;
  iifname vmap @nat-postrouting-out-jumps
  oifname vmap @nat-postrouting-in-jumps
 }}
 chain raw-PREROUTING {{
  type filter hook prerouting priority -300; policy accept;
{direct} }}
"
    )
}

/// What the verdict maps lead to.
fn chains_of(family: Family, bridge: &Bridge) -> String {
    let Bridge { name, subnets, .. } = bridge;
    let Family { index, name: ip, .. } = family;
    let known = "ct state established,related counter accept";
    let (mut inward, mut outward) = (vec![known.to_owned()], vec![known.to_owned()]);
    let mut masquerade = String::new();
    if bridge.internal {
        inward.push(format!("iifname != \"{name}\" counter drop comment \"INTERNAL NETWORK INGRESS\""));
        inward.push("counter accept comment \"ICC\"".to_owned());
        outward.push(format!("oifname != \"{name}\" counter drop comment \"INTERNAL NETWORK EGRESS\""));
    } else {
        inward.push(format!("iifname \"{name}\" counter accept comment \"ICC\""));
        let mut opened: Vec<String> = bridge.published.iter().map(|published| opened(family, published)).collect();
        // Two ports of the host may lead to one of the container.
        opened.dedup();
        inward.extend(opened);
        inward.push("counter drop comment \"UNPUBLISHED PORT DROP\"".to_owned());
        outward.push("counter accept comment \"OUTGOING\"".to_owned());
        masquerade = format!(
            "  oifname != \"{name}\" {ip} saddr {} counter masquerade comment \"MASQUERADE\"\n",
            subnets[index]
        );
    }
    format!(
        " chain filter-forward-in__{name} {{\n  {}\n }}\n chain filter-forward-out__{name} {{\n  {}\n }}\n \
         chain nat-postrouting-in__{name} {{\n }}\n chain nat-postrouting-out__{name} {{\n{masquerade} }}\n",
        inward.join("\n  "),
        outward.join("\n  ")
    )
}

fn opened(family: Family, published: &Published) -> String {
    let Published { container, protocol, ports: (_, port) } = published;
    format!("{} daddr {} {protocol} dport {port} counter accept", family.name, container[family.index])
}
