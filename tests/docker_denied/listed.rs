//! What `denied` lists.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::support::lab::{HOST, LAN, Lab, gateways};

/// What it lists, as source, destination, port and protocol, and what became of it.
fn listed(lab: &Lab, arguments: &str) -> BTreeSet<String> {
    let found: Value = serde_json::from_str(&lab.dockwall(format!("--json denied {arguments}").trim_end())).unwrap();
    found["flows"].as_array().unwrap().iter().map(text).collect()
}

fn text(flow: &Value) -> String {
    let word = |value: &Value| value.to_string().replace('"', "");
    let from = word(&flow["source_is"]["container"]);
    let [to, port, protocol, verdict] = ["destination", "port", "protocol", "verdict"].map(|key| word(&flow[key]));
    let host = if flow["destination_is"]["host"] == true { " (host)" } else { "" };
    format!("{from} {to}{host} {port}/{protocol} {verdict}")
}

/// To the LAN, to the host, to the bridge and to a published port, by both families; the log of a network namespace is
/// mute (`nf_log_all_netns`), and nothing of that depends on it.
#[test]
fn k5_k8_k10_d5_each_denied_flow_is_listed_by_name_where_the_log_is_mute() {
    let lab = Lab::up(&[]);
    let probes = [
        ("app", "udp 10.57.17.6 7001", "app 10.57.17.6 7001/udp"),
        ("app", "ping fd57:17::6", "app fd57:17::6 null/icmpv6"),
        ("web-1", "udp fd57:17::6 7001", "web-1 fd57:17::6 7001/udp"),
        ("web-2", "ping 10.57.17.6", "web-2 10.57.17.6 null/icmp"),
        ("web-1", "udp 172.21.0.1 7001", "web-1 172.21.0.1 (host) 7001/udp"),
        ("db-1", "udp fd57:17::2 7001", "db-1 fd57:17::2 (host) 7001/udp"),
        // By what was asked for, not by what Docker makes of it.
        ("app", "udp 10.57.17.2 8053", "app 10.57.17.2 (host) 8053/udp"),
        ("db-1", "udp fd57:17::2 8053", "db-1 fd57:17::2 (host) 8053/udp"),
    ];
    for (mode, verdict) in [("enforce", "dropped"), ("audit", "audited")] {
        lab.apply(&format!("mode = \"{mode}\""));
        for (place, probe, _) in probes {
            lab.probes(place, &[probe]);
        }
        let expected: BTreeSet<String> = probes.iter().map(|(_, _, flow)| format!("{flow} {verdict}")).collect();
        assert_eq!(listed(&lab, ""), expected, "{mode}");
        let of = |word: &str| expected.iter().filter(|flow| flow.contains(word)).cloned().collect::<BTreeSet<_>>();
        assert_eq!(listed(&lab, "--container app"), of("app "), "{mode}");
        assert_eq!(listed(&lab, "--to host"), of("(host)"), "{mode}");
        assert_eq!(listed(&lab, "--port 8053/udp"), of("8053/udp"), "{mode}");
        let found: Value = serde_json::from_str(&lab.dockwall("--json denied")).unwrap();
        let packets: u64 =
            found["flows"].as_array().unwrap().iter().map(|flow| flow["packets"].as_u64().unwrap()).sum();
        assert_eq!(found["denied"]["packets"], packets, "{mode}: what is listed, and the count of all");
        let shown = lab.dockwall("denied --container web-1");
        assert!(shown.contains("backend") && shown.contains("tools") && shown.contains("host 172.21.0.1"), "{shown}");
        lab.dockwall("remove");
    }
}

#[test]
fn compose_s_names_stand_beside_the_container_s() {
    let lab = Lab::up(&[]);
    lab.control("run shop-api-1 --label com.docker.compose.project=shop --label com.docker.compose.service=api");
    lab.apply("mode = \"enforce\"");
    lab.probes("shop-api-1", &["udp 10.57.17.6 7001"]);
    let found: Value = serde_json::from_str(&lab.dockwall("--json denied")).unwrap();
    let who = &found["flows"][0]["source_is"];
    let [container, image, network, project, service] =
        ["container", "image", "network", "project", "service"].map(|key| who[key].as_str().unwrap());
    assert_eq!([container, image, network, project, service], ["shop-api-1", "tools", "bridge", "shop", "api"]);
    assert!(lab.dockwall("denied").contains("shop"));
}

#[test]
fn k2_after_a_flood_the_scan_is_one_line_and_the_rest_is_still_seen() {
    let lab = Lab::up(&[]);
    lab.apply("mode = \"enforce\"");
    lab.probes("web-1", &["udp 10.57.17.6 7001", "udp fd57:17::6 7001"]);
    for address in ["10.57.17.6", "fd57:17::6"] {
        lab.exec("app", &format!("traffic scan {address} --from 5536 --pps 20000"));
    }
    let meters = lab.meters().len();
    let found: Value = serde_json::from_str(&lab.dockwall("--json denied")).unwrap();
    assert_eq!(found["flows"].as_array().unwrap().len(), meters, "listed as nft lists them");
    let shown = lab.dockwall("denied");
    let lines: Vec<&str> = shown.lines().collect();
    assert_eq!(lines.len(), 5, "{shown}");
    assert!(lines[1..3].iter().all(|line| line.contains("ports, ") && line.contains("app")), "{shown}");
    let suggested = lab.dockwall("suggest");
    assert!(suggested.contains("container:web-1") && !suggested.contains("container:app"), "{suggested}");
}

#[test]
fn h1_h2_whose_packets_the_wall_does_not_see_is_said_beside_the_list() {
    let lab = Lab::up(&[]);
    lab.exec("host", "docker network create -d macvlan -o parent=eth0 --subnet 10.57.99.0/24 cam");
    lab.exec("host", "docker run -d --name vpn --network host busybox sleep 600");
    lab.exec("host", "docker run -d --name eye --network cam busybox sleep 600");
    lab.apply("mode = \"enforce\"");
    let denied = lab.try_dockwall("denied");
    let said = String::from_utf8_lossy(&denied.stderr).into_owned();
    assert!(said.contains("eye (macvlan network cam)") && said.contains("vpn (host network)"), "{said}");
    let found: Value = serde_json::from_str(&lab.dockwall("--json denied")).unwrap();
    let what: Vec<&str> =
        found["not_covered"].as_array().unwrap().iter().map(|it| it["container"].as_str().unwrap()).collect();
    assert_eq!(what, ["eye", "vpn"]);
}

/// Whatever the bridge.
#[test]
fn e10_metadata_is_denied_on_every_bridge_and_never_suggested_without_a_warning() {
    let lab = Lab::up(&[]);
    lab.apply("mode = \"enforce\"");
    let metadata = ["169.254.169.254", "fd00:ec2::254"];
    for place in ["app", "web-1", "db-1"] {
        lab.probes(place, &metadata.map(|address| format!("udp {address} 53")).each_ref().map(String::as_str));
        lab.probes(place, &[&format!("udp {} 22", gateways(place)[0])]);
    }
    assert_eq!(listed(&lab, "--to 169.254.169.254 --to fd00:ec2::254").len(), 6);
    let suggested = lab.dockwall("suggest");
    let grants: Vec<&str> = suggested.lines().filter(|line| line.starts_with("to = ")).collect();
    assert_eq!(suggested.matches("# WARNING: this opens a cloud's metadata").count(), 6, "{suggested}");
    // SSH speaks TCP: port 22 of UDP is no door.
    assert_eq!(grants, ["to = \"host\""; 3], "{suggested}");
    assert!(LAN.iter().chain(&HOST).all(|address| !suggested.contains(&format!("to = \"{address}\""))));
}
