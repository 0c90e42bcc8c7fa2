//! What gets through while somebody attacks a table that nobody owns, and a guard puts it back: as on kernels
//! that cannot keep a table for an owner.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod support;

use std::thread::sleep;
use std::time::{Duration, Instant};

use support::lab::{ENFORCE, Lab, Sender};

const DOCKWALL: &str = env!("CARGO_BIN_EXE_dockwall");

/// Packets a second of the stream: one is half a millisecond.
const PACKETS: f64 = 2000.0;
/// New connections a second.
const CONNECTIONS: u32 = 1000;
/// How often each attack is made.
const TIMES: usize = 20;
/// How long is waited for what gets through after an attack.
const SETTLE: Duration = Duration::from_millis(400);

/// The guard on the Docker host.
fn guard(lab: &Lab) -> Sender {
    let directory = lab.directory();
    let (config, state) = (directory.join("dockwall.toml"), directory.join("state"));
    let options = format!("--config {} --state-dir {}", config.display(), state.display());
    let guard = lab.start("host", &format!("{DOCKWALL} {options} --json guard"));
    let end = Instant::now() + Duration::from_secs(20);
    while lab.status()["guard"] != true {
        assert!(Instant::now() < end, "no guard starts");
        sleep(Duration::from_millis(50));
    }
    sleep(Duration::from_millis(300));
    guard
}

/// What got through during one attack. Connections that were tried before and are tried again meanwhile are
/// among it, so that there are more of them than the time would say.
struct Leak {
    packets: u64,
    connections: u64,
}

impl Leak {
    fn of(lab: &Lab, attack: impl FnOnce()) -> Self {
        lab.stats("lan");
        attack();
        sleep(SETTLE);
        let stats = lab.stats("lan");
        let packets = stats.stream(1).packets;
        Self { packets, connections: stats.everything() - packets }
    }

    /// The time that the stream could pass, in milliseconds.
    fn gap(&self) -> f64 {
        self.packets as f64 * 1000.0 / PACKETS
    }
}

/// Prints what leaked, and fails where the wall is not whole again or was open for a second.
#[track_caller]
fn judge(lab: &Lab, what: &str, leaks: &[Leak]) {
    let mut gaps: Vec<f64> = leaks.iter().map(Leak::gap).collect();
    gaps.sort_by(f64::total_cmp);
    let (median, longest) = (gaps[gaps.len() / 2], *gaps.last().unwrap());
    let connections: u64 = leaks.iter().map(|leak| leak.connections).sum();
    let packets: u64 = leaks.iter().map(|leak| leak.packets).sum();
    println!(
        "{what:30} {:2} times: {packets:4} packets and {connections:4} connections got through; open for {median:5.1} ms (median), \
         {longest:5.1} ms at the longest",
        leaks.len()
    );
    assert!(longest < 1000.0, "{what}: open for {longest} ms");
    assert!(leaks.len() < TIMES || median < 50.0, "{what}: open for {median} ms");
    let status = lab.status();
    assert_eq!(status["enforced"], true, "{what}: {status:#}");
}

#[test]
fn a2_a8_the_wall_is_back_in_milliseconds_under_a_thousand_connections_a_second() {
    let lab = Lab::up(&[]);
    lab.apply(&format!("{ENFORCE}guard.own = false\n"));
    let _guard = guard(&lab);
    lab.stats("lan");
    let stream = lab.blast("app", &format!("10.57.17.6 7002 --pps {PACKETS}"));
    let connect = format!("traffic connect 10.57.17.6 7000 --rate {CONNECTIONS} --seconds 300 --until-eof");
    let connections = lab.start("web-1", &connect);
    sleep(SETTLE);
    assert_eq!(lab.stats("lan").everything(), 0);

    let host = |command: &str| {
        lab.exec("host", command);
    };
    for attack in [
        "nft delete table inet dockwall",
        "nft insert rule inet dockwall DOCKER-USER accept",
        "nft flush set inet dockwall deny4",
        "nft flush chain inet dockwall forward",
        "nft add table inet dockwall { flags dormant; }",
    ] {
        let leaks: Vec<Leak> = (0..TIMES).map(|_| Leak::of(&lab, || host(attack))).collect();
        judge(&lab, attack.trim_start_matches("nft "), &leaks);
    }
    for attack in ["iptables -F", "iptables -t nat -F"] {
        let leak = Leak::of(&lab, || host(attack));
        judge(&lab, attack, &[leak]);
        assert_eq!(lab.stats("lan").everything(), 0, "{attack} is none of the wall's business");
    }
    let leak = Leak::of(&lab, || {
        lab.control("dockerd restart");
    });
    assert_eq!((leak.packets, leak.connections), (0, 0));
    judge(&lab, "dockerd restart", &[leak]);

    // As a restart of nftables.service does; then Docker's own rules are gone as well, and Docker puts them back.
    let leaks: Vec<Leak> = (0..3).map(|_| Leak::of(&lab, || host("nft flush ruleset"))).collect();
    judge(&lab, "flush ruleset", &leaks);
    let leak = Leak::of(&lab, || {
        lab.control("dockerd restart");
    });
    assert_eq!((leak.packets, leak.connections), (0, 0));
    judge(&lab, "dockerd restart after that", &[leak]);

    // Had it stayed away, that would have been seen.
    let tried = connections.finish();
    assert!(tried["tried"].as_u64().unwrap() > 5000, "{tried}");
    lab.dockwall("remove");
    let leak = Leak::of(&lab, || {});
    assert!(leak.gap() > 300.0, "{} packets got through without a wall", leak.packets);
    assert!(stream.finish()["sent"].as_u64().unwrap() > 10_000);
}
