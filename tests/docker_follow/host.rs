//! Bridges of Docker's networks, and the networks of the host.

use std::fmt::Write as _;

use crate::stage::{NEIGHBOUR, Stage, asked, grants};
use crate::support::lab::{HOST, Lab, NETWORKS, Row, Verdict};

fn closed(place: &str) -> Vec<Row> {
    [asked(place, "tcp", NEIGHBOUR, 7000, Verdict::Timeout), asked(place, "tcp", HOST, 7000, Verdict::Timeout)].concat()
}

#[test]
fn c9_a_bridge_with_a_name_of_its_own_is_policed_from_its_containers_first_packet_each_time_it_is_made() {
    let stage = Stage::with("");
    let custom = NETWORKS.iter().find(|network| network.name == "custom").unwrap();
    for round in 0..5 {
        stage.stats("lan");
        stage.stats("host");
        stage.create_network(custom.name, custom.options);
        for to in [NEIGHBOUR, HOST].concat() {
            let place = if HOST.contains(&to) { "host" } else { "lan" };
            let name = format!("early-{}", to.replace([':', '.'], "-"));
            stage.control(&format!(
                "run {name} --network custom -- /lab/traffic blast {to} 7002 --pps 1000 --seconds 1"
            ));
            stage.docker(&format!("wait {name}"));
            assert_eq!(stage.stats(place).everything(), 0, "{round}: {to}");
            stage.docker(&format!("rm {name}"));
        }
        stage.container("in-custom", "--network custom");
        stage.expect("policed", &closed("in-custom"));
        stage.expect_as_applied("policed");
        stage.docker("rm -f in-custom");
        stage.docker("network rm custom");
    }
    stage.guard.await_followed("policed no more");
    // It was open without: the bridge is no guess by its name.
    stage.dockwall("remove");
    stage.create_network(custom.name, custom.options);
    stage.container("in-custom", "--network custom");
    let open =
        [asked("in-custom", "tcp", NEIGHBOUR, 7000, Verdict::Ok), asked("in-custom", "tcp", HOST, 7000, Verdict::Ok)];
    stage.expect("without a wall", &open.concat());
}

#[test]
fn c12_i15_every_bridge_of_thirty_five_networks_is_policed_though_others_apply_all_the_time() {
    let stage = Stage::with("");
    let over = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        let (lab, over): (&Lab, _) = (&stage, &over);
        scope.spawn(move || {
            let mut applied = 0;
            while !over.load(std::sync::atomic::Ordering::Relaxed) {
                lab.dockwall(["apply", "grant 10.57.17.5 --port 22/tcp --name busy", "revoke busy"][applied % 3]);
                applied += 1;
            }
            if applied % 3 == 2 {
                lab.dockwall("revoke busy");
            }
            println!("{applied} commands meanwhile");
        });
        for index in 1..=35 {
            let name = format!("-o com.docker.network.bridge.name=mine{index}");
            stage.create_network(
                &format!("many-{index}"),
                &format!("{name} --subnet 192.168.{}.0/24 --subnet fd00:d0c:1{index:02}::/64", 100 + index),
            );
        }
        over.store(true, std::sync::atomic::Ordering::Relaxed);
    });
    let places = [1, 18, 35].map(|index| stage.container(&format!("in-{index}"), &format!("--network many-{index}")));
    let rows: Vec<Row> = places.iter().flat_map(|place| closed(place)).collect();
    stage.await_rows("of the first, one of the others and the last", &rows);
    stage.expect_as_applied("at the end");
    let status = stage.status();
    for index in 1..=35 {
        let name = serde_json::Value::from(format!("mine{index}"));
        assert!(status["wall"]["policed"].as_array().unwrap().contains(&name), "{name}: {status:#}");
    }
    // Their networks are none of the host's other links.
    let checked: serde_json::Value = serde_json::from_str(&stage.dockwall("--json check")).unwrap();
    assert!(!checked["on_link"].to_string().contains("192.168."), "{}", checked["on_link"]);
}

#[test]
fn i10_a_network_goes_and_comes_again_fifty_times_and_its_grant_with_it() {
    let stage = Stage::with(&grants("of-network", NEIGHBOUR, "from = \"network:jobs\"\nports = [\"7000/tcp\"]"));
    let mut commands = String::new();
    for round in 0..50 {
        let (second, sixth) = (30 + round, 100 + round);
        let make = format!("--ipv6 --subnet 172.{second}.0.0/16 --subnet fd00:d0c:{sixth}::/64");
        writeln!(commands, "docker network create {make} jobs && docker network rm jobs || exit 1").unwrap();
    }
    stage.write("/tmp/again", &commands);
    stage.exec("host", "sh /tmp/again");
    stage.create_network("jobs", "--subnet 172.28.0.0/16 --subnet fd00:d0c:28::/64");
    stage.container("job", "--network jobs");
    stage.await_rows("the last", &asked("job", "tcp", NEIGHBOUR, 7000, Verdict::Ok));
    stage.expect_as_applied("the last");
    let told = stage.guard.told();
    assert!(told.iter().all(|told| told["event"] == "followed"), "{told:#?}");
    println!("{} revisions", told.len());
}

#[test]
fn a_network_that_the_host_joins_is_denied_and_one_that_it_leaves_is_not() {
    // Beyond the ranges, so that nothing but the link denies it.
    let stage = Stage::with("deny.ranges = [\"10.0.0.0/8\"]\n");
    let netns = stage.netns("host");
    let ip = |command: &str| {
        let ended = std::process::Command::new("ip").args(["-n", &netns]).args(command.split(' ')).status().unwrap();
        assert!(ended.success(), "ip {command}");
    };
    stage.exec("lan", "ip address add 198.18.5.6/24 dev lo");
    stage.exec("lan", "ip address add 2001:db8:5::6/64 dev lo nodad");
    stage.exec("host", "ip route add 198.18.5.6/32 via 10.57.17.6");
    stage.exec("host", "ip route add 2001:db8:5::6/128 via fd57:17::6");
    let there = ["198.18.5.6", "2001:db8:5::6"];
    stage.await_rows("somewhere else", &asked("web-1", "tcp", there, 7000, Verdict::Ok));
    ip("link add uplink2 type veth peer name elsewhere");
    ip("link set uplink2 up");
    ip("address add 198.18.5.2/24 dev uplink2");
    ip("address add 2001:db8:5::2/64 dev uplink2 nodad");
    let followed = stage.guard.await_followed("2001:db8:5::/64");
    println!("{followed}");
    stage.await_rows("joined", &asked("web-1", "tcp", there, 7000, Verdict::Timeout));
    stage.expect_as_applied("joined");
    ip("link del uplink2");
    stage.await_rows("left", &asked("web-1", "tcp", there, 7000, Verdict::Ok));
    stage.expect_as_applied("left");

    stage.write("/etc/resolv.conf", "nameserver 10.57.17.6\n");
    stage.guard.await_followed("resolver open now: 10.57.17.6");
    stage.expect_as_applied("another resolver");
}
