//! Docker, iptables and the hands of an administrator around the wall.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod support;

use std::process::Command;

use support::lab::table::{Expected, Table};
use support::lab::{
    CONTAINERS, ENFORCE, HOST, LAN, Lab, Row, Verdict, WAN, addresses, all_of, from, of_tcp, of_tcp_at,
};

/// Longer than the test.
const UNTIL_TOLD: &str = "--seconds 300 --until-eof";

/// The containers' ways out, with the LAN closed.
fn walled() -> Vec<Row> {
    CONTAINERS.into_iter().flat_map(walled_from).collect()
}

fn walled_from(container: &str) -> Vec<Row> {
    let mut rows = from(container, LAN.into_iter().flat_map(all_of), Verdict::Timeout);
    rows.extend(from(container, WAN.into_iter().flat_map(all_of), Verdict::Ok));
    rows
}

/// The objects of our table, with the kernel's numbers: what is made anew has another one.
fn objects(lab: &Lab) -> String {
    lab.exec("host", "nft -t -s -a list table inet dockwall")
}

/// What our table says, without numbers, counts and remembered flows.
fn meaning(lab: &Lab) -> Vec<String> {
    let mut text = lab.exec("host", "nft -t -s list table inet dockwall");
    let sets = text.clone();
    let sets = sets.lines().filter_map(|line| line.trim().strip_prefix("set ")?.strip_suffix(" {"));
    // What the meters hold is no meaning.
    for set in sets.filter(|set| !set.starts_with("denied")) {
        text += &lab.exec("host", &format!("nft -s list set inet dockwall {set}"));
    }
    text.lines().filter(|line| !line.contains("comment \"generation ")).map(str::to_owned).collect()
}

/// Foreign tables, iptables' rules and the kernel's settings, by a dump around every command.
#[test]
fn a1_a7_b8_no_command_changes_anything_of_others() {
    let lab = Lab::up(&[]);
    // Other people's tables of all families, as fail2ban or a VPN make them.
    let foreign = "add table inet f2b; add chain inet f2b input { type filter hook input priority -1; }; \
                   add set inet f2b banned { type ipv4_addr; flags timeout; }; add table netdev x; \
                   add table inet dockwall2; add chain inet dockwall2 forward; add table ip dockwall";
    for statement in foreign.split("; add").map(|statement| format!("add {}", statement.trim_start_matches("add "))) {
        lab.exec("host", &format!("nft {statement}"));
    }
    lab.configure(ENFORCE);
    let commands = [
        "check",
        "render",
        "plan",
        "apply --mode audit",
        "apply",
        "apply",
        "plan",
        "status",
        "history",
        "rollback",
        "rollback --to 2",
        "remove",
        "remove",
        "apply",
    ];
    for command in commands {
        let before = lab.snapshot();
        lab.dockwall(command);
        let after = lab.snapshot();
        assert!(before == after, "{command}:\n{}", before.difference(&after));
    }
    // And the others' programs still read and write what is theirs.
    for program in ["iptables", "ip6tables"] {
        for rule in ["-I DOCKER-USER -j RETURN", "-D DOCKER-USER -j RETURN"] {
            if program == "iptables" {
                lab.exec("host", &format!("{program} -w {rule}"));
            }
        }
        assert!(!lab.exec("host", &format!("{program}-save")).contains("dockwall"), "{program}");
    }
    lab.control("dockerd restart");
    lab.expect("after a restart of dockerd", &walled());
}

/// A prober and a flood run all the while: not "closed again in the end", closed.
#[test]
fn a5_a6_a8_c9_nothing_gets_through_while_docker_restarts_dies_and_makes_networks() {
    let lab = Lab::up(&[]);
    lab.apply(ENFORCE);
    let ours = objects(&lab);
    lab.stats("lan");
    let floods = [
        lab.blast("app", "10.57.17.6 7002 --pps 1000 --stream 1"),
        lab.blast("web-1", "fd57:17::6 7002 --pps 1000 --stream 2"),
    ];
    let probers = [("app", "10.57.17.6"), ("web-2", "fd57:17::6")]
        .map(|(place, address)| lab.start(place, &format!("traffic connect {address} 7000 --rate 10 {UNTIL_TOLD}")));

    for _ in 0..3 {
        lab.control("dockerd restart");
    }
    lab.control("dockerd kill");
    lab.control("dockerd start");
    lab.exec("host", "docker network create --ipv6 --subnet 172.30.0.0/16 --subnet fd00:d0c:30::/64 later");
    lab.control("run late --network later -p 9090:7000");
    lab.expect("a container of a later network", &walled_from("late"));
    lab.expect(
        "its published port",
        &from("lan", ["tcp 10.57.17.2 9090", "tcp fd57:17::2 9090"].map(str::to_owned), Verdict::Ok),
    );
    lab.exec("host", "docker rm -f late");
    lab.exec("host", "docker network rm later");

    // The same network again has a bridge of another name and index.
    lab.exec("host", "docker rm -f db-1");
    lab.exec("host", "docker network rm other");
    lab.exec("host", "docker network create --ipv6 --subnet 172.22.0.0/16 --subnet fd00:d0c:22::/64 other");
    lab.control("run db-1 --network other");
    lab.expect("after all of it", &walled());

    let sent: Vec<u64> = floods.into_iter().map(|flood| flood.finish()["sent"].as_u64().unwrap()).collect();
    let met = ["172.17.0.2 10.57.17.6 17 7002", "fd00:d0c:21::2 fd57:17::6 17 7002"].map(|flow| lab.meters()[flow].0);
    assert_eq!(met, sent[..], "each packet met the wall");
    let connected = probers.map(|prober| prober.finish()["established"].as_u64().unwrap());
    assert!(sent.iter().all(|sent| *sent > 1000), "{sent:?}");
    assert_eq!(connected, [0, 0], "connections to the LAN");
    assert_eq!(lab.stats("lan").everything(), 0, "of {sent:?} packets");
    assert_eq!(objects(&lab), ours);
}

#[test]
fn a15_docker_may_start_after_the_wall_stands() {
    let lab = Lab::up(&[]);
    lab.control("dockerd stop");
    lab.exec("host", "nft flush ruleset");
    lab.apply(ENFORCE);
    let ours = objects(&lab);
    lab.control("dockerd start");
    assert_eq!(objects(&lab), ours);
    assert_eq!(lab.status()["enforced"], true);
    lab.expect("with Docker started later", &walled());
}

#[test]
fn a16_a18_b12_apply_puts_right_what_was_deleted_or_changed_and_adds_nothing_twice() {
    let lab = Lab::up(&[]);
    lab.apply(ENFORCE);
    let ours = objects(&lab);
    for _ in 0..50 {
        assert_eq!(lab.apply(ENFORCE)["changes"], 0);
    }
    assert_eq!(objects(&lab), ours);

    let damages = [
        "delete table inet dockwall",
        "flush ruleset",
        "flush chain inet dockwall forward",
        "insert rule inet dockwall DOCKER-USER return",
        "delete element inet dockwall deny4 { 10.0.0.0/8 }",
        "add element inet dockwall grant4-port { 10.57.17.6 . tcp . 7000 }",
        "flush set inet dockwall deny6",
    ];
    let whole = meaning(&lab);
    for damage in damages {
        lab.exec("host", &format!("nft {damage}"));
        assert_eq!(lab.status()["enforced"], false, "{damage}");
        assert_eq!(lab.try_dockwall("status").status.code(), Some(4), "{damage}");
        lab.dockwall("apply");
        assert_eq!(lab.status()["enforced"], true, "{damage}");
        assert_eq!(meaning(&lab), whole, "{damage}");
        // `flush ruleset` took Docker's rules as well.
        lab.control("dockerd restart");
        lab.expect(&format!("after `{damage}` and `apply`"), &walled());
    }
}

/// What is open without the wall and closed with it, on networks and ways out of all kinds.
#[test]
fn c4_c16_f2_h10_every_network_and_every_way_out_is_covered() {
    let lab = Lab::up(&[]);
    // Another neighbour on a second uplink.
    let (host, lan) = (lab.netns("host"), lab.netns("lan"));
    let cable = ["-n", &host, "link", "add", "ens9", "type", "veth", "peer", "name", "eth9", "netns", &lan];
    assert!(Command::new("ip").args(cable).status().unwrap().success());
    for (place, interface, last) in [("host", "ens9", 1), ("lan", "eth9", 2)] {
        lab.exec(place, &format!("ip link set {interface} up"));
        lab.exec(place, &format!("ip address add 192.168.99.{last}/24 dev {interface}"));
        lab.exec(place, &format!("ip address add fd99::{last}/64 dev {interface} nodad"));
    }
    // Networks with public addresses, and one whose bridge has a name from the list of patterns.
    let networks = [
        ("ula", "--ipv6 --subnet 172.28.0.0/16 --subnet fd12::/64"),
        ("global", "--ipv6 --subnet 172.200.1.0/24 --subnet 2001:db8:d0c::/80"),
        ("named", "--ipv6 --subnet 172.29.0.0/16 --subnet fd13::/64 -o com.docker.network.bridge.name=br-named"),
    ];
    for (network, options) in networks {
        lab.exec("host", &format!("docker network create {options} {network}"));
        lab.control(&format!("run in-{network} --network {network}"));
    }
    // A container that gives itself another address: whatever it says, it came in on its bridge.
    lab.exec("app", "ip address add 198.18.7.7/32 dev eth0");
    lab.exec("app", "ip route replace default via 172.17.0.1 src 198.18.7.7");
    lab.exec("host", "ip route add 198.18.7.7/32 dev docker0");
    lab.exec("lan", "ip route add 198.18.7.7/32 via 10.57.17.2");
    lab.exec("lan", "ip route replace 172.200.1.0/24 via 10.57.17.2");

    let places: Vec<String> = networks.iter().map(|(name, _)| format!("in-{name}")).chain(["app".to_owned()]).collect();
    let second = ["192.168.99.2", "fd99::2"];
    let rows = |closed: Verdict| -> Vec<Row> {
        let lan = |place: &String| from(place, LAN.into_iter().chain(second).flat_map(all_of), closed.clone());
        let wan = |place: &String| {
            from(place, WAN.into_iter().skip(usize::from(place == "app")).flat_map(all_of), Verdict::Ok)
        };
        places.iter().flat_map(|place| [lan(place), wan(place)].concat()).filter(|row| answers(row, &closed)).collect()
    };
    lab.expect("without dockwall", &rows(Verdict::Ok));
    lab.apply(ENFORCE);
    lab.expect("enforced", &rows(Verdict::Timeout));
    assert!(lab.meters().keys().any(|flow| flow.starts_with("198.18.7.7 ")));
}

/// The second neighbour has no way back to an address that a container made up.
fn answers(row: &Row, closed: &Verdict) -> bool {
    *closed == Verdict::Timeout || row.place != "app" || !row.probe.contains("192.168.99.2")
}

/// Docker before 28 lets a neighbour have what is published on the loopback: by a route to the container,
/// and by a packet to 127.0.0.1 itself, which Docker rewrites before the kernel finds it odd. Nothing of
/// that is the wall's business, which is about what containers begin.
#[test]
fn d11_what_docker_opens_on_the_loopback_is_neither_closed_nor_opened() {
    let lab = Lab::up(&[]);
    let local = lab.container("local", "--network backend --ip 172.21.0.9 -p 127.0.0.1:9999:7000");
    let neighbour = lab.bridge_with_guest("lan9", &["192.168.9.0/24"]);
    for command in [
        "ip address delete 127.0.0.1/8 dev lo",
        "sysctl -w net.ipv4.conf.all.route_localnet=1",
        "ip route add 127.0.0.1 via 192.168.9.1 src 192.168.9.2",
    ] {
        lab.exec(&neighbour, command);
    }
    let mut table = Table::default();
    table.add("lan", "by a route to the container", of_tcp(&["172.21.0.9"]), Expected::open());
    table.add(&neighbour, "by the host's loopback", of_tcp_at(&["127.0.0.1"], 9999), Expected::open());
    table.add("host", "by its own loopback", of_tcp_at(&["127.0.0.1"], 9999), Expected::open());
    table.add("lan", "by the host's address", of_tcp_at(&["10.57.17.2"], 9999), Expected::always("refused".into()));
    table.add(&local, "the LAN", of_tcp(&LAN), Expected::closed());
    table.judge_policy(&lab, "published on the loopback", "", None);
}

/// As Docker from 28 on closes the way past a published port.
#[test]
fn d12_what_docker_drops_before_the_wall_is_neither_counted_nor_opened_by_it() {
    let lab = Lab::up(&[]);
    let bridge = lab.bridge_of("backend");
    for (program, address) in [("iptables", "172.21.0.2"), ("ip6tables", "fd00:d0c:21::2")] {
        lab.exec("host", &format!("{program} -w -t raw -A PREROUTING -d {address} ! -i {bridge} -j DROP"));
    }
    let direct = of_tcp(&addresses("web-1"));
    let [four, six] = addresses("web-1");
    let grants = format!("[[grant]]\nname = \"four\"\nto = \"{four}\"\n[[grant]]\nname = \"six\"\nto = \"{six}\"\n");
    let mut table = Table::default();
    for place in ["lan", "app", "db-1"] {
        table.add(place, "past the published port", direct.clone(), Expected::always(Verdict::Timeout));
    }
    table.add("web-2", "within the network", direct.clone(), Expected::open());
    table.add("lan", "the published port", of_tcp_at(&HOST, 8080), Expected::open());
    table.judge_policy(&lab, "dropped in the table raw", "", Some(&grants));
    let wall = &lab.status()["wall"];
    for count in ["denied", "granted"] {
        assert_eq!(wall[count]["packets"], 0, "{count}: {wall}");
    }
    assert_eq!(lab.meters(), Default::default());
}
