//! A kernel that lacks what the rules need is found out before anything is made.

use std::process::Command;

use tempfile::TempDir;

use crate::host::{Ended, Host, ended};

/// What makes this kernel one without some expressions.
struct Without {
    _directory: TempDir,
    preload: String,
}

impl Without {
    fn new() -> Self {
        let directory = TempDir::new().unwrap();
        let library = directory.path().join("without.so");
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/cli/without_expression.c");
        let compiled =
            Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&library).args([source, "-ldl"]).output();
        assert_eq!(ended(compiled.unwrap()).status, 0, "this test needs a C compiler: apt-get install gcc libc6-dev");
        Self { preload: format!("LD_PRELOAD={}", library.display()), _directory: directory }
    }

    fn run(&self, host: &Host, expressions: &str, arguments: &str) -> Ended {
        host.run_under(&["env", &self.preload, &format!("WITHOUT={expressions}")], arguments)
    }
}

#[test]
fn l1_l5_every_module_that_is_missing_is_listed_and_nothing_is_left_behind() {
    let without = Without::new();
    let host = Host::new("mode = \"enforce\"");
    for command in ["apply", "apply --confirm 60s"] {
        let refused = without.run(&host, "ct limit", command);
        assert_eq!(refused.status, 1, "{command}: {}", refused.stderr);
        for said in ["modprobe -a nft_ct nft_limit", "missing in all: ", "(kernel "] {
            assert!(refused.stderr.contains(said), "{command}, {said}: {}", refused.stderr);
        }
        assert_eq!(host.netns.list(), "", "{command}");
        assert!(!host.state().exists(), "{command} made a state directory");
    }
    // One alone has its own sentence.
    let refused = without.run(&host, "ct", "apply").stderr;
    assert!(refused.contains("the kernel has no `ct` expression: the module nft_ct is missing"), "{refused}");
    // `plan` says the same, and a kernel that has all of them takes it.
    assert_eq!(without.run(&host, "ct", "plan").status, 1);
    host.expect(0, "apply");
}

#[test]
fn l6_a_boot_with_a_kernel_that_lost_a_module_ends_with_its_name_and_no_half_a_wall() {
    let without = Without::new();
    let host = Host::new("mode = \"enforce\"");
    host.expect(0, "apply");
    host.netns.nft("flush ruleset");
    let failed = without.run(&host, "ct", "boot");
    assert_eq!(failed.status, 1, "{}", failed.stderr);
    assert!(failed.stderr.contains("nft_ct") && failed.stderr.contains("no wall was raised"), "{}", failed.stderr);
    assert_eq!(host.netns.list(), "");
    host.expect(0, "boot");
    host.expect(0, "status");
}

/// Injected by strace, each of what is known to be answered where there is no nf_tables (L2, L3).
#[test]
fn l2_l3_whatever_a_kernel_without_nf_tables_answers_the_words_are_the_same() {
    let host = Host::new("");
    let mut told = Vec::new();
    for errno in ["EPROTONOSUPPORT", "ENOPROTOOPT", "EINVAL"] {
        let inject = format!("inject=socket:error={errno}:when=1");
        let starter = ["strace", "--quiet=all", "--output=/dev/null", "--trace=socket", "-e", &inject];
        let refused = host.run_under(&starter, "status");
        assert_eq!(refused.status, 6, "{errno}: {}", refused.stderr);
        told.push(refused.stderr);
    }
    assert!(told[0].contains("has no nf_tables"), "{}", told[0]);
    assert!(told.iter().all(|words| *words == told[0]), "{told:?}");
    assert!(!host.state().exists());
}

/// The drop does not depend on its log, and no generation does: a kernel that has the modules logs with the next apply.
#[test]
fn k7_a_kernel_that_cannot_log_enforces_without_a_log() {
    let without = Without::new();
    let host = Host::new("mode = \"enforce\"");
    let applied = without.run(&host, "log", "apply");
    assert_eq!(applied.status, 0, "{}", applied.stderr);
    assert!(
        applied.stderr.contains("cannot log packets") && applied.stderr.contains("nf_log_syslog"),
        "{}",
        applied.stderr
    );
    assert!(host.expect(0, "status").stdout.contains("logging off"));
    assert!(!host.netns.list().contains("log prefix") && host.netns.list().contains("drop"));
    // Another apply there changes nothing, one with the modules does.
    assert!(without.run(&host, "log", "apply").stdout.contains("nothing to change"));
    host.expect(0, "apply");
    assert!(host.netns.list().contains("log prefix \"DOCKER_NET_DROP \""));

    // A kernel that lost them by an update boots with the same wall but for the log.
    host.netns.nft("flush ruleset");
    let booted = without.run(&host, "log", "boot");
    assert_eq!(booted.status, 0, "{}", booted.stderr);
    assert!(host.expect(0, "status").stdout.contains("logging off"));
    assert!(!host.netns.list().contains("log prefix"));
    host.expect(0, "grant 10.1.2.3 --name database");
    host.expect(0, "rollback");
}
