//! A state directory that is of no use is found before the kernel is changed.

use crate::host::{DOCKWALL, Ended, Host, ended};

/// Runs `dockwall apply` with the state directory mounted as told, after `prepare` ran there.
fn apply_on(host: &Host, options: &str, prepare: &str) -> Ended {
    std::fs::create_dir_all(host.state()).unwrap();
    let script = format!(
        "mount -t tmpfs -o {options} tmpfs {state} && cd {state} && {prepare} && exec {DOCKWALL} --config {config} --state-dir {state} apply",
        state = host.state().display(),
        config = host.configuration().display(),
    );
    ended(host.netns.command("unshare").args(["--mount", "sh", "-c", &script]).output().unwrap())
}

#[test]
fn read_only_and_full_ones_are_told_apart_and_change_nothing() {
    let host = Host::new("");
    let table = [
        ("ro", "true", "mount it writable"),
        ("size=4k", "head -c 4096 /dev/zero >other", "make room there"),
        ("nr_inodes=2", "true", "make room there"),
    ];
    for (options, prepare, said) in table {
        let refused = apply_on(&host, options, prepare);
        assert_eq!(refused.status, 7, "{options}: {}", refused.stderr);
        assert!(refused.stderr.contains(said), "{options}: {}", refused.stderr);
        assert_eq!(host.netns.list(), "", "{options}");
    }
}

#[test]
fn a_file_in_its_place_is_named() {
    let host = Host::new("");
    std::fs::write(host.state(), "").unwrap();
    let refused = host.expect(7, "apply").stderr;
    assert!(refused.contains("state") && refused.contains("--state-dir"), "{refused}");
    assert_eq!(host.netns.list(), "");
}

#[test]
fn a_damaged_generation_is_listed_and_stops_nothing_else() {
    let host = Host::new("");
    host.expect(0, "apply");
    // In a file of its own, which does not rest on the first.
    host.configure("mode = \"enforce\"");
    host.expect(0, "apply");
    std::fs::write(host.state().join("generation-1.json"), "{ \"number\": ").unwrap();
    std::fs::write(host.state().join("generation-x.json"), "").unwrap();
    let history = host.expect(0, "history").stdout;
    assert!(history.contains("damaged") && history.contains("enforce"), "{history}");
    let refused = host.expect(7, "rollback").stderr;
    assert!(refused.contains("generation-1.json is damaged"), "{refused}");
    host.expect(0, "status");
    host.configure("[deny]\nranges = []");
    assert_eq!(host.json(0, "apply")["generation"], 3);
}

/// Every file there, in every state that it should not be in.
#[test]
fn whatever_is_damaged_the_kernel_holds_old_or_new_rules_whole_and_the_next_apply_and_boot_work() {
    const COMMANDS: [&str; 14] = [
        "status",
        "history",
        "check",
        "render",
        "plan",
        "confirm",
        "rollback",
        "rollback --to 1",
        "revoke site",
        "grant 10.1.2.9 --name more",
        "boot",
        "apply",
        "apply --mode audit --confirm 10m",
        "remove",
    ];
    const FILES: [&str; 8] = [
        "generation-1.json",
        "generation-2.json",
        "generation-2.on-1.json",
        "index",
        "in-force",
        "trial.json",
        "lock",
        "guard.lock",
    ];
    std::thread::scope(|scope| {
        for file in FILES {
            scope.spawn(move || {
                for content in ["{ \"number\": 2, \"appl", "\u{0}\u{1}\u{7f}{]"] {
                    let host = Host::new("mode = \"enforce\"");
                    host.expect(0, "apply");
                    host.expect(0, "grant 10.1.2.3 --name site");
                    for command in COMMANDS {
                        std::fs::write(host.state().join(file), content).unwrap();
                        let ended = host.run(command);
                        let known = [0, 1, 4, 7].contains(&ended.status);
                        assert!(known && !ended.stderr.contains("panicked"), "{file}, {command}: {}", ended.stderr);
                        if ended.status == 7 {
                            assert!(ended.stderr.contains(file), "{file}, {command}: {}", ended.stderr);
                        }
                        assert_whole(&host, &format!("{file}, {command}"));
                        std::fs::write(host.state().join(file), content).unwrap();
                        host.expect(0, "boot");
                        assert_whole(&host, &format!("{file}, boot after {command}"));
                        host.expect(0, "apply");
                        host.expect(0, "status");
                    }
                }
            });
        }
    });
}

/// What is there is what its mark says.
fn assert_whole(host: &Host, after: &str) {
    let live = host.netns.read();
    if let Some(table) = &live.table {
        let mark = live.marker().unwrap_or_else(|| panic!("no mark: {after}"));
        assert!(table.digest().matches(&mark.digest), "not whole: {after}");
    }
}

/// A directory stands where a lock should: nothing can be changed, but a wall is raised and taken down.
#[test]
fn a_lock_that_cannot_be_had_keeps_no_wall_down() {
    let host = Host::new("mode = \"enforce\"");
    host.expect(0, "apply");
    std::fs::remove_file(host.state().join("lock")).unwrap();
    std::fs::create_dir(host.state().join("lock")).unwrap();
    let before = host.netns.list();
    for command in ["apply --mode audit", "rollback --to 1", "grant 10.1.2.9 --name more", "confirm"] {
        let refused = host.expect(7, command);
        assert!(refused.stderr.contains("state/lock"), "{command}: {}", refused.stderr);
    }
    assert_eq!(host.netns.list(), before);
    host.expect(0, "remove");
    host.expect(0, "boot");
    host.expect(0, "status");
}

/// Without the generation that it is a difference to, the one in force is told as what it is, stands all the same, and
/// the next apply makes another.
#[test]
fn a_generation_whose_base_is_lost_says_so_and_the_next_apply_makes_a_whole_one() {
    let host = Host::new("mode = \"enforce\"");
    host.expect(0, "apply");
    host.expect(0, "grant 10.1.2.3 --name site");
    assert!(host.state().join("generation-2.on-1.json").exists());
    std::fs::remove_file(host.state().join("generation-1.json")).unwrap();
    let before = host.netns.list();
    for command in ["grant 10.1.2.4", "rollback --to 2"] {
        let refused = host.expect(7, command).stderr;
        assert!(refused.contains("generation-1.json is gone") && refused.contains("dockwall apply"), "{refused}");
    }
    let history = host.json(0, "history");
    assert!(history[0]["damaged"].as_str().unwrap().contains("generation-1.json is gone"), "{history}");
    assert_eq!(host.json(0, "status")["enforced"], true);
    assert_eq!(host.netns.list(), before);
    host.expect(0, "apply");
    host.expect(0, "grant 10.1.2.4");
    let status = host.json(0, "status");
    assert_eq!(status["wall"]["drifted"], false, "{status}");
}

/// Nobody waits for ever, and who waits is told so.
#[test]
fn waiting_for_the_lock_is_said_and_ends_when_the_other_does() {
    let host = Host::new("");
    host.expect(0, "apply");
    let lock = std::fs::File::open(host.state().join("lock")).unwrap();
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockExclusive).unwrap();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| host.run("apply --mode enforce"));
        std::thread::sleep(std::time::Duration::from_secs(1));
        assert!(!waiting.is_finished(), "it did not wait");
        rustix::fs::flock(&lock, rustix::fs::FlockOperation::Unlock).unwrap();
        let ended = waiting.join().unwrap();
        assert_eq!(ended.status, 0, "{}", ended.stderr);
        assert!(ended.stderr.contains("waiting for another dockwall to finish"), "{}", ended.stderr);
    });
}

#[test]
fn it_can_come_down_without_its_state() {
    let host = Host::new("mode = \"enforce\"");
    host.expect(0, "apply");
    std::fs::remove_dir_all(host.state()).unwrap();
    std::fs::write(host.state(), "").unwrap();
    host.expect(0, "remove");
    assert_eq!(host.netns.list(), "");
}

#[test]
fn the_history_does_not_grow_without_end() {
    let host = Host::new("");
    for number in 1..=104 {
        host.configure(&format!("[deny]\nranges = [\"10.0.{number}.0/24\"]"));
        host.expect(0, "apply");
    }
    let history = host.json(0, "history");
    let numbers: Vec<u64> = history.as_array().unwrap().iter().map(|row| row["generation"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (5..=104).collect::<Vec<_>>());
}
