//! Kernels that cannot keep a table for an owner.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::sync::Arc;

use dockwall::generation::Store;
use dockwall::guard::{self, Guarded};
use dockwall::netlink::Kernel;
use dockwall::ruleset::Features;

use super::*;
use crate::support::policies::features;

/// Where the test says to the guard below which directory it is for.
const STATE: &str = "DOCKWALL_TEST_STATE";

/// Ends with the test.
struct Ends(Child);

impl Drop for Ends {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Not a test: a guard of a kernel without the flags, which the test below runs as a process of its own.
#[test]
#[ignore = "started by the test that needs it"]
fn a_guard_of_a_kernel_without_the_flags() {
    let Some(state) = std::env::var_os(STATE) else { return };
    let guarded = Guarded {
        kernel: Kernel::open().unwrap(),
        store: Store::new(std::path::Path::new(&state)),
        features: Features { owner: false, ..features() },
        verbose: true,
        planned: Arc::new(|| Err(std::io::Error::other("there is nothing to reload").into())),
    };
    guard::run(guarded, |news| println!("{}", serde_json::to_string(news).unwrap())).unwrap();
}

#[test]
fn a_kernel_without_the_flags_has_a_guard_that_puts_the_table_back_and_says_so() {
    let host = owned();
    let before = dump(&host);
    let mut command = host.netns.command(std::env::current_exe().unwrap().to_str().unwrap());
    command.args(["--ignored", "--nocapture", "--exact"]);
    command.arg("guard::own::without::a_guard_of_a_kernel_without_the_flags").env(STATE, host.state());
    let mut guard = Ends(command.stdout(Stdio::piped()).spawn().unwrap());
    let lines = BufReader::new(guard.0.stdout.take().unwrap()).lines().map_while(Result::ok);
    // What the test's own harness prints is no JSON.
    let mut events = lines.filter_map(|line| serde_json::from_str::<Value>(line.get(line.find('{')?..)?).ok());
    let mut next = || events.next().expect("it ended");
    assert_eq!(next()["event"], "guarding");
    let said = next();
    assert_eq!(said["event"], "not-owning");
    assert!(said["problem"].as_str().unwrap().contains("Linux 6.9"), "{said}");
    for damage in ["flush ruleset", "delete table inet dockwall", "insert rule inet dockwall DOCKER-USER accept"] {
        host.netns.load(damage);
        assert_eq!(next()["event"], "repaired");
        assert_eq!(dump(&host), before, "{damage}");
    }
    assert_eq!(host.netns.table().flags, 0);
    // Nor does a command make it for an owner there.
    let status = host.json(0, "status");
    // A command asks the kernel that really runs.
    let state = if host.netns.kernel().knows_owners().unwrap() { "never-owned" } else { "cannot-be-owned" };
    assert_eq!((&status["guard"], &status["hold"]["state"]), (&true.into(), &state.into()));
}

/// Not one as it would be, but the kernel that runs.
#[test]
fn before_6_9_a_guard_owns_nothing_says_so_and_repairs_and_since_then_nobody_else_changes_the_table() {
    let host = owned();
    let before = dump(&host);
    let guard = Guard::start(&host);
    if host.netns.kernel().knows_owners().unwrap() {
        await_owner(&host, &guard);
        assert!(!host.netns.try_load("delete table inet dockwall").status.success());
    } else {
        let said = guard.await_event("not-owning");
        assert!(said["problem"].as_str().unwrap().contains("Linux 6.9"), "{said}");
        host.netns.load("delete table inet dockwall");
        guard.await_event("repaired");
        assert!(is_held(&host, "cannot-be-owned"), "{}", hold(&host));
    }
    await_dump(&host, &before);
    host.expect(0, "status");
}

#[test]
fn this_kernel_says_itself_whether_it_can_keep_a_table_for_an_owner() {
    let host = Host::new("");
    let before = host.netns.read().generation;
    let release = dockwall::host::kernel_release();
    let knows = host.netns.kernel().knows_owners().unwrap();
    println!("Linux {release}: {knows}");
    let version: Vec<u32> = release.split(['.', '-']).take(2).filter_map(|part| part.parse().ok()).collect();
    assert_eq!(knows, version >= vec![6, 9], "{release}");
    assert_eq!(host.netns.nft("list tables"), "", "asking left something behind");
    assert_eq!(host.netns.read().generation, before, "asking changed the ruleset");
}
