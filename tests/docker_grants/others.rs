//! What others on the host have to do with grants: tables that drop as well, networks with the same
//! addresses.

use serde_json::Value;

use crate::stage::{ENFORCE, Kin, Stage, every, grant, tcp};
use crate::support::lab::{HOST, Lab, Row, VPN, Verdict, from};

#[track_caller]
fn check(lab: &Lab, status: i32) -> (Value, String) {
    let json = lab.try_dockwall("--json check");
    let text = lab.try_dockwall("check");
    assert_eq!((json.status.code(), text.status.code()), (Some(status), Some(status)), "{text:?}");
    let text = String::from_utf8(text.stdout).unwrap() + &String::from_utf8(text.stderr).unwrap();
    (serde_json::from_slice(&json.stdout).unwrap(), text)
}

#[test]
fn b1_a_foreign_table_that_drops_is_told_of_and_no_grant_overrules_it() {
    let stage = Stage::with(Kin::BOTH.map(|kin| kin.at(1, 5)));
    let granted = Kin::BOTH.map(|kin| grant(&format!("to-{kin:?}").to_lowercase(), &kin.at(1, 5), "")).concat();
    stage.apply(&format!("{ENFORCE}{granted}{}", grant("host", "host", "ports = [\"7020/tcp\"]")));
    let beyond = |verdict: Verdict| from("web-1", Kin::BOTH.into_iter().flat_map(|kin| every(&kin.at(1, 5))), verdict);
    let on_host = |verdict: Verdict| from("web-1", HOST.iter().flat_map(|address| tcp(address, 7020)), verdict);
    let (before, _) = check(&stage, 0);
    assert_eq!(before["shadows"], Value::Array(Vec::new()));
    stage.expect("before", &[beyond(Verdict::Ok), on_host(Verdict::Ok)].concat());

    for (priority, hook, forwarded, to_host) in [
        // Before our chain and behind it.
        (-30, "forward", Verdict::Timeout, Verdict::Ok),
        (10, "forward", Verdict::Timeout, Verdict::Ok),
        (10, "input", Verdict::Ok, Verdict::Timeout),
    ] {
        let when = format!("{hook} at {priority}");
        stage.exec("host", "nft add table inet foreign");
        let base = format!("{{ type filter hook {hook} priority {priority}; policy drop; }}");
        stage.exec("host", &format!("nft add chain inet foreign gate {base}"));
        let (told, text) = check(&stage, 4);
        let shadows = told["shadows"].as_array().unwrap();
        assert_eq!(shadows.len(), 1, "{when}: {told}");
        let shadow = &shadows[0];
        assert_eq!(
            (&shadow["table"], &shadow["chain"], &shadow["hook"]),
            (&"foreign".into(), &"gate".into(), &hook.into())
        );
        assert!(text.contains("shadowed") && text.contains("table inet foreign, chain gate"), "{when}: {text}");
        stage.expect(&when, &[beyond(forwarded), on_host(to_host)].concat());

        stage.exec("host", "nft delete table inet foreign");
        check(&stage, 0);
        stage.expect(&format!("without {when}"), &[beyond(Verdict::Ok), on_host(Verdict::Ok)].concat());
    }
}

#[test]
fn c13_a_network_with_the_addresses_of_another_is_told_of_and_works_in_itself() {
    let lab = Lab::up(&["--tun", "wg0"]);
    lab.configure(ENFORCE);
    let overlaps = |lab: &Lab| -> Vec<String> {
        let (told, _) = check(lab, 0);
        let of_kind = told["notices"].as_array().unwrap().iter().filter(|notice| notice["kind"] == "overlap");
        of_kind.map(|notice| notice["problem"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(overlaps(&lab), Vec::<String>::new());

    // Half of the VPN's network, without the other end.
    lab.create_network(
        "twin",
        "-o com.docker.network.bridge.name=br-twin --subnet 10.8.0.128/25 --subnet fd08::1:0/112",
    );
    let twins = ["twin-1", "twin-2"].map(|name| lab.container(name, "--network twin"));
    let found = overlaps(&lab);
    assert_eq!(
        found,
        ["10.8.0.128/25 of br-twin overlaps 10.8.0.0/24 of wg0", "fd08::1:0/112 of br-twin overlaps fd08::/64 of wg0"]
    );
    let told = String::from_utf8(lab.try_dockwall("apply").stderr).unwrap();
    assert!(found.iter().all(|problem| told.contains(problem)), "{told}");

    // Both are in the denied 10/8 and fd00::/8, and one bridge's own business.
    let second = lab.exec(&twins[1], "ip -oneline address show dev eth0 scope global");
    let own: Vec<&str> = second.lines().filter_map(|line| line.split_whitespace().nth(3)?.split('/').next()).collect();
    assert_eq!(own.len(), 2, "{second}");
    let asked =
        |address: &str| [format!("tcp {address} 7000"), format!("udp {address} 7001"), format!("ping {address}")];
    let within = from(&twins[0], own.iter().flat_map(|address| asked(address)), Verdict::Ok);
    let vpn = |verdict: Verdict| -> Vec<Row> {
        let asked: Vec<String> = VPN.iter().flat_map(|address| asked(address)).collect();
        ["app", &twins[0]].map(|place| from(place, asked.clone(), verdict.clone())).concat()
    };
    lab.dockwall("remove");
    lab.expect("without a wall", &[within.clone(), vpn(Verdict::Ok)].concat());
    lab.dockwall("apply");
    lab.expect("the same addresses", &[within, vpn(Verdict::Timeout)].concat());
}
