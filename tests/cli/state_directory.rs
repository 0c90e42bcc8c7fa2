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
    host.expect(0, "apply --mode enforce");
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
