//! What is applied, and what is denied then.

use dockwall::config::{Action, LogTarget, Mode};
use dockwall::policy::{Grant, Log, Opening, Policy};

use crate::support::policies::{grant, interfaces, narrow_grant, networks, now, plain, services, table};
use crate::support::{Netns, container};

/// Policies with all that there is to list, each with its name.
pub fn policies() -> Vec<(&'static str, Policy)> {
    let log = |target| Log { target, burst: 7, remember: 90, ..plain().log };
    let closed = Policy { grants: Vec::new(), resolvers: Vec::new(), ..plain() };
    vec![
        ("plain", plain()),
        ("audit", Policy { mode: Mode::Audit, ..plain() }),
        ("grants of every kind", Policy { grants: grants(), ..plain() }),
        ("uplinks", Policy { uplinks: Some(interfaces(&["lo", "eth*"])), ..plain() }),
        ("bridges", Policy { bridges: true, excluded: interfaces(&["br-lan*", "docker9"]), ..plain() }),
        ("reject", Policy { action: Action::Reject, ..plain() }),
        ("nflog", Policy { log: log(LogTarget::Nflog(9)), ..plain() }),
        ("no log", Policy { log: Log { enabled: false, ..plain().log }, host: false, ..plain() }),
        ("nothing", Policy { denied: networks(&[]), host: false, ..closed.clone() }),
        ("everything", Policy { denied: networks(&["0.0.0.0/0", "::/0"]), ..closed }),
        ("1,000 ranges", Policy { denied: networks(&ranges()), ..plain() }),
    ]
}

fn grants() -> Vec<Grant> {
    let timed = Some(now() + jiff::SignedDuration::from_hours(48));
    let from = Some(networks(&["172.18.0.0/16", "fd00:18::/64"]));
    let on_host =
        Opening { to: networks(&["0.0.0.0/0", "::/0"]), host: true, services: services(&["53/udp", "22/tcp"]) };
    vec![
        grant("whole", &["10.57.17.6", "10.60.0.0/16", "fd00:1::/64", "fd00:2::1-fd00:2::9"]),
        narrow_grant("ports", &["10.1.2.3", "fd00:1::3"], &["443/tcp", "53/udp", "8000-8100/tcp", "7/sctp"]),
        Grant { from: from.clone(), ..narrow_grant("by source", &["10.1.0.0/16", "fd00:7::/64"], &["5432/tcp"]) },
        Grant { until: timed, from, ..narrow_grant("timed", &["10.2.0.0/16", "fd00:8::/64"], &["1-9/udp"]) },
        Grant { until: timed, ..grant("timed and whole", &["10.3.0.0/16", "fd00:9::/64"]) },
        Grant { openings: vec![on_host], ..grant("host", &[]) },
    ]
}

/// A thousand, half of each family; every other is no network.
fn ranges() -> Vec<&'static str> {
    let of = |number: u32| {
        let (high, low) = (number / 256, number % 256);
        let v4 = [format!("10.{high}.{low}.0/25"), format!("10.{high}.{low}.3-10.{high}.{low}.9")];
        let v6 = [format!("fd00:{number:x}::/64"), format!("fd00:{number:x}::3-fd00:{number:x}::9")];
        [v4, v6].map(|[network, range]| if number.is_multiple_of(2) { network } else { range })
    };
    // Few, and needed for as long as the test runs.
    (0..500).flat_map(of).map(|text| &*text.leak()).collect()
}

/// A host that dropped a datagram of a container to it, of each family.
pub fn with_denied_flows() -> Netns {
    let host = Netns::new();
    let container = container::behind(&host);
    host.replace(&table(&plain(), 1));
    container::is_denied(&host, &container, 9);
    host
}
