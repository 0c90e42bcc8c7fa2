//! The wall over Docker's nftables backend: tables of Docker's own, no DOCKER-USER, no iptables.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod support;

use std::thread::sleep;
use std::time::Duration;

use serde_json::Value;
use support::lab::native::Bridge;
use support::lab::{CONTAINERS, ENFORCE, HOST, LAN, Lab, NETWORKS, Row, Sender, Verdict, WAN, from, of_tcp};

const DOCKWALL: &str = env!("CARGO_BIN_EXE_dockwall");

/// A lab whose Docker has its rules in nftables, with one more network that has no way out, and its container.
fn native() -> (Lab, Vec<Bridge>) {
    let lab = Lab::up(&[]);
    let internal = &NETWORKS[0];
    lab.network(internal);
    let mut bridges = lab.bridges();
    bridges.push(Bridge {
        name: lab.bridge_of(internal.name),
        subnets: ["172.23.0.0/16", "fd00:d0c:23::/64"],
        containers: vec![internal.addresses],
        internal: true,
        published: Vec::new(),
    });
    lab.make_docker_native(&bridges);
    lab.write("/etc/docker/daemon.json", "{ \"firewall-backend\": \"nftables\" }");
    (lab, bridges)
}

/// Whom each probe asks.
fn asked(row: &Row) -> &str {
    row.probe.split(' ').nth(1).unwrap()
}

/// The matrix as that backend makes it: past a published port nobody gets to a container, by either family.
fn open(lab: &Lab) -> Vec<Row> {
    let mut rows = lab.matrix();
    for row in rows.iter_mut().filter(|row| row.place == "lan" && !HOST.contains(&asked(row))) {
        row.verdict = Verdict::Timeout;
    }
    let internal = NETWORKS[0].place();
    let around = [&LAN[..2], &WAN].concat();
    rows.extend(from(&internal, of_tcp(&around), Verdict::Timeout));
    rows.extend(from(&internal, of_tcp(&NETWORKS[0].gateways), Verdict::Ok));
    rows
}

/// The same with the LAN and the host closed to containers.
fn walled(lab: &Lab) -> Vec<Row> {
    let mut rows = open(lab);
    let is_closed = |row: &Row| {
        let address = asked(row);
        let inside = CONTAINERS.contains(&row.place.as_str()) || row.place == NETWORKS[0].place();
        inside && LAN.iter().chain(&HOST).chain(&NETWORKS[0].gateways).any(|closed| *closed == address)
    };
    for row in rows.iter_mut().filter(|row| is_closed(row)) {
        row.verdict = Verdict::Timeout;
    }
    rows
}

/// dockwall with nothing on its PATH.
#[track_caller]
fn alone(lab: &Lab, arguments: &str) -> String {
    let directory = lab.directory();
    let options = format!("--config {0}/dockwall.toml --state-dir {0}/state", directory.display());
    lab.exec("host", &format!("env PATH=/nowhere {DOCKWALL} {options} {arguments}"))
}

#[test]
fn b3_b4_the_wall_stands_over_docker_s_nftables_backend_and_needs_neither_docker_user_nor_iptables() {
    let (lab, _) = native();
    let hooks: Value = serde_json::from_str(&lab.exec("host", "nft -j list chains")).unwrap();
    let bases = hooks["nftables"].as_array().unwrap().iter().filter_map(|object| object.get("chain"));
    let bases: Vec<String> = bases
        .filter(|chain| chain["hook"].is_string())
        .map(|chain| format!("{} {}", chain["hook"], chain["prio"]))
        .collect();
    assert_eq!(bases.len(), 10, "nobody but Docker: {bases:?}");
    assert!(bases.iter().all(|base| !base.contains("input")), "{bases:?}");
    lab.expect("without dockwall", &open(&lab));

    let before = lab.snapshot();
    lab.configure("mode = \"enforce\"\ndeny = { ranges = [], on_link = false, host = false }");
    alone(&lab, "apply");
    lab.expect("with an empty deny list", &open(&lab));
    lab.configure(ENFORCE);
    alone(&lab, "apply --mode audit");
    lab.expect("audited", &from("app", of_tcp(&LAN), Verdict::Ok));
    for command in ["check", "plan", "render", "apply", "apply", "status", "history", "denied"] {
        alone(&lab, command);
    }
    lab.expect("enforced", &walled(&lab));
    alone(&lab, "grant 10.57.17.5 --port 7000/tcp --name four");
    alone(&lab, "grant fd57:17::5 --port 7000/tcp --name six");
    lab.expect("granted", &from("web-2", of_tcp(&["10.57.17.5", "fd57:17::5"]), Verdict::Ok));
    for command in ["revoke four", "revoke six", "rollback", "remove", "apply"] {
        alone(&lab, command);
    }
    let after = lab.snapshot();
    assert!(before == after, "{}", before.difference(&after));

    // No program is started either: one execve, which is that of dockwall.
    let directory = lab.directory();
    let trace = directory.join("trace");
    let options = format!("--config {0}/dockwall.toml --state-dir {0}/state", directory.display());
    for command in ["apply --mode audit", "apply", "status", "remove", "apply"] {
        let traced = format!("strace -f -qq -e trace=execve -o {} {DOCKWALL} {options} {command}", trace.display());
        lab.exec("host", &traced);
        let started = std::fs::read_to_string(&trace).unwrap();
        assert_eq!(started.lines().filter(|line| line.contains("execve(")).count(), 1, "{command}: {started}");
    }

    // dockerd makes its tables anew when it starts.
    lab.stats("lan");
    let streams = [
        lab.blast("app", "10.57.17.6 7002 --pps 2000 --stream 1"),
        lab.blast("web-1", "fd57:17::6 7002 --pps 2000 --stream 2"),
    ];
    for _ in 0..20 {
        lab.exec("host", "nft -f /run/docker-bridges.nft");
    }
    sleep(Duration::from_millis(300));
    let arrived = lab.stats("lan").everything();
    let sent = streams.map(Sender::finish).map(|told| told["sent"].as_u64().unwrap());
    println!("Docker's tables made anew 20 times: {arrived} of {sent:?} denied packets arrived");
    assert!(sent.iter().all(|sent| *sent > 1000), "{sent:?}");
    assert_eq!(arrived, 0);
    assert_eq!(lab.status()["enforced"], true);
    lab.expect("afterwards", &from("lan", of_tcp(&HOST), Verdict::Ok));
}

/// What the doctor finds: `id: what`.
fn found(lab: &Lab) -> Vec<String> {
    let output = lab.try_dockwall("--json doctor --ignore guard --ignore rootless --ignore log");
    let said: Value = serde_json::from_slice(&output.stdout).unwrap();
    let text = |finding: &Value| {
        let [id, what, cure] = ["id", "what", "cure"].map(|key| finding[key].as_str().unwrap());
        format!("{id}: {what} → {cure}")
    };
    said["findings"].as_array().unwrap().iter().map(text).collect()
}

#[test]
fn b3_b4_the_doctor_is_right_about_docker_s_nftables_backend() {
    let (lab, bridges) = native();
    lab.apply(ENFORCE);
    assert_eq!(found(&lab), Vec::<String>::new(), "nothing is wrong");

    lab.exec(
        "host",
        "nft add table ip filter; add chain ip filter FORWARD { type filter hook forward priority 0; policy drop; }",
    );
    let stale = found(&lab);
    assert!(stale.len() == 1 && stale[0].starts_with("stale-forward-drop: table ip filter"), "{stale:#?}");
    lab.expect("what it says is true", &from("app", of_tcp(&WAN[..1]), Verdict::Timeout));
    assert_eq!(lab.status()["wall"]["denied"]["packets"], 0, "and none of it is the wall's");
    lab.exec("host", "nft delete table ip filter");

    lab.apply(&format!("{ENFORCE}[[grant]]\nname = \"web\"\nto = \"172.21.0.2\"\n"));
    let apart = found(&lab);
    assert!(apart.len() == 1 && apart[0].starts_with("docker-isolation: the grant `web`"), "{apart:#?}");
    assert!(apart[0].contains("dockerd --bridge-accept-fwmark"), "{apart:#?}");
    lab.expect("what it says is true", &from("app", of_tcp(&["172.21.0.2"]), Verdict::Timeout));
    lab.apply(ENFORCE);

    for family in ["ip", "ip6"] {
        lab.exec("host", &format!("nft delete table {family} docker-bridges"));
    }
    let gone = found(&lab);
    assert!(gone.len() == 1 && gone[0].contains("the table `ip docker-bridges`"), "{gone:#?}");
    lab.make_docker_native(&bridges);
    assert_eq!(found(&lab), Vec::<String>::new(), "put back");
}
