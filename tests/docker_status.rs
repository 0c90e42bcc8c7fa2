//! `status`, `metrics` and completions where there are containers.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod support;

use serde_json::Value;
use support::lab::Lab;

/// Grants of two kinds, whose counts are apart, and one that shares a set with another.
const CONFIGURATION: &str = r#"
mode = "enforce"
[[grant]]
name = "ldap"
to = "10.57.17.5"
[[grant]]
name = "web"
to = "10.57.17.6"
ports = ["7002/udp"]
[[grant]]
name = "spare"
to = "10.57.17.6"
ports = ["7009/udp"]
"#;

fn named<'v>(list: &'v Value, key: &str, name: &str) -> &'v Value {
    list.as_array().unwrap().iter().find(|one| one[key] == name).unwrap_or_else(|| panic!("no {name} in {list}"))
}

#[test]
fn h1_h2_k10_what_is_covered_denied_and_granted_is_named_and_counted() {
    let lab = Lab::up(&[]);
    lab.control("run vpn --network host -- /lab/traffic serve --tcp 7900");
    lab.exec("host", "docker network create --driver macvlan --opt parent=eth0 --subnet 10.88.0.0/24 lan-cam");
    lab.control("run cam --network lan-cam -- /lab/traffic serve --tcp 7901");
    lab.apply(CONFIGURATION);
    // Each a datagram, to one port or to as many as there are; none is answered, since an answer that comes late
    // makes a container refuse it, which is one more packet that is denied.
    let send = |to: &str, from: u32, until: u32| {
        lab.exec("web-1", &format!("traffic scan {to} --from {from} --to {until}"));
    };
    send("10.57.17.6", 7002, 7002);
    send("10.57.17.5", 8001, 8003);
    send("10.57.17.6", 9001, 9040);
    send("fd57:17::6", 9001, 9002);
    send("10.57.17.2", 9500, 9500);

    let status = lab.status();
    let wall = &status["wall"];
    assert_eq!((&wall["denied"]["packets"], &wall["denied_to_host"]["packets"]), (&43.into(), &1.into()));
    assert_eq!(wall["granted"]["packets"], 4);
    let by = &status["granted_by"];
    let of = |grants: &[&str]| by.as_array().unwrap().iter().find(|by| by["grants"][0] == grants[0]).unwrap().clone();
    assert_eq!(
        (&of(&["ldap"])["grants"], &of(&["ldap"])["packets"]),
        (&serde_json::json!(["ldap"]), &3.into()),
        "{by}"
    );
    let shared = of(&["web"]);
    assert_eq!(shared["packets"], 1, "{by}");
    assert!(shared["grants"].as_array().unwrap().contains(&"spare".into()), "{by}");

    let coverage = &status["coverage"];
    assert_eq!(coverage["containers"], 4, "{coverage}");
    assert_eq!(named(&coverage["networks"], "network", "bridge")["bridge"], "docker0");
    assert_eq!(named(&coverage["not_covered"], "container", "vpn")["reason"], "host-network");
    assert_eq!(named(&coverage["not_covered"], "container", "cam")["reason"]["below"], "macvlan");

    let said = lab.dockwall("status");
    println!("{said}");
    for expected in [
        "vpn (host network)",
        "cam (macvlan network lan-cam)",
        "bridge (docker0)",
        "4 containers",
        "43 packets",
        "beyond the host 42 · host 1",
        "ldap 3",
        "web-1 → 10.57.17.6, 40 ports/udp   40 packets",
        "web-1 → host 10.57.17.2:9500/udp",
    ] {
        assert!(said.contains(expected), "{expected}: {said}");
    }

    let metrics = lab.dockwall("metrics");
    for expected in [
        r#"dockwall_denied_packets_total{chain="DOCKER-USER-DROP",family="ipv4"} 41"#,
        r#"dockwall_denied_packets_total{chain="DOCKER-USER-DROP",family="ipv6"} 2"#,
        r#"dockwall_denied_to_host_packets_total{chain="DOCKER-USER-HOST",family="ipv4"} 1"#,
        r#"dockwall_granted_packets_total{chain="DOCKER-USER-DENY-INTERNAL",family="ipv4"} 4"#,
        r#"dockwall_meter_flows{meter="denied4"} 41"#,
        r#"dockwall_meter_flows{meter="denied6"} 2"#,
        r#"dockwall_remembered_flows{container="web-1"} 43"#,
        r#"dockwall_remembered_packets{container="web-1"} 43"#,
        r#"dockwall_containers{covered="true"} 4"#,
        r#"dockwall_containers{covered="false"} 2"#,
    ] {
        assert!(metrics.lines().any(|line| line == expected), "{expected}: {metrics}");
    }
}

/// What bash makes of a line that ends with a Tab.
fn completed(lab: &Lab, words: &str, index: usize) -> Vec<String> {
    let script = format!(
        "cd {}; ln -sf {} dockwall; PATH=$PWD:$PATH; source <(DOCKWALL_COMPLETE=bash dockwall); \
         COMP_WORDS=({words}) COMP_CWORD={index}; _clap_complete_dockwall dockwall \"${{COMP_WORDS[COMP_CWORD]}}\" x; \
         printf '%s\\n' \"${{COMPREPLY[@]}}\"",
        lab.directory().display(),
        env!("CARGO_BIN_EXE_dockwall"),
    );
    let mut bash = lab.command("host", "bash -c");
    let output = bash.arg(script).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).lines().map(ToOwned::to_owned).collect()
}

#[test]
fn containers_and_networks_are_completed_by_their_names() {
    let lab = Lab::up(&[]);
    let from = |words: &str, index| completed(&lab, &format!("dockwall grant 10.1.2.3 --from {words}"), index);
    assert_eq!(from("c", 4), ["container:"]);
    // bash takes the colon for the end of a word, and holds what is before it.
    assert_eq!(from("container : w", 6), ["web-1", "web-2"]);
    assert_eq!(from("container :", 5), ["app", "db-1", "web-1", "web-2"]);
    assert!(from("network : b", 6).contains(&"bridge".to_owned()));
}
