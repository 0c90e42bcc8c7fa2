//! Who is where in a lab, as `scripts/lab --help` says.

/// The containers of every lab.
pub const CONTAINERS: [&str; 4] = ["app", "web-1", "web-2", "db-1"];

/// The neighbour's addresses; the last is a global one, denied because the host is on that network.
pub const LAN: [&str; 5] = ["10.57.17.6", "10.57.17.5", "fd57:17::6", "fd57:17::5", "2001:db8:57::6"];

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
