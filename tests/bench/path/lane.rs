//! One way through a host: a container, the host, and everything beyond it, each a network namespace.

use std::fs;
use std::io::Write;
use std::net::{Ipv4Addr, Ipv6Addr, UdpSocket};
use std::process::Stdio;

use anyhow::{Context, ensure};

use super::packets::{DISCARD, Port};
use crate::netns::{Netns, text};

/// Three namespaces in a row: `eth0` – `veth` in the bridge `docker0`, `eth0` – `eth0`.
pub struct Lane {
    /// Where the container's packets come from.
    pub container: Netns,
    /// What forwards them, and where the rules are.
    pub host: Netns,
    /// Where all other addresses are.
    pub beyond: Netns,
    /// Takes what is for the host, and keeps none of it.
    _listener: UdpSocket,
}

/// The container's address, as Docker gives it to the first one.
pub const CONTAINER4: Ipv4Addr = Ipv4Addr::new(172, 17, 0, 2);
/// The same of IPv6.
pub const CONTAINER6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0x17, 0, 0, 0, 0, 0, 2);
/// An address of the host.
pub const HOST4: Ipv4Addr = Ipv4Addr::new(172, 17, 0, 1);
/// The same of IPv6.
pub const HOST6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0x17, 0, 0, 0, 0, 0, 1);
/// Another address of the host, at its other side.
pub const UPLINK4: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 1);
/// The same of IPv6.
pub const UPLINK6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0x100, 0, 0, 0, 0, 1);
/// A public address that answers, for connections by TCP.
pub const SERVER4: Ipv4Addr = Ipv4Addr::new(142, 250, 74, 36);

/// Neighbours are told and not asked for: no packet of theirs is between those that are measured.
const CONTAINER: &str = "
    link set lo up
    link set eth0 up
    address add 172.17.0.2/16 dev eth0
    address add fd00:17::2/64 dev eth0 nodad
    neighbour add 172.17.0.1 lladdr 02:00:00:00:00:02 dev eth0
    neighbour add fd00:17::1 lladdr 02:00:00:00:00:02 dev eth0
    route add default via 172.17.0.1
    route add default via fd00:17::1
";
const HOST: &str = "
    link set lo up
    link add docker0 type bridge
    link set docker0 address 02:00:00:00:00:02
    link set veth master docker0
    link set veth up
    link set docker0 up
    link set eth0 up
    address add 172.17.0.1/16 dev docker0
    address add fd00:17::1/64 dev docker0 nodad
    address add 198.51.100.1/24 dev eth0
    address add 2001:db8:100::1/64 dev eth0 nodad
    neighbour add 172.17.0.2 lladdr 02:00:00:00:00:01 dev docker0
    neighbour add fd00:17::2 lladdr 02:00:00:00:00:01 dev docker0
    neighbour add 198.51.100.2 lladdr 02:00:00:00:00:04 dev eth0
    neighbour add 2001:db8:100::2 lladdr 02:00:00:00:00:04 dev eth0
    route add default via 198.51.100.2
    route add default via 2001:db8:100::2
";
const BEYOND: &str = "
    link set lo up
    link set eth0 up
    address add 142.250.74.36/32 dev lo
    address add 198.51.100.2/24 dev eth0
    address add 2001:db8:100::2/64 dev eth0 nodad
    neighbour add 198.51.100.1 lladdr 02:00:00:00:00:03 dev eth0
    neighbour add 2001:db8:100::1 lladdr 02:00:00:00:00:03 dev eth0
    route add default via 198.51.100.1
    route add default via 2001:db8:100::1
";

/// What is measured ends where it arrives.
const SINK: &str = "table netdev sink {
    chain ingress { type filter hook ingress device eth0 priority 0; 
        meta l4proto udp drop
    }
}
";

/// What Docker needs to translate addresses. It looks at the first packet of each flow, and conntrack at all of
/// them, whether there is a firewall or not.
const NAT: &str = "table inet docker {
    chain prerouting {
        type nat hook prerouting priority dstnat;
        fib daddr type local counter
    }
    chain postrouting {
        type nat hook postrouting priority srcnat;
        ip saddr 172.17.0.0/16 oifname != docker0 masquerade
        ip6 saddr fd00:17::/64 oifname != docker0 masquerade
    }
}
";

impl Lane {
    /// Makes one, without rules.
    pub fn make() -> anyhow::Result<Self> {
        let (container, host, beyond) = (Netns::new(), Netns::new(), Netns::new());
        cable(&host, "veth", "02:00:00:00:00:05", &container, "02:00:00:00:00:01")?;
        cable(&host, "eth0", "02:00:00:00:00:03", &beyond, "02:00:00:00:00:04")?;
        host.enter(|| {
            fs::write("/proc/sys/net/ipv4/ip_forward", "1")?;
            fs::write("/proc/sys/net/ipv6/conf/all/forwarding", "1")?;
            // There only where br_netfilter is; it would take each packet through the hooks of the bridge as well.
            let _ = fs::write("/proc/sys/net/bridge/bridge-nf-call-iptables", "0");
            let _ = fs::write("/proc/sys/net/bridge/bridge-nf-call-ip6tables", "0");
            std::io::Result::Ok(())
        })?;
        ip(&container, CONTAINER)?;
        ip(&host, HOST)?;
        ip(&beyond, BEYOND)?;
        container.load(SINK);
        beyond.load(SINK);
        host.load(NAT);
        let listener = host.enter(|| UdpSocket::bind((Ipv6Addr::UNSPECIFIED, DISCARD)))?;
        Ok(Self { container, host, beyond, _listener: listener })
    }

    /// The namespace in which packets of that port begin.
    pub fn at(&self, port: Port) -> &Netns {
        match port {
            Port::Container => &self.container,
            Port::Beyond => &self.beyond,
        }
    }
}

/// A veth from `name` at the host to `eth0` at the other end.
fn cable(host: &Netns, name: &str, mac: &str, end: &Netns, end_mac: &str) -> anyhow::Result<()> {
    let peer = format!("peer name eth0 address {end_mac} netns {}", end.name());
    ip(host, &format!("link add {name} address {mac} type veth {peer}"))
}

/// Runs commands of `ip`, one a line.
fn ip(netns: &Netns, commands: &str) -> anyhow::Result<()> {
    let mut command = netns.command("ip");
    command.args(["-batch", "-"]).stdin(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn()?;
    child.stdin.take().context("no way to tell `ip`")?.write_all(commands.as_bytes())?;
    let output = child.wait_with_output()?;
    ensure!(output.status.success(), "ip: {}", text(&output.stderr));
    Ok(())
}
