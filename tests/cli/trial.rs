//! Changes on trial: confirmed they stay, else they go back, whatever happens to who made them.

use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::host::Host;
use crate::support::listing;

/// No end comes later than this.
const PATIENCE: Duration = Duration::from_secs(120);

/// A host with audit mode in force and confirmed, and what the kernel holds then.
fn audited() -> (Host, Vec<String>) {
    let host = Host::new("");
    host.expect(0, "apply");
    let dump = dump(&host);
    (host, dump)
}

fn dump(host: &Host) -> Vec<String> {
    match host.netns.list() {
        nothing if nothing.is_empty() => Vec::new(),
        listing => listing::blocks(&listing),
    }
}

/// Waits until the kernel holds that again.
#[track_caller]
fn await_dump(host: &Host, before: &[String]) {
    let end = Instant::now() + PATIENCE;
    while dump(host) != before {
        assert!(Instant::now() < end, "it did not go back to\n{before:#?}\nbut is\n{:#?}", dump(host));
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn mode(host: &Host) -> String {
    let status = host.run("--json status");
    let status: serde_json::Value = serde_json::from_str(&status.stdout).unwrap();
    status["wall"]["mode"].as_str().unwrap_or("none").to_owned()
}

/// So many seconds, or `DOCKWALL_SLOW` times as many on a machine where each command takes that much longer.
fn seconds(seconds: u64) -> u64 {
    seconds * std::env::var("DOCKWALL_SLOW").map_or(1, |times| times.parse::<u64>().unwrap())
}

/// The command on trial for so many seconds.
fn on_trial(command: &str, lasting: u64) -> String {
    format!("{command} --confirm {}s", seconds(lasting))
}

/// What would have gone back by now has.
fn after_the_deadline() {
    std::thread::sleep(Duration::from_millis(seconds(2) * 1000 + 500));
}

#[test]
fn what_nobody_confirms_goes_back_dump_for_dump() {
    let (host, before) = audited();
    let applied = host.json(0, &on_trial("apply --mode enforce", 2));
    assert_eq!((&applied["trial"]["generation"], &applied["trial"]["back_to"]), (&2.into(), &1.into()));
    assert_eq!(host.json(0, "status")["trial"]["back_to"], 1);
    assert!(host.expect(0, "history").stdout.contains("on trial: generation 2 goes back to generation 1 in "));
    await_dump(&host, &before);
    let late = host.expect(4, "confirm");
    assert!(
        late.stdout.starts_with("too late: nobody confirmed generation 2 in time, and it went back to generation 1")
    );
    assert_eq!(host.json(4, "status")["trial"], serde_json::Value::Null);
    assert_eq!(host.json(4, "confirm")["confirmed"], false);
}

#[test]
fn what_is_confirmed_stays() {
    let (host, _) = audited();
    assert!(host.expect(4, "confirm").stdout.contains("nothing is on trial"));
    let applied = host.expect(0, &on_trial("apply --mode enforce", 2));
    let said = format!("goes back to generation 1 in {}s, at ", seconds(2));
    assert!(applied.stdout.contains(&said), "{}", applied.stdout);
    assert!(applied.stdout.contains("try from a NEW connection"), "{}", applied.stdout);
    assert_eq!(host.json(0, "confirm"), serde_json::json!({ "confirmed": true, "generation": 2 }));
    after_the_deadline();
    assert_eq!(mode(&host), "enforce");
}

#[test]
fn the_first_of_all_goes_back_to_no_wall() {
    let host = Host::new("");
    let applied = host.json(0, &on_trial("apply", 1));
    assert_eq!(applied["trial"]["back_to"], serde_json::Value::Null);
    await_dump(&host, &[]);
}

#[test]
fn a_second_apply_takes_the_place_of_the_first() {
    let (host, before) = audited();
    host.expect(0, "apply --mode enforce --confirm 30s");
    host.configure("deny.action = 'reject'");
    let second = host.json(0, &on_trial("apply --mode enforce", 2));
    assert_eq!(second["trial"]["back_to"], 1, "the first was never confirmed");
    await_dump(&host, &before);

    // Without a trial of its own it is confirmed.
    host.expect(0, &on_trial("apply --mode enforce", 2));
    host.expect(0, "apply --mode enforce");
    assert_eq!(host.json(0, "status")["trial"], serde_json::Value::Null);
    after_the_deadline();
    assert_eq!(mode(&host), "enforce");

    // Nothing to change is nothing to confirm.
    assert_eq!(host.json(0, &on_trial("apply --mode enforce", 2))["trial"], serde_json::Value::Null);
}

#[test]
fn going_back_by_hand_or_removing_ends_the_trial() {
    for (by_hand, mode_then) in [("rollback", "audit"), ("remove", "none")] {
        let (host, _) = audited();
        host.expect(0, &on_trial("apply --mode enforce", 2));
        host.expect(0, by_hand);
        assert!(host.expect(4, "confirm").stdout.contains("nothing is on trial"));
        after_the_deadline();
        assert_eq!(mode(&host), mode_then, "{by_hand}");
    }
}

#[test]
fn a_grant_within_the_trial_goes_back_with_it_and_keeps_its_file() {
    let (host, before) = audited();
    host.expect(0, &on_trial("apply --mode enforce", 4));
    let granted = host.json(0, "grant 10.1.2.3 --port 5432/tcp --name database");
    assert_eq!(granted["generation"], 3);
    assert_eq!(host.json(0, "status")["trial"]["generation"], 3);
    await_dump(&host, &before);
    assert!(host.directory.path().join("grants.d/database.toml").exists());

    host.expect(0, &on_trial("apply --mode enforce", 4));
    host.expect(0, "revoke database");
    assert_eq!(host.json(0, "confirm")["confirmed"], true);
}

#[test]
fn an_apply_that_fails_leaves_an_earlier_trial_on() {
    let (host, before) = audited();
    host.expect(0, &on_trial("apply --mode enforce", 3));
    let refused = ["strace", "--quiet=all", "--output=/dev/null", "-f", "-e", "inject=sendto:error=EPERM:when=8+"];
    let status = host.run_under(&refused, "apply --mode audit --confirm 60s").status;
    assert_ne!(status, 0);
    assert_eq!(host.json(0, "status")["trial"]["generation"], 2);
    await_dump(&host, &before);
}

/// The program, its group, its session: the end comes from another one.
#[test]
fn m5_it_goes_back_when_the_whole_session_of_who_applied_is_killed() {
    let (host, before) = audited();
    let program = format!(
        "{} --config {} --state-dir {} {} && sleep 60",
        crate::host::DOCKWALL,
        host.configuration().display(),
        host.state().display(),
        on_trial("apply --mode enforce", 2)
    );
    let mut shell = host.netns.command("setsid").args(["sh", "-c", &program]).spawn().unwrap();
    let end = Instant::now() + PATIENCE;
    while mode(&host) != "enforce" {
        assert!(Instant::now() < end, "it was never applied");
        std::thread::sleep(Duration::from_millis(50));
    }
    let session = shell.id();
    let end = Instant::now() + PATIENCE;
    while !members_of(session).is_empty() {
        assert!(Instant::now() < end, "the session goes on");
        for pid in members_of(session) {
            // One that ended by itself meanwhile is no matter.
            let _ = kill_process(pid, Signal::KILL);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(!shell.wait().unwrap().success());
    await_dump(&host, &before);
}

/// The processes of a session.
fn members_of(session: u32) -> Vec<Pid> {
    let processes =
        std::fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let is_member = |pid: &i32| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        // State, parent, group, session; a zombie waits for its parent only.
        fields.get(3) == Some(&session.to_string().as_str()) && fields.first() != Some(&"Z")
    };
    processes.filter(is_member).filter_map(Pid::from_raw).collect()
}

/// Killed at any system call: unconfirmed it goes back, or was never there.
#[test]
fn killed_anywhere_an_unconfirmed_change_goes_back() {
    let (host, before) = audited();
    for call in ["sendto", "fdatasync", "rename,renameat2", "clone,clone3,vfork", "unlink"] {
        for nth in [1, 2, 4, 7] {
            let kill = format!("inject={call}:signal=SIGKILL:when={nth}");
            let starter = ["strace", "--quiet=all", "--output=/dev/null", "-e", &kill];
            host.run_under(&starter, "apply --mode enforce --confirm 1s");
            await_dump(&host, &before);
            host.expect(4, "status");
            host.expect(0, "history");
        }
    }
}

#[test]
fn times_that_make_no_sense_are_refused() {
    let host = Host::new("");
    for text in ["0s", "500ms", "25h", "soon", "-5s", "60"] {
        let refused = host.expect(2, &format!("apply --confirm={text}"));
        assert!(refused.stderr.contains("write a time from 1s to 1d, such as 60s or 5m"), "{text}: {}", refused.stderr);
    }
    assert_eq!(host.netns.list(), "");
    for text in ["1d", "24h", "1m30s"] {
        host.expect(0, &format!("apply --confirm {text}"));
    }
}
