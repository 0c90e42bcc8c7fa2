//! Which interfaces are policed: found by Docker, by name or by kind; later ones; and those that are not.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod support;

use support::lab::table::{Expected, State, Table};
use support::lab::{
    ENFORCE, HOST, Lab, NETWORKS, Network, Sender, Verdict, WAN, all_of, assert_unbroken, gateways, of_tcp, of_tcp_at,
};

const BRIDGES: &str = "containers.interfaces = \"bridges\"";

/// The neighbour.
const NEIGHBOUR: [&str; 3] = ["10.57.17.6", "fd57:17::6", "2001:db8:57::6"];

/// The network whose bridge has a name that tells nothing, `app-net0`.
const CUSTOM: &Network = &NETWORKS[2];

/// Closed to the LAN and to the host.
fn policed(table: &mut Table, place: &str, gateways: &[&str]) {
    reaches(table, place, gateways, [Expected::closed(), Expected::closed()]);
}

/// Neither: no business of the wall.
fn left_alone(table: &mut Table, place: &str, gateways: &[&str]) {
    reaches(table, place, gateways, [Expected::open(), Expected::open()]);
}

fn reaches(table: &mut Table, place: &str, gateways: &[&str], [lan, host]: [Expected; 2]) {
    table.add(place, "the LAN", of_tcp(&NEIGHBOUR), lan);
    table.add(place, "the host", of_tcp(&[&HOST, gateways].concat()), host);
    table.add(place, "the Internet", of_tcp(&WAN), Expected::open());
}

/// A bridge of another program; its guest's place and the host's addresses there.
fn bridge(lab: &Lab, name: &str, number: u8) -> (String, [String; 2]) {
    let guest = lab.bridge_with_guest(name, &[&format!("192.168.{number}.0/24"), &format!("fd00:{number}::/64")]);
    (guest, [format!("192.168.{number}.1"), format!("fd00:{number}::1")])
}

fn bridges(lab: &Lab, table: &mut Table, names: &[&str], first: u8, add: fn(&mut Table, &str, &[&str])) {
    for (name, number) in names.iter().zip(first..) {
        let (guest, gateways) = bridge(lab, name, number);
        add(table, &guest, &gateways.each_ref().map(String::as_str));
    }
}

/// What `check` prints, whatever it thinks of it.
fn check(lab: &Lab) -> String {
    let output = lab.try_dockwall("check");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap() + std::str::from_utf8(&output.stderr).unwrap()
}

/// What the line of `check` about that says.
fn said_of<'a>(said: &'a str, what: &str) -> &'a str {
    said.lines().find_map(|line| line.trim().strip_prefix(what)).unwrap_or_default().trim()
}

#[test]
fn n6_auto_finds_docker_swarm_podman_and_nerdctl_and_bridges_that_docker_gave_another_name() {
    let lab = Lab::up(&[]);
    let swarm = "--subnet 172.26.0.0/16 --subnet fd00:d0c:2a::/64 -o com.docker.network.bridge.name=docker_gwbridge";
    lab.create_network("docker_gwbridge", swarm);
    let mut table = Table::default();
    policed(&mut table, &lab.container("task", "--network docker_gwbridge"), &["172.26.0.1", "fd00:d0c:2a::1"]);
    policed(&mut table, &lab.network(CUSTOM), &CUSTOM.gateways);
    for container in ["app", "web-1", "db-1"] {
        policed(&mut table, container, &gateways(container));
    }
    bridges(&lab, &mut table, &["podman0", "podman1", "cni-podman0", "nerdctl0"], 120, policed);
    bridges(&lab, &mut table, &["zoo0"], 130, left_alone);
    table.judge_policy(&lab, "auto", "", None);

    let known = check(&lab);
    assert!(said_of(&known, "policed").starts_with("app-net0 · "), "{known}");
    assert!(!known.contains("bridge app-net0"), "{known}");
    assert!(known.contains("bridge zoo0 is not policed"), "{known}");
    // Nobody can say any more what app-net0 is: what was policed stays so.
    lab.control("dockerd stop");
    let silent = check(&lab);
    assert!(said_of(&silent, "policed").starts_with("app-net0 · "), "{silent}");
    assert!(silent.contains("bridge zoo0 is not policed"), "{silent}");
    for (line, silenced) in
        [("interfaces = [\"docker0\", \"br-*\"]", true), ("exclude = [\"zoo*\"]", true), ("exclude = [\"zo\"]", false)]
    {
        lab.configure(&format!("containers.{line}"));
        assert_eq!(!check(&lab).contains("is not policed:"), silenced, "{line}");
    }
}

/// What comes in for the host itself is policed by name, since a bridge that is made later may be the
/// host's own way out.
#[test]
fn n1_bridges_are_policed_by_their_kind_those_of_later_too() {
    let lab = Lab::up(&[]);
    let mut table = Table::default();
    bridges(&lab, &mut table, &["virbr0", "lxdbr0", "incusbr0"], 120, left_alone);
    bridges(&lab, &mut table, &["zoo0"], 130, policed);
    policed(&mut table, &lab.network(CUSTOM), &CUSTOM.gateways);
    policed(&mut table, "app", &gateways("app"));
    table.judge_policy(&lab, "bridges", BRIDGES, None);

    let mut later = Table::default();
    let mut none = Table::default();
    bridges(&lab, &mut none, &["zoo1"], 140, |_, _, _| {});
    let in_later = "--subnet 172.27.0.0/16 --subnet fd00:d0c:2b::/64 -o com.docker.network.bridge.name=late0";
    lab.create_network("late", in_later);
    let places = [
        ("zoo1-guest".to_owned(), ["192.168.140.1", "fd00:140::1"]),
        (lab.container("in-late", "--network late"), ["172.27.0.1", "fd00:d0c:2b::1"]),
    ];
    for (place, gateways) in &places {
        reaches(&mut later, place, gateways, [Expected::closed(), Expected::open()]);
    }
    later.ask(&lab, State::Enforce).judge("bridges that were made later");

    lab.dockwall("apply");
    let mut applied = Table::default();
    for (place, gateways) in &places {
        policed(&mut applied, place, gateways);
    }
    applied.ask(&lab, State::Enforce).judge("the same after another apply");
}

#[test]
fn what_is_excluded_is_open_whichever_way_it_was_taken_in() {
    let exclude = "containers.exclude = [\"docker0\", \"app-net0\", \"podman*\", \"br-zoo*\", \"zoo*\"]";
    let lab = Lab::up(&[]);
    let mut table = Table::default();
    left_alone(&mut table, "app", &gateways("app"));
    left_alone(&mut table, &lab.network(CUSTOM), &CUSTOM.gateways);
    bridges(&lab, &mut table, &["podman0", "br-zoo0", "br-zoo1", "zoo0"], 120, left_alone);
    bridges(&lab, &mut table, &["br-zo", "nerdctl0"], 130, policed);
    policed(&mut table, "web-1", &gateways("web-1"));
    let list = "containers.interfaces = [\"docker0\", \"app-net0\", \"podman0\", \"br-*\", \"nerdctl0\", \"zoo0\"]";
    table.judge_policy(&lab, "excluded from auto", exclude, None);
    for interfaces in [BRIDGES, list] {
        lab.apply(&format!("{ENFORCE}{interfaces}\n{exclude}"));
        table.ask(&lab, State::Enforce).judge(&format!("excluded, {interfaces}"));
    }
    // And so is one that was made later.
    let mut later = Table::default();
    bridges(&lab, &mut later, &["br-zoo2", "zoo2"], 140, left_alone);
    bridges(&lab, &mut later, &["br-z"], 150, policed);
    later.ask(&lab, State::Enforce).judge("made later");
}

/// A neighbour's ways to the host.
fn managed() -> Table {
    let mut table = Table::default();
    table.add("lan", "the host", HOST.into_iter().flat_map(all_of), Expected::open());
    table.add("lan", "published", of_tcp_at(&HOST, 8080), Expected::open());
    table.add("wan", "the host", of_tcp(&["10.57.17.2", "2001:db8:57::2"]), Expected::open());
    table.add("host", "the LAN", of_tcp(&NEIGHBOUR), Expected::open());
    for container in ["app", "web-1"] {
        policed(&mut table, container, &gateways(container));
    }
    table
}

fn sessions(lab: &Lab) -> Vec<Sender> {
    ["10.57.17.2 7000", "fd57:17::2 7000", "10.57.17.2 7001 --udp", "10.57.17.2 8080"]
        .map(|flow| lab.session("lan", flow))
        .into()
}

#[test]
fn m5_who_manages_the_host_through_a_bridge_is_not_locked_out() {
    for (uplink, interfaces) in [("br-lan", &["\"auto\"", BRIDGES, "[\"docker0\", \"br-*\"]"][..]), ("br0", &[BRIDGES])]
    {
        let lab = Lab::up(&["--uplink", uplink, "--bridged"]);
        let mut table = managed();
        table.ask(&lab, State::Open);
        let sessions = sessions(&lab);
        for interfaces in interfaces {
            let interfaces = interfaces.trim_start_matches("containers.interfaces = ");
            lab.apply(&format!("{ENFORCE}containers.interfaces = {interfaces}"));
            table.ask(&lab, State::Enforce);
            let said = check(&lab);
            assert_eq!(said_of(&said, "not policed"), format!("{uplink}, which carries a default route"));
        }
        table.judge(&format!("managed by {uplink}"));
        assert_unbroken(uplink, sessions);
    }
}

/// Docker takes the LAN's own bridge for one of its networks.
#[test]
fn m5_nor_where_the_bridge_is_a_docker_network_as_well() {
    let lab = Lab::up(&["--uplink", "br0", "--bridged"]);
    let addresses = "--subnet 10.57.17.0/24 --gateway 10.57.17.2 --subnet fd57:17::/64 --gateway fd57:17::2";
    lab.create_network("lan", &format!("{addresses} -o com.docker.network.bridge.name=br0"));
    let neighbour = lab.container("neighbour", "--network lan --ip 10.57.17.50 --ip6 fd57:17::50");
    let mut table = Table::default();
    table.add("lan", "the host", HOST.into_iter().flat_map(all_of), Expected::open());
    table.add("lan", "published", of_tcp_at(&HOST, 8080), Expected::open());
    table.add("host", "the LAN", of_tcp(&NEIGHBOUR[..2]), Expected::open());
    for container in ["app", "web-1"] {
        // Docker keeps its networks apart, and takes everything behind br0 for one of them.
        table.add(container, "the LAN, by Docker", of_tcp(&NEIGHBOUR), Expected::always(Verdict::Timeout));
        table.add(container, "the host", of_tcp(&[HOST, gateways(container)].concat()), Expected::closed());
    }
    table.add(&neighbour, "the LAN, by the bridge", of_tcp(&NEIGHBOUR[..2]), Expected::open());
    table.add("lan", "a container in the LAN", of_tcp(&["10.57.17.50", "fd57:17::50"]), Expected::open());
    let sessions = sessions(&lab);
    table.judge_policy(&lab, "a Docker network on br0", "", None);
    assert_eq!(said_of(&check(&lab), "not policed"), "br0, which carries a default route");
    lab.apply(&format!("{ENFORCE}{BRIDGES}"));
    table.ask(&lab, State::Enforce).judge("and every bridge by its kind");
    assert_unbroken("a Docker network on br0", sessions);
}

#[test]
fn an_interface_that_does_not_exist_yet_is_policed_once_it_does() {
    let lab = Lab::up(&[]);
    lab.apply(&format!("{ENFORCE}containers.interfaces = [\"docker0\", \"later0\", \"my-*\"]"));
    assert_eq!(said_of(&check(&lab), "policed"), "docker0 · later0 · my-*");
    assert_eq!(lab.status()["enforced"], true);
    let mut table = Table::default();
    bridges(&lab, &mut table, &["later0", "my-net1"], 120, policed);
    bridges(&lab, &mut table, &["later1"], 130, left_alone);
    table.ask(&lab, State::Enforce).judge("made later");
}

/// Whatever the kernel takes for a name: 15 bytes, dots, letters of other alphabets, punctuation.
#[test]
fn c6_names_are_matched_byte_by_byte_whatever_is_in_them() {
    const ODD: [&str; 8] =
        ["fifteen-bytes-1", "fifteen-byte", "net.7.x", "br-ünï", "br-{a,b}=;c", "br-$HOME#&", "\u{7db2}0", "br-[x]'y?"];
    let lab = Lab::up(&[]);
    let mut table = Table::default();
    bridges(&lab, &mut table, &ODD, 120, policed);
    bridges(&lab, &mut table, &["fifteen-bytes_1", "net.8", "br_x"], 140, left_alone);
    let quoted = ODD.map(|name| format!("\"{name}\"")).join(", ");
    table.judge_policy(&lab, "by whole names", &format!("containers.interfaces = [{quoted}]"), None);
    let prefixes = r#"["fifteen-bytes-*", "fifteen-byte", "net.7*", "br-*", "網*"]"#;
    lab.apply(&format!("{ENFORCE}containers.interfaces = {prefixes}"));
    table.ask(&lab, State::Enforce).judge("by prefixes");
    // The text of the ruleset names them so that nft reads it back.
    lab.write("/tmp/odd.nft", &lab.exec("host", "nft list table inet dockwall"));
    lab.exec("host", "nft --check -f /tmp/odd.nft");
}
