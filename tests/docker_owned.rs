//! What gets through while somebody attacks a table that the guard owns, and whatever becomes of the guard:
//! nothing.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod support;

use std::thread::sleep;
use std::time::{Duration, Instant};

use support::lab::{ENFORCE, Lab, Sender};

const DOCKWALL: &str = env!("CARGO_BIN_EXE_dockwall");

/// Packets a second of each stream.
const PACKETS: u32 = 2000;
/// New connections a second, of each family.
const CONNECTIONS: u32 = 1000;
/// How often each attack is made.
const TIMES: usize = 10;
/// How long is waited for what gets through after it.
const SETTLE: Duration = Duration::from_millis(300);
/// Nothing takes longer.
const PATIENCE: Duration = Duration::from_secs(20);

/// The guard, by that program.
fn start(lab: &Lab, program: &str) -> Sender {
    let directory = lab.directory();
    let (config, state) = (directory.join("dockwall.toml"), directory.join("state"));
    let options = format!("--config {} --state-dir {}", config.display(), state.display());
    lab.start("host", &format!("{program} {options} --json guard"))
}

fn pid_of_owner(lab: &Lab) -> Option<u64> {
    lab.status()["hold"]["processes"][0]["pid"].as_u64()
}

#[track_caller]
fn await_hold(lab: &Lab, state: &str) {
    let end = Instant::now() + PATIENCE;
    while lab.status()["hold"]["state"] != state {
        assert!(Instant::now() < end, "never {state}: {:#}", lab.status()["hold"]);
        sleep(Duration::from_millis(20));
    }
}

/// Does it that often, and fails where anything got through.
#[track_caller]
fn nothing_passes(lab: &Lab, what: &str, times: usize, mut attack: impl FnMut(&Lab)) {
    lab.stats("lan");
    let began = Instant::now();
    for _ in 0..times {
        attack(lab);
    }
    sleep(SETTLE);
    let arrived = lab.stats("lan").everything();
    println!(
        "{what:45} {times:2} times in {:4.1} s: {arrived} packets and connections got through",
        began.elapsed().as_secs_f64()
    );
    assert_eq!(arrived, 0, "{what}");
    let status = lab.status();
    assert_eq!(status["enforced"], true, "{what}: {status:#}");
}

#[track_caller]
fn end(lab: &Lab, signal: &str) {
    let pid = pid_of_owner(lab).unwrap();
    lab.exec("host", &format!("kill -{signal} {pid}"));
    await_hold(lab, "without-owner");
}

#[test]
fn a2_a8_of_an_owned_table_nothing_gets_through_under_a_thousand_connections_a_second() {
    let lab = Lab::up(&[]);
    lab.apply(ENFORCE);
    let addresses = ["10.57.17.6", "fd57:17::6"];
    let streams = addresses.map(|address| lab.blast("app", &format!("{address} 7002 --pps {PACKETS}")));
    let connections = addresses.map(|address| {
        lab.start("web-1", &format!("traffic connect {address} 7000 --rate {CONNECTIONS} --seconds 600 --until-eof"))
    });
    sleep(SETTLE);

    // The table was made without an owner, so the first guard makes it anew.
    let mut guards = Vec::new();
    nothing_passes(&lab, "the first guard, and its handover", 1, |lab| {
        guards.push(start(lab, DOCKWALL));
        await_hold(lab, "owned");
    });
    for attack in [
        "nft flush ruleset",
        "nft delete table inet dockwall",
        "nft insert rule inet dockwall DOCKER-USER accept",
        "nft flush set inet dockwall deny4",
        "nft flush set inet dockwall deny6",
        "nft flush chain inet dockwall forward",
        "nft add table inet dockwall { flags dormant; }",
        "iptables -F",
    ] {
        nothing_passes(&lab, attack, TIMES, |lab| {
            lab.try_exec("host", attack);
        });
    }
    // After a flush Docker's own rules are gone; it puts them back.
    nothing_passes(&lab, "dockerd restart", 1, |lab| {
        lab.control("dockerd restart");
    });
    nothing_passes(&lab, "the guard killed with -9, and another one", TIMES, |lab| {
        end(lab, "KILL");
        guards.push(start(lab, DOCKWALL));
        await_hold(lab, "owned");
    });
    let upgraded = lab.directory().join("dockwall-upgraded");
    std::fs::copy(DOCKWALL, &upgraded).unwrap();
    nothing_passes(&lab, "the guard stopped, and one of another binary", TIMES, |lab| {
        end(lab, "TERM");
        guards.push(start(lab, upgraded.to_str().unwrap()));
        await_hold(lab, "owned");
    });
    nothing_passes(&lab, "guard.own turned to false, and to true again", TIMES, |lab| {
        lab.apply(&format!("{ENFORCE}guard.own = false\n"));
        await_hold(lab, "not-to-be-owned");
        lab.apply(ENFORCE);
        await_hold(lab, "owned");
    });
    nothing_passes(&lab, "apply, grant, revoke and rollback by its socket", TIMES, |lab| {
        lab.dockwall("grant 10.57.17.5 --port 9/tcp --name other");
        lab.dockwall("revoke other");
        lab.apply(&format!("{ENFORCE}deny.action = \"reject\"\n"));
        lab.dockwall("rollback");
        lab.apply(ENFORCE);
    });

    // Had it been open, that would have been seen.
    for connection in connections {
        let tried = connection.finish();
        assert!(tried["tried"].as_u64().unwrap() > 10_000 && tried["established"] == 0, "{tried}");
    }
    lab.stats("lan");
    lab.dockwall("remove");
    sleep(SETTLE);
    let arrived = lab.stats("lan").everything();
    println!("after remove, which goes by the same socket: {arrived} packets within {:.1} s", SETTLE.as_secs_f64());
    assert!(arrived > u64::from(PACKETS / 4), "{arrived}");
    for stream in streams {
        assert!(stream.finish()["sent"].as_u64().unwrap() > 10_000);
    }
}
