//! Who is where in a lab, as `scripts/lab --help` says.

/// The containers of every lab.
pub const CONTAINERS: [&str; 4] = ["app", "web-1", "web-2", "db-1"];

/// The neighbour's addresses; the last is a global one, denied because the host is on that network.
pub const LAN: [&str; 5] = ["10.57.17.6", "10.57.17.5", "fd57:17::6", "fd57:17::5", "2001:db8:57::6"];

/// The neighbour's addresses in ranges that can be denied, one in each; the host has a route to them.
pub const BEHIND_LAN: [&str; 9] = [
    "10.99.0.1",
    "172.16.5.1",
    "192.168.50.1",
    "100.64.7.1",
    "169.254.7.1",
    "198.19.0.1",
    "fc00:7::1",
    "64:ff9b::a63:1",
    "2002:a63:1::1",
];

/// What denies all of them.
pub const DENY_ALL_OF_THEM: &str = r#"deny.ranges = ["internal", "198.18.0.0/15", "64:ff9b::/96", "2002::/16"]"#;

/// Where clouds have their metadata: the neighbour, at port 80, and at port 53 as a resolver.
pub const METADATA: [&str; 2] = ["169.254.169.254", "fd00:ec2::254"];

/// A cloud's resolver in 100.64/10: the neighbour.
pub const CLOUD_RESOLVER: &str = "100.100.2.136";

/// The resolver in the Docker host's resolv.conf: the neighbour.
pub const LAN_RESOLVER: &str = "10.57.17.5";

/// What every name has, asked at the neighbour.
pub const NAMED: [&str; 2] = ["192.0.2.80", "2001:db8:80::80"];

/// A client behind a router and 1400 bytes.
pub const BRANCH: [&str; 2] = ["192.168.40.10", "fd57:40::10"];

/// The other end of the first `--vpn` or `--tun`.
pub const VPN: [&str; 2] = ["10.8.0.2", "fd08::2"];

/// The Docker host's end of it.
pub const HOST_ON_VPN: [&str; 2] = ["10.8.0.1", "fd08::1"];

/// The Docker host's addresses that only the Internet uses.
pub const HOST_PUBLIC: [&str; 2] = ["203.0.113.2", "2001:db8:200::2"];

/// The Internet.
pub const WAN: [&str; 2] = ["198.51.100.10", "2001:db8:100::10"];

/// The Docker host, as its neighbours know it.
pub const HOST: [&str; 2] = ["10.57.17.2", "fd57:17::2"];

/// The Docker host, as the Internet knows it.
pub const HOST_FROM_WAN: [&str; 2] = ["10.57.17.2", "2001:db8:57::2"];

/// The addresses of a container.
pub fn addresses(container: &str) -> [&'static str; 2] {
    match container {
        "app" => ["172.17.0.2", "fd00:d0c:1::242:ac11:2"],
        "web-1" => ["172.21.0.2", "fd00:d0c:21::2"],
        "web-2" => ["172.21.0.3", "fd00:d0c:21::3"],
        "db-1" => ["172.22.0.2", "fd00:d0c:22::2"],
        other => panic!("no container {other}"),
    }
}

/// Every way to ask one server: by each protocol, and in more than one fragment.
pub fn all_of(address: &str) -> Vec<String> {
    let mut probes = packets_of(address);
    probes.push(format!("tcp {address} 7000"));
    probes
}

/// Every way to ask each of them.
pub fn every_way(addresses: &[&str]) -> Vec<String> {
    addresses.iter().flat_map(|address| all_of(address)).collect()
}

/// By TCP only, where how it is asked makes no difference.
pub fn of_tcp(addresses: &[&str]) -> Vec<String> {
    of_tcp_at(addresses, 7000)
}

/// The same at another port.
pub fn of_tcp_at(addresses: &[&str], port: u16) -> Vec<String> {
    addresses.iter().map(|address| format!("tcp {address} {port}")).collect()
}

/// The same without TCP: one packet each, sent once.
pub fn packets_of(address: &str) -> Vec<String> {
    vec![
        format!("udp {address} 7001"),
        format!("udp {address} 7001 4000"),
        format!("ping {address}"),
        format!("ping {address} 4000"),
    ]
}

/// Every way to ask web-1 through its published ports.
pub fn published_at(address: &str) -> Vec<String> {
    vec![
        format!("tcp {address} 8080"),
        format!("tcp {address} 8080 4000"),
        format!("udp {address} 8053"),
        format!("udp {address} 8053 4000"),
        format!("udp {address} 51820"),
        format!("udp {address} 51820 4000"),
    ]
}

/// The Docker host, as a container of every lab knows it.
pub fn gateways(container: &str) -> [&'static str; 2] {
    match container {
        "app" => ["172.17.0.1", "fd00:d0c:1::1"],
        "web-1" | "web-2" => ["172.21.0.1", "fd00:d0c:21::1"],
        "db-1" => ["172.22.0.1", "fd00:d0c:22::1"],
        other => panic!("no container {other}"),
    }
}
