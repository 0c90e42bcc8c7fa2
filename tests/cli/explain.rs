//! Why a packet passes or does not, as people ask it.

use std::io::Write;
use std::process::Stdio;

use serde_json::Value;

use crate::host::{Ended, Host};
use crate::support::docker::StandIn;
use crate::support::docker::scene::LINKS;

const CONFIGURATION: &str = "\
mode = \"enforce\"

[deny]
ranges = [
  \"10.57.0.0/16\",
  \"internal\",
]

[[grant]]
name = \"ldap\"
to = \"10.57.17.5\"
ports = [\"389/tcp\"]
from = \"container:web-1\"
";

/// A host that forwards, with a Docker to ask.
struct Stage {
    host: Host,
    docker: StandIn,
}

impl Stage {
    fn new() -> Self {
        let host = Host::new(CONFIGURATION);
        let mut ip = host.netns.command("ip").args(["-batch", "-"]).stdin(Stdio::piped()).spawn().unwrap();
        ip.stdin.take().unwrap().write_all(LINKS.as_bytes()).unwrap();
        assert!(ip.wait().unwrap().success());
        for name in ["ipv4/ip_forward", "ipv6/conf/all/forwarding"] {
            host.netns.enter(|| std::fs::write(format!("/proc/sys/net/{name}"), "1").unwrap());
        }
        Self { host, docker: StandIn::with_a_scene() }
    }

    fn run(&self, arguments: &str) -> Ended {
        self.host.run_under(&["env", &self.docker.variable()], arguments)
    }

    #[track_caller]
    fn expect(&self, status: i32, arguments: &str) -> Ended {
        let ended = self.run(arguments);
        assert_eq!(ended.status, status, "{arguments}: {}{}", ended.stdout, ended.stderr);
        ended
    }

    /// The explanations as JSON.
    #[track_caller]
    fn explain(&self, arguments: &str) -> Vec<Value> {
        let said = self.expect(0, &format!("--json explain {arguments}")).stdout;
        let said: Value = serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said}"));
        said["explanations"].as_array().unwrap().clone()
    }

    /// What people are told.
    #[track_caller]
    fn told(&self, arguments: &str) -> String {
        self.expect(0, &format!("explain {arguments}")).stdout
    }
}

#[test]
fn c2_a_denied_packet_is_told_with_the_lines_that_deny_it_and_the_nearest_grant() {
    let stage = Stage::new();
    let told = stage.told("web-1 10.57.17.6:5432/tcp");
    for said in [
        "dropped   container web-1 (172.21.0.3 on backend) → 10.57.17.6:5432/tcp via eth0",
        "10.57.17.6 is in the denied 10.57.17.0/24 of eth0, deny.on_link",
        "and in 10.57.0.0/16",
        "dockwall.toml:5",
        "and in 10.0.0.0/8, preset internal",
        "dockwall.toml:6",
        "came in on br-3f2a9c000000: policed · not a reply",
        "not between containers · the one grant is not for it",
        "nearest: \"ldap\" (to 10.57.17.5, 389/tcp, from container:web-1): to another address, another port",
        "dockwall.toml:9",
        "remembered, logged (6/minute a flow, to kernel) · dropped",
        "passes in audit · dropped in enforce (configured)",
        "10.57.17.6 --port 5432/tcp --from container:web-1",
    ] {
        assert!(told.contains(said), "{said}: {told}");
    }
    let told = stage.told("web-1 10.57.17.5:ldap");
    assert!(told.starts_with("passes   container web-1") && told.contains("granted by \"ldap\""), "{told}");
    // Every rule that looked, as nft writes it.
    let told = stage.told("web-1 10.57.17.6:5432/tcp -v");
    assert!(told.contains("✓  1  ip daddr & 255.0.0.0 @first4 ip daddr @deny4 jump DOCKER-USER"), "{told}");
    assert!(told.contains("counter drop"), "{told}");
}

#[test]
fn the_command_that_is_proposed_lets_the_packet_pass() {
    let stage = Stage::new();
    stage.expect(0, "apply");
    for question in [
        "web-1 10.57.17.6:5432/tcp",
        "web-1 10.57.17.7",
        "network:backend 10.57.17.6:53/udp",
        "172.21.0.77 10.57.17.8/icmp",
        "web-1 [fd57:17::6]:443/tcp",
        "web-1 10.57.17.2:22/tcp",
        "web-1 [fd57:17::2]/icmp",
        "web-1 10.57.17.2:8080/tcp",
        "shop 224.0.0.251:5353/udp",
        "shop 10.57.17.6/gre",
    ] {
        let before = stage.explain(&format!("{question} --live")).remove(0);
        assert_eq!(before["verdict"], "dropped", "{question}: {before}");
        let command = before["remedy"].as_str().unwrap().strip_prefix("dockwall ").unwrap().to_owned();
        stage.expect(0, &command);
        for asked in [question.to_owned(), format!("{question} --live")] {
            let after = stage.explain(&asked).remove(0);
            assert_eq!((&after["verdict"], &after["remedy"]), (&"passes".into(), &Value::Null), "{command}: {after}");
            assert_ne!(after["granted_by"][0]["place"], Value::Null, "{after}");
        }
    }
}

#[test]
fn d5_a_published_port_is_explained_by_what_was_asked_for() {
    let stage = Stage::new();
    let explained = stage.explain("web-1 10.57.17.2:8080/tcp").remove(0);
    assert_eq!(explained["published"]["address"], "172.22.0.2");
    assert_eq!((&explained["hook"], &explained["outgoing"]), (&"forward".into(), &"edge0".into()));
    let told = stage.told("web-1 10.57.17.2:8080/tcp");
    for said in [
        "Docker sends it on to container shop (172.22.0.2 on edge), port 80",
        "addressed to a published port, 10.57.17.2:8080",
        "remembered as to 10.57.17.2:8080",
    ] {
        assert!(told.contains(said), "{said}: {told}");
    }
}

#[test]
fn b1_b3_who_else_drops_it_is_told_and_what_docker_keeps_apart() {
    let stage = Stage::new();
    stage.host.netns.load(
        "table inet other {
            chain late { type filter hook forward priority 10; policy drop; }
            chain in { type filter hook input priority 0; policy drop; }
        }
        table ip early {
            chain first { type filter hook forward priority -150; }
        }
        table ip6 six {
            chain six { type filter hook forward priority 0; policy drop; }
        }",
    );
    let explained = stage.explain("web-1 10.57.17.5:389/tcp").remove(0);
    assert_eq!(explained["verdict"], "passes");
    let others: Vec<(&Value, &Value)> =
        explained["others"].as_array().unwrap().iter().map(|other| (&other["chain"], &other["drops"])).collect();
    assert_eq!(others, [(&"first".into(), &false.into()), (&"late".into(), &true.into())]);
    let told = stage.told("web-1 10.57.17.5:389/tcp");
    assert!(
        told.contains("table inet other, chain late (priority 10, policy drop: drops what none of its rules accepts)"),
        "{told}"
    );
    let told = stage.told("shop web-1:80");
    assert!(told.starts_with("passes the wall, and Docker drops it"), "{told}");
    assert!(told.contains("bridge-accept-fwmark") && told.contains("docker network connect backend"), "{told}");
}

#[test]
fn d10_what_is_no_matter_of_a_firewall_is_told_apart() {
    let stage = Stage::new();
    stage.host.netns.enter(|| std::fs::write("/proc/sys/net/ipv4/ip_forward", "0").unwrap());
    let told = stage.told("web-1 10.57.17.5:389/tcp");
    assert!(told.starts_with("passes") && told.contains("net.ipv4.ip_forward is 0"), "{told}");
    stage.host.netns.enter(|| std::fs::write("/proc/sys/net/ipv4/ip_forward", "1").unwrap());
    let ip =
        |command: &str| assert!(stage.host.netns.command("ip").args(command.split(' ')).status().unwrap().success());
    ip("rule add from 172.21.0.0/16 unreachable");
    let told = stage.told("web-1 10.57.17.5:389/tcp");
    assert!(told.contains("anywhere: see `ip route get 10.57.17.5 from 172.21.0.3 iif br-3f2a9c000000`"), "{told}");
    ip("rule delete from 172.21.0.0/16 unreachable");
    assert!(!stage.told("web-1 10.57.17.5:389/tcp").contains("but "));
}

#[test]
fn e10_what_meets_none_of_the_rules_is_said_to() {
    let stage = Stage::new();
    for (question, said) in [
        ("host 169.254.169.254:80", "the host's own processes meet none"),
        ("vpn 169.254.169.254:80", "the host's network for its own"),
        ("cam 10.57.17.6", "macvlan"),
        ("web-1 db:5432", "the bridge hands packets over"),
    ] {
        let told = stage.told(question);
        assert!(told.starts_with("not seen   ") && told.contains(said), "{question}: {told}");
        assert_eq!(stage.explain(question)[0]["verdict"], "not-seen");
    }
    assert_eq!(stage.explain("web-1 169.254.169.254:80")[0]["verdict"], "dropped");
}

#[test]
fn what_is_in_force_is_told_from_what_is_configured() {
    let stage = Stage::new();
    assert!(stage.expect(4, "explain web-1 10.57.17.6 --live").stderr.contains("no wall is in force"));
    assert!(stage.told("web-1 10.57.17.6").contains("no wall: it passes until `dockwall apply`"));
    stage.expect(0, "apply --mode audit");
    let explained = stage.explain("web-1 10.57.17.6").remove(0);
    assert_eq!((&explained["verdict"], &explained["in_force"]), (&"dropped".into(), &"passes".into()));
    let told = stage.told("web-1 10.57.17.6 --live");
    assert!(told.starts_with("passes, and would be dropped in enforce"), "{told}");
    assert!(
        told.contains("passes in audit (in force) · dropped in enforce") && told.contains("dockwall.toml:5"),
        "{told}"
    );
    // Edits are none of what is in force, and have no lines to name.
    stage.host.configure(&CONFIGURATION.replace("10.57.0.0/16", "203.0.113.0/24"));
    let told = stage.told("web-1 10.57.17.6 --live");
    assert!(!told.contains("dockwall.toml:5") && told.contains("the configuration says something else"), "{told}");
    assert!(told.contains("10.57.17.6 is in deny4 (10.0.0.0/8)"), "{told}");
    // And somebody's own rule is seen.
    stage.host.netns.nft("insert rule inet dockwall DOCKER-USER-DENY-INTERNAL tcp dport 5432 drop");
    assert_eq!(stage.explain("web-1 10.57.17.6:5432/tcp --live")[0]["verdict"], "dropped");
    assert_eq!(stage.explain("web-1 10.57.17.6:5433/tcp --live")[0]["verdict"], "passes");
}

#[test]
fn it_needs_no_privilege() {
    let stage = Stage::new();
    let ended = stage.host.run_under(
        &["env", &stage.docker.variable(), "setpriv", "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs"],
        "explain web-1 10.57.17.6:5432/tcp",
    );
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    assert!(ended.stdout.starts_with("dropped") && ended.stdout.contains("needs CAP_NET_ADMIN"), "{}", ended.stdout);
}

#[test]
fn what_stands_for_nothing_or_is_no_question_is_refused_with_a_cure() {
    let stage = Stage::new();
    for (status, question, said) in [
        (9, "web-2 10.1.2.3", "did you mean `web-1`?"),
        (9, "container:nobody 10.1.2.3", "docker ps"),
        (9, "network:nothing 10.1.2.3", "docker network ls"),
        (9, "web-1 no-such-name.invalid:80", "the host's resolver knows no"),
        (9, "shop fd57:17::6", "no family of addresses in common"),
        (2, "web-1 10.57.17.0/24", "one address"),
        (2, "web-1 10.57.17.6:80/icmp", "has no ports"),
        (2, "web-1 fd57:17::6:443/tcp", "[fd57:17::6]:443"),
        (2, "label:a=b 10.1.2.3", "docker ps --filter"),
        (2, "web-1", "required"),
        (2, "web-1 10.57.17.6 --live --mode audit", "cannot be used with"),
    ] {
        let refused = stage.expect(status, &format!("explain {question}")).stderr;
        assert!(refused.contains(said), "{question}: {refused}");
    }
    stage.host.configure("mode = \"on\"");
    stage.expect(3, "explain web-1 10.1.2.3");
}

#[test]
fn e8_the_answer_to_a_flow_from_outside_passes_and_an_open_resolver_says_where_it_is_written() {
    let stage = Stage::new();
    stage.host.configure(&format!("{CONFIGURATION}[dns]\nallow = [\"100.100.2.136\"]\n"));
    let told = stage.told("web-1 100.64.1.2:40000/tcp --reply");
    assert!(told.starts_with("passes") && told.contains("answers a flow that the other end opened"), "{told}");
    assert_eq!(stage.explain("web-1 100.64.1.2:40000/tcp")[0]["verdict"], "dropped");
    let told = stage.told("web-1 100.100.2.136:domain/udp");
    assert!(told.starts_with("passes") && told.contains("granted by dns.allow: 100.100.2.136 is a resolver"), "{told}");
    assert_eq!(stage.explain("web-1 100.100.2.136:80/tcp")[0]["verdict"], "dropped");
}
