//! Name resolution behind the wall: which resolvers are found, and that they and nothing beside them
//! are open.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod support;

use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use serde_json::Value;
use support::lab::table::{Expected, State, Table};
use support::lab::{
    BEHIND_LAN, CLOUD_RESOLVER, CONTAINERS, ENFORCE, HOST, HOST_PUBLIC, LAN, LAN_RESOLVER, Lab, METADATA, NAMED,
    NETWORKS, Row, Sender, Verdict, from,
};

/// Docker's own resolver in containers of networks of the user's making.
const EMBEDDED: &str = "127.0.0.11";

/// What Docker takes for its default.
const DEFAULTS: [&str; 4] = ["8.8.8.8", "8.8.4.4", "2001:4860:4860::8888", "2001:4860:4860::8844"];

const LINK_OF_RESOLV_CONF: &str = "ln -sfn ../run/nowhere/resolv.conf /etc/resolv.conf";

/// A question by UDP and one by TCP to each of these resolvers.
fn questions<'a>(servers: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let both = |server: &str| [format!("dns {server} 53"), format!("dns-tcp {server} 53")];
    servers.into_iter().flat_map(both).collect()
}

/// Every other way to ask a resolver's machine.
fn beside_dns(address: &str) -> Vec<String> {
    ["ping ADDRESS", "udp ADDRESS 7001", "tcp ADDRESS 7000", "tcp ADDRESS 80"]
        .map(|probe| probe.replace("ADDRESS", address))
        .into()
}

/// What `check` or `status` says of the resolvers, each as `ADDRESS, WHY: REACH`.
fn listed(value: &Value) -> Vec<String> {
    let text = |resolver: &Value, key: &str| resolver[key].as_str().unwrap().to_owned();
    let line = |resolver: &Value| {
        format!("{}, {}: {}", text(resolver, "address"), text(resolver, "origin"), text(resolver, "reach"))
    };
    value["resolvers"].as_array().unwrap().iter().map(line).collect()
}

/// What `check --json` says.
#[track_caller]
fn checked(lab: &Lab) -> Value {
    serde_json::from_str(&lab.dockwall("--json check")).unwrap()
}

/// That `check` and `status` name exactly these resolvers, to people and to programs.
#[track_caller]
fn assert_listed(lab: &Lab, when: &str, expected: &[&str]) {
    assert_eq!(listed(&checked(lab)), expected, "{when}: check");
    assert_eq!(listed(&lab.status()), expected, "{when}: status");
    let texts = [lab.dockwall("check"), String::from_utf8(lab.try_dockwall("status").stdout).unwrap()];
    for resolver in expected {
        let (address, rest) = resolver.split_once(", ").unwrap();
        let (origin, reach) = rest.rsplit_once(": ").unwrap();
        let reach = match reach {
            "free" => "not denied",
            "granted" => "port 53 granted",
            "granted-on-host" => "on the host, port 53 granted",
            "closed" => "denied",
            other => panic!("{other}"),
        };
        let line = format!("{address} ({origin}): {reach}");
        assert!(texts.iter().all(|text| text.contains(&line)), "{when}: {line} in\n{}", texts.join("\n"));
    }
}

/// Waits until servers that were just started, or have a new address, answer.
#[track_caller]
fn await_all(lab: &Lab, place: &str, probes: &[String]) {
    let probes: Vec<&str> = probes.iter().map(String::as_str).collect();
    let answers = || lab.probes(place, &probes).iter().all(|(_, verdict)| *verdict == Verdict::Ok);
    let answered = (0..50).any(|_| {
        answers() || {
            sleep(Duration::from_millis(100));
            false
        }
    });
    assert!(answered, "{place}: {probes:?}");
}

fn stderr_of(lab: &Lab, arguments: &str) -> String {
    let output = lab.try_dockwall(arguments);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{arguments}: {stderr}");
    stderr
}

/// Fresh containers, since Docker writes their resolvers when it makes them: one of the default bridge
/// and one of a network of the user's making.
fn fresh(lab: &Lab, case: usize, options: &str) -> [String; 2] {
    [
        lab.container(&format!("default-{case}"), options.trim()),
        lab.container(&format!("user-{case}"), format!("--network backend {options}").trim()),
    ]
}

/// Whom a container's programs ask.
fn resolver_of(lab: &Lab, container: &str) -> String {
    lab.nameservers(container).first().unwrap().clone()
}

#[test]
fn e1_e4_c4_c11_every_network_resolves_at_the_lan_s_resolver_and_nowhere_else() {
    let lab = Lab::up(&[]);
    let mut user_networks: Vec<String> = ["web-1", "web-2", "db-1"].map(str::to_owned).into();
    user_networks.extend(NETWORKS.iter().map(|network| (network, lab.network(network))).filter_map(
        |(network, place)| match network.leads_out {
            true => Some(place),
            false => {
                let closed = Verdict::Timeout;
                lab.expect("by Docker", &from(&place, questions([LAN_RESOLVER]), closed));
                None
            }
        },
    ));
    let denied = |address: &&str| !["198.19.0.1", "64:ff9b::a63:1", "2002:a63:1::1"].contains(address);
    let others: Vec<&str> = LAN
        .into_iter()
        .filter(|address| *address != LAN_RESOLVER)
        .chain(BEHIND_LAN.into_iter().filter(denied))
        .chain(METADATA)
        .chain([CLOUD_RESOLVER])
        .collect();
    let mut table = Table::default();
    let places = user_networks.iter().map(String::as_str).chain(["app"]);
    for place in places {
        table.add(place, "the LAN's resolver", questions([LAN_RESOLVER]), Expected::open());
        table.add(place, "beside it", beside_dns(LAN_RESOLVER), Expected::closed());
        table.add(place, "port 53 of others", questions(others.iter().copied()), Expected::closed());
    }
    for place in &user_networks {
        table.add(place, "Docker's resolver", questions([EMBEDDED]), Expected::open());
    }
    table.ask(&lab, State::Open);
    lab.apply("mode = \"audit\"\n");
    table.ask(&lab, State::Audit);
    lab.apply(ENFORCE);
    table.ask(&lab, State::Enforce).judge("the LAN's resolver");

    assert_listed(&lab, "resolv.conf", &["10.57.17.5, /etc/resolv.conf: granted"]);
    assert_eq!(lab.resolve("in-public", &format!("{EMBEDDED} some.example")), NAMED[0]);
    assert_eq!(lab.resolve("in-public", &format!("{EMBEDDED} some.example --record aaaa --tcp")), NAMED[1]);
    assert_eq!(lab.resolve("web-1", &format!("{EMBEDDED} web-2")), "172.21.0.3");
    for command in ["apply", "check"] {
        assert_eq!(stderr_of(&lab, command), "", "{command}");
    }
}

#[test]
fn e2_a_resolver_on_the_host_is_open_and_the_rest_of_the_host_is_not() {
    let lab = Lab::up(&[]);
    let bound = ["10.57.17.2", "172.17.0.1", "172.21.0.1", "203.0.113.2", "fd57:17::2"];
    let addresses = bound.map(|address| format!("--address {address}")).join(" ");
    let _resolver = lab.resolver_on_host(&format!("{addresses} --a 192.0.2.53"));
    let hosts = [&HOST[..], &HOST_PUBLIC, &["172.17.0.1", "172.21.0.1"]].concat();
    let cases: [(&str, &str, &[&str], &str); 3] = [
        (
            "/etc/resolv.conf",
            "nameserver 10.57.17.2\nnameserver fd57:17::2\n",
            &["10.57.17.2", "fd57:17::2"],
            "/etc/resolv.conf",
        ),
        ("/etc/docker/daemon.json", r#"{ "dns": ["172.17.0.1"] }"#, &["172.17.0.1"], "dns in /etc/docker/daemon.json"),
        (
            "/etc/docker/daemon.json",
            r#"{ "dns": ["203.0.113.2"] }"#,
            &["203.0.113.2"],
            "dns in /etc/docker/daemon.json",
        ),
    ];
    for (case, (path, text, resolvers, origin)) in cases.into_iter().enumerate() {
        lab.write(path, text);
        lab.control("dockerd restart");
        let [default, user] = fresh(&lab, case, "");
        let mut table = Table::default();
        for place in [&default, &user, "web-1"] {
            let others = bound.into_iter().filter(|address| !resolvers.contains(address));
            table.add(place, "the resolver", questions(resolvers.iter().copied()), Expected::open());
            table.add(place, "port 53 of the host elsewhere", questions(others), Expected::closed());
            for address in &hosts {
                let beside = ["ping", "udp", "tcp"].map(|kind| match kind {
                    "ping" => format!("ping {address}"),
                    "udp" => format!("udp {address} 7001"),
                    _ => format!("tcp {address} 7000"),
                });
                table.add(place, "the rest of the host", beside, Expected::closed());
            }
        }
        table.add(&user, "Docker's resolver", questions([EMBEDDED]), Expected::open());
        lab.dockwall("remove");
        table.ask(&lab, State::Open);
        lab.apply(ENFORCE);
        table.ask(&lab, State::Enforce).judge(text);
        let expected: Vec<String> =
            resolvers.iter().map(|address| format!("{address}, {origin}: granted-on-host")).collect();
        assert_listed(&lab, text, &expected.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(resolver_of(&lab, &default), resolvers[0], "{text}");
        for place in [&default, &user] {
            let resolver = resolver_of(&lab, place);
            assert_eq!(lab.resolve(place, &format!("{resolver} some.example")), "192.0.2.53", "{text}: {place}");
        }
    }
}

/// The Internet's resolvers, as far as Docker has them for its defaults, at the place wan.
fn public_resolvers(lab: &Lab) -> Sender {
    for (address, via) in
        DEFAULTS.iter().zip(["198.51.100.10", "198.51.100.10", "2001:db8:100::10", "2001:db8:100::10"])
    {
        lab.exec("wan", &format!("ip address add {address} dev lo"));
        lab.exec("router", &format!("ip route add {address} via {via}"));
    }
    let addresses = DEFAULTS.map(|address| format!("--address {address}")).join(" ");
    let serving = lab.start("wan", &format!("traffic serve --dns 53 {addresses} --a 192.0.2.8"));
    await_all(lab, "host", &questions(DEFAULTS));
    serving
}

/// What a host has for its resolvers.
struct Case {
    what: &'static str,
    /// What its resolv.conf says; none for a link that leads nowhere.
    resolv_conf: Option<&'static str>,
    /// What systemd-resolved's says.
    systemd: Option<&'static str>,
    daemon_json: &'static str,
    /// Whether dockerd has to start anew to read that.
    restart: bool,
    /// For the containers of this case.
    options: &'static str,
    /// What `check` lists.
    resolvers: &'static [&'static str],
    /// Addresses of a name, in the default bridge and in a network of the user's making.
    found: [&'static str; 2],
}

const LAN_FILE: &str = "nameserver 10.57.17.5\n";
const STUB_FILE: &str = "nameserver 127.0.0.53\noptions edns0 trust-ad\n";
const OF_DOCKER: &[&str] = &[
    "8.8.8.8, Docker's default: free",
    "8.8.4.4, Docker's default: free",
    "2001:4860:4860::8888, Docker's default: free",
    "2001:4860:4860::8844, Docker's default: free",
];

/// 192.0.2.80 is the LAN's answer, 192.0.2.53 that of the stub on the host, 192.0.2.8 the Internet's.
const CASES: [Case; 8] = [
    Case {
        what: "systemd-resolved",
        resolv_conf: Some(STUB_FILE),
        systemd: Some(LAN_FILE),
        daemon_json: "{}",
        restart: true,
        options: "",
        resolvers: &["10.57.17.5, systemd-resolved, /run/systemd/resolve/resolv.conf: granted"],
        // Docker's own resolver asks the stub, in the host's place.
        found: ["192.0.2.80", "192.0.2.53"],
    },
    Case {
        what: "another stub on the host's loopback",
        resolv_conf: Some("nameserver 127.0.0.54\n"),
        systemd: None,
        daemon_json: "{}",
        restart: true,
        options: "",
        resolvers: OF_DOCKER,
        found: ["192.0.2.8", "192.0.2.53"],
    },
    Case {
        what: "a stub beside a resolver",
        resolv_conf: Some("nameserver 127.0.0.53\nnameserver 10.57.17.5\n"),
        systemd: None,
        daemon_json: "{}",
        restart: false,
        options: "",
        resolvers: &["10.57.17.5, /etc/resolv.conf: granted"],
        found: ["192.0.2.80", "192.0.2.53"],
    },
    Case {
        what: "daemon.json",
        resolv_conf: Some(LAN_FILE),
        systemd: None,
        daemon_json: r#"{ "dns": ["10.99.0.1", "fc00:7::1"] }"#,
        restart: true,
        options: "",
        resolvers: &[
            "10.99.0.1, dns in /etc/docker/daemon.json: granted",
            "fc00:7::1, dns in /etc/docker/daemon.json: granted",
        ],
        found: ["192.0.2.80", "192.0.2.80"],
    },
    Case {
        what: "--dns of containers",
        resolv_conf: Some(LAN_FILE),
        systemd: None,
        daemon_json: "{}",
        restart: true,
        options: "--dns 192.168.50.1",
        resolvers: &["10.57.17.5, /etc/resolv.conf: granted", "192.168.50.1, --dns of container default-4: granted"],
        found: ["192.0.2.80", "192.0.2.80"],
    },
    Case {
        what: "a link that leads nowhere",
        resolv_conf: None,
        systemd: None,
        daemon_json: "{}",
        restart: false,
        options: "",
        resolvers: OF_DOCKER,
        found: ["192.0.2.8", "192.0.2.8"],
    },
    Case {
        what: "an empty file",
        resolv_conf: Some(""),
        systemd: None,
        daemon_json: "{}",
        restart: false,
        options: "",
        resolvers: OF_DOCKER,
        found: ["192.0.2.8", "192.0.2.8"],
    },
    Case {
        what: "only a search list",
        resolv_conf: Some("search lan.example\n"),
        systemd: None,
        daemon_json: "{}",
        restart: false,
        options: "",
        resolvers: OF_DOCKER,
        found: ["192.0.2.8", "192.0.2.8"],
    },
];

#[test]
fn e3_what_the_host_s_files_say_is_what_containers_ask_and_may() {
    let lab = Lab::up(&[]);
    let _stub = lab.resolver_on_host("--address 127.0.0.53 --address 127.0.0.54 --a 192.0.2.53");
    let _public = public_resolvers(&lab);
    lab.apply(ENFORCE);
    for (index, case) in CASES.iter().enumerate() {
        match case.resolv_conf {
            Some(text) => {
                lab.exec("host", "rm -f /etc/resolv.conf");
                lab.write("/etc/resolv.conf", text);
            }
            None => drop(lab.exec("host", LINK_OF_RESOLV_CONF)),
        }
        match case.systemd {
            Some(text) => lab.write("/run/systemd/resolve/resolv.conf", text),
            None => drop(lab.exec("host", "rm -f /run/systemd/resolve/resolv.conf")),
        }
        lab.write("/etc/docker/daemon.json", case.daemon_json);
        if case.restart {
            lab.control("dockerd restart");
        }
        let places = fresh(&lab, index, case.options);
        lab.apply(ENFORCE);
        let found = places.each_ref().map(|place| {
            let asked = resolver_of(&lab, place);
            let by_udp = lab.resolve(place, &format!("{asked} some.example"));
            assert_eq!(lab.resolve(place, &format!("{asked} some.example --tcp")), by_udp, "{}: by TCP", case.what);
            println!("{:36} {place:10} asks {asked:12} and gets {by_udp}", case.what);
            by_udp
        });
        println!("{:36} {}", "", listed(&checked(&lab)).join(" · "));
        assert_listed(&lab, case.what, case.resolvers);
        assert_eq!(found, case.found, "{}", case.what);
        for place in &places {
            let others = questions(["10.57.17.6", "100.64.7.1"]);
            lab.expect(case.what, &from(place, others, Verdict::Timeout));
        }
        lab.exec("host", &format!("docker rm -f {}", places.join(" ")));
    }
}

/// What dockwall prints among the host's own processes: dockerd's command line is that of one.
#[track_caller]
fn dockwall_beside_dockerd(lab: &Lab, arguments: &str) -> Value {
    let process_1 = std::fs::read_to_string(format!("/tmp/dockwall-lab.{}/init.pid", lab.name())).unwrap();
    let mut command = Command::new("nsenter");
    command.args(["--target", process_1.trim(), "--mount", "--net", "--pid", "--uts", "--ipc", "--"]);
    command.args([env!("CARGO_BIN_EXE_dockwall"), "--json"]);
    command.arg("--config").arg(lab.directory().join("dockwall.toml"));
    command.arg("--state-dir").arg(lab.directory().join("state")).args(arguments.split(' '));
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn e3_resolvers_of_dockerd_s_command_line_are_found() {
    let lab = Lab::up(&["--dockerd-opt", "--dns=10.99.0.1", "--dockerd-opt", "--dns=169.254.7.1"]);
    lab.configure(ENFORCE);
    dockwall_beside_dockerd(&lab, "apply");
    let expected = ["10.99.0.1, dockerd --dns: granted", "169.254.7.1, dockerd --dns: granted"];
    for command in ["check", "status"] {
        assert_eq!(listed(&dockwall_beside_dockerd(&lab, command)), expected, "{command}");
    }
    assert_eq!(lab.nameservers("app"), ["10.99.0.1", "169.254.7.1"]);
    let rows = |servers: &[&str], verdict: Verdict| -> Vec<Row> {
        CONTAINERS.iter().flat_map(|place| from(place, questions(servers.iter().copied()), verdict.clone())).collect()
    };
    lab.expect("--dns", &rows(&["10.99.0.1", "169.254.7.1"], Verdict::Ok));
    // Nobody asks those of resolv.conf any more.
    lab.expect("--dns", &rows(&[LAN_RESOLVER], Verdict::Timeout));
}

#[test]
fn e7_e8_e9_metadata_is_closed_but_for_its_resolver_where_it_is_one() {
    let lab = Lab::up(&[]);
    let clouds = [METADATA[0], METADATA[1], CLOUD_RESOLVER];
    for (resolv_conf, resolvers) in [
        (LAN_FILE, &[][..]),
        ("nameserver 169.254.169.254\nnameserver fd00:ec2::254\n", &METADATA),
        ("nameserver 100.100.2.136\n", &[CLOUD_RESOLVER]),
    ] {
        lab.write("/etc/resolv.conf", resolv_conf);
        let mut table = Table::default();
        for place in CONTAINERS {
            for address in clouds {
                let dns = if resolvers.contains(&address) { Expected::open() } else { Expected::closed() };
                table.add(place, "port 53", questions([address]), dns);
                let beside = ["80", "7000"].map(|port| format!("tcp {address} {port}"));
                table.add(place, "metadata", beside, Expected::closed());
            }
        }
        lab.dockwall("remove");
        table.ask(&lab, State::Open);
        lab.apply(ENFORCE);
        table.ask(&lab, State::Enforce).judge(&format!("metadata and {resolv_conf:?}"));
        // A container's question is what counts: the host's own are nobody's business.
        let own: Vec<String> = clouds.iter().map(|address| format!("tcp {address} 80")).collect();
        lab.expect("the host itself", &from("host", own, Verdict::Ok));
        let expected: Vec<String> =
            resolvers.iter().map(|address| format!("{address}, /etc/resolv.conf: granted")).collect();
        if !expected.is_empty() {
            assert_listed(&lab, resolv_conf, &expected.iter().map(String::as_str).collect::<Vec<_>>());
        }
    }
}

#[test]
fn e8_answers_from_100_64_to_flows_of_the_host_and_of_published_ports_pass() {
    let lab = Lab::up(&[]);
    // A client that has its address there.
    lab.exec("lan", "ip route replace 203.0.113.2/32 via 10.57.17.2 src 100.64.7.1");
    let flows = |lab: &Lab| -> Vec<Sender> {
        let own = ["100.64.7.1 7000", "100.64.7.1 7001 --udp", "100.100.2.136 7000"];
        let own = own.map(|flow| lab.session("host", flow));
        let published = ["203.0.113.2 8080", "203.0.113.2 8053 --udp"].map(|flow| lab.session("lan", flow));
        own.into_iter().chain(published).collect()
    };
    let before = flows(&lab);
    lab.apply(ENFORCE);
    let after = flows(&lab);
    lab.expect("to the same", &from("web-1", ["tcp 100.64.7.1 7000".to_owned()], Verdict::Timeout));
    sleep(Duration::from_secs(1));
    for flow in before.into_iter().chain(after) {
        let what = flow.what().to_owned();
        let ended = flow.finish();
        assert_eq!(ended["broken"], false, "{what}: {ended}");
        assert!(ended["round_trips"].as_u64() > Some(10), "{what}: {ended}");
    }
}

#[test]
fn dns_allow_none_breaks_resolution_and_says_so_once() {
    let lab = Lab::up(&[]);
    lab.configure(&format!("{ENFORCE}dns.allow = \"none\"\n"));
    for command in ["check", "apply"] {
        let said = stderr_of(&lab, command);
        assert_eq!(said.matches("warning").count(), 1, "{command}: {said}");
        let told =
            "containers will look up no name at all: `dns.allow = \"none\"` leaves their resolver 10.57.17.5 denied";
        assert_eq!(said.matches(told).count(), 1, "{command}: {said}");
        assert!(said.contains("dns.allow = \"auto\""), "the cure: {said}");
    }
    let notices = checked(&lab)["notices"].clone();
    assert_eq!(notices.as_array().unwrap().len(), 1, "{notices}");
    assert_eq!(notices[0]["kind"], "no-resolution");
    assert_listed(&lab, "none", &["10.57.17.5, /etc/resolv.conf: closed"]);
    for (place, server) in [("app", LAN_RESOLVER), ("web-1", EMBEDDED), ("db-1", EMBEDDED)] {
        lab.expect("none", &from(place, questions([server]), Verdict::Timeout));
    }
    // What is no packet's business beyond the network still is known.
    assert_eq!(lab.resolve("web-1", &format!("{EMBEDDED} web-2")), "172.21.0.3");
}

#[test]
fn dns_allow_with_a_list_opens_exactly_those() {
    let lab = Lab::up(&[]);
    let config = format!("{ENFORCE}dns.allow = [\"10.57.17.5\", \"fd57:17::5\", \"100.100.2.136\"]\n");
    lab.apply(&config);
    for command in ["check", "apply"] {
        assert_eq!(stderr_of(&lab, command), "", "{command}");
    }
    let open = [LAN_RESOLVER, "fd57:17::5", CLOUD_RESOLVER];
    let closed = ["10.57.17.6", "fd57:17::6", "10.99.0.1", METADATA[0], METADATA[1]];
    let rows: Vec<Row> = CONTAINERS
        .iter()
        .flat_map(|place| {
            let beside = open.iter().flat_map(|address| beside_dns(address)).collect();
            let closed = [questions(closed), beside].concat();
            [from(place, questions(open), Verdict::Ok), from(place, closed, Verdict::Timeout)].concat()
        })
        .collect();
    lab.expect("a list", &rows);
    for resolver in ["10.57.17.5", "fd57:17::5", "100.100.2.136"] {
        for (command, value) in [("check", checked(&lab)), ("status", lab.status())] {
            let listed = listed(&value);
            let is_told = listed.iter().any(|line| line.starts_with(resolver) && line.ends_with(": granted"));
            assert!(is_told, "{command}: {resolver} in {listed:?}");
        }
    }

    // With a list that leaves out the only one that they ask.
    lab.configure(&format!("{ENFORCE}dns.allow = [\"10.99.0.1\"]\n"));
    let said = stderr_of(&lab, "apply");
    let told = "containers will look up no name at all: `dns.allow` leaves their resolver 10.57.17.5 denied";
    assert_eq!(said.matches(told).count(), 1, "{said}");
    lab.expect("another list", &from("app", questions([LAN_RESOLVER]), Verdict::Timeout));
    lab.expect("another list", &from("app", questions(["10.99.0.1"]), Verdict::Ok));
}

/// aardvark-dns and dnsname: a resolver of Podman's at the gateway of each of its networks.
#[test]
fn e2_guests_of_podman_resolve_at_their_gateway() {
    let lab = Lab::up(&[]);
    let bridges = ["podman0", "cni-podman1"];
    let mut table = Table::default();
    let mut resolvers = Vec::new();
    let mut expected = vec!["10.57.17.5, /etc/resolv.conf: granted".to_owned()];
    for (index, bridge) in bridges.into_iter().enumerate() {
        let subnets = [format!("192.168.12{index}.0/24"), format!("fd00:12{index}::/64")];
        let guest = lab.bridge_with_guest(bridge, &[&subnets[0], &subnets[1]]);
        let gateways = [format!("192.168.12{index}.1"), format!("fd00:12{index}::1")];
        let addresses = gateways.each_ref().map(|gateway| format!("--address {gateway}")).join(" ");
        resolvers.push(lab.resolver_on_host(&format!("{addresses} --a 192.0.2.12")));
        expected.extend(
            gateways.each_ref().map(|gateway| format!("{gateway}, Podman's resolver on {bridge}: granted-on-host")),
        );
        table.add(
            &guest,
            "its gateway's resolver",
            questions(gateways.each_ref().map(String::as_str)),
            Expected::open(),
        );
        for gateway in &gateways {
            // The servers find out about new addresses after a while.
            await_all(&lab, "host", &[format!("udp {gateway} 7001")]);
            let beside = [format!("tcp {gateway} 7000"), format!("udp {gateway} 7001"), format!("ping {gateway}")];
            table.add(&guest, "beside it", beside, Expected::closed());
        }
        table.add(&guest, "neighbours", questions(["10.57.17.6", "fd57:17::6"]), Expected::closed());
    }
    // A resolver of the host's that is nobody's.
    resolvers.push(lab.resolver_on_host("--address 10.57.17.2"));
    for bridge in bridges {
        table.add(&format!("{bridge}-guest"), "another resolver", questions(["10.57.17.2"]), Expected::closed());
    }
    table.ask(&lab, State::Open);
    lab.apply(ENFORCE);
    table.ask(&lab, State::Enforce).judge("Podman");
    expected[1..].sort();
    let mut found = listed(&checked(&lab));
    found[1..].sort();
    assert_eq!(found, expected);
}
