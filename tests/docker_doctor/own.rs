//! The wall itself, its history, its configuration and its units.

use std::fs;

use crate::stage::{CONFIG, Stage};
use crate::support::lab::{LAN, of_tcp};

/// With a guard and the units of a machine with systemd, and with no check left out.
#[test]
fn on_a_healthy_host_nothing_is_found_in_enforce_and_in_audit_mode() {
    let stage = Stage::new(&[]);
    let lab = &stage.lab;
    install_units(&stage);
    let directory = lab.directory();
    let options = format!("--config {0}/dockwall.toml --state-dir {0}/state", directory.display());
    let _guard = lab.start("host", &format!("{} {options} --json guard", env!("CARGO_BIN_EXE_dockwall")));
    let end = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while lab.status()["guard"] != true {
        assert!(std::time::Instant::now() < end, "no guard starts");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    for mode in ["enforce", "audit"] {
        lab.apply(&format!("mode = \"{mode}\"\n{CONFIG}"));
        let output = lab.try_dockwall("doctor");
        let printed = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(0), "{mode}: {printed}");
        assert!(printed.starts_with("● nothing is wrong    ") && printed.lines().count() == 1, "{mode}: {printed}");
    }
}

fn install_units(stage: &Stage) {
    let unit = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/packaging/systemd/dockwall.service")).unwrap();
    stage.lab.write("/etc/systemd/system/dockwall.service", &unit);
    stage.sh("mkdir -p /run/systemd/system /etc/systemd/system/sysinit.target.wants");
    stage.sh("ln -s ../dockwall.service /etc/systemd/system/sysinit.target.wants/");
}

#[test]
fn a_wall_that_is_not_there_or_not_whole_is_an_error() {
    let stage = Stage::without_wall(&[]);
    let lab = &stage.lab;
    lab.configure(&format!("mode = \"enforce\"\n{CONFIG}"));
    stage.expect("before the first apply", &[("not-hooked", "there is no wall here")]);
    stage.enforce("");
    stage.expect_healthy("applied");
    let repair = |when: &str| {
        lab.dockwall("apply");
        stage.expect_healthy(when);
    };
    stage.sh("nft add rule inet dockwall DOCKER-USER accept");
    stage.expect("a rule more", &[("drifted", "is not what was applied")]);
    repair("repaired");
    stage.sh("nft 'add table inet dockwall { flags dormant; }'");
    stage.expect("asleep", &[("not-hooked", "dormant"), ("drifted", "")]);
    repair("awake");
    stage.sh("nft flush ruleset");
    let found = stage.examine("--only not-hooked");
    assert!(found.findings[0].contains("generation 1 should be in force"), "{:?}", found.findings);
    assert_eq!((found.findings.len(), found.status), (1, 4));
    stage.sh("nft add table inet dockwall");
    assert!(stage.examine("--only not-hooked").findings[0].contains("is not dockwall's"));
}

#[test]
fn what_is_written_and_not_in_force_is_told_from_what_is_in_force_and_not_written() {
    let stage = Stage::new(&[]);
    let lab = &stage.lab;
    let healthy = format!("mode = \"enforce\"\n{CONFIG}");
    lab.configure(&format!("{healthy}deny.host = false\n"));
    stage.expect("an edit", &[("not-applied", "what is in force is not what the configuration means")]);
    lab.configure("mode = \"enforced\"\n");
    stage.expect("a wrong file", &[("configuration", "the configuration is wrong")]);
    lab.configure(&format!(
        "{healthy}[[grant]]\nname = \"db\"\nto = \"10.1.2.3\"\nfrom = \"network:none-such\"\nrequired = true\n"
    ));
    stage.expect("a name that is missing", &[("configuration", "nothing can be applied")]);

    lab.configure(&format!("{healthy}deny.ranges = [\"internal\", \"198.18.0.0/15\"]\n"));
    lab.dockwall("apply --confirm 60s");
    stage.expect("on trial", &[("unconfirmed", "generation 2 is on trial")]);
    lab.dockwall("confirm");
    stage.expect_healthy("confirmed");

    let generation = lab.directory().join("state/generation-2.json");
    let kept = fs::read_to_string(&generation).unwrap();
    fs::remove_file(&generation).unwrap();
    stage.expect("a lost generation", &[("state-directory", "generation 2 is in force, and not in")]);
    fs::write(&generation, "{").unwrap();
    stage.expect("a damaged one", &[("state-directory", "generation-2.json is damaged")]);
    let applied = kept.split("\"applied\":\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    fs::write(&generation, kept.replace(&applied, "2090-01-01T00:00:00Z")).unwrap();
    stage.expect("a clock that went back", &[("clock", "before the newest generation was applied")]);
    fs::write(&generation, &kept).unwrap();
    stage.expect_healthy("whole again");

    lab.apply(&format!("mode = \"audit\"\n{CONFIG}"));
    stage.expect_healthy("a new audit");
    let generation = lab.directory().join("state/generation-3.json");
    let kept = fs::read_to_string(&generation).unwrap();
    let applied = kept.split("\"applied\":\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    fs::write(&generation, kept.replace(&applied, "2026-01-01T00:00:00Z")).unwrap();
    stage.expect("an old audit", &[("not-enforcing", "the wall only audits")]);
}

#[test]
fn units_that_do_not_help_at_boot_are_told() {
    let stage = Stage::new(&[]);
    stage.sh("mkdir -p /run/systemd/system");
    // What this machine has under /usr is seen in the lab as well.
    if stage
        .sh("ls /usr/local/lib/systemd/system /usr/lib/systemd/system /lib/systemd/system 2>/dev/null || true")
        .contains("dockwall")
    {
        panic!("dockwall is installed on this machine, and this test needs one without");
    }
    stage.expect("none", &[("boot", "there is no unit dockwall.service")]);
    stage.lab.write("/etc/systemd/system/dockwall.service", "[Unit]\nBefore=network-pre.target docker.service\n");
    stage.expect("not enabled", &[("boot", "is not enabled")]);
    stage.sh("mkdir -p /etc/systemd/system/sysinit.target.wants && ln -s ../dockwall.service /etc/systemd/system/sysinit.target.wants/");
    stage.expect_healthy("enabled");
    stage.lab.write("/etc/systemd/system/dockwall.service.d/late.conf", "[Unit]\nBefore=\nBefore=network-pre.target\n");
    stage.expect("too late", &[("boot", "is not ordered before docker.service")]);
    stage.sh("rm -r /etc/systemd/system/dockwall.service.d");
    stage.lab.write("/etc/systemd/system/dockwall-guard.service", "[Unit]\n");
    let guard = |stage: &Stage| {
        let output = stage.lab.try_dockwall("--json doctor --only guard");
        (String::from_utf8(output.stdout).unwrap(), output.status.code())
    };
    let (told, status) = guard(&stage);
    assert!(told.contains("\"severity\": \"notice\"") && status == Some(0), "{told}");
    stage.sh("mkdir -p /etc/systemd/system/multi-user.target.wants && ln -s ../dockwall-guard.service /etc/systemd/system/multi-user.target.wants/");
    let (told, status) = guard(&stage);
    assert!(told.contains("is enabled, and no guard runs") && status == Some(4), "{told}");
}

#[test]
fn a2_a_table_that_its_guard_left_behind_is_told_until_a_guard_owns_it_again() {
    let stage = Stage::new(&[]);
    let mut guard = stage.lab.guard();
    guard.await_event("handed-over");
    stage.expect_healthy("owned");
    guard.kill();
    stage.expect("left behind", &[("owner", "is made for a guard to own, and none runs")]);
    let _guard = stage.lab.guard();
    stage.expect_healthy("owned again");
}

#[test]
fn what_the_host_did_is_told_from_what_somebody_wrote() {
    let stage = Stage::new(&[]);
    let why = || {
        let found = stage.examine("--only not-applied").json["findings"][0].clone();
        format!("{} → {}", found["why"].as_str().unwrap(), found["cure"].as_str().unwrap())
    };
    stage.lab.write("/etc/resolv.conf", "nameserver 10.57.17.5\nnameserver fd57:17::6\n");
    assert!(why().contains("stand for something else than when the wall was applied"), "{}", why());
    assert!(why().ends_with("a guard would have followed by itself"), "{}", why());
    stage.lab.configure(&format!("mode = \"enforce\"\n{CONFIG}deny.host = false\n"));
    assert!(why().contains("dockwall.toml was edited since it was applied"), "{}", why());
}

#[test]
fn k5_a_log_that_goes_nowhere_and_a_full_meter_are_told() {
    let stage = Stage::new(&[]);
    let lab = &stage.lab;
    lab.apply("mode = \"enforce\"\nlog.target = \"nflog:6\"\n");
    stage.expect("nobody listens", &[("log", "nobody listens to NFLOG group 6")]);
    lab.apply("mode = \"enforce\"\n");
    stage.expect("no first namespace", &[("log", "not the network namespace that it was booted with")]);
    lab.apply("mode = \"enforce\"\nlog.enabled = false\n");
    stage.expect_healthy("no log");
    lab.exec("app", "traffic scan 10.57.17.6 --from 1 --to 62000");
    stage.expect("scanned", &[("meters-full", "the set denied4 has ")]);
}

#[test]
fn e1_e3_resolvers_and_uplinks_that_the_policy_misses_are_told() {
    let stage = Stage::new(&[]);
    let lab = &stage.lab;
    let listed = stage.examine("").json["resolvers"].to_string();
    assert!(listed.contains("10.57.17.5") && listed.contains("granted"), "{listed}");
    lab.write("/etc/resolv.conf", "nameserver 10.57.17.5\nnameserver fd57:17::6\n");
    let changed = ("not-applied", "");
    stage.expect("one more", &[("resolvers", "containers are told to ask fd57:17::6"), changed]);
    lab.write("/etc/resolv.conf", "nameserver 10.57.17.5\noptions timeout:1 attempts:1\n");
    stage.expect_healthy("as before");
    stage.enforce("dns.allow = \"none\"\n");
    stage.expect("none", &[("resolvers", "containers are told to ask 10.57.17.5")]);

    stage.enforce("deny.uplinks = [\"ens*\"]\n");
    stage.expect("no such uplink", &[("uplinks", "(ens*) matches no link")]);
    // And it is true.
    let open = crate::support::lab::from("app", of_tcp(&LAN[..1]), "ok".into());
    lab.expect("nothing is denied", &open);
    stage.enforce("deny.uplinks = [\"eth*\"]\n");
    stage.expect_healthy("the uplink");
}

#[test]
fn terminals_pipes_and_programs_are_told_alike() {
    let stage = Stage::new(&[]);
    stage.sh("nft add rule inet dockwall DOCKER-USER accept");
    let output = stage.lab.try_dockwall("doctor --ignore guard --ignore rootless");
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(printed.starts_with("○ 1 error    "), "{printed}");
    for part in ["✗ error  drifted", "found  the table", "why    somebody", "cure   dockwall status"] {
        assert!(printed.contains(part), "{part} is missing:\n{printed}");
    }
    let ignored = stage.lab.try_dockwall("doctor --ignore guard --ignore rootless --ignore drifted");
    assert_eq!(ignored.status.code(), Some(0));
    let unknown = stage.lab.try_dockwall("doctor --only driftd");
    assert_eq!(unknown.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("did you mean `drifted`?"));
}
