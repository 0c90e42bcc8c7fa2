//! What other people's rules, bridges and settings do to what is granted and to containers.

use crate::stage::Stage;

#[test]
fn b1_n5_n2_b10_foreign_drops_that_shadow_a_grant_are_named() {
    let stage = Stage::new(&[]);
    let mine = |policy: &str, rule: &str| {
        format!(
            "nft 'add table inet mine; add chain inet mine pass {{ type filter hook forward priority 5; policy {policy}; }}{rule}'"
        )
    };
    let undo = "nft delete table inet mine";
    let bridged = ("bridge-netfilter", "table inet mine, chain pass");
    let shadowed = ("shadowed", "table inet mine, chain pass (hook forward, priority 5, policy drop)");
    stage.case(&mine("drop", ""), &[shadowed, bridged], undo);
    let terminal = ("terminal-drop", "rule 2 of table inet mine, chain pass (hook forward, priority 5)");
    let rules = "; add rule inet mine pass oifname \"none\" accept; add rule inet mine pass counter reject";
    stage.case(&mine("accept", rules), &[terminal, bridged], undo);
    // One with a condition, and one on a hook where nothing is granted.
    stage.sh(&mine("accept", "; add rule inet mine pass tcp dport 25 drop"));
    stage.sh("nft 'add chain inet mine in { type filter hook input priority 5; policy drop; }; add rule inet mine in accept'");
    stage.expect_healthy("drops that shadow nothing");
    stage.sh(undo);

    for program in ["iptables", "ip6tables"] {
        let family = if program == "iptables" { "ip" } else { "ip6" };
        let said = format!("rule 1 of table {family} filter, chain FORWARD");
        let (make, undo) = (format!("{program} -I FORWARD -j REJECT"), format!("{program} -D FORWARD -j REJECT"));
        stage.case(&make, &[("terminal-drop", &said)], &undo);
        // Behind Docker's own it is for what Docker did not accept.
        stage.sh(&format!("{program} -A FORWARD -j REJECT"));
        stage.expect_healthy("behind Docker's rules");
        stage.sh(&undo);
    }
    let vpn = |rule: &str| {
        format!(
            "iptables -N ts-forward; iptables -I FORWARD -j ts-forward; iptables -A ts-forward -o eth0 {rule} -j DROP"
        )
    };
    let undo = "iptables -D FORWARD -j ts-forward; iptables -F ts-forward; iptables -X ts-forward";
    let stateful = vpn("-m conntrack ! --ctstate ESTABLISHED,RELATED");
    stage.case(
        &stateful,
        &[("foreign-drop", "drops what leaves by eth0, where what is granted is (dns 10.57.17.5)")],
        undo,
    );
    stage.sh(&vpn("-s 100.64.0.0/10"));
    stage.expect_healthy("for sources that no container has");
}

#[test]
fn rules_of_the_recipe_and_of_ufw_docker_are_found_half_way() {
    let stage = Stage::new(&[]);
    let chain = |name: &str| {
        (
            format!("iptables -N {name} && iptables -I DOCKER-USER -j {name}"),
            format!("iptables -D DOCKER-USER -j {name} && iptables -X {name}"),
        )
    };
    let (make, undo) = chain("DOCKER-USER-DENY-INTERNAL");
    stage.case(
        &make,
        &[("old-rules", "chains of the recipe for firewalld are still there: ip filter DOCKER-USER-DENY")],
        &undo,
    );
    let (make, undo) = chain("ufw-docker-logging-deny");
    stage.case(&make, &[("old-rules", "chains of ufw-docker are still there")], &undo);
}

#[test]
fn n8_bridges_outside_firewalld_s_docker_zone_are_named() {
    let stage = Stage::new(&[]);
    let bridges = ["docker0".to_owned(), stage.lab.bridge_of("backend"), stage.lab.bridge_of("other")];
    let zone = |bridge: &str, zone: &str| {
        format!("add rule inet firewalld filter_INPUT_ZONES iifname \"{bridge}\" goto filter_IN_{zone};")
    };
    let table = |zones: &str| {
        format!(
            "nft 'add table inet firewalld; add chain inet firewalld filter_IN_docker; add chain inet firewalld filter_IN_public; \
             add chain inet firewalld filter_INPUT_ZONES; add chain inet firewalld filter_FORWARD {{ type filter hook forward priority 10; }}; \
             {zones} add rule inet firewalld filter_FORWARD ct state established accept'"
        )
    };
    let undo = "nft delete table inet firewalld";
    let of_nobody = ("firewalld-beside", "firewalld does not run, and its table `inet firewalld` still filters");
    let of = |zones: [&str; 3]| bridges.iter().zip(zones).map(|(bridge, name)| zone(bridge, name)).collect::<String>();
    stage.case(
        &table(&of(["docker", "public", "docker"])),
        &[("firewalld-zone", &format!("{} (backend)", bridges[1])), of_nobody],
        undo,
    );
    stage.sh(&table(&of(["docker"; 3])));
    stage.expect("all in the zone", &[of_nobody]);
}

#[test]
fn n1_guests_of_libvirt_that_docker_cuts_off_are_told_and_those_it_does_not_are_not() {
    let stage = Stage::new(&[]);
    stage.lab.bridge_with_guest("virbr0", &["192.168.122.0/24", "fd00:122::/64"]);
    stage.expect_healthy("a guest that is let through");
    stage.sh("iptables -D FORWARD -i virbr0 -j ACCEPT; iptables -D FORWARD -o virbr0 -j ACCEPT");
    stage.expect("a guest that is cut off", &[("guests-cut-off", "cuts off the guests on virbr0, of libvirt")]);
}

#[test]
fn a13_podman_s_missing_table_is_named() {
    let stage = Stage::new(&[]);
    stage.lab.bridge_with_guest("podman0", &["10.88.0.0/16"]);
    // Its networks, and the resolver on its bridge, are new to the wall.
    stage.lab.dockwall("apply");
    stage.case("true", &[("podman-rules-missing", "containers run on podman0")], "nft add table inet netavark");
}

#[test]
fn c15_a_host_that_forwards_between_its_uplinks_is_told_unless_something_limits_it() {
    let stage = Stage::new(&["--vpn", "wg0"]);
    stage.expect_healthy("Docker's policy limits it");
    let told = ("forwards-others", "the host forwards IPv4 between eth0, wg0");
    stage.case("iptables -P FORWARD ACCEPT", &[told], "iptables -P FORWARD DROP");
    let told = ("forwards-others", "the host forwards IPv6 between eth0, wg0");
    stage.case("ip6tables -P FORWARD ACCEPT", &[told], "ip6tables -P FORWARD DROP");
}

#[test]
fn c13_a_lan_with_docker_s_addresses_is_an_overlap() {
    let stage = Stage::new(&[]);
    let told = [("overlap", "172.21.0.0/16 of br-")];
    stage.case("ip address add 172.21.5.1/24 dev eth0", &told, "ip address del 172.21.5.1/24 dev eth0");
    stage.enforce("deny.ranges = [\"internal\", \"172.22.0.0/24\"]\n");
    stage.expect("a range that is written", &[("overlap", "172.22.0.0/16 of Docker's network other overlaps")]);
}
