//! What stands after a boot, whatever the disk and the configuration are like.

use crate::host::Host;
use crate::support::listing;

const ENFORCE: &str = "mode = \"enforce\"";

/// A host with three generations, the third of them in force; and what the kernel holds with each.
fn with_history() -> (Host, Vec<Vec<String>>) {
    let host = Host::new(ENFORCE);
    let mut dumps = vec![Vec::new()];
    for ranges in ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"] {
        host.configure(&format!("{ENFORCE}\ndeny.ranges = [\"{ranges}\", \"fd00::/8\"]"));
        host.expect(0, "apply");
        dumps.push(dump(&host));
    }
    (host, dumps)
}

fn dump(host: &Host) -> Vec<String> {
    match host.netns.list() {
        nothing if nothing.is_empty() => Vec::new(),
        listing => listing::blocks(&listing),
    }
}

/// The dump without the chain that says which generation it is.
fn without_mark(dump: Vec<String>) -> Vec<String> {
    dump.into_iter().filter(|block| !block.contains("chain generation")).collect()
}

/// The kernel forgets all, as it does when the power is cut.
fn cut(host: &Host) {
    host.netns.nft("flush ruleset");
}

#[test]
fn m4_m6_the_kernel_holds_the_same_dump_for_dump_and_pending_edits_are_only_told() {
    let (host, dumps) = with_history();
    host.expect(0, "rollback --to 2");
    host.configure("mode = \"audit\"");
    cut(&host);
    let booted = host.expect(0, "boot").stdout;
    assert_eq!(dump(&host), dumps[2]);
    assert!(booted.starts_with("raised: generation 2 is in force, mode enforce ("), "{booted}");
    assert!(
        booted.contains("not applied: ") && booted.contains("was edited since generation 2 was applied"),
        "{booted}"
    );
    let again = host.json(0, "boot");
    assert_eq!((&again["generation"], &again["batches"]), (&2.into(), &0.into()));
    assert_eq!(again["newer_files"].as_array().unwrap().len(), 1);
}

/// Files may be older than the generation, as from a backup, and newer without another word in them.
#[test]
fn m6_pending_edits_are_told_by_the_texts_of_the_files_and_not_by_their_dates() {
    let host = Host::new(ENFORCE);
    let drop_in = |name: &str| host.directory.path().join("grants.d").join(name);
    let grant = |name: &str| format!("[[grant]]\nname = \"{name}\"\nto = \"10.1.2.3\"\n");
    std::fs::create_dir(host.directory.path().join("grants.d")).unwrap();
    std::fs::write(drop_in("gone.toml"), grant("gone")).unwrap();
    std::fs::write(drop_in("kept.toml"), grant("kept")).unwrap();
    host.expect(0, "apply");
    std::fs::write(drop_in("kept.toml"), grant("kept")).unwrap();
    let pending = || {
        let booted = host.json(0, "boot");
        let files = booted["newer_files"].as_array().unwrap().clone();
        files.iter().map(|file| file.as_str().unwrap().rsplit('/').next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(pending(), Vec::<String>::new(), "it was only written again");

    std::fs::remove_file(drop_in("gone.toml")).unwrap();
    std::fs::write(drop_in("kept.toml"), grant("other")).unwrap();
    std::fs::write(drop_in("new.toml"), grant("new")).unwrap();
    let old = std::time::SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000);
    for name in ["kept.toml", "new.toml"] {
        std::fs::File::options().write(true).open(drop_in(name)).unwrap().set_modified(old).unwrap();
    }
    assert_eq!(pending(), ["kept.toml", "new.toml", "gone.toml"]);
    let booted = host.expect(0, "boot").stdout;
    for said in ["kept.toml was edited since", "new.toml was added since", "gone.toml was removed since"] {
        assert!(booted.contains(said), "{booted}");
    }
}

#[test]
fn a14_m2_a_broken_configuration_ends_with_3_and_the_old_wall_stands() {
    let (host, dumps) = with_history();
    host.configure("mode = ");
    for _ in 0..2 {
        let failed = host.expect(3, "boot");
        assert_eq!(dump(&host), dumps[3]);
        assert!(failed.stderr.contains("dockwall.toml:1:8"), "{}", failed.stderr);
        // The first time there was nothing, the second time all of it.
    }
    cut(&host);
    let message = host.json(3, "boot")["error"]["message"].to_string();
    assert!(message.contains("generation 3 is in force, but the configuration is wrong"), "{message}");
    // Nor does an apply take anything away.
    host.expect(3, "apply");
    assert_eq!(dump(&host), dumps[3]);
}

#[test]
fn what_is_torn_or_missing_is_passed_over_for_the_newest_that_can_be_read() {
    const TORN: &str = "{ \"number\": ";
    for (damage, number, tried) in [
        (&["in-force"][..], 3, 1),
        (&["generation-3.json"], 2, 1),
        (&["generation-3.json", "in-force"], 2, 2),
        (&["generation-3.json", "generation-2.json", "trial.json"], 1, 3),
    ] {
        for content in [Some(TORN), Some(""), Some("\u{0}\u{1}\u{7f}"), Some("[]"), None] {
            let (host, dumps) = with_history();
            for file in damage {
                let path = host.state().join(file);
                match content {
                    Some(content) => std::fs::write(path, content).unwrap(),
                    // There never was a trial.
                    None => std::fs::remove_file(path).unwrap_or_default(),
                }
            }
            cut(&host);
            let booted = host.json(0, "boot");
            assert_eq!(booted["generation"], number, "{damage:?} {content:?}: {booted}");
            assert_eq!(dump(&host), dumps[number], "{damage:?} {content:?}");
            if content.is_some() {
                assert_eq!(booted["tried"].as_array().unwrap().len(), tried, "{damage:?} {content:?}: {booted}");
            }
            host.expect(0, "status");
            host.expect(0, "apply");
            assert_eq!(without_mark(dump(&host)), without_mark(dumps[3].clone()), "{damage:?} {content:?}");
        }
    }
}

#[test]
fn without_any_generation_it_is_the_configuration_and_without_that_a_loud_failure() {
    let (host, _) = with_history();
    for number in 1..=3 {
        std::fs::write(host.state().join(format!("generation-{number}.json")), "torn").unwrap();
    }
    cut(&host);
    let booted = host.expect(0, "boot");
    assert!(booted.stdout.contains("raised: generation 4"), "{}", booted.stdout);
    for number in 1..=3 {
        assert!(booted.stderr.contains(&format!("generation-{number}.json is damaged")), "{}", booted.stderr);
    }
    std::fs::write(host.state().join("generation-4.json"), "torn").unwrap();
    host.configure("mode = ");
    cut(&host);
    let failed = host.expect(3, "boot").stderr;
    assert!(failed.contains("generation-4.json is damaged") && failed.contains("dockwall.toml:1:8"), "{failed}");
    assert_eq!(dump(&host), [""; 0]);
    let message = host.json(3, "boot")["error"]["message"].to_string();
    assert!(message.contains("no wall was raised"), "{message}");
}

#[test]
fn m5_a_boot_within_a_trial_goes_back_and_what_was_made_within_is_never_brought_back() {
    let (host, dumps) = with_history();
    host.configure("mode = \"audit\"");
    host.expect(0, "apply --confirm 1d");
    host.expect(0, "grant 192.168.1.2 --name within");
    cut(&host);
    assert_eq!(host.json(0, "boot")["went_back"], 5);
    assert_eq!(dump(&host), dumps[3]);
    assert!(host.expect(4, "confirm").stdout.contains("too late"));
    // Without the note of what was in force it is not the newest either.
    std::fs::remove_file(host.state().join("in-force")).unwrap();
    cut(&host);
    host.expect(0, "boot");
    assert_eq!(dump(&host), dumps[3]);
}

/// The disk can say no in every way: the wall stands.
#[test]
fn a_disk_that_is_full_or_read_only_does_not_keep_the_wall_down() {
    for (options, before, after) in
        [("ro", "rm in-force", "true"), ("size=64k", "true", "cat /dev/zero >full 2>/dev/null")]
    {
        let (host, dumps) = with_history();
        cut(&host);
        let script = format!(
            "mount -t tmpfs tmpfs /run && cp -a {state} /run/copy && mount -t tmpfs tmpfs {state} && cd {state} && \
             cp -a /run/copy/. . && {before} && mount -o remount,{options} . && {{ {after}; exec \"$@\"; }}",
            state = host.state().display(),
        );
        let booted = host.run_under(&["unshare", "--mount", "sh", "-c", &script, "sh"], "boot");
        assert_eq!(booted.status, 0, "{options}: {}", booted.stderr);
        assert_eq!(dump(&host), dumps[3], "{options}: {}", booted.stderr);
        assert_eq!(booted.stderr.contains("the wall stands all the same"), options == "ro", "{}", booted.stderr);
    }
}

#[test]
fn what_somebody_else_made_under_our_name_is_left_alone() {
    let (host, _) = with_history();
    cut(&host);
    host.netns.nft("add table inet dockwall");
    let before = host.netns.list();
    host.expect(8, "boot");
    assert_eq!(host.netns.list(), before);
}
