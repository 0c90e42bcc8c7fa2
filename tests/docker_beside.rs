//! The wall beside other people's firewalls, containers and bridges: nobody's rules change because of it, and
//! nothing that it says depends on them.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod support;

use std::thread;
use std::time::{Duration, Instant};

use support::lab::programs::{DOCKERD_RESTART, NFTABLES_RESTART};
use support::lab::table::{Expected, State, Table};
use support::lab::{ENFORCE, HOST, LAN, Lab, Row, Sender, VPN, Verdict, WAN, from, of_tcp, of_tcp_at, packets_of};

const DOCKWALL: &str = env!("CARGO_BIN_EXE_dockwall");

/// How often a machine boots.
const BOOTS: usize = 20;
/// Where the pod is published.
const POD_PORT: u16 = 9400;

fn guard(lab: &Lab) -> Sender {
    let directory = lab.directory();
    let (config, state) = (directory.join("dockwall.toml"), directory.join("state"));
    let options = format!("--config {} --state-dir {}", config.display(), state.display());
    let guard = lab.start("host", &format!("{DOCKWALL} {options} --json guard"));
    await_status(lab, "guard", &true.into());
    guard
}

#[track_caller]
fn await_status(lab: &Lab, key: &str, value: &serde_json::Value) {
    let end = Instant::now() + Duration::from_secs(20);
    while lab.status()[key] != *value {
        assert!(Instant::now() < end, "{key} is not {value}: {:#}", lab.status());
        thread::sleep(Duration::from_millis(50));
    }
}

#[track_caller]
fn says(lab: &Lab, command: &str, expected: &str) {
    let said = lab.exec("host", command);
    assert!(said.contains(expected), "{command}: {said}");
}

/// What podman says and does, and what becomes of its container.
#[track_caller]
fn churn(lab: &Lab) -> Vec<String> {
    let mut found = Vec::new();
    for command in [
        &format!("pod pod-1 --ip 172.25.0.2 --ip6 fd00:d0c:25::2 -p {POD_PORT}:7000"),
        "podman network reload --all",
        "podman stop pod-1",
        "podman start pod-1",
        "podman network reload pod-1",
    ] {
        lab.control(command);
        for program in ["iptables-save", "ip6tables-save"] {
            let rules = lab.exec("host", program);
            let theirs = rules.lines().filter(|line| line.contains("NETAVARK"));
            // Without counts, and without the container's number.
            let same = theirs.map(|line| line.split(" [").next().unwrap().split(" id: ").next().unwrap());
            found.extend(same.map(|line| format!("{command}: {line}")));
        }
    }
    let mut asked = from("pod-1", of_tcp(&WAN), Verdict::Ok);
    asked.extend(from("host", of_tcp(&["172.25.0.2", "fd00:d0c:25::2"]), Verdict::Ok));
    asked.extend(from("lan", of_tcp_at(&HOST[..1], POD_PORT), Verdict::Ok));
    asked.extend(from("host", of_tcp_at(&["127.0.0.1"], POD_PORT), Verdict::Ok));
    let verdicts = lab.ask(&asked);
    found.extend(asked.iter().zip(verdicts).map(|(row, verdict)| format!("{} {} {verdict}", row.place, row.probe)));
    lab.control("podman rm --force pod-1");
    found
}

/// With the real podman, and netavark.
#[test]
fn a13_n4_podman_does_with_the_wall_what_it_does_without_and_the_guard_leaves_its_tables_to_it() {
    let lab = Lab::with_programs();
    let without = churn(&lab);
    assert!(without.iter().any(|line| line.contains("NETAVARK")), "{without:#?}");
    lab.apply(&format!("{ENFORCE}guard.own = false\n"));
    let with = churn(&lab);
    let differ = |some: &[String], others: &[String]| -> Vec<String> {
        some.iter().filter(|line| !others.contains(line)).cloned().collect()
    };
    assert_eq!((differ(&with, &without), differ(&without, &with)), (Vec::new(), Vec::new()));

    let _guard = guard(&lab);
    lab.control("pod pod-1");
    let closed = from("pod-1", of_tcp(&LAN), Verdict::Timeout);
    lab.expect("a pod", &closed);
    lab.perform(&NFTABLES_RESTART);
    await_status(&lab, "enforced", &true.into());
    // Ours, and what /etc/nftables.conf has; podman's are for podman to put back.
    assert_eq!(lab.exec("host", "nft list tables"), "table inet filter\ntable inet dockwall\n");
    lab.control("podman network reload --all");
    lab.perform(&DOCKERD_RESTART);
    says(&lab, "iptables-save", "NETAVARK_FORWARD");
    lab.expect("after all of it", &[closed, from("pod-1", of_tcp(&WAN), Verdict::Ok)].concat());
    let ours = lab.exec("host", "nft list table inet dockwall");
    assert!(!ours.contains("NETAVARK"));
}

/// As an agent of a VPN does: iptables cannot read its own table any more.
#[test]
fn b9_foreign_rules_in_the_tables_of_iptables_are_none_of_the_walls_business() {
    let lab = Lab::up(&[]);
    lab.apply(ENFORCE);
    lab.exec("host", "nft add set ip filter peers { type ipv4_addr; }");
    lab.exec("host", "nft insert rule ip filter FORWARD ip saddr @peers ct state new counter accept");
    let listed = lab.try_exec("host", "iptables -S");
    assert!(String::from_utf8_lossy(&listed.stderr).contains("incompatible"), "{listed:?}");
    for command in ["status", "check", "plan", "apply", "grant 10.57.17.5 --port 9/tcp --name other", "rollback"] {
        lab.dockwall(command);
    }
    let _guard = guard(&lab);
    await_status(&lab, "enforced", &true.into());
    lab.expect(
        "the wall",
        &[from("app", of_tcp(&LAN), Verdict::Timeout), from("app", of_tcp(&WAN), Verdict::Ok)].concat(),
    );
}

/// With the table only: the rest of a script that ends with `reject`, and Tailscale's filter by state.
#[test]
fn n2_n5_what_others_turn_away_is_neither_opened_nor_counted_by_the_wall() {
    let lab = Lab::up(&["--vpn", "tailscale0"]);
    let granted =
        format!("[[grant]]\nname = \"tailnet\"\nto = \"{}\"\n[[grant]]\nname = \"six\"\nto = \"{}\"\n", VPN[0], VPN[1]);
    lab.apply(&format!("{ENFORCE}{granted}"));
    let tailnet = |verdict: Verdict| from("app", of_tcp(&VPN), verdict);
    lab.expect("granted", &tailnet(Verdict::Ok));

    // The last rules of Tailscale's ts-forward, by nft.
    let shadow = [
        "add table inet tailscale",
        "add chain inet tailscale ts-forward { type filter hook forward priority 0; }",
        "add rule inet tailscale ts-forward oifname tailscale0 ct state != { established, related } drop",
        "add rule inet tailscale ts-forward oifname tailscale0 accept",
    ];
    for statement in shadow {
        lab.exec("host", &format!("nft {statement}"));
    }
    lab.expect("with Tailscale's filter", &tailnet(Verdict::Timeout));
    let wall = lab.status()["wall"].clone();
    assert_eq!(wall["denied"]["packets"], 0, "{wall}");
    assert!(wall["granted"]["packets"].as_u64().unwrap() > 0, "{wall}");
    lab.exec("host", "nft delete table inet tailscale");
    lab.expect("without it", &tailnet(Verdict::Ok));

    for statement in [
        "add table inet script",
        "add chain inet script forward { type filter hook forward priority 10; }",
        "add rule inet script forward reject with icmpx admin-prohibited",
    ] {
        lab.exec("host", &format!("nft {statement}"));
    }
    let mut table = Table::default();
    // Who asks by TCP is told that there is no way.
    table.add(
        "app",
        "the Internet",
        WAN.map(|address| format!("ping {address}")),
        Expected::always("prohibited".into()),
    );
    table.add("app", "granted", VPN.map(|address| format!("ping {address}")), Expected::always("prohibited".into()));
    let closed = Expected { open: "prohibited".into(), ..Expected::closed() };
    table.add("app", "the LAN", LAN.map(|address| format!("ping {address}")), closed);
    lab.dockwall("remove");
    table.ask(&lab, State::Open);
    lab.apply(&format!("{ENFORCE}{granted}"));
    table.ask(&lab, State::Enforce).ask(&lab, State::Granted).judge("a script's last reject");
}

/// By its iptables rules, libvirt's bridge lets its guests through; with `bridge-nf-call` their frames meet our
/// table as well.
#[test]
fn b11_guests_of_one_bridge_reach_each_other_whatever_is_policed() {
    let lab = Lab::up(&["--bridge-nf", "1"]);
    let one = lab.bridge_with_guest("br0", &["192.168.60.0/24", "fd00:60::/64"]);
    let other = lab.bridge_with_guest("br1", &["192.168.61.0/24", "fd00:61::/64"]);
    // The other guest moves to the first bridge.
    let ports = lab.exec("host", "ip -oneline link show master br1");
    let port = ports.split(": ").nth(1).unwrap().split('@').next().unwrap().to_owned();
    lab.exec("host", &format!("ip link set {port} master br0"));
    lab.exec(&other, "ip address add 192.168.60.3/24 dev eth0");
    lab.exec(&other, "ip address add fd00:60::3/64 dev eth0 nodad");
    let mut rows = Vec::new();
    for (place, peers) in [(&one, ["192.168.60.3", "fd00:60::3"]), (&other, ["192.168.60.2", "fd00:60::2"])] {
        for peer in peers {
            // The servers of UDP answer at the addresses that there were when they started.
            let packets = packets_of(peer).into_iter().filter(|probe| peer.ends_with('2') || probe.starts_with("ping"));
            rows.extend(from(place, of_tcp(&[peer]).into_iter().chain(packets), Verdict::Ok));
        }
    }
    lab.expect("without the wall", &rows);
    for interfaces in ["\"auto\"", "\"bridges\"", "[\"br*\"]"] {
        lab.apply(&format!("{ENFORCE}[containers]\ninterfaces = {interfaces}\n"));
        lab.expect(interfaces, &rows);
        let wall = lab.status()["wall"].clone();
        assert_eq!(wall["denied"]["packets"], 0, "{interfaces}: {wall}");
    }
}

/// Beside others that start, as Docker's unit does it: they may take a chain away that dockerd is just about to fill,
/// of which it ends, and it is started anew, up to three times in all (`Restart=always`, `StartLimitBurst=3`).
fn start_dockerd(lab: &Lab, beside: &[&str]) {
    let may_end = if beside.is_empty() { 0 } else { 2 };
    if !(0..may_end).any(|_| lab.try_control("dockerd start").status.success()) {
        lab.control("dockerd start");
    }
}

/// What a machine does when it boots: everything at once. Then nothing gets to the LAN, and what the wall is no
/// business of is as without it.
#[track_caller]
fn boot(lab: &Lab, round: usize, units: &[&str], rows: &[Row]) {
    thread::scope(|scope| {
        scope.spawn(|| lab.control("dockerd stop"));
        for unit in units {
            scope.spawn(move || lab.control(&format!("unit {unit} stop")));
        }
    });
    lab.exec("host", "nft flush ruleset");
    thread::scope(|scope| {
        scope.spawn(|| start_dockerd(lab, units));
        for unit in units {
            scope.spawn(move || lab.control(&format!("unit {unit} start")));
        }
        lab.dockwall("apply");
        lab.stats("lan");
        lab.stats("host");
    });
    let status = lab.status();
    assert_eq!(status["enforced"], true, "boot {round}: {status:#}");
    if !rows.is_empty() {
        lab.expect(&format!("boot {round}"), rows);
    }
    let (lan, host) = (lab.stats("lan"), lab.stats("host"));
    let arrived = [lan.stream(1).packets, lan.stream(2).packets, host.stream(3).packets];
    assert_eq!(arrived, [0; 3], "boot {round}");
}

/// Streams to the LAN by IPv4 and by IPv6, and one to the host.
fn streams(lab: &Lab) -> [Sender; 3] {
    [
        lab.blast("app", "10.57.17.6 7002 --pps 500 --stream 1"),
        lab.blast("web-1", "fd57:17::6 7002 --pps 500 --stream 2"),
        lab.blast("web-2", "10.57.17.2 7002 --pps 500 --stream 3"),
    ]
}

#[test]
fn m3_apply_and_dockerd_start_at_once_twenty_times_and_both_are_up() {
    let lab = Lab::up(&[]);
    lab.configure(ENFORCE);
    let streams = streams(&lab);
    let mut rows = from("app", of_tcp(&WAN), Verdict::Ok);
    rows.extend(from("lan", of_tcp_at(&HOST, 8080), Verdict::Ok));
    for round in 1..=BOOTS {
        boot(&lab, round, &[], &rows);
    }
    assert!(streams.map(Sender::finish).iter().all(|stream| stream["sent"].as_u64().unwrap() > 1000));
}

/// With the real firewalld. Which zone Docker's bridges get into, and so what firewalld does with them, may
/// differ; what the wall does may not.
#[test]
fn n8_firewalld_dockerd_and_apply_start_at_once_twenty_times_and_the_wall_is_the_same() {
    let lab = Lab::up(&["--with", "firewalld"]);
    lab.configure(ENFORCE);
    lab.control("unit firewalld start");
    let streams = streams(&lab);
    let mut walls = Vec::new();
    for round in 1..=BOOTS {
        boot(&lab, round, &["firewalld"], &[]);
        let listed = lab.exec("host", "nft -t -s list table inet dockwall");
        walls
            .push(listed.lines().filter(|line| !line.contains("comment \"generation ")).collect::<Vec<_>>().join("\n"));
    }
    assert!(walls.iter().all(|wall| *wall == walls[0]));
    assert!(streams.map(Sender::finish).iter().all(|stream| stream["sent"].as_u64().unwrap() > 1000));
}
