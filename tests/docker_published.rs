//! Ports that containers publish: open to everybody outside as before, closed to containers with and
//! without docker-proxy, until a grant says otherwise.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod support;

use std::collections::BTreeSet;

use support::lab::table::{Expected, State, Table};
use support::lab::{
    CONTAINERS, ENFORCE, HOST, HOST_FROM_WAN, HOST_PUBLIC, Lab, Verdict, addresses, gateways, published_at,
};

/// What another container has at its port 80 is published here.
const MOVED: u16 = 28080;

const PROXIES: [&str; 2] = ["true", "false"];

/// Where a container finds the published ports.
fn by(place: &str) -> Vec<&'static str> {
    [&HOST[..], &gateways(place), &HOST_PUBLIC].concat()
}

/// How a published port ends for a container without a wall. With a proxy, that one is asked; by UDP
/// it answers from the address that the container has for its gateway, whichever was asked. Without
/// one the packet goes on to the container, and Docker keeps its networks apart.
fn by_docker(proxy: &str, place: &str, same_network: bool, probe: &str) -> Verdict {
    let is_answered = match proxy {
        "true" => probe.starts_with("tcp") || gateways(place).contains(&probe.split(' ').nth(1).unwrap()),
        _ => same_network,
    };
    if is_answered { Verdict::Ok } else { Verdict::Timeout }
}

/// Open before, closed by the wall; `granted` by a grant that opens it.
fn closed(open: Verdict, granted: bool) -> Expected {
    let granted = if granted { open.clone() } else { Verdict::Timeout };
    Expected { open, enforce: Verdict::Timeout, granted }
}

/// Each container asks for every published port by every address of the host; a grant opens what
/// `is_granted` says of place and probe.
fn containers(proxy: &str, is_granted: impl Fn(&str, &str) -> bool) -> Table {
    let mut table = Table::default();
    for place in CONTAINERS {
        for probe in by(place).into_iter().flat_map(published_at) {
            let what = if place == "web-1" { "itself" } else { "a published port" };
            let open = by_docker(proxy, place, place.starts_with("web"), &probe);
            let expected = closed(open, is_granted(place, &probe));
            table.add(place, what, [probe], expected);
        }
        for address in by(place) {
            let probe = format!("tcp {address} {MOVED}");
            let expected = closed(by_docker(proxy, place, place == "db-1", &probe), is_granted(place, &probe));
            table.add(place, "published at another port", [probe], expected);
        }
    }
    table
}

fn outside(proxy: &str) -> Table {
    let mut table = Table::default();
    let both = |address: &str| [published_at(address), vec![format!("tcp {address} {MOVED}")]].concat();
    let every = |addresses: &[&str]| addresses.iter().flat_map(|address| both(address)).collect::<Vec<_>>();
    for place in ["host", "lan", "branch"] {
        table.add(place, "published", every(&[HOST, HOST_PUBLIC].concat()), Expected::open());
    }
    table.add("wan", "published", every(&[HOST_FROM_WAN, HOST_PUBLIC].concat()), Expected::open());
    let loopback = ["tcp 127.0.0.1 8080".to_owned(), format!("tcp 127.0.0.1 {MOVED}")];
    table.add("host", "published, by the loopback", loopback, Expected::open());
    if proxy == "true" {
        table.add("host", "published, by the loopback", ["tcp ::1 8080"], Expected::open());
    }
    table
}

/// The first segments of connections that reach a container.
const OPENINGS: &str = "iifname eth0 tcp flags & (syn | ack) == syn";

/// The lab, with a container that is published at another port than its own.
fn up(proxy: &str) -> Lab {
    let lab = Lab::up(&["--dockerd-opt", &format!("--userland-proxy={proxy}")]);
    let options = format!("--network other --ip 172.22.0.80 --ip6 fd00:d0c:22::80 -p {MOVED}:80");
    lab.container("moved", &format!("{options} -- /lab/traffic serve --tcp 80"));
    lab
}

/// What the meters hold once each container has asked for everything: what was asked for, nothing of
/// where Docker would have sent it.
fn asked_for() -> BTreeSet<String> {
    let mut flows = BTreeSet::new();
    for place in CONTAINERS {
        for address in by(place) {
            let from = addresses(place)[usize::from(address.contains(':'))];
            for what in ["6 8080".to_owned(), "17 8053".to_owned(), "17 51820".to_owned(), format!("6 {MOVED}")] {
                flows.insert(format!("{from} {address} {what}"));
            }
        }
    }
    flows
}

#[test]
fn d4_d5_d6_d9_published_ports_are_closed_to_containers_and_open_to_everybody_else() {
    for proxy in PROXIES {
        let lab = up(proxy);
        let (mut outside, mut inside) = (outside(proxy), containers(proxy, |_, _| true));
        outside.ask(&lab, State::Open);
        inside.ask(&lab, State::Open);

        lab.apply("mode = \"audit\"");
        outside.ask(&lab, State::Audit);
        assert_eq!(lab.meters(), Default::default(), "{proxy}");
        inside.ask(&lab, State::Audit);
        assert_eq!(lab.meters().into_keys().collect::<BTreeSet<_>>(), asked_for(), "audit, {proxy}");
        lab.dockwall("remove");

        lab.apply(ENFORCE);
        outside.ask(&lab, State::Enforce);
        for container in ["web-1", "moved"] {
            lab.count_seen(container, OPENINGS);
        }
        lab.stats("web-1");
        inside.ask(&lab, State::Enforce);
        // Not even the first segment, so that nothing is ever half open.
        assert_eq!([lab.seen("web-1"), lab.seen("moved")], [0, 0], "{proxy}");
        assert_eq!(lab.stats("web-1").everything(), 0, "{proxy}");
        assert_eq!(lab.meters().into_keys().collect::<BTreeSet<_>>(), asked_for(), "enforce, {proxy}");

        lab.apply(&format!("{ENFORCE}[[grant]]\nname = \"all\"\nto = \"host:published\""));
        outside.ask(&lab, State::Granted);
        inside.ask(&lab, State::Granted);
        assert_ne!(lab.seen("web-1"), 0, "{proxy}: what comes is counted");
        // No hook of ours translates anything: the wall is a filter.
        assert!(!lab.exec("host", "nft list table inet dockwall").contains("type nat"));
        outside.judge(&format!("published ports from outside, --userland-proxy={proxy}"));
        inside.judge(&format!("published ports from containers, --userland-proxy={proxy}"));
    }
}

/// A grant, and what it opens of what [`containers`] ask for.
struct Case {
    title: &'static str,
    grant: &'static str,
    opens: fn(proxy: &str, place: &str, probe: &str) -> bool,
}

fn asks_for(probe: &str, what: &str) -> bool {
    let mut words = probe.split(' ');
    let (protocol, port) = (words.next().unwrap(), words.nth(1).unwrap());
    format!("{port}/{protocol}") == what
}

const CASES: [Case; 8] = [
    Case {
        title: "one published port",
        grant: "to = \"host:published\"\nports = [\"8080/tcp\"]",
        opens: |_, _, probe| asks_for(probe, "8080/tcp"),
    },
    Case {
        title: "one port of the host",
        grant: "to = \"host\"\nports = [\"8080/tcp\"]",
        opens: |_, _, probe| asks_for(probe, "8080/tcp"),
    },
    Case {
        title: "published ports, for one network",
        grant: "to = \"host:published\"\nfrom = \"network:backend\"",
        opens: |_, place, _| place.starts_with("web"),
    },
    Case {
        title: "one port of one address of the host",
        grant: "to = \"10.57.17.2\"\nports = [\"8053/udp\"]",
        opens: |_, _, probe| probe.contains(" 10.57.17.2 ") && asks_for(probe, "8053/udp"),
    },
    // By the port that the packet arrives at, where it does go on to the container.
    Case {
        title: "the container's address and port",
        grant: "to = \"172.21.0.2\"\nports = [\"7000/tcp\"]",
        opens: |proxy, _, probe| proxy == "false" && !probe.contains(':') && asks_for(probe, "8080/tcp"),
    },
    Case {
        title: "the container's address and the published port",
        grant: "to = \"172.21.0.2\"\nports = [\"8080/tcp\"]",
        opens: |_, _, _| false,
    },
    // Port 80 of the host is not what is published at another port and arrives at port 80.
    Case {
        title: "port 80 of the host",
        grant: "to = \"host\"\nports = [\"80/tcp\", \"7000/tcp\"]",
        opens: |_, _, _| false,
    },
    Case {
        title: "the port it is published at",
        grant: "to = \"host\"\nports = [\"28080/tcp\"]",
        opens: |_, _, probe| asks_for(probe, "28080/tcp"),
    },
];

#[test]
fn d4_d6_d13_a_grant_opens_a_published_port_by_the_port_that_was_asked_for_or_by_the_containers_own() {
    for proxy in PROXIES {
        let lab = up(proxy);
        for case in CASES {
            lab.apply(&format!("{ENFORCE}[[grant]]\nname = \"it\"\n{}", case.grant));
            let mut table = containers(proxy, |place, probe| (case.opens)(proxy, place, probe));
            let title = format!("{}, --userland-proxy={proxy}", case.title);
            table.ask(&lab, State::Granted).judge(&title);
        }
    }
}
