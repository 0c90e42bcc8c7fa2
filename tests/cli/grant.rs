//! One exception more, one less: at once, to stay, and nothing else.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use serde_json::Value;

use crate::host::Host;

/// A host that enforces, with two grants in force.
fn enforcing() -> Host {
    let host = Host::new("mode = \"enforce\"\n[[grant]]\nname = \"ldap\"\nto = \"10.57.17.5\"\nports = [\"389/tcp\"]");
    host.expect(0, "apply");
    host
}

fn drop_in(host: &Host, name: &str) -> PathBuf {
    host.directory.path().join(format!("grants.d/{name}.toml"))
}

/// The wall is as it was applied last.
#[track_caller]
fn assert_whole(host: &Host) -> Value {
    let status = host.json(0, "status");
    assert_eq!(status["wall"]["drifted"], false);
    status["wall"].clone()
}

#[test]
fn a_grant_is_in_force_at_once_and_kept_and_the_next_apply_finds_it_there() {
    let host = enforcing();
    let granted = host.json(0, "grant 10.1.2.3 --port 5432/tcp --comment database");
    assert_eq!(granted["name"], "10.1.2.3-5432-tcp");
    assert_eq!((&granted["generation"], &granted["batches"]), (&2.into(), &1.into()));
    assert!(host.netns.list().contains("10.1.2.3 . tcp . 5432"), "{}", host.netns.list());
    assert_whole(&host);
    let file = drop_in(&host, "10.1.2.3-5432-tcp");
    assert_eq!(granted["file"], file.to_str().unwrap());
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&file), mode(file.parent().unwrap())), (0o644, 0o755));
    let again = host.json(0, "apply");
    assert_eq!((&again["generation"], &again["batches"]), (&2.into(), &0.into()));
    let history = host.json(0, "history");
    assert_eq!(history[1]["changes"][0], "grants +10.1.2.3-5432-tcp");
    assert_eq!((&history[1]["parent"], &history[1]["in_force"]), (&1.into(), &true.into()));
    host.expect(0, "rollback");
    assert!(!host.netns.list().contains("10.1.2.3"));
}

#[test]
fn what_is_revoked_is_gone_and_what_another_grant_opens_stays() {
    let host = enforcing();
    host.expect(0, "grant 10.1.2.0/24 --name net");
    host.expect(0, "grant 10.1.2.5 --name one");
    let revoked = host.json(0, "revoke net");
    assert_eq!((&revoked["generation"], &revoked["batches"]), (&4.into(), &1.into()));
    assert!(!drop_in(&host, "net").exists() && drop_in(&host, "one").exists());
    let left = host.netns.nft("list set inet dockwall grant4");
    assert!(left.contains("10.1.2.5") && !left.contains("10.1.2.0"), "{left}");
    assert_eq!(host.json(0, "apply")["batches"], 0);
    host.expect(0, "grant 10.1.2.0/24 --name net");
    host.expect(0, "revoke one");
    assert!(host.netns.nft("list set inet dockwall grant4").contains("10.1.2.0/24"));
    host.expect(0, "revoke net");
    assert!(!host.netns.list().contains("set grant4 "), "the set outlived its last element");
    assert_whole(&host);
}

#[test]
fn j3_a_grant_within_another_that_came_with_an_apply_outlives_it() {
    let host = enforcing();
    host.expect(0, "grant 10.1.2.0/24 --name net");
    std::fs::write(drop_in(&host, "one"), "[[grant]]\nname = \"one\"\nto = \"10.1.2.5\"").unwrap();
    // The ruleset stays as it is, what it stands for does not.
    let planned = host.json(0, "plan");
    let applied = host.json(0, "apply");
    assert_eq!((&applied["generation"], &planned["generation"]), (&3.into(), &3.into()));
    assert_eq!(host.json(0, "history")[2]["changes"][0], "grants +one");
    assert_eq!(host.json(0, "apply")["batches"], 0);
    host.expect(0, "revoke net");
    let left = host.netns.nft("list set inet dockwall grant4");
    assert!(left.contains("10.1.2.5") && !left.contains("10.1.2.0"), "{left}");
}

#[test]
fn pending_edits_wait_for_the_next_apply() {
    let host = enforcing();
    host.configure(
        "mode = \"audit\"\n[deny]\nranges = [\"192.168.0.0/16\"]\n[[grant]]\nname = \"other\"\nto = \"10.9.9.9\"",
    );
    host.expect(0, "grant 10.1.2.3 --name x");
    let wall = assert_whole(&host);
    assert_eq!(wall["mode"], "enforce");
    let listed = host.netns.list();
    assert!(listed.contains("10.0.0.0/8") && listed.contains("10.57.17.5 . tcp . 389"), "{listed}");
    assert!(listed.contains("10.1.2.3") && !listed.contains("10.9.9.9"), "{listed}");
    host.expect(0, "revoke x");
    assert!(host.netns.list().contains("10.57.17.5"));
    host.expect(0, "apply");
    assert_eq!(host.json(4, "status")["wall"]["mode"], "audit");
}

#[test]
fn every_kind_of_exception_comes_and_goes() {
    let host = enforcing();
    let before = host.netns.list();
    for (number, options) in [
        "10.1.2.3",
        "10.1.2.0/24 --port 8000-8100/tcp --port 53/udp",
        "10.1.2.3 --port 80/tcp --from 172.17.0.2",
        "10.1.2.3 --protocol icmp --from 172.17.0.0/16",
        "10.1.2.3-10.1.2.9 --for 1h",
        "fd00::7 --port 443/tcp --until 2090-01-01T00:00:00Z",
        "host --port 9100/tcp",
        "::1/128",
    ]
    .iter()
    .enumerate()
    {
        let granted = host.json(0, &format!("grant {options}"));
        assert_eq!((&granted["batches"], &granted["generation"]), (&1.into(), &(2 * number + 2).into()), "{options}");
        assert_whole(&host);
        assert_eq!(host.json(0, "apply")["batches"], 0, "{options}");
        let revoked = host.json(0, &format!("revoke {}", granted["name"].as_str().unwrap()));
        assert_eq!(revoked["batches"], 1, "{options}");
    }
    assert_eq!(sorted(&host.netns.list()), sorted(&before));
}

/// The lines but for the generation's, in any order.
fn sorted(listing: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = listing.lines().filter(|line| !line.contains("comment \"generation ")).collect();
    lines.sort_unstable();
    lines
}

#[test]
fn i10_the_same_grant_comes_and_goes_a_hundred_times() {
    let host = enforcing();
    let before = host.netns.list();
    for _ in 0..100 {
        assert_eq!(host.json(0, "grant 10.1.2.3 --name again")["batches"], 1);
        assert_eq!(host.json(0, "revoke again")["batches"], 1);
    }
    assert_eq!(sorted(&host.netns.list()), sorted(&before));
    assert_whole(&host);
}

#[test]
fn names_are_made_unique_and_a_taken_one_is_refused() {
    let host = enforcing();
    for (options, name) in [
        ("10.0.0.0/8", "10.0.0.0-8"),
        ("10.0.0.0/8", "10.0.0.0-8-2"),
        ("fd00::1 --port 80/tcp", "fd00--1-80-tcp"),
        ("::1", "1"),
        ("host --protocol icmp", "host-icmp"),
    ] {
        assert_eq!(host.json(0, &format!("grant {options}"))["name"], name);
    }
    let taken = host.expect(3, "grant 10.1.1.1 --name ldap").stderr;
    assert!(taken.contains("dockwall.toml:2") && taken.contains("--name"), "{taken}");
    assert!(host.expect(3, "grant 10.1.1.1 --name 1").stderr.contains("grants.d/1.toml:1"));
    let file = drop_in(&host, "team");
    std::fs::write(&file, "[[grant]]\nname = \"a\"\nto = \"10.2.2.2\"").unwrap();
    let exists = host.expect(3, "grant 10.1.1.1 --name team").stderr;
    assert!(exists.contains("team.toml is there already"), "{exists}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "[[grant]]\nname = \"a\"\nto = \"10.2.2.2\"");
}

#[test]
fn a_wrong_command_line_grants_nothing() {
    let host = enforcing();
    let before = host.netns.list();
    for (arguments, said) in [
        ("", "required"),
        ("10.1.2.3:5432", "`--port 5432/tcp` beside it"),
        ("10.1.2.3/8", "10.0.0.0/8"),
        ("database", "names are not looked up"),
        ("10.1.2.3 --port 5432", "5432/tcp"),
        ("10.1.2.3 --port 5432/icmp", "--protocol icmp"),
        ("10.1.2.3 --port 80/tcp --protocol icmp", "cannot be used with"),
        ("10.1.2.3 --protocol icmpv6", "write \"icmp\""),
        ("10.1.2.3 --from any", "leave the option out"),
        ("10.1.2.3 --from fd00::1", "different families"),
        ("host:published --protocol tcp", "choose among the published ports with --port"),
        ("10.1.2.3 --for 0s", "less than a second"),
        ("10.1.2.3 --for -2h", "less than a second"),
        ("10.1.2.3 --for 3months", "no time"),
        ("10.1.2.3 --for 300000d", "hundred years"),
        ("10.1.2.3 --for 2h --until 2090-01-01T00:00:00Z", "cannot be used with"),
        ("10.1.2.3 --until 2001-01-01T00:00:00Z", "is past"),
        ("10.1.2.3 --until 2090-01-01", "T00:00:00Z"),
        ("10.1.2.3 --name a/b", "a-b"),
        ("10.1.2.3 --name .hidden", "write `hidden`"),
    ] {
        let refused = host.expect(2, &format!("grant {arguments}")).stderr;
        assert!(refused.contains(said), "{arguments}: {refused}");
    }
    assert_eq!(host.netns.list(), before);
    assert!(!host.directory.path().join("grants.d").exists());
}

#[test]
fn e5_a_name_that_stands_for_nothing_leaves_the_rules_whole_and_no_file() {
    let host = enforcing();
    let before = host.netns.list();
    for from in ["container:no-such-container", "network:no-such-network", "label:no.such.label=x"] {
        let refused = host.expect(9, &format!("grant 10.1.2.3 --from {from}")).stderr;
        assert!(refused.contains("nothing was granted"), "{refused}");
    }
    assert_eq!(host.netns.list(), before);
    assert!(!host.directory.path().join("grants.d").exists());
}

#[test]
fn without_a_wall_the_file_is_written_and_the_next_apply_takes_it() {
    let host = Host::new("mode = \"enforce\"");
    let granted = host.json(0, "grant 10.1.2.3");
    assert_eq!((&granted["generation"], &granted["batches"]), (&Value::Null, &0.into()));
    assert_eq!(host.netns.list(), "");
    let said = host.expect(0, "grant 10.1.2.4").stdout;
    assert!(said.contains("the next `dockwall apply` takes it in"), "{said}");
    host.expect(0, "revoke 10.1.2.4");
    host.expect(0, "apply");
    let set = host.netns.nft("list set inet dockwall grant4");
    assert!(set.contains("10.1.2.3") && !set.contains("10.1.2.4"), "{set}");
}

#[test]
fn what_has_run_out_can_be_revoked() {
    let host = enforcing();
    assert_eq!(host.json(0, "grant 10.1.2.3 --for 1s --name short")["batches"], 1);
    let set = host.netns.nft("list set inet dockwall grant4-proto");
    assert!(set.contains("expires"), "{set}");
    std::thread::sleep(std::time::Duration::from_millis(2500));
    assert!(!host.netns.nft("list set inet dockwall grant4-proto").contains("10.1.2.3"));
    assert_whole(&host);
    // Another one in between: what has run out is neither deleted twice nor put back.
    assert_eq!(host.json(0, "grant 10.1.2.4 --for 1h --name long")["batches"], 1);
    assert_eq!(host.json(0, "revoke short")["names"][0], "short");
    assert!(!drop_in(&host, "short").exists());
    assert_whole(&host);
    assert!(host.netns.list().contains("10.1.2.4"));
    host.expect(0, "revoke long");
    assert_eq!(host.json(0, "apply")["batches"], 0);
}

#[test]
fn a_name_in_force_without_a_file_and_a_file_without_force() {
    let host = enforcing();
    host.expect(0, "grant 10.1.2.3 --name lost");
    std::fs::remove_file(drop_in(&host, "lost")).unwrap();
    assert_eq!(host.json(0, "revoke lost")["batches"], 1);
    std::fs::write(drop_in(&host, "new"), "[[grant]]\nname = \"new\"\nto = \"10.2.2.2\"").unwrap();
    assert_eq!(host.json(0, "revoke new")["batches"], 0);
    assert!(!drop_in(&host, "new").exists());
    assert_whole(&host);
}

#[test]
fn what_is_not_ours_to_delete_is_left_to_its_author() {
    let host = enforcing();
    host.expect(0, "grant 10.1.2.3 --name single");
    let several = "[[grant]]\nname = \"a\"\nto = \"10.2.2.2\"\n[[grant]]\nname = \"b\"\nto = \"10.2.2.3\"";
    std::fs::write(drop_in(&host, "team"), several).unwrap();
    host.expect(0, "apply");
    let before = host.netns.list();
    let configured = host.expect(3, "revoke single ldap").stderr;
    assert!(configured.contains("dockwall.toml:2") && configured.contains("delete it there"), "{configured}");
    let among = host.expect(3, "revoke a").stderr;
    assert!(among.contains("grants.d/team.toml:1, in one file with `b`"), "{among}");
    let unknown = host.expect(1, "revoke sinlge").stderr;
    assert!(unknown.contains("did you mean `single`?"), "{unknown}");
    assert_eq!(host.netns.list(), before);
    assert!(drop_in(&host, "single").exists() && drop_in(&host, "team").exists());
    // All of a file may go.
    host.expect(0, "revoke a b single");
    assert_eq!(std::fs::read_dir(host.directory.path().join("grants.d")).unwrap().count(), 0);
    assert_whole(&host);
}

#[test]
fn a_table_that_somebody_changed_is_put_right_by_the_way() {
    let host = enforcing();
    host.expect(0, "grant 10.1.2.3 --name first");
    // One shows in the rules; the others only in the elements, which are not read until the kernel refuses.
    for change in [
        "insert rule inet dockwall DOCKER-USER accept",
        "delete element inet dockwall grant4 { 10.1.2.3 }",
        "add element inet dockwall grant4 { 10.1.2.4 }",
    ] {
        host.netns.nft(change);
        assert_eq!(host.json(4, "status")["wall"]["drifted"], true);
        let command = if change.starts_with("delete") { "revoke first" } else { "grant 10.1.2.4 --name second" };
        host.expect(0, command);
        assert_whole(&host);
        host.run("revoke second");
        host.run("grant 10.1.2.3 --name first");
    }
}

#[test]
fn of_a_generation_that_is_not_on_the_disk_nothing_is_changed() {
    let host = enforcing();
    let elsewhere = Host::new("mode = \"enforce\"\n[deny]\nranges = [\"192.168.0.0/16\"]");
    elsewhere.expect(0, "apply");
    let before = host.netns.list();
    let record = host.state().join("generation-1.json");
    std::fs::copy(elsewhere.state().join("generation-1.json"), &record).unwrap();
    let another = host.expect(7, "grant 10.1.2.3").stderr;
    assert!(another.contains("is not the one in force") && another.contains("dockwall apply"), "{another}");
    std::fs::remove_file(&record).unwrap();
    let missing = host.expect(7, "grant 10.1.2.3").stderr;
    assert!(missing.contains("has no record of it"), "{missing}");
    assert_eq!(host.netns.list(), before);
    assert!(!host.directory.path().join("grants.d").exists());
    host.expect(0, "apply");
    host.expect(0, "grant 10.1.2.3");
}

#[test]
fn a_foreign_table_and_missing_permission_leave_no_file() {
    let host = Host::new("");
    host.netns.load("table inet dockwall { chain c { counter drop; }; }");
    host.expect(8, "grant 10.1.2.3");
    let nobody = ["setpriv", "--bounding-set", "-all", "--inh-caps", "-all"];
    assert_eq!(host.run_under(&nobody, "grant 10.1.2.3").status, 5);
    assert!(!host.directory.path().join("grants.d").exists());
}

#[test]
fn a_grant_that_opens_nothing_is_warned_of() {
    let host = Host::new("[deny]\nranges = [\"10.0.0.0/8\"]");
    host.expect(0, "apply");
    let granted = host.json(0, "grant 8.8.8.8");
    assert_eq!(granted["warnings"][0], "nothing in `8.8.8.8` is denied, so this grant has no effect");
    assert_eq!(host.json(0, "grant 10.0.0.1")["warnings"].as_array().unwrap().len(), 0);
    let said = host.expect(0, "grant 10.0.0.2").stdout;
    assert!(said.contains("nothing is denied in audit mode anyway"), "{said}");
}

#[test]
fn the_connection_that_a_revoke_is_run_over_is_not_cut_unless_forced() {
    let host = Host::new("mode = \"enforce\"\n[containers]\ninterfaces = [\"lan0\"]");
    let lan = ["link add lan0 type bridge", "address add 10.57.17.1/24 dev lan0", "link set lan0 up"];
    for words in lan {
        assert!(host.netns.command("ip").args(words.split(' ')).status().unwrap().success());
    }
    host.expect(0, "grant host --port 22/tcp --name ssh");
    host.expect(0, "apply");
    let over_ssh = ["env", "SSH_CONNECTION=10.57.17.9 53022 10.57.17.1 22"];
    let refused = host.run_under(&over_ssh, "revoke ssh");
    assert_eq!(refused.status, 10, "{}", refused.stderr);
    assert!(drop_in(&host, "ssh").exists());
    assert_eq!(host.run_under(&over_ssh, "revoke ssh --force").status, 0);
    assert!(!drop_in(&host, "ssh").exists());
}

/// `grant` on a table of 100,000 networks and 10,000 grants: what is sent is small, and no element is read.
#[test]
fn a_large_table_is_not_read_back() {
    let mut text = "mode = \"enforce\"\n[deny]\nranges = [\n".to_owned();
    for number in 0u32..100_000 {
        let address = std::net::Ipv4Addr::from((10 << 24) + number * 64);
        text += &format!("\"{address}/27\",\n");
    }
    text += "]\n";
    for number in 0u32..10_000 {
        let address = std::net::Ipv4Addr::from((10 << 24) + number * 64);
        text += &format!("[[grant]]\nname = \"g{number}\"\nto = \"{address}\"\nports = [\"5432/tcp\"]\n");
    }
    let host = Host::new(&text);
    host.expect(0, "apply");
    let log = host.directory.path().join("strace");
    let trace = ["strace", "--quiet=all", "-f", "--trace=sendto", "--output", log.to_str().unwrap()];
    for command in ["grant 10.0.0.1 --port 80/tcp --name one", "grant 10.0.0.2 --for 1h --name two", "revoke one"] {
        let ended = host.run_under(&trace, &format!("--json {command}"));
        assert_eq!(ended.status, 0, "{}", ended.stderr);
        let sent: Value = serde_json::from_str(&ended.stdout).unwrap();
        assert_eq!(sent["batches"], 1);
        assert!(sent["bytes"].as_u64().unwrap() < 2_000, "{sent}");
        let calls = std::fs::read_to_string(&log).unwrap();
        assert!(calls.contains("NFT_MSG_GETRULE") && !calls.contains("NFT_MSG_GETSETELEM"), "{calls}");
    }
    assert_whole(&host);
}

#[test]
fn killed_anywhere_the_grant_is_whole_or_comes_with_the_next_apply() {
    let host = enforcing();
    for call in ["sendto", "openat", "fsync,fdatasync", "rename,renameat2", "unlink,unlinkat"] {
        for nth in [1, 2, 4, 6] {
            let kill = format!("inject={call}:signal=SIGKILL:when={nth}");
            let starter = ["strace", "--quiet=all", "--output=/dev/null", "-f", "-e", &kill];
            for command in ["grant 10.1.2.3 --name x", "revoke x"] {
                host.run_under(&starter, command);
                assert_whole(&host);
                let file = drop_in(&host, "x").exists();
                host.expect(0, "apply");
                assert_eq!(host.netns.list().contains("10.1.2.3"), file, "{command} killed at {call} {nth}");
            }
            host.run("revoke x");
        }
    }
}
