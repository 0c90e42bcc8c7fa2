//! Killed at any system call, the kernel holds the old rules or the new, and the next run works.

use crate::host::{DOCKWALL, Host, ended};

#[test]
fn killed_anywhere_the_kernel_holds_the_old_or_the_new_rules() {
    let host = Host::new("");
    host.expect(0, "apply");
    let audit = host.netns.list();
    host.expect(0, "apply --mode enforce");
    let enforce = host.netns.list();
    let in_mode = |listing: &str, mode: &str| without_marker(listing) == without_marker(mode);

    let mut landed = [0; 2];
    for call in ["sendto", "recvfrom", "openat", "fsync,fdatasync", "rename,renameat2", "unlink"] {
        for nth in 1..=4 {
            host.expect(0, "apply --mode audit");
            let kill = format!("inject={call}:signal=SIGKILL:when={nth}");
            let starter = ["strace", "--quiet=all", "--output=/dev/null", "-f", "-e", &kill];
            host.run_under(&starter, "apply --mode enforce");
            let found = host.netns.list();
            let is_new = in_mode(&found, &enforce);
            assert!(is_new || in_mode(&found, &audit), "killed at {call} {nth}, the kernel holds\n{found}");
            landed[usize::from(is_new)] += 1;
            host.expect(0, "history");
            host.expect(if is_new { 0 } else { 4 }, "status");
        }
    }
    assert!(landed[0] > 5 && landed[1] > 5, "the kills came too early or too late: {landed:?}");
}

/// The listing without the generation, whose number goes on counting, in any order.
fn without_marker(listing: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = listing.lines().filter(|line| !line.contains("comment \"generation ")).collect();
    lines.sort_unstable();
    lines
}

/// Each state directory has a lock of its own; what keeps the kernel whole is the batch's generation.
#[test]
fn i9_twenty_at_once_with_state_directories_of_their_own_all_end_well() {
    let host = Host::new("");
    std::thread::scope(|scope| {
        for number in 0..20 {
            let state = host.directory.path().join(format!("state-{number}"));
            let mode = if number % 2 == 0 { "enforce" } else { "audit" };
            let host = &host;
            scope.spawn(move || {
                let mut command = host.netns.command(DOCKWALL);
                command.arg("--config").arg(host.configuration()).arg("--state-dir").arg(state);
                let ended = ended(command.args(["apply", "--mode", mode]).output().unwrap());
                assert_eq!(ended.status, 0, "{}", ended.stderr);
            });
        }
    });
    let status = host.run("--json status");
    assert!(status.stdout.contains("\"drifted\": false"), "{}", status.stdout);
}

#[test]
fn i9_twenty_at_once_all_end_well() {
    let host = Host::new("");
    let ends: Vec<_> = std::thread::scope(|scope| {
        let runs: Vec<_> = (0..20)
            .map(|index| {
                let command = if index % 2 == 0 { "apply --mode enforce" } else { "apply --mode audit" };
                let host = &host;
                scope.spawn(move || host.run(command))
            })
            .collect();
        runs.into_iter().map(|run| run.join().unwrap()).collect()
    });
    for ended in &ends {
        assert_eq!(ended.status, 0, "{}", ended.stderr);
    }
    let status = host.run("--json status");
    assert!(status.stdout.contains("\"drifted\": false"), "{}", status.stdout);
    let history = host.json(0, "history");
    let in_force = history.as_array().unwrap().iter().filter(|row| row["in_force"] == true).count();
    assert_eq!(in_force, 1);
}
