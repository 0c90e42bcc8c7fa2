//! Another mode, and the way back, without reading what is in force: in all the same as where it is read.

use std::fs;

use dockwall::generation::{Generation, Store};
use serde_json::Value;

use crate::host::Host;
use crate::support::listing;

const CONFIGURATION: &str = "deny.ranges = [\"10.0.0.0/8\", \"fd00::/8\"]\nlog.audit_prefix = \"WOULD \"\n\
     [[grant]]\nname = \"ldap\"\nto = \"10.57.17.5\"\nports = [\"389/tcp\"]\n[[grant]]\nname = \"net\"\nto = \"10.60.0.0/16\"";

/// Whether the generation is kept as a difference.
fn is_difference(host: &Host, number: u64) -> bool {
    !host.state().join(format!("generation-{number}.json")).exists()
}

/// All that is to be seen of what is in force and of what was, but for the times.
fn seen(host: &Host) -> (Vec<String>, Value, Vec<Generation>) {
    let mut history = host.json(0, "history");
    history.as_array_mut().unwrap().iter_mut().for_each(|row| {
        row.as_object_mut().unwrap().remove("applied");
    });
    let store = Store::new(&host.state());
    let fixed = "2026-01-01T00:00:00Z".parse().unwrap();
    let generations = store.list().unwrap().into_iter().map(|listed| {
        let mut generation = Generation { applied: fixed, ..store.get(listed.number).unwrap() };
        generation.policy.grants.sort_by(|a, b| a.name.cmp(&b.name));
        let sources = generation.sources.as_mut().unwrap();
        // The directory of this host.
        let text = serde_json::to_string(&sources.texts).unwrap();
        sources.texts = serde_json::from_str(&text.replace(host.directory.path().to_str().unwrap(), "/etc")).unwrap();
        generation
    });
    (listing::blocks(&host.netns.list()), history, generations.collect())
}

#[track_caller]
fn link(host: &Host, commands: &[&str]) {
    for words in commands {
        assert!(host.netns.command("ip").args(words.split(' ')).status().unwrap().success(), "ip {words}");
    }
}

#[test]
fn what_is_done_at_a_glance_ends_as_what_is_done_the_long_way() {
    let (quick, whole) = (Host::new(CONFIGURATION), Host::new(CONFIGURATION));
    for host in [&quick, &whole] {
        host.expect(0, "apply");
    }
    for (command, mode) in [
        ("apply --mode enforce", "enforce"),
        ("apply --mode enforce", "enforce"),
        ("rollback", "audit"),
        ("rollback --to 2", "enforce"),
        ("grant 10.60.0.0/15 --name wide", "enforce"),
        ("apply", "audit"),
        ("rollback", "enforce"),
        ("rollback --to 1", "audit"),
        ("rollback --to 4", "audit"),
        ("revoke wide", "audit"),
        ("apply --mode enforce", "enforce"),
        ("rollback --to 3", "enforce"),
        ("rollback --to 6", "enforce"),
        ("apply --mode audit --confirm 1h", "audit"),
        ("rollback", "enforce"),
        ("rollback --to 7", "audit"),
        ("apply --mode enforce --confirm 1h", "enforce"),
        ("confirm", "enforce"),
    ] {
        // Without it all is read.
        fs::remove_file(whole.state().join("index")).unwrap_or_default();
        let [a, b] = [&quick, &whole].map(|host| host.expect(0, command).stdout);
        if !command.contains("--confirm") {
            let path = |host: &Host| host.directory.path().to_str().unwrap().to_owned();
            assert_eq!(a.replace(&path(&quick), ""), b.replace(&path(&whole), ""), "{command}");
        }
        assert_eq!(seen(&quick), seen(&whole), "{command}");
        let status = quick.run("--json status");
        let status: Value = serde_json::from_str(&status.stdout).unwrap();
        assert_eq!((&status["wall"]["mode"], &status["wall"]["drifted"]), (&mode.into(), &false.into()), "{command}");
    }
    let planned = quick.json(0, "plan --mode enforce");
    assert_eq!(planned["changes"].as_array().map(Vec::len), Some(0), "{planned}");
    assert!((2..=8).all(|number| is_difference(&quick, number)), "something was done the long way");
    assert!((2..=8).all(|number| !is_difference(&whole, number)), "something was not");
}

#[test]
fn an_apply_in_another_mode_is_one_of_the_host_as_it_is_and_of_the_files_as_they_are() {
    let host = Host::new(CONFIGURATION);
    host.expect(0, "apply");
    let denied = |address: &str| host.netns.nft("list set inet dockwall deny4").contains(address);
    let lan = ["link add eth0 type veth peer name peer0", "link set peer0 up", "link set eth0 up"];
    link(&host, &[&lan[..], &["address add 192.0.2.1/24 dev eth0"]].concat());
    host.expect(0, "apply --mode enforce");
    assert!(denied("192.0.2.0/24") && !is_difference(&host, 2));
    host.configure(&CONFIGURATION.replace("\"fd00::/8\"", "\"fd00::/8\", \"198.51.100.0/24\""));
    host.expect(0, "apply --mode audit");
    assert!(denied("198.51.100.0/24") && !is_difference(&host, 3));
    host.expect(0, "apply --mode enforce");
    assert!(is_difference(&host, 4));
    fs::create_dir(host.directory.path().join("grants.d")).unwrap();
    let file = host.directory.path().join("grants.d/more.toml");
    fs::write(&file, "[[grant]]\nname = \"more\"\nto = \"10.9.9.9\"").unwrap();
    host.expect(0, "apply --mode audit");
    assert!(host.netns.list().contains("10.9.9.9") && !is_difference(&host, 5));
    fs::remove_file(&file).unwrap();
    host.expect(0, "apply --mode enforce");
    assert!(!host.netns.list().contains("10.9.9.9") && !is_difference(&host, 6));
}

/// The number of the ruleset tells that somebody was at it.
#[test]
fn what_somebody_changed_is_put_right_by_an_apply_in_another_mode_and_by_a_rollback() {
    let host = Host::new(CONFIGURATION);
    host.expect(0, "apply");
    let spoil = || host.netns.nft("delete element inet dockwall grant4 { 10.60.0.0/16 }");
    let is_right = |command: &str| {
        let status: Value = serde_json::from_str(&host.run("--json status").stdout).unwrap();
        assert_eq!(status["wall"]["drifted"], false, "{command}");
        assert!(host.netns.list().contains("10.60.0.0/16"), "{command}");
    };
    for command in ["apply --mode enforce", "rollback", "rollback --to 2", "apply"] {
        spoil();
        host.expect(0, command);
        is_right(command);
    }
}

#[test]
fn what_has_run_out_meanwhile_is_no_part_of_another_mode_nor_of_the_way_back() {
    let host = Host::new(CONFIGURATION);
    host.expect(0, "apply");
    host.expect(0, "grant 10.1.2.3 --for 2s --name short");
    host.expect(0, "apply --mode enforce");
    let end = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while host.netns.list().contains("10.1.2.3") {
        assert!(std::time::Instant::now() < end, "it does not run out");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    for command in ["rollback", "apply --mode enforce"] {
        host.expect(0, command);
        assert!(!host.netns.list().contains("10.1.2.3"), "{command}");
        let status: Value = serde_json::from_str(&host.run("--json status").stdout).unwrap();
        assert_eq!(status["wall"]["drifted"], false, "{command}");
    }
}

#[test]
fn the_connection_that_another_mode_is_applied_over_is_not_cut_unless_a_grant_keeps_it() {
    let host = Host::new("[containers]\ninterfaces = [\"lan0\"]\n[deny]\nranges = [\"10.0.0.0/8\"]");
    link(&host, &["link add lan0 type bridge", "address add 10.57.17.1/24 dev lan0", "link set lan0 up"]);
    host.expect(0, "apply");
    let over_ssh = ["env", "SSH_CONNECTION=10.57.17.9 53022 10.57.17.1 22"];
    let refused = host.run_under(&over_ssh, "apply --mode enforce");
    assert_eq!(refused.status, 10, "{}", refused.stderr);
    assert_eq!(host.run_under(&over_ssh, "apply --mode enforce --force").status, 0);
    host.expect(0, "rollback");
    assert_eq!(host.run_under(&over_ssh, "rollback --to 2").status, 10);
    host.expect(0, "grant host --port 22/tcp --name ssh");
    let kept = host.run_under(&over_ssh, "apply --mode enforce");
    assert_eq!(kept.status, 0, "{}", kept.stderr);
}

/// Killed at any system call, the way back is gone or not, and the next one is.
#[test]
fn killed_anywhere_on_the_way_back_the_kernel_holds_one_of_the_two_and_the_next_command_works() {
    let host = Host::new(CONFIGURATION);
    host.expect(0, "apply");
    host.expect(0, "apply --mode enforce");
    let mut landed = [0; 2];
    for call in ["sendto", "recvfrom", "openat", "fsync,fdatasync", "rename,renameat2"] {
        for nth in [1, 2, 3, 5, 8] {
            let kill = format!("inject={call}:signal=SIGKILL:when={nth}");
            let starter = ["strace", "--quiet=all", "--output=/dev/null", "-f", "-e", &kill];
            host.run_under(&starter, "rollback --to 1");
            let status: Value = serde_json::from_str(&host.run("--json status").stdout).unwrap();
            let is_back = status["wall"]["mode"] == "audit";
            assert_eq!(status["wall"]["drifted"], false, "killed at {call} {nth}");
            assert_eq!(status["wall"]["generation"], if is_back { 1 } else { 2 }, "killed at {call} {nth}");
            landed[usize::from(is_back)] += 1;
            host.expect(0, "rollback --to 1");
            host.expect(0, "rollback --to 2");
        }
    }
    assert!(landed[0] > 5 && landed[1] > 0, "the kills came too early or too late: {landed:?}");
    assert!(is_difference(&host, 2));
}
