//! A fresh Docker host with an application and a container that was broken into.

use crate::support::lab::{Lab, NAMED, Row, Sender, Verdict, from};

/// The application: a container of a compose project.
pub const SHOP: &str = "shop-api-1";

/// Who was broken into.
pub const BLOG: &str = "blog-web-1";

/// What the application needs, as it is told, and how it is asked.
const NEEDED: [(&str, &str); 10] = [
    ("the database", "tcp 10.57.17.6 5432"),
    ("the database", "tcp fd57:17::6 5432"),
    ("the LDAP server", "tcp 10.57.17.5 389"),
    ("the LDAP server", "tcp fd57:17::5 389"),
    ("DNS by UDP", "dns 10.57.17.5 53"),
    ("DNS by UDP", "dns fd57:17::5 53"),
    ("DNS by TCP", "dns-tcp 10.57.17.5 53"),
    ("DNS by TCP", "dns-tcp fd57:17::5 53"),
    ("the Internet", "tcp 198.51.100.10 7000"),
    ("the Internet", "tcp 2001:db8:100::10 7000"),
];

/// The ports of what is denied of it, as `suggest` writes them.
pub const ALLOWED_PORTS: [&str; 2] = ["ports = [\"5432/tcp\"]", "ports = [\"389/tcp\"]"];

/// Where the scan looks, as it is told, how many TCP ports it asks for, and which of them are open. The numbers are so
/// far apart that they decide the order in which the places are listed.
const SCANNED: [(&str, &str, usize, &[u16]); 9] = [
    ("the LAN", "10.57.17.6", 130, &[22, 80, 5432]),
    ("the LAN", "10.57.17.5", 120, &[22, 80, 389]),
    ("the LAN", "fd57:17::6", 110, &[22, 80, 5432]),
    ("the LAN", "fd57:17::5", 100, &[22, 80, 389]),
    ("its host", "10.57.17.2", 90, &[22]),
    ("its host", "fd57:17::2", 80, &[22]),
    ("its gateway", "172.25.0.1", 70, &[22]),
    ("its gateway", "fd00:d0c:25::1", 60, &[22]),
    ("the cloud's metadata", "169.254.169.254", 50, &[80]),
];

/// The first TCP ports that are asked for. Port 53 is open to all containers at a resolver.
const POPULAR: [u16; 12] = [22, 80, 389, 443, 636, 2375, 3306, 5432, 6379, 8443, 9200, 27017];

/// Where UDP is sent to many ports.
const SWEPT: [&str; 4] = ["10.57.17.6", "10.57.17.5", "fd57:17::6", "fd57:17::5"];

/// The stage. What serves on it ends with it.
pub struct Stage {
    pub lab: Lab,
    _serving: [Sender; 3],
}

impl Stage {
    /// Makes it: nobody on the host but these two, and servers around it.
    pub fn set() -> Self {
        let resolvers = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(resolvers.path(), "nameserver 10.57.17.5\nnameserver fd57:17::5\n").unwrap();
        let lab = Lab::up(&["--resolv-conf", resolvers.path().to_str().unwrap()]);
        let host = |command: &str| lab.exec("host", command);
        host("docker rm --force app web-1 web-2 db-1");
        host("docker network rm backend other");
        for (name, number) in [("shop_default", 24), ("blog_default", 25)] {
            host(&format!(
                "docker network create --ipv6 --subnet 172.{number}.0.0/16 --subnet fd00:d0c:{number}::/64 {name}"
            ));
        }
        let compose = |project: &str, service: &str| {
            format!(
                "--network {project}_default --label com.docker.compose.project={project} \
                 --label com.docker.compose.service={service}"
            )
        };
        lab.control(&format!("run {SHOP} {}", compose("shop", "api")));
        lab.control(&format!("run {BLOG} {} --publish 8080:7000", compose("blog", "web")));
        let serving = [
            lab.start("lan", "traffic serve --tcp 22 --tcp 5432 --address 10.57.17.6 --address fd57:17::6"),
            lab.start("lan", "traffic serve --tcp 22 --tcp 389 --address 10.57.17.5 --address fd57:17::5"),
            lab.start("host", "traffic serve --tcp 22"),
        ];
        let stage = Self { lab, _serving: serving };
        stage.forget_flows();
        // As on a host that never had it.
        stage.lab.exec("host", "mkdir /run/var-lib /run/var-lib/written /run/var-lib/work");
        stage.lab.exec(
            "host",
            "mount -t overlay overlay -o lowerdir=/var/lib,upperdir=/run/var-lib/written,workdir=/run/var-lib/work /var/lib",
        );
        stage
    }

    /// Lets the host forget who talked to whom.
    pub fn forget_flows(&self) {
        self.lab.exec("host", "conntrack --flush");
    }

    /// What the application needs, in both families, and what others want of a published port; in lines.
    ///
    /// # Panics
    /// When any of it fails.
    #[track_caller]
    pub fn application(&self) -> Vec<String> {
        let probes = NEEDED.map(|(_, probe)| probe.to_owned());
        self.lab.expect("the application", &from(SHOP, probes, Verdict::Ok));
        let mut lines: Vec<String> =
            NEEDED.iter().map(|(what, probe)| line(SHOP, what, &asked_for(probe), "ok")).collect();
        for (record, named) in ["a", "aaaa"].into_iter().zip(NAMED) {
            let answer = self.lab.resolve(SHOP, &format!("127.0.0.11 some.example --record {record}"));
            assert_eq!(answer, named);
            lines.push(line(
                SHOP,
                "Docker's own resolver",
                &format!("some.example {}", record.to_uppercase()),
                &answer,
            ));
        }
        let published = ["tcp 10.57.17.2 8080", "tcp fd57:17::2 8080"];
        self.lab.expect("published", &from("lan", published.map(ToOwned::to_owned), Verdict::Ok));
        lines.extend(published.map(|probe| line("the LAN", "blog-web-1, published", &asked_for(probe), "ok")));
        lines
    }

    /// What the scan finds, in lines: each open port where the wall lets it, nothing at all where not.
    ///
    /// # Panics
    /// When it finds anything else.
    #[track_caller]
    pub fn scan(&self, is_open: bool) -> Vec<String> {
        let rows = SCANNED.iter().flat_map(|(_, address, ports, open)| asked(address, *ports, open, is_open));
        let rows: Vec<Row> = rows.collect();
        self.lab.expect("the scan", &rows);
        let mut lines: Vec<String> = SCANNED
            .iter()
            .map(|(what, address, ports, open)| {
                let asked = asked(address, *ports, open, is_open);
                let answers = asked.iter().filter(|row| row.verdict != Verdict::Timeout).count();
                let found: Vec<String> = open.iter().filter(|_| is_open).map(ToString::to_string).collect();
                let found = if found.is_empty() { String::new() } else { format!("; open: {}", found.join(" ")) };
                line(
                    BLOG,
                    what,
                    &format!("{address} {} ports/tcp", asked.len()),
                    &format!("{answers} of {} answer{found}", asked.len()),
                )
            })
            .collect();
        for address in SWEPT {
            // One of these ports counts what comes.
            self.lab.stats("lan");
            self.lab.exec(BLOG, &format!("traffic scan {address} --from 7001 --to 7100"));
            let arrived = self.lab.stats("lan").stream(1).packets;
            assert_eq!(arrived, u64::from(is_open), "{address}");
            let arrived = if is_open { "seen by the server there" } else { "nothing arrives" };
            lines.push(line(BLOG, "the LAN", &format!("{address} 7001-7100/udp"), arrived));
        }
        lines
    }
}

/// What is asked at an address, and what must come of it.
fn asked(address: &str, ports: usize, open: &[u16], is_open: bool) -> Vec<Row> {
    let row = |probe: String, answer: Verdict| Row {
        place: BLOG.to_owned(),
        probe,
        verdict: if is_open { answer } else { Verdict::Timeout },
    };
    let answer = |port: &u16| if open.contains(port) { Verdict::Ok } else { Verdict::Other("refused".to_owned()) };
    let others = (1..=200).filter(|port| *port != 53 && !POPULAR.contains(port));
    POPULAR
        .into_iter()
        .chain(others)
        .take(ports)
        .map(|port| row(format!("tcp {address} {port}"), answer(&port)))
        .collect()
}

/// What a probe asks for, as people write it.
fn asked_for(probe: &str) -> String {
    let mut words = probe.split(' ');
    let (kind, address, port) = (words.next().unwrap(), words.next().unwrap(), words.next().unwrap());
    let protocol = if kind == "dns" { "udp" } else { "tcp" };
    format!("{address} {port}/{protocol}")
}

fn line(from: &str, what: &str, asked: &str, came: &str) -> String {
    format!("{:36} {asked:28} {came}", format!("{from} → {what}"))
}
