//! What ports are known for.

use std::collections::HashMap;
use std::fs;

use crate::config::Protocol;

/// The names of services, as `/etc/services` has them (services(5)).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Services(HashMap<(u16, u8), String>);

/// Where they are.
const PATH: &str = "/etc/services";

/// What people look for in a firewall's list. Holds where the file is missing, as on minimal systems,
/// or does not know the port; of IANA's registry but for the last three, which are their makers' defaults.
const WELL_KNOWN: [(&str, u16, Protocol); 26] = [
    ("ssh", 22, Protocol::Tcp),
    ("smtp", 25, Protocol::Tcp),
    ("domain", 53, Protocol::Tcp),
    ("domain", 53, Protocol::Udp),
    ("http", 80, Protocol::Tcp),
    ("ntp", 123, Protocol::Udp),
    ("snmp", 161, Protocol::Udp),
    ("ldap", 389, Protocol::Tcp),
    ("https", 443, Protocol::Tcp),
    ("microsoft-ds", 445, Protocol::Tcp),
    ("ldaps", 636, Protocol::Tcp),
    ("ms-sql-s", 1433, Protocol::Tcp),
    ("nfs", 2049, Protocol::Tcp),
    ("docker", 2375, Protocol::Tcp),
    ("docker-s", 2376, Protocol::Tcp),
    ("etcd-client", 2379, Protocol::Tcp),
    ("mysql", 3306, Protocol::Tcp),
    ("ms-wbt-server", 3389, Protocol::Tcp),
    ("postgresql", 5432, Protocol::Tcp),
    ("amqp", 5672, Protocol::Tcp),
    ("redis", 6379, Protocol::Tcp),
    ("sun-sr-https", 6443, Protocol::Tcp),
    ("mongodb", 27017, Protocol::Tcp),
    ("node-exporter", 9100, Protocol::Tcp),
    ("elasticsearch", 9200, Protocol::Tcp),
    ("kubelet", 10250, Protocol::Tcp),
];

impl Services {
    /// Reads this machine's. That there is no such file is no error.
    pub fn read() -> Self {
        Self::parse(&fs::read(PATH).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default())
    }

    /// Those that `text` has, and the well-known ones that it lacks.
    pub fn parse(text: &str) -> Self {
        let mut names: HashMap<(u16, u8), String> = HashMap::new();
        for line in text.lines() {
            let mut words = line.split('#').next().unwrap_or_default().split_whitespace();
            let (Some(name), Some((port, protocol))) = (words.next(), words.next().and_then(|at| at.split_once('/')))
            else {
                continue;
            };
            if let (Ok(port), Ok(protocol)) = (port.parse::<u16>(), protocol.parse::<Protocol>()) {
                // The first name of a port is the official one.
                names.entry((port, protocol.number(false))).or_insert_with(|| name.to_owned());
            }
        }
        for (name, port, protocol) in WELL_KNOWN {
            names.entry((port, protocol.number(false))).or_insert_with(|| name.to_owned());
        }
        Self(names)
    }

    /// The name of a port of a protocol of that number.
    pub fn name(&self, port: u16, protocol: u8) -> Option<&str> {
        self.0.get(&(port, protocol)).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_wins_and_what_it_lacks_is_known_all_the_same() {
        let text = "# comment\nssh\t\t22/tcp\nintranet 8080/tcp http-alt # ours\ndomain 53/udp\nnonsense\nx 99999/tcp\n\
                    alias 22/tcp\npgsql 5432/tcp\nping 1/icmp\n";
        let services = Services::parse(text);
        for (port, protocol, name) in [
            (22, 6, Some("ssh")),
            (8080, 6, Some("intranet")),
            (53, 17, Some("domain")),
            (5432, 6, Some("pgsql")),
            (10250, 6, Some("kubelet")),
            (22, 17, None),
            (7000, 6, None),
        ] {
            assert_eq!(services.name(port, protocol), name, "{port}/{protocol}");
        }
        assert_eq!(Services::parse("").name(2375, 6), Some("docker"));
    }
}
