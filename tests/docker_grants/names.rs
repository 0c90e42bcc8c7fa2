//! Grants with names of Docker's: what becomes of them when Docker does not know the name, is not
//! there, or has given it to somebody else.

use std::fs;

use serde_json::Value;

use crate::stage::{ENFORCE, Kin, Stage, every, grant, rules, tcp};
use crate::support::lab::{HOST, Lab, NETWORKS, Row, Spoofed, Verdict, addresses, from, gateways};

/// The bridge of the network `custom` of [`NETWORKS`].
const CUSTOM_BRIDGE: &str = "app-net0";

fn stage() -> Stage {
    Stage::with(Kin::BOTH.into_iter().flat_map(|kin| (1..=4).map(move |network| kin.at(network, 5))))
}

/// A grant to each of the networks 1 to 4 in both families, with `from` as it is written.
fn each_from(sources: [&str; 4], rest: &str) -> String {
    let of = |kin: Kin| -> String {
        (1u8..)
            .zip(sources)
            .map(|(network, source)| {
                let from = if source.is_empty() { String::new() } else { format!("from = \"{source}\"\n") };
                grant(&format!("to-{network}-{kin:?}").to_lowercase(), &kin.at(network, 5), &format!("{from}{rest}"))
            })
            .collect()
    };
    Kin::BOTH.map(of).concat()
}

/// Everything that a place can ask of the network of that number.
fn rows(place: &str, network: u8, verdict: Verdict) -> Vec<Row> {
    from(place, Kin::BOTH.into_iter().flat_map(|kin| every(&kin.at(network, 5))), verdict)
}

fn notices(lab: &Lab) -> Vec<Value> {
    let checked: Value = serde_json::from_str(&lab.dockwall("--json check")).unwrap();
    checked["notices"].as_array().unwrap().clone()
}

#[test]
fn e5_a_grant_with_an_unknown_name_is_left_out_and_the_rest_is_applied() {
    let stage = stage();
    let sources = ["container:nobody", "network:nowhere", "label:tier=none", "container:web-1"];
    stage.configure(&format!("{ENFORCE}{}", each_from(sources, "")));
    let output = stage.try_dockwall("apply");
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{told}");
    for (grant, name) in [("to-1-v4", "\"nobody\""), ("to-2-v6", "\"nowhere\""), ("to-3-v4", "tier=none")] {
        let line = told.lines().find(|line| line.contains(&format!("`{grant}` is left out")));
        assert!(line.is_some_and(|line| line.contains("warning") && line.contains(name)), "{grant}: {told}");
    }
    assert_eq!(told.matches("warning").count(), 6, "{told}");
    let notices = notices(&stage);
    assert_eq!(notices.len(), 6, "{notices:?}");
    assert!(notices.iter().all(|notice| notice["kind"] == "unresolved-name"), "{notices:?}");
    let mut expected = rows("web-1", 4, Verdict::Ok);
    for place in ["app", "web-1", "web-2", "db-1"] {
        (1..=3).for_each(|network| expected.extend(rows(place, network, Verdict::Timeout)));
    }
    for place in ["app", "web-2", "db-1"] {
        expected.extend(rows(place, 4, Verdict::Timeout));
    }
    stage.expect("with unknown names", &expected);

    // Once they are there, the next apply takes them in.
    stage.create_network("nowhere", "--subnet 172.27.0.0/16 --subnet fd00:d0c:27::/64");
    stage.container("nobody", "--network nowhere --label tier=none");
    stage.dockwall("apply");
    let all = (1..=3).flat_map(|network| rows("nobody", network, Verdict::Ok));
    stage.expect("when they are known", &all.chain(rows("app", 1, Verdict::Timeout)).collect::<Vec<_>>());
}

#[test]
fn e5_a_required_grant_with_an_unknown_name_leaves_the_old_rules_whole() {
    let stage = stage();
    let before = stage.apply(&format!("{ENFORCE}{}", grant("old", &Kin::V4.at(1, 5), "")));
    let (whole, generation) = (rules(&stage), before["generation"].clone());
    let open: Vec<Row> = from("web-1", every(&Kin::V4.at(1, 5)), Verdict::Ok);
    let closed = from("web-1", [every(&Kin::V4.at(2, 5)), every(&Kin::V6.at(1, 5))].concat(), Verdict::Timeout);
    let expected = [open, closed].concat();
    let needed = grant("needed", &Kin::V4.at(3, 5), "from = \"container:nobody\"\nrequired = true");
    stage.configure(&format!("{ENFORCE}{}{needed}", grant("new", &Kin::V4.at(2, 5), "")));
    for command in ["apply", "apply --mode audit", "plan", "check"] {
        let output = stage.try_dockwall(command);
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(9), "{command}: {told}");
        assert!(told.contains("needed") && told.contains("\"nobody\""), "{command}: {told}");
        assert_eq!(rules(&stage), whole, "{command}");
        assert_eq!(stage.status()["wall"]["generation"], generation, "{command}");
        assert_eq!(stage.status()["enforced"], true, "{command}");
    }
    stage.expect("refused", &expected);
    stage.container("nobody", "");
    stage.dockwall("apply");
    stage.expect("when it is there", &from("nobody", every(&Kin::V4.at(3, 5)), Verdict::Ok));
    stage.expect("when it is there", &from("web-1", every(&Kin::V4.at(1, 5)), Verdict::Timeout));
}

#[test]
fn without_docker_everything_that_needs_no_name_is_applied() {
    let stage = stage();
    let custom = NETWORKS.iter().find(|network| network.name == "custom").unwrap();
    let in_custom = stage.network(custom);
    let host = grant("host", "host", "ports = [\"7020/tcp\"]") + &grant("published", "host:published", "");
    let config =
        format!("{ENFORCE}{}{host}", each_from(["", "172.21.0.0/16", "container:web-1", "network:backend"], ""));
    let web_1 = addresses("web-1");
    let config = config + &grant("to-2-from", &Kin::V6.at(2, 5), &format!("from = \"{}\"", web_1[1]));
    // An IPv4 source and an IPv6 destination do not go together.
    let config = config.replace(&grant("to-2-v6", &Kin::V6.at(2, 5), "from = \"172.21.0.0/16\"\n"), "");
    // Docker told once that this is a bridge of its own; its name does not.
    stage.apply(ENFORCE);
    stage.expect("with Docker", &rows(&in_custom, 1, Verdict::Timeout));
    stage.control("dockerd stop");
    stage.configure(&config);
    let output = stage.try_dockwall("apply");
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{told}");
    for left_out in ["to-3-v4", "to-3-v6", "to-4-v4", "to-4-v6", "published"] {
        assert!(told.contains(&format!("`{left_out}` is left out")), "{left_out}: {told}");
    }
    assert_eq!(told.matches("is left out").count(), 5, "{told}");
    let open = [
        rows("app", 1, Verdict::Ok),
        rows("web-1", 1, Verdict::Ok),
        rows("web-1", 2, Verdict::Ok),
        from("app", HOST.iter().flat_map(|address| tcp(address, 7020)), Verdict::Ok),
    ];
    let closed = [
        rows("app", 2, Verdict::Timeout),
        rows("web-1", 3, Verdict::Timeout),
        rows("web-1", 4, Verdict::Timeout),
        from(
            "app",
            HOST.iter().flat_map(|address| [tcp(address, 7021), tcp(address, 8080)].concat()),
            Verdict::Timeout,
        ),
    ];
    stage.expect("without Docker", &[open.concat(), closed.concat()].concat());
    // Its containers go on without it, and stay policed.
    stage.expect("on a bridge with a name of its own", &rows(&in_custom, 2, Verdict::Timeout));
    assert!(!told.contains(CUSTOM_BRIDGE), "{told}");

    // Who never heard of it says so.
    fs::remove_dir_all(stage.directory().join("state")).unwrap();
    let told = String::from_utf8(stage.try_dockwall("apply").stderr).unwrap();
    assert_eq!(told.matches(&format!("warning: the bridge {CUSTOM_BRIDGE} is not policed")).count(), 1, "{told}");

    stage.control("dockerd start");
    stage.dockwall("apply");
    let named = [rows("web-1", 3, Verdict::Ok), rows("web-1", 4, Verdict::Ok), rows("app", 3, Verdict::Timeout)];
    stage.expect("with Docker again", &named.concat());
    stage.expect("with Docker again", &from("app", tcp(HOST[0], 8080), Verdict::Ok));
    stage.expect("with Docker again", &rows(&in_custom, 2, Verdict::Timeout));
}

#[test]
fn a_grant_follows_its_container_to_another_address() {
    let stage = stage();
    let job = |address: u8| {
        format!("--network backend --ip 172.21.0.{address} --ip6 fd00:d0c:21::{address:x} --label tier=job")
    };
    stage.container("job", &job(50));
    let config =
        format!("{ENFORCE}{}", each_from(["container:job", "label:tier=job", "", ""], "ports = [\"7010/tcp\"]"));
    stage.apply(&config);
    let port = |place: &str, verdict: Verdict| {
        let asked = Kin::BOTH.into_iter().flat_map(|kin| [tcp(&kin.at(1, 5), 7010), tcp(&kin.at(2, 5), 7010)].concat());
        from(place, asked, verdict)
    };
    stage.expect("at first", &port("job", Verdict::Ok));
    stage.exec("host", "docker rm -f job");
    stage.container("job", &job(51));
    // Somebody else gets the old address.
    stage.container("heir", "--network backend --ip 172.21.0.50 --ip6 fd00:d0c:21::32");
    stage.apply(&config);
    stage.expect("at another address", &[port("job", Verdict::Ok), port("heir", Verdict::Timeout)].concat());

    // Nobody of that name: nobody may.
    stage.exec("host", "docker rm -f job");
    stage.dockwall("apply");
    stage.container("late", &job(51).replace("tier=job", "tier=other"));
    stage.expect("gone", &[port("late", Verdict::Timeout), port("heir", Verdict::Timeout)].concat());
}

/// What a container writes into its packets for a source is no proof of who it is: on another bridge
/// than that of the address nobody can have sent it.
#[test]
fn h10_a_grant_for_one_container_is_none_for_another_that_forges_its_source() {
    let lab = Lab::up(&[]);
    let [to_lan, to_host] = [["10.57.17.6", "fd57:17::6"], HOST];
    let [web4, web6] = addresses("web-1");
    let granted: String = to_lan
        .iter()
        .chain(&to_host)
        .enumerate()
        .map(|(number, to)| {
            format!("[[grant]]\nname = \"grant-{number}\"\nto = \"{to}\"\nports = [\"7002/udp\"]\nfrom = \"container:web-1\"\n")
        })
        .collect();
    for mode in ["audit", "enforce"] {
        lab.apply(&format!("mode = \"{mode}\"\n{granted}"));
        let [gateway4, gateway6] = gateways("app");
        for (at, [to4, to6]) in [("lan", to_lan), ("host", to_host)] {
            for (gateway, from, to) in [(gateway4, web4, to4), (gateway6, web6, to6)] {
                assert_eq!(lab.sunk("web-1", to, at), 1, "{mode}: web-1 itself to {to}");
                let forged = lab.sunk_as("app", gateway, Spoofed { from, to }, at);
                assert_eq!(forged, u64::from(mode == "audit"), "{mode}: app as {from} to {to}");
            }
        }
    }
}
