//! Grants that run out.

use std::thread::sleep;
use std::time::Duration;

use jiff::{Timestamp, ToSpan};
use serde_json::Value;

use crate::stage::{ENFORCE, Kin, Stage, elements, every, grant, tcp};
use crate::support::lab::{Lab, Row, Sender, Verdict, from};

/// How long a flow may go on after its grant ran out, in milliseconds.
pub const WITHIN: i64 = 2000;

pub fn addresses() -> impl Iterator<Item = String> {
    Kin::BOTH.into_iter().flat_map(|kin| [kin.at(1, 5), kin.at(2, 5)])
}

/// A whole second, so many seconds ahead.
fn ahead(seconds: i64) -> Timestamp {
    Timestamp::from_second(Timestamp::now().as_second() + seconds).unwrap()
}

/// A grant to everything at an address, and one to a port, until then; and one to another for good.
fn timed(until: Timestamp) -> String {
    let of = |kin: Kin| {
        let named = |name: &str| format!("{name}-{kin:?}").to_lowercase();
        grant(&named("for-now"), &kin.at(1, 5), &format!("until = {until}\nports = [\"7010/tcp\", \"7001/udp\"]"))
            + &grant(&named("for-good"), &kin.at(2, 5), "")
    };
    Kin::BOTH.map(of).concat()
}

fn for_now(verdict: Verdict) -> Vec<Row> {
    let asked =
        Kin::BOTH.into_iter().flat_map(|kin| [tcp(&kin.at(1, 5), 7010), vec![format!("udp {} 7001", kin.at(1, 5))]]);
    from("web-1", asked.flatten(), verdict)
}

fn for_good() -> Vec<Row> {
    from("web-1", Kin::BOTH.into_iter().flat_map(|kin| every(&kin.at(2, 5))), Verdict::Ok)
}

/// Flows by a grant that runs out.
pub fn flows(lab: &Lab) -> Vec<Sender> {
    let of = |kin: Kin| {
        let address = kin.at(1, 5);
        [format!("{address} 7010"), format!("{address} 7001 --udp")].map(|flow| lab.session("web-1", &flow))
    };
    Kin::BOTH.into_iter().flat_map(of).collect()
}

/// That each had its last answer about then, and not earlier.
#[track_caller]
pub fn assert_cut(flows: Vec<Sender>, until: Timestamp) {
    for flow in flows {
        let what = flow.what().to_owned();
        let ended = flow.finish();
        let last = ended["last_answer_unix_ms"].as_i64().unwrap();
        let late = last - until.as_millisecond();
        println!("{what}: the last answer {late} ms after the grant ran out");
        assert!((-1000..WITHIN).contains(&late), "{what}: {late} ms: {ended}");
        assert_eq!(ended["broken"], true, "{what}: {ended}");
    }
}

pub fn sleep_until(instant: Timestamp) {
    let left = instant.duration_since(Timestamp::now());
    sleep(Duration::try_from(left).unwrap_or_default());
}

#[track_caller]
fn assert_standing(lab: &Lab, when: &str) -> Value {
    let output = lab.try_dockwall("--json status");
    let status: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{when}: {status}");
    assert_eq!((&status["enforced"], &status["wall"]["drifted"]), (&true.into(), &false.into()), "{when}: {status}");
    status["wall"]["generation"].clone()
}

#[test]
fn j7_a_grant_runs_out_by_itself_and_takes_its_flows_along() {
    let stage = Stage::with(addresses());
    let until = ahead(6);
    let first = stage.apply(&format!("{ENFORCE}{}", timed(until)));
    let flows = flows(&stage);
    stage.expect("before", &[for_now(Verdict::Ok), for_good()].concat());
    assert!(Timestamp::now() < until, "this machine is too slow to tell anything");
    assert_standing(&stage, "before");
    sleep_until(until + (WITHIN + 500).milliseconds());
    assert_cut(flows, until);
    stage.expect("after", &[for_now(Verdict::Timeout), for_good()].concat());
    assert_eq!(assert_standing(&stage, "after"), first["generation"]);

    // What has run out is told, and the rest is a generation of its own.
    let output = stage.try_dockwall("--json apply");
    let next: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{next}");
    assert_eq!(next["generation"].as_u64(), first["generation"].as_u64().map(|number| number + 1), "{next}");
    stage.expect("after the next apply", &[for_now(Verdict::Timeout), for_good()].concat());
    assert_standing(&stage, "after the next apply");
    assert_eq!(stage.apply(&format!("{ENFORCE}{}", timed(until)))["changes"], 0);
    let told = String::from_utf8(stage.try_dockwall("check").stderr).unwrap();
    assert!(told.contains("run out"), "{told}");
}

#[test]
fn j7_a_renewal_extends_a_grant_and_cuts_no_flow() {
    let stage = Stage::with(addresses());
    let until = ahead(6);
    stage.apply(&format!("{ENFORCE}{}", timed(until)));
    let flows = flows(&stage);
    let renewed = ahead(12);
    stage.apply(&format!("{ENFORCE}{}", timed(renewed)));
    assert!(Timestamp::now() < until, "this machine is too slow to tell anything");
    let comments = elements(&stage, "grant4-range");
    assert!(comments.iter().all(|element| element.contains(&format!("until {renewed}"))), "{comments:?}");
    sleep_until(until + 1500.milliseconds());
    stage.expect("after the first end", &[for_now(Verdict::Ok), for_good()].concat());
    assert_standing(&stage, "after the first end");
    sleep_until(renewed + (WITHIN + 500).milliseconds());
    assert_cut(flows, renewed);
    stage.expect("after the second end", &[for_now(Verdict::Timeout), for_good()].concat());
    assert_standing(&stage, "after the second end");

    // One that had run out is given again.
    stage.apply(&format!("{ENFORCE}{}", timed(ahead(60))));
    stage.expect("given again", &[for_now(Verdict::Ok), for_good()].concat());
}
