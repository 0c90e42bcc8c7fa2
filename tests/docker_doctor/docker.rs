//! Docker's own state: what it does not cover, and what it lost.

use crate::stage::Stage;
use crate::support::lab::FOR_SWARM;

#[test]
fn h1_h2_containers_that_are_not_covered_are_named() {
    let stage = Stage::new(&[]);
    let lab = &stage.lab;
    lab.container("vpn", "--network host -- sleep 300");
    stage.expect("host network", &[("not-covered", "NOT COVERED: container vpn (host network)")]);
    lab.exec("host", "docker network create --driver macvlan --opt parent=eth0 --subnet 10.57.18.0/24 lan0");
    lab.container("cam", "--network lan0 -- sleep 300");
    let cam = ("not-covered", "NOT COVERED: container cam (macvlan network lan0)");
    stage.expect("macvlan", &[("not-covered", "vpn (host network)"), cam]);
    lab.exec("host", "docker rm -f vpn cam");
    stage.expect_healthy("without them");
}

#[test]
fn h4_a_rootless_runtime_is_named() {
    let stage = Stage::new(&[]).seeing_rootless();
    let directory = stage.lab.directory();
    let program = directory.join("slirp4netns");
    std::fs::copy("/bin/sleep", &program).unwrap();
    stage.sh(&format!("chmod 755 {} {}", directory.display(), program.display()));
    stage.sh(&format!(
        "setsid setpriv --reuid 1000 --clear-groups {} 300 >/dev/null 2>&1 </dev/null & echo $! >{}/pid",
        program.display(),
        directory.display()
    ));
    let told = [("rootless", "NOT COVERED: rootless containers (slirp4netns) of user 1000")];
    let undo = format!(
        "kill $(cat {0}/pid); while kill -0 $(cat {0}/pid) 2>/dev/null; do sleep 0.05; done",
        directory.display()
    );
    stage.case("sleep 0.3", &told, &undo);
}

#[test]
fn a_network_that_the_wall_does_not_police_is_an_error() {
    let stage = Stage::new(&[]);
    stage.lab.create_network(
        "late",
        "--opt com.docker.network.bridge.name=late0 --subnet 172.29.0.0/16 --subnet fd00:29::/64",
    );
    stage.expect("late", &[("unpoliced-network", "NOT COVERED: network late (bridge late0)"), ("not-applied", "")]);
    stage.lab.dockwall("apply");
    stage.expect_healthy("applied");
    stage.enforce("containers.exclude = [\"late0\"]\n");
    stage.expect_healthy("excluded by who wrote it");
    stage.enforce("");
    stage.sh("ip link add app-net0 type bridge");
    stage.expect("a bridge of nobody", &[("unpoliced-network", "the bridge app-net0 is not policed")]);
}

#[test]
fn a3_a11_docker_s_rules_that_somebody_flushed_are_missing() {
    let stage = Stage::new(&[]);
    let delete = "iptables -t nat -S DOCKER | grep -- '--dport 8080 ' | sed s/-A/-D/ | xargs iptables -t nat";
    stage.sh(delete);
    stage.expect("one DNAT", &[("docker-rules-missing", "no DNAT leads to published ports: 8080/tcp of web-1")]);
    stage.sh("iptables -F; iptables -X; iptables -t nat -F; iptables -t nat -X");
    let told = [
        ("docker-rules-missing", "Docker's own rules are missing: the chain DOCKER in ip filter and ip nat"),
        ("stale-forward-drop", "table ip filter, chain FORWARD has policy drop"),
    ];
    stage.expect("all", &told);
    stage.lab.control("dockerd restart");
    stage.expect_healthy("restarted");
}

#[test]
fn a17_b4_d11_how_docker_was_told_to_work_is_judged() {
    let stage = Stage::new(&[]);
    let lab = &stage.lab;
    lab.write("/etc/docker/daemon.json", "{ \"iptables\": false }");
    stage.expect("no rules", &[("docker-iptables-off", "iptables is false")]);
    lab.exec("host", "rm /etc/docker/daemon.json");
    stage.case(
        "sysctl -qw net.ipv4.ip_forward=0",
        &[("forwarding-off", "the host does not forward IPv4")],
        "sysctl -qw net.ipv4.ip_forward=1",
    );
    stage.case(
        "sysctl -qw net.ipv6.conf.all.forwarding=0",
        &[("forwarding-off", "the host does not forward IPv6")],
        "sysctl -qw net.ipv6.conf.all.forwarding=1; ip -6 route replace default via fd57:17::1",
    );
    // What a migration to Docker's nftables backend leaves behind.
    let stale = ("stale-forward-drop", "table ip filter, chain FORWARD has policy drop");
    stage.case("nft add table ip docker-bridges", &[stale], "nft delete table ip docker-bridges");
    lab.container("local", "--publish 127.0.0.1:9090:7000");
    stage.expect("D11", &[("loopback-published", "9090/tcp of local")]);
}

#[test]
fn b3_a_grant_from_container_to_container_says_who_still_drops_it() {
    let stage = Stage::new(&[]);
    stage.enforce("[[grant]]\nname = \"web\"\nto = \"172.21.0.2\"\n");
    stage.expect("another network", &[("docker-isolation", "the grant `web` leads to Docker's network backend")]);
}

#[test]
fn b5_b6_b7_backends_that_do_not_go_together_are_told() {
    let stage = Stage::new(&FOR_SWARM);
    stage.lab.swarm();
    stage.lab.dockwall("apply");
    stage.expect_healthy("a swarm with iptables");
    stage.lab.write("/etc/docker/daemon.json", "{ \"firewall-backend\": \"nftables\" }");
    let found = stage.examine("--only swarm-backend");
    assert!(found.findings[0].contains("Docker's firewall backend is set to nftables"), "{:?}", found.findings);
    stage.lab.exec("host", "rm /etc/docker/daemon.json");
    stage.sh("iptables-legacy -t filter -A FORWARD -j ACCEPT");
    stage.expect("legacy too", &[("docker-backend", "iptables-legacy (filter) and nf_tables (ip filter, ip nat")]);
}
