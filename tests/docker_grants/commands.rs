//! `grant` and `revoke`, as packets see them.

use std::thread::sleep;
use std::time::Duration;

use jiff::{Timestamp, ToSpan};
use serde_json::Value;

use crate::passing::{self, WITHIN, assert_cut, flows, sleep_until};
use crate::stage::{ENFORCE, Kin, Stage, every, rules, tcp};
use crate::support::lab::{HOST, Lab, Row, Verdict, from};

fn stage() -> Stage {
    Stage::with(passing::addresses())
}

/// What a command that succeeds says to programs.
#[track_caller]
fn json(lab: &Lab, arguments: &str) -> Value {
    serde_json::from_str(&lab.dockwall(&format!("--json {arguments}"))).unwrap()
}

fn to(network: u8, verdict: Verdict) -> Vec<Row> {
    let asked: Vec<String> = Kin::BOTH.into_iter().flat_map(|kin| every(&kin.at(network, 5))).collect();
    ["app", "web-1"].map(|place| from(place, asked.clone(), verdict.clone())).concat()
}

#[test]
fn a_grant_is_open_at_once_and_closed_at_once_when_it_is_revoked() {
    let stage = stage();
    stage.apply(ENFORCE);
    let before = rules(&stage);
    stage.expect("before", &[to(1, Verdict::Timeout), to(2, Verdict::Timeout)].concat());
    for kin in Kin::BOTH {
        let granted = json(&stage, &format!("grant {} --name one-{kin:?}", kin.at(1, 5)));
        assert_eq!((&granted["batches"], &granted["mode"]), (&1.into(), &"enforce".into()), "{granted}");
    }
    stage.expect("granted", &[to(1, Verdict::Ok), to(2, Verdict::Timeout)].concat());
    let open = flows(&stage);
    let granted = rules(&stage);
    assert_eq!(json(&stage, "apply")["changes"], 0, "the next apply keeps it");
    assert_eq!(rules(&stage), granted);
    assert_eq!(stage.status()["enforced"], true);
    stage.expect("after the next apply", &to(1, Verdict::Ok));

    let revoked = json(&stage, "revoke one-V4 one-V6");
    let instant = Timestamp::now();
    assert_eq!(revoked["batches"], 1, "{revoked}");
    stage.expect("revoked", &[to(1, Verdict::Timeout), to(2, Verdict::Timeout)].concat());
    assert_eq!(rules(&stage), before);
    assert_eq!(json(&stage, "apply")["changes"], 0, "nothing is left to forget");
    sleep_until(instant + (WITHIN + 500).milliseconds());
    assert_cut(open, instant);
}

/// Each kind of exception that a command makes, and beside it what it does not open.
#[test]
fn grants_of_the_command_line_open_what_they_say() {
    let stage = stage();
    stage.apply(ENFORCE);
    let four = Kin::V4.at(1, 5);
    let six = Kin::V6.at(1, 5);
    for (arguments, place, open, closed) in [
        (format!("{four} --port 7010/tcp"), "app", tcp(&four, 7010), tcp(&four, 7011)),
        (format!("{six} --port 7010-7011/tcp --port 7012/udp"), "app", tcp(&six, 7011), tcp(&six, 7012)),
        (format!("{four} --protocol icmp"), "app", vec![format!("ping {four}")], tcp(&four, 7010)),
        (format!("{six} --from container:web-1"), "web-1", every(&six), every(&Kin::V6.at(2, 5))),
        (format!("{four} --from network:backend --port 7010/tcp"), "web-2", tcp(&four, 7010), tcp(&four, 7011)),
        ("host --port 7020/tcp".to_owned(), "app", tcp(HOST[0], 7020), tcp(HOST[0], 7021)),
        ("host:published --port 8080/tcp".to_owned(), "app", tcp(HOST[1], 8080), tcp(HOST[1], 7020)),
    ] {
        let closed = from(place, closed, Verdict::Timeout);
        stage.expect(&arguments, &[from(place, open.clone(), Verdict::Timeout), closed.clone()].concat());
        let granted = json(&stage, &format!("grant {arguments} --name it"));
        stage.expect(&arguments, &[from(place, open.clone(), Verdict::Ok), closed.clone()].concat());
        if arguments.contains("--from") {
            stage.expect(&arguments, &from("db-1", open.clone(), Verdict::Timeout));
        }
        let file = granted["file"].as_str().unwrap();
        assert!(std::fs::exists(file).unwrap(), "{file}");
        json(&stage, "revoke it");
        assert!(!std::fs::exists(file).unwrap(), "{file}");
        stage.expect(&arguments, &[from(place, open, Verdict::Timeout), closed].concat());
    }
}

#[test]
fn j7_a_grant_for_a_time_runs_out_and_can_be_revoked_afterwards() {
    let stage = stage();
    stage.apply(ENFORCE);
    let ends = Kin::BOTH.map(|kin| {
        let granted = json(&stage, &format!("grant {} --for 5s --name brief-{kin:?}", kin.at(1, 5)));
        granted["until"].as_str().unwrap().parse::<Timestamp>().unwrap()
    });
    let open = flows(&stage);
    assert!(Timestamp::now() < ends[0], "this machine is too slow to tell anything");
    // The next apply keeps it, and its end.
    assert_eq!(json(&stage, "apply")["changes"], 0);
    sleep_until(ends[1] + (WITHIN + 500).milliseconds());
    assert_cut(open, ends[0]);
    stage.expect("run out", &to(1, Verdict::Timeout));
    let status = stage.status();
    assert_eq!((&status["enforced"], &status["wall"]["drifted"]), (&true.into(), &false.into()), "{status}");
    for kin in Kin::BOTH {
        json(&stage, &format!("revoke brief-{kin:?}"));
    }
    assert_eq!(stage.status()["enforced"], true);
    stage.expect("revoked", &to(1, Verdict::Timeout));
    json(&stage, "apply");
    stage.expect("applied", &to(1, Verdict::Timeout));
}

#[test]
fn i10_the_same_grant_comes_and_goes_a_hundred_times() {
    let stage = stage();
    stage.apply(ENFORCE);
    let before = rules(&stage);
    let (address, other) = (Kin::V4.at(1, 5), Kin::V4.at(2, 5));
    let other_flow = {
        json(&stage, &format!("grant {other} --port 7010/tcp --name other"));
        stage.session("web-1", &format!("{other} 7010"))
    };
    let with_other = rules(&stage);
    for round in 0..100 {
        let kind =
            ["", " --port 7010/tcp", " --port 7010-7012/tcp", " --protocol icmp", " --from container:app"][round % 5];
        json(&stage, &format!("grant {address}{kind} --name same"));
        if round % 10 < 5 {
            let asked = if kind.contains("icmp") { vec![format!("ping {address}")] } else { tcp(&address, 7010) };
            stage.expect(&format!("{round}: {kind}"), &from("app", asked, Verdict::Ok));
        }
        json(&stage, "revoke same");
        assert_eq!(rules(&stage), with_other, "{round}: {kind}");
    }
    stage.expect("at last", &from("app", every(&address), Verdict::Timeout));
    let ended = other_flow.finish();
    assert_eq!(ended["broken"], false, "{ended}");
    json(&stage, "revoke other");
    assert_eq!(rules(&stage), before);
    assert_eq!(json(&stage, "apply")["changes"], 0);
    assert_eq!(stage.status()["enforced"], true);
}

#[test]
fn in_audit_mode_a_grant_says_that_nothing_is_denied_anyway() {
    let stage = stage();
    stage.apply("mode = \"audit\"\n");
    let address = Kin::V4.at(1, 5);
    stage.expect("audit", &from("app", every(&address), Verdict::Ok));
    let told = stage.dockwall(&format!("grant {address} --name early"));
    assert!(told.contains("nothing is denied in audit mode anyway"), "{told}");
    assert!(told.contains("dockwall apply --mode enforce"), "{told}");
    // What it opens is not counted as denied any more, and stays open when the wall stands.
    let denied = |lab: &Lab| lab.status()["wall"]["denied"]["packets"].as_u64().unwrap();
    let before = denied(&stage);
    stage.expect("granted", &from("app", every(&address), Verdict::Ok));
    assert_eq!(denied(&stage), before);
    stage.dockwall("apply --mode enforce");
    stage.expect("enforced", &from("app", every(&address), Verdict::Ok));
    stage.expect("enforced", &from("app", every(&Kin::V4.at(2, 5)), Verdict::Timeout));
    sleep(Duration::from_millis(1));
    let told = stage.dockwall("revoke early");
    assert!(!told.contains("audit"), "{told}");
    stage.expect("revoked", &from("app", every(&address), Verdict::Timeout));
}
