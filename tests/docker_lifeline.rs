//! The SSH connection that a command is run over is not cut, unless that is what the user wants.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod support;

use std::process::Output;

use serde_json::Value;
use support::lab::{ENFORCE, LAN, Lab, Row, Verdict, all_of, from};

/// The uplink written as a container interface: a whole name is no guess, it holds.
const UPLINK: &str = "mode = \"enforce\"\ncontainers.interfaces = [\"docker0\", \"br-*\", \"eth0\"]\n";

/// What lets the connections in; the lab's server at 7000 stands for sshd.
const GRANT: &str = "[[grant]]\nname = \"ssh\"\nto = \"host\"\nports = [\"7000/tcp\"]\n";

const CONNECTIONS: [&str; 3] = [
    "10.57.17.6 50000 10.57.17.2 7000",
    "fd57:17::6 50000 fd57:17::2 7000",
    // From beyond the router, to another address of the host.
    "198.51.100.10 50000 203.0.113.2 7000",
];

/// `dockwall` refused, and told programs why.
#[track_caller]
fn assert_refused(when: &str, output: &Output, interface: &str) {
    assert_eq!(output.status.code(), Some(10), "{when}: {output:?}");
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(told["error"]["status"], 10, "{when}");
    let message = told["error"]["message"].as_str().unwrap();
    assert!(message.contains(&format!("comes in by {interface}, ")), "{when}: {message}");
}

#[track_caller]
fn assert_done(when: &str, output: &Output) {
    assert!(output.status.success(), "{when}: {output:?}");
}

fn to_host(verdict: &Verdict) -> Vec<Row> {
    from("lan", ["tcp 10.57.17.2 7000", "tcp fd57:17::2 7000"].map(str::to_owned), verdict.clone())
}

fn to_lan(verdict: &Verdict) -> Vec<Row> {
    from("app", LAN.into_iter().flat_map(all_of), verdict.clone())
}

#[test]
fn m5_apply_refuses_to_cut_the_session_that_it_runs_in() {
    let lab = Lab::up(&[]);
    lab.configure(UPLINK);
    let session = lab.session("lan", "10.57.17.2 7000");
    for connection in CONNECTIONS {
        for inherited in [true, false] {
            let output = lab.dockwall_over_ssh(connection, inherited, "--json apply");
            assert_refused(&format!("{connection}, {inherited}"), &output, "eth0");
        }
    }
    lab.expect("nothing was changed", &[to_host(&Verdict::Ok), to_lan(&Verdict::Ok)].concat());
    assert_eq!(lab.try_dockwall("status").status.code(), Some(4));
    assert_eq!(session.finish()["broken"], false);

    // Neither is what was in force.
    lab.apply(ENFORCE);
    lab.configure(UPLINK);
    let before = lab.exec("host", "nft -s -a -t list table inet dockwall");
    assert_refused("over another wall", &lab.dockwall_over_ssh(CONNECTIONS[0], false, "--json apply"), "eth0");
    assert_eq!(lab.exec("host", "nft -s -a -t list table inet dockwall"), before);
    lab.expect("the wall is the same", &[to_host(&Verdict::Ok), to_lan(&Verdict::Timeout)].concat());
}

#[test]
fn m5_what_is_granted_or_only_audited_or_forced_is_no_cut() {
    let lab = Lab::up(&[]);
    lab.configure(&UPLINK.replace("enforce", "audit"));
    assert_done("audit", &lab.dockwall_over_ssh(CONNECTIONS[0], true, "apply"));
    assert_refused("into enforce", &lab.dockwall_over_ssh(CONNECTIONS[0], true, "--json apply --mode enforce"), "eth0");

    let session = lab.session("lan", "10.57.17.2 7000");
    lab.configure(&format!("{UPLINK}{GRANT}"));
    for connection in CONNECTIONS {
        assert_done(connection, &lab.dockwall_over_ssh(connection, false, "apply"));
    }
    lab.expect("granted", &to_host(&Verdict::Ok));
    // An uplink is no container interface, and people are told: what leaves by it counts as between containers.
    lab.expect("so far it is no wall", &to_lan(&Verdict::Ok));
    let said = String::from_utf8(lab.try_dockwall("check").stderr).unwrap();
    assert!(said.contains("eth0 is policed as a container interface and carries a default route"), "{said}");
    lab.expect("but nothing else", &from("lan", ["udp 10.57.17.2 7001".to_owned()], Verdict::Timeout));
    // To another port than the granted one, and from another address.
    let another = lab.dockwall_over_ssh("10.57.17.6 50000 10.57.17.2 22", true, "--json apply");
    assert_refused("another port", &another, "eth0");
    lab.configure(&format!("{UPLINK}{GRANT}from = \"10.57.17.5\"\n"));
    assert_refused("another client", &lab.dockwall_over_ssh(CONNECTIONS[0], true, "--json apply"), "eth0");
    assert_eq!(session.finish()["broken"], false);

    let session = lab.session("lan", "10.57.17.2 7000");
    lab.configure(UPLINK);
    assert_done("forced", &lab.dockwall_over_ssh(CONNECTIONS[0], true, "apply --force"));
    lab.expect("cut", &to_host(&Verdict::Timeout));
    assert_eq!(session.finish()["broken"], true);
}

#[test]
fn m5_rollback_refuses_as_well() {
    let lab = Lab::up(&[]);
    lab.apply(UPLINK);
    lab.apply(ENFORCE);
    let session = lab.session("lan", "10.57.17.2 7000");
    for command in ["--json rollback", "--json rollback --to 1"] {
        for inherited in [true, false] {
            assert_refused(command, &lab.dockwall_over_ssh(CONNECTIONS[0], inherited, command), "eth0");
        }
    }
    lab.expect("nothing was changed", &to_host(&Verdict::Ok));
    assert_eq!(lab.status()["wall"]["generation"], 2);
    assert_eq!(session.finish()["broken"], false);
    assert_done("forced", &lab.dockwall_over_ssh(CONNECTIONS[0], false, "rollback --force"));
    lab.expect("cut", &to_host(&Verdict::Timeout));
}

/// Who came from a container, by a global or a link-local address.
#[test]
fn m5_a_session_out_of_a_container_is_one_too() {
    let lab = Lab::up(&[]);
    lab.configure(ENFORCE);
    let own = |place: &str, interface: &str| {
        let listed = lab.exec(place, &format!("ip -6 -oneline address show dev {interface} scope link"));
        listed.split_whitespace().nth(3).unwrap().split('/').next().unwrap().to_owned()
    };
    let (container, host, uplink) = (own("app", "eth0"), own("host", "docker0"), own("host", "eth0"));
    for connection in [
        "172.17.0.2 50000 172.17.0.1 22".to_owned(),
        "fd00:d0c:1::242:ac11:2 50000 fd57:17::2 22".to_owned(),
        format!("{container}%docker0 50000 {host}%docker0 22"),
    ] {
        assert_refused(&connection, &lab.dockwall_over_ssh(&connection, false, "--json apply"), "docker0");
    }
    lab.expect("nothing was changed", &to_lan(&Verdict::Ok));
    // Whose link it is makes the difference.
    let neighbour = format!("{}%eth0 50000 {uplink}%eth0 22", own("lan", "eth0"));
    assert_done(&neighbour, &lab.dockwall_over_ssh(&neighbour, false, "apply"));
}
