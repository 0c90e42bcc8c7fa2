//! Grants by the name of a container, of a network, and by label.

use crate::stage::{NEIGHBOUR, OTHER, Stage, asked, grants};
use crate::support::lab::{Row, Verdict};

/// Each kind opens something of its own at the neighbour.
fn by_name() -> String {
    [
        grants("of-job", NEIGHBOUR, "from = \"container:job\"\nports = [\"7000/tcp\"]"),
        grants("of-label", NEIGHBOUR, "from = \"label:tier=job\"\nports = [\"7001/udp\"]"),
        grants("of-network", OTHER, "from = \"network:jobs\"\nports = [\"7000/tcp\"]"),
    ]
    .concat()
}

/// What is open to a place by the three kinds, in both families.
fn open(place: &str, container: bool, label: bool, network: bool) -> Vec<Row> {
    let verdict = |open| if open { Verdict::Ok } else { Verdict::Timeout };
    [
        asked(place, "tcp", NEIGHBOUR, 7000, verdict(container)),
        asked(place, "udp", NEIGHBOUR, 7001, verdict(label)),
        asked(place, "tcp", OTHER, 7000, verdict(network)),
    ]
    .concat()
}

const JOBS: &str = "--ipv6 --subnet 172.28.0.0/16 --subnet fd00:d0c:28::/64";

fn at(address: u8) -> String {
    format!("--network jobs --ip 172.28.0.{address} --ip6 fd00:d0c:28::{address:x}")
}

/// The lab learns what containers are called now by starting another.
fn remember(stage: &Stage, name: &str) {
    stage.control(&format!("run {name} --network none"));
}

#[test]
fn m8_a_grant_follows_its_container_its_network_and_its_label_whatever_docker_does_with_them() {
    let stage = Stage::with(&by_name());
    let nobody = open("app", false, false, false);
    stage.await_rows("nobody is there", &nobody);

    stage.docker(&format!("network create {JOBS} jobs"));
    stage.container("job", &format!("{} --label tier=job", at(50)));
    stage.await_rows("it started", &open("job", true, true, true));
    stage.await_rows("it started", &nobody);
    stage.expect_as_applied("it started");

    // Who takes the address over has nothing of it but what the network has.
    stage.docker("stop job");
    stage.container("heir", &at(50));
    stage.await_rows("an heir", &open("heir", false, false, true));
    stage.expect_as_applied("an heir");

    stage.docker("rm -f heir");
    stage.docker("rm job");
    stage.container("job", &format!("{} --label tier=job", at(51)));
    stage.container("heir", &at(50));
    stage.await_rows("made again at another address", &open("job", true, true, true));
    stage.await_rows("made again at another address", &open("heir", false, false, true));

    stage.docker("rename job other");
    remember(&stage, "unused-1");
    stage.await_rows("of another name", &open("other", false, true, true));
    stage.docker("rename heir job");
    remember(&stage, "unused-2");
    stage.await_rows("of its name", &open("job", true, false, true));
    stage.docker("rename job heir");
    stage.docker("rename other job");
    remember(&stage, "unused-3");
    stage.await_rows("of its own name", &open("job", true, true, true));

    stage.docker("network connect --ip 172.21.0.60 --ip6 fd00:d0c:21::60 backend job");
    stage.docker("network disconnect jobs job");
    stage.await_rows("in another network", &open("job", true, true, false));
    stage.docker(&format!("network connect {} jobs job", at(52).replace("--network jobs ", "")));
    stage.docker("network disconnect backend job");
    stage.await_rows("in its own network", &open("job", true, true, true));
    stage.expect_as_applied("in its own network");

    stage.docker("rm -f job heir");
    stage.docker("network rm jobs");
    stage.docker(&format!("network create {} jobs", JOBS.replace("172.28", "172.29").replace(":28:", ":29:")));
    stage.container("late", "--network jobs --ip 172.29.0.50 --ip6 fd00:d0c:29::50");
    stage.await_rows("another network of that name", &open("late", false, false, true));
    stage.docker(&format!("network create {} elsewhere", JOBS));
    stage.container("nobody", &at(50).replace("jobs", "elsewhere"));
    stage.await_rows("its old addresses", &open("nobody", false, false, false));
    stage.expect_as_applied("at the end");
    let history: serde_json::Value = serde_json::from_str(&stage.dockwall("--json history")).unwrap();
    assert_eq!(history.as_array().unwrap().len(), 1, "the history is of what people did: {history:#}");
    assert!(stage.guard.told().iter().all(|told| told["event"] == "followed"));
}

/// The stream is a packet each millisecond from the container's first instant: those that are missing are
/// the time that it had to wait.
#[test]
fn a_container_has_its_grant_within_a_second_of_its_first_packet_and_an_heir_never() {
    let config = grants("of-job", NEIGHBOUR, "from = \"container:job\"");
    let stage = Stage::with(&config);
    stage.docker(&format!("network create {JOBS} jobs"));
    let mut waited = Vec::new();
    for round in 0..5u8 {
        for to in NEIGHBOUR {
            stage.stats("lan");
            let blast = format!("{} -- /lab/traffic blast {to} 7002 --pps 1000 --seconds 2", at(60 + round));
            stage.control(&format!("run job {blast}"));
            let followed = stage.guard.await_followed("is open");
            stage.docker("wait job");
            let arrived = stage.stats("lan").stream(1);
            assert!(arrived.packets > 500, "{to}: {arrived:?}");
            waited.push((2000 - arrived.packets, followed["milliseconds"].as_f64().unwrap()));
            stage.guard.await_followed("is closed");
            // The next one at its address, from its own first instant.
            stage.stats("lan");
            stage.control(&format!("run heir {blast}"));
            stage.docker("wait heir");
            assert_eq!(stage.stats("lan").everything(), 0, "{to}: an heir");
            stage.docker("rm job heir");
        }
    }
    waited.sort_by(|one, other| one.1.total_cmp(&other.1));
    println!("(ms from the container's first packet to the first that passed, ms from Docker's event to the kernel)");
    println!("{waited:?}");
    assert!(waited.iter().all(|(passed, _)| *passed < 1000), "{waited:?}");
}
