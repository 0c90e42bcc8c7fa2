//! `--probe`: packets, and what is left of them.

use std::process::Stdio;
use std::thread::sleep;
use std::time::Duration;

use serde_json::Value;

use crate::stage::{CONFIG, Stage};

/// What became of the packets, each as `bridge address port got`.
fn sent(stage: &Stage) -> (Vec<String>, Vec<String>, i32) {
    let found = stage.examine("--probe");
    let answers = found.json["probe"]["answers"].as_array().unwrap().clone();
    let told = |answer: &Value| {
        let text = |key: &str| answer[key].as_str().unwrap_or_default().to_owned();
        format!("{} {} {} {} {}", text("bridge"), text("to"), answer["port"], text("expected"), text("got"))
    };
    (answers.iter().map(told).collect(), found.findings, found.status)
}

fn assert_nothing_is_left(stage: &Stage, when: &str) {
    let end = std::time::Instant::now() + Duration::from_secs(5);
    loop {
        let links = stage.sh("ip -brief link");
        let tables = stage.sh("nft list tables");
        if !links.contains("dwp") && !tables.contains("dockwall-probe") {
            return;
        }
        assert!(std::time::Instant::now() < end, "{when}: {links}{tables}");
        sleep(Duration::from_millis(20));
    }
}

#[test]
fn what_the_policy_says_is_what_packets_meet_in_enforce_and_in_audit_mode() {
    let stage = Stage::new(&[]);
    let lab = &stage.lab;
    let foreign = lab.snapshot();
    lab.stats("lan");
    for (mode, denied) in [("enforce", "denied dropped-by-us"), ("audit", "denied would-be-dropped")] {
        lab.apply(&format!("mode = \"{mode}\"\n{CONFIG}"));
        let (answers, findings, status) = sent(&stage);
        assert_eq!((findings, status), (Vec::new(), 0), "{mode}");
        for bridge in ["docker0".to_owned(), lab.bridge_of("backend"), lab.bridge_of("other")] {
            for (to, got) in [
                ("10.57.17.2 9", denied),
                ("10.57.17.1 9", denied),
                ("fd57:17::2 9", denied),
                ("fd57:17::1 9", denied),
                ("169.254.169.254 9", denied),
                ("10.57.17.5 53", "passes passed"),
                ("9.9.9.9 9", "passes passed"),
                ("2620:fe::fe 9", "passes passed"),
            ] {
                let lines = answers.iter().filter(|line| **line == format!("{bridge} {to} {got}")).count();
                assert_eq!(lines, 2, "{mode}: {bridge} {to} {got} by TCP and UDP in {answers:#?}");
            }
        }
        assert_nothing_is_left(&stage, mode);
        // The wall has forgotten them.
        for set in ["denied4", "denied6"] {
            let listed = lab.exec("host", &format!("nft list set inet dockwall {set}"));
            assert!(!listed.contains("elements"), "{mode}: {listed}");
        }
    }
    assert_eq!(lab.stats("lan").everything(), 0, "something came to the LAN");
    assert_eq!(foreign.difference(&lab.snapshot()), "");
}

/// Nobody but the guard may change the table then, and the doctor asks it.
#[test]
fn with_a_guard_that_owns_the_table_verdicts_and_status_are_the_same_and_nothing_stays_behind() {
    let stage = Stage::new(&[]);
    let lab = &stage.lab;
    let without = sent(&stage);
    assert_eq!((&without.1, without.2), (&Vec::new(), 0));
    let guard = lab.guard();
    guard.await_event("handed-over");
    assert_eq!(lab.status()["hold"]["state"], "owned");
    assert_eq!(sent(&stage), without);
    for set in ["denied4", "denied6"] {
        let listed = lab.exec("host", &format!("nft list set inet dockwall {set}"));
        assert!(!listed.contains("elements"), "{listed}");
    }
    let found = stage.examine("--probe");
    assert_eq!((found.json["probe"]["not_forgotten"].clone(), found.unseen), (Value::Null, Vec::new()));
    assert_nothing_is_left(&stage, "with an owner");
    stage.expect_healthy("with an owner");
    assert_eq!(guard.told(), Vec::<Value>::new(), "there was nothing to put right");

    // What the kernel would say to an edit is asked through the guard as well.
    lab.configure(&format!("mode = \"enforce\"\n{CONFIG}deny.host = false\n"));
    stage.expect("an edit", &[("not-applied", "")]);
    assert_eq!(stage.examine("").unseen, Vec::<String>::new());

    // With another state directory nobody opens the door, and what could not be done is told.
    let elsewhere = format!(
        "{} --json --config {1}/dockwall.toml --state-dir {1}/elsewhere doctor --probe --ignore guard --ignore rootless || true",
        env!("CARGO_BIN_EXE_dockwall"),
        lab.directory().display()
    );
    let told: Value = serde_json::from_str(&stage.sh(&elsewhere)).unwrap();
    let owner = format!("is owned by dockwall (process {})", guard.pid());
    assert!(told["probe"]["not_forgotten"].to_string().contains(&owner), "{told:#}");
    assert!(told["unseen"][0]["why"].to_string().contains(&owner), "{told:#}");
    assert!(!lab.directory().join("elsewhere").exists(), "it made a state directory");
}

#[test]
fn d10_dropped_by_us_by_another_and_never_seen_are_told_apart() {
    let stage = Stage::new(&[]);
    let lab = &stage.lab;
    stage.sh("nft 'add table inet mine; add chain inet mine pass { type filter hook forward priority 5; policy drop; }; add rule inet mine pass ct state established accept'");
    let (answers, findings, status) = sent(&stage);
    assert_eq!(status, 4);
    assert!(answers.contains(&"docker0 10.57.17.5 53 passes dropped-by-another".to_owned()), "{answers:#?}");
    assert!(answers.contains(&"docker0 10.57.17.2 9 denied dropped-by-us".to_owned()), "{answers:#?}");
    assert!(
        findings
            .iter()
            .any(|line| line.contains(", packets passed the wall and were dropped by somebody else: 9.9.9.9:9/tcp")),
        "{findings:#?}"
    );
    stage.sh("nft delete table inet mine");

    // Rules of the bridge, before the host's IP layer.
    stage.sh("nft 'add table bridge mine; add chain bridge mine in { type filter hook prerouting priority -1000; }; add rule bridge mine in ip daddr 9.9.9.9 drop'");
    let (answers, ..) = sent(&stage);
    assert!(answers.contains(&"docker0 9.9.9.9 9 passes never-seen".to_owned()), "{answers:#?}");
    stage.sh("nft delete table bridge mine");

    lab.dockwall("remove");
    let (answers, findings, _) = sent(&stage);
    assert!(answers.contains(&"docker0 10.57.17.1 9 denied passed".to_owned()), "{answers:#?}");
    assert!(
        findings
            .iter()
            .any(|line| line.starts_with("error probe: from ")
                && line.contains("docker0, packets to what is denied passed")),
        "{findings:#?}"
    );
    assert_nothing_is_left(&stage, "in the end");
}

#[test]
fn killed_at_any_time_it_leaves_nothing_behind() {
    let stage = Stage::new(&[]);
    let lab = &stage.lab;
    let foreign = lab.snapshot();
    let directory = lab.directory();
    let doctor = format!(
        "{} --config {1}/dockwall.toml --state-dir {1}/state doctor --probe",
        env!("CARGO_BIN_EXE_dockwall"),
        directory.display()
    );
    let mut killed = 0;
    for step in 0..12 {
        let mut command = std::process::Command::new("ip");
        command.args(["netns", "exec", &lab.netns("host")]).args(doctor.split(' '));
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        sleep(Duration::from_millis(40 + 45 * step));
        killed += u32::from(child.try_wait().unwrap().is_none());
        child.kill().unwrap();
        child.wait().unwrap();
        assert_nothing_is_left(&stage, &format!("killed after {} ms", 40 + 45 * step));
    }
    assert!(killed > 6, "it was mostly over before it was killed");
    assert_eq!(foreign.difference(&lab.snapshot()), "");
}
