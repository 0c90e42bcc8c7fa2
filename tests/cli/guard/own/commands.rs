//! The other commands reach the table through its owner.

use super::*;

#[test]
fn every_command_goes_through_the_owner() {
    let host = owned();
    let guard = Guard::start(&host);
    await_owner(&host, &guard);
    let mark = || host.netns.read().marker().map(|marker| marker.generation);
    for (command, generation) in [
        ("plan --mode audit", Some(1)),
        ("apply --mode audit", Some(2)),
        ("grant 10.1.2.3 --port 5432/tcp --name db", Some(3)),
        ("revoke db", Some(4)),
        ("rollback --to 1", Some(1)),
        ("apply --mode audit --confirm 60s", Some(5)),
        ("confirm", Some(5)),
        ("history", Some(5)),
        ("remove", None),
        ("remove", None),
        ("rollback --to 1", Some(1)),
    ] {
        let ended = host.run(command);
        assert_eq!((ended.status, mark()), (0, generation), "{command}: {}", ended.stderr);
        if generation.is_some() {
            await_owner(&host, &guard);
        }
    }
    assert!(host.json(0, "status")["wall"]["drifted"] == false);
    assert!(!guard.told().iter().any(|told| ["repaired", "failed"].contains(&told["event"].as_str().unwrap())));
}

#[test]
fn a_trial_goes_back_through_the_owner() {
    let host = owned();
    let guard = Guard::start(&host);
    await_owner(&host, &guard);
    let before = dump(&host);
    host.expect(0, "apply --mode audit --confirm 1s");
    await_dump(&host, &before);
    assert!(host.expect(4, "confirm").stdout.starts_with("too late"));
    await_owner(&host, &guard);
}

#[test]
fn what_runs_out_is_taken_out_of_an_owned_table() {
    let host = owned();
    let guard = Guard::start(&host);
    await_owner(&host, &guard);
    let before = without_mark(&dump(&host));
    host.expect(0, "grant 10.1.2.3 --port 5432/tcp --name brief --for 1s");
    assert_eq!(guard.await_event("tidied")["run_out"], json!(["brief"]));
    assert_eq!(without_mark(&dump(&host)), before);
}

#[test]
fn of_twenty_commands_at_once_each_is_done_through_the_owner() {
    let host = owned();
    let guard = Guard::start(&host);
    await_owner(&host, &guard);
    std::thread::scope(|scope| {
        for index in 0..20 {
            let host = &host;
            let command = match index % 5 {
                0 => "apply --mode enforce".to_owned(),
                1 => "apply --mode audit".to_owned(),
                2 => "plan".to_owned(),
                3 => "rollback --to 1".to_owned(),
                _ => format!("grant 10.1.2.{index} --port 80/tcp"),
            };
            scope.spawn(move || {
                let ended = host.run(&command);
                assert_eq!(ended.status, 0, "{command}: {}", ended.stderr);
            });
        }
    });
    host.expect(0, "apply --mode enforce");
    await_owner(&host, &guard);
    host.expect(0, "status");
    assert!(!guard.told().iter().any(|told| ["repaired", "failed"].contains(&told["event"].as_str().unwrap())));
}

#[test]
fn another_owner_is_named_with_the_cure() {
    let host = owned();
    let mut kernel = host.netns.kernel();
    kernel.hand_over(dockwall::ruleset::TABLE_OWNER | dockwall::ruleset::TABLE_PERSIST).unwrap();
    let before = dump(&host);
    for command in ["apply --mode audit", "remove", "grant 10.1.2.3", "plan --mode audit"] {
        let refused = host.expect(11, command).stderr;
        assert!(refused.contains(&format!("(process {})", std::process::id())), "{refused}");
        assert!(refused.contains(&format!("`kill {}`", std::process::id())), "{refused}");
        assert!(refused.contains("--state-dir"), "{refused}");
        assert_eq!(dump(&host), before);
    }
    assert_eq!(host.json(0, "status")["hold"]["state"], "owned");
    // A guard waits until it may.
    let guard = Guard::spawn(&host, |_| {});
    let failed = guard.await_event("failed");
    assert!(failed["problem"].as_str().unwrap().contains("is owned by"), "{failed}");
    drop(kernel);
    guard.await_event("guarding");
    await_owner(&host, &guard);
}

#[test]
fn a_guard_of_another_state_directory_lets_nobody_in() {
    let host = owned();
    let guard = Guard::start(&host);
    await_owner(&host, &guard);
    let other = host.directory.path().join("other");
    let mut command = host.netns.command(DOCKWALL);
    command.arg("--config").arg(host.configuration()).arg("--state-dir").arg(&other);
    let refused = command.args(["apply", "--mode", "audit"]).output().unwrap();
    let said = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(11), "{said}");
    assert!(said.contains(&format!("dockwall (process {})", guard.child.id())), "{said}");
    assert_eq!(host.netns.read().marker().unwrap().generation, 1);
}

#[test]
fn who_is_not_root_is_not_let_in() {
    let host = owned();
    let guard = Guard::start(&host);
    await_owner(&host, &guard);
    // Whatever somebody did to the directory.
    for path in [host.directory.path(), &host.state(), &host.state().join("guard.sock")] {
        std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
    }
    let ask = "import socket,sys\ns=socket.socket(socket.AF_UNIX)\ns.settimeout(5)\ns.connect(sys.argv[1])\n\
               data,descriptors,*_=socket.recv_fds(s,64,4)\nprint(len(data),len(descriptors))";
    let got = |user: &str| {
        let socket = host.state().join("guard.sock");
        let asked = Command::new("setpriv")
            .args(["--reuid", user, "--regid", user, "--clear-groups", "/usr/bin/python3", "-c", ask])
            .arg(socket)
            .output()
            .unwrap();
        String::from_utf8([asked.stdout, asked.stderr].concat()).unwrap().trim().to_owned()
    };
    assert_eq!((got("65534"), got("0")), ("0 0".to_owned(), "8 1".to_owned()));
}

/// What it did not read any more is nobody's answer.
#[test]
fn a_command_that_is_killed_on_its_way_through_the_owner_leaves_nothing_in_the_way() {
    let host = owned();
    let guard = Guard::start(&host);
    await_owner(&host, &guard);
    for (command, calls) in [("apply --mode audit", 24), ("apply --mode enforce", 24)] {
        for call in ["sendto", "recvfrom", "recvmsg", "connect"] {
            for nth in (1..=calls).step_by(if call == "recvmsg" || call == "connect" { 8 } else { 1 }) {
                let kill = format!("inject={call}:signal=SIGKILL:when={nth}");
                host.run_under(&["strace", "--quiet=all", "--output=/dev/null", "-f", "-e", &kill], command);
                await_that("it is whole", || host.run("--json status").stdout.contains("\"drifted\": false"));
            }
        }
        host.expect(0, command);
    }
    await_owner(&host, &guard);
    let told = guard.told();
    assert!(told.iter().all(|told| told["event"] != "failed" && told["event"] != "repaired"), "{told:?}");
}

#[test]
fn a_dump_that_nobody_reads_any_more_is_in_nobodys_way() {
    let host = owned();
    let guard = Guard::start(&host);
    await_owner(&host, &guard);
    // NFT_MSG_GETRULE with NLM_F_DUMP, and a header that is wrong.
    let mut dump_rules = vec![20, 0, 0, 0, 7, 10, 1, 3, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0];
    for round in 0..10 {
        let given = ask_owner(&host.state()).unwrap();
        dump_rules[8] = round;
        rustix::net::send(&given, &dump_rules, rustix::net::SendFlags::empty()).unwrap();
        drop(given);
        host.expect(0, if round % 2 == 0 { "apply --mode audit" } else { "apply" });
    }
    await_owner(&host, &guard);
    let told = guard.told();
    assert!(told.iter().all(|told| told["event"] != "failed"), "{told:#?}");
}

/// It keeps the table owned, and nobody waits for it longer than until it ends.
#[test]
fn a_command_that_hangs_with_the_socket_outlives_the_guard_and_the_next_one_waits_for_it() {
    let host = owned();
    let mut guard = Guard::start(&host);
    await_owner(&host, &guard);
    let before = dump(&host);
    let hanging = ask_owner(&host.state()).unwrap();
    // Nobody else is kept waiting.
    host.expect(0, "apply --mode audit");
    host.expect(0, "rollback --to 1");
    guard.signal(Signal::KILL);
    guard.end(PATIENCE);
    assert!(is_held(&host, "owned"));
    host.netns.try_load("flush ruleset");
    assert_eq!(dump(&host), before);
    let guard = Guard::spawn(&host, |_| {});
    let failed = guard.await_event("failed");
    // This test has more privileges than the guard, which may not look at its descriptors.
    assert!(failed["problem"].as_str().unwrap().contains("cannot be seen from here"), "{failed}");
    drop(hanging);
    await_owner(&host, &guard);
    assert_eq!(dump(&host), before);
}

#[test]
fn a_socket_that_somebody_took_away_is_there_again_after_the_next_look() {
    let host = owned();
    let guard = Guard::start(&host);
    await_owner(&host, &guard);
    std::fs::remove_file(host.state().join("guard.sock")).unwrap();
    host.expect(11, "apply --mode audit");
    // Any change of the table by its owner's side makes it look; so does the reload.
    guard.signal(Signal::HUP);
    guard.await_event("applied");
    assert_eq!(host.run("apply --mode audit").status, 0);
}
