//! The guard owns the table, and nobody else can change it.

mod commands;
mod killed;
mod without;

use std::process::Command;

use dockwall::guard::ask_owner;
use rustix::process::Signal;
use serde_json::{Value, json};

use super::repair::damages;
use super::{Guard, PATIENCE, await_dump, await_that, dump};
use crate::host::{DOCKWALL, Host};

/// A host with the wall in force, whose table a guard is to own.
fn owned() -> Host {
    let host = Host::new("mode = \"enforce\"");
    host.expect(0, "apply");
    host
}

/// How the table is held.
fn hold(host: &Host) -> Value {
    let status: Value = serde_json::from_str(&host.run("--json status").stdout).unwrap();
    status["hold"].clone()
}

fn is_held(host: &Host, state: &str) -> bool {
    hold(host)["state"] == state
}

#[track_caller]
fn await_owner(host: &Host, guard: &Guard) {
    await_that("the guard owns it", || hold(host)["processes"][0]["pid"] == guard.child.id());
    assert!(is_held(host, "owned"));
}

#[test]
fn a2_whatever_others_do_to_an_owned_table_changes_nothing() {
    let host = owned();
    let before = dump(&host);
    let guard = Guard::start(&host);
    await_owner(&host, &guard);
    assert_eq!(guard.await_event("handed-over")["owned"], true);
    for (what, damage) in damages(&host) {
        let done = host.netns.try_load(&damage);
        // Of a flush the kernel leaves out what has an owner.
        assert_eq!(done.status.success(), what == "flush ruleset", "{what}");
        assert_eq!(dump(&host), before, "{what}");
    }
    host.expect(0, "status");
    let text = host.expect(0, "status").stdout;
    assert!(text.contains(&format!("owner        dockwall (process {})", guard.child.id())), "{text}");
    assert_eq!(guard.told(), Vec::<Value>::new(), "there was nothing to put right");
}

#[test]
fn a_table_that_a_guard_may_own_one_day_is_made_so_that_it_can() {
    let host = Host::new("mode = \"enforce\"");
    let guard = Guard::start(&host);
    host.expect(0, "apply");
    await_owner(&host, &guard);
    host.expect(0, "remove");
    assert_eq!(host.netns.list(), "");
    host.expect(0, "rollback --to 1");
    await_owner(&host, &guard);
    drop(guard);
    // Also when none runs, but has run.
    host.expect(0, "remove");
    host.expect(0, "apply");
    assert!(is_held(&host, "without-owner"), "{}", hold(&host));
    let guard = Guard::start(&host);
    await_owner(&host, &guard);
    assert!(!guard.told().iter().any(|told| told["event"] == "handed-over"));
}

/// `nft` before 1.1.0 cannot list a table that outlives its owners and has none.
#[test]
fn where_no_guard_ever_ran_the_table_is_made_as_ever() {
    let host = owned();
    assert!(is_held(&host, "never-owned"));
    assert!(host.expect(0, "status").stdout.contains("`dockwall guard` would own it"));
    let listed = host.netns.list();
    assert!(!listed.contains("flags owner") && listed.starts_with("table inet dockwall {\n\tcomment"), "{listed}");
}

#[test]
fn a_clean_stop_leaves_it_in_force_for_the_next_guard() {
    let host = owned();
    let before = dump(&host);
    let mut guard = Guard::start(&host);
    await_owner(&host, &guard);
    guard.signal(Signal::TERM);
    assert!(guard.end(PATIENCE).success());
    assert!(!host.state().join("guard.sock").exists());
    assert_eq!(hold(&host), json!({ "state": "without-owner", "port": null, "processes": [] }));
    assert_eq!(dump(&host), before);
    host.expect(0, "status");
    // Another binary, as after an upgrade.
    let upgraded = host.directory.path().join("dockwall-upgraded");
    std::fs::copy(DOCKWALL, &upgraded).unwrap();
    let guard = Guard::spawn_program(&host, &[upgraded.to_str().unwrap()], &["--json", "guard"], |_| {}).started();
    await_owner(&host, &guard);
    assert_eq!(hold(&host)["processes"][0]["name"], "dockwall-upgrad");
    assert_eq!(dump(&host), before);
    assert_eq!(guard.told(), Vec::<Value>::new());
}

#[test]
fn what_is_done_to_it_while_nobody_owns_it_the_next_guard_puts_right() {
    let host = owned();
    let before = dump(&host);
    for damage in ["flush ruleset", "insert rule inet dockwall DOCKER-USER accept", "delete table inet dockwall"] {
        let mut guard = Guard::start(&host);
        await_owner(&host, &guard);
        guard.signal(Signal::KILL);
        guard.end(PATIENCE);
        await_that("its owner is gone", || is_held(&host, "without-owner"));
        assert_eq!(dump(&host), before);
        host.netns.load(damage);
        let guard = Guard::start(&host);
        await_owner(&host, &guard);
        assert_eq!(dump(&host), before, "{damage}");
    }
}

/// `nft` 1.0.6 does not know the second flag, and puts to sleep only what has neither.
#[test]
fn who_put_it_to_sleep_meanwhile_has_not_won() {
    let host = owned();
    let mut guard = Guard::start(&host);
    await_owner(&host, &guard);
    let before = dump(&host);
    guard.signal(Signal::KILL);
    guard.end(PATIENCE);
    await_that("its owner is gone", || is_held(&host, "without-owner"));
    let asleep =
        dockwall::ruleset::Change::Wake { flags: dockwall::ruleset::TABLE_DORMANT | dockwall::ruleset::TABLE_PERSIST };
    let generation = host.netns.read().generation;
    host.netns.kernel().commit(&[asleep], generation).unwrap();
    assert!(host.netns.table().is_dormant());
    let guard = Guard::start(&host);
    await_owner(&host, &guard);
    assert_eq!(dump(&host), before);
    assert!(!host.netns.table().is_dormant());
}

#[test]
fn to_own_or_not_follows_the_configuration_of_what_is_applied() {
    let host = owned();
    let guard = Guard::start(&host);
    await_owner(&host, &guard);
    assert_eq!(guard.await_event("handed-over")["owned"], true);
    let before = without_mark(&dump(&host));
    for (own, state) in [(false, "not-to-be-owned"), (true, "owned"), (false, "not-to-be-owned")] {
        host.configure(&format!("mode = \"enforce\"\nguard.own = {own}"));
        host.expect(0, "apply");
        assert_eq!(guard.await_event("handed-over")["owned"], own);
        await_that(state, || is_held(&host, state));
        assert_eq!(without_mark(&dump(&host)), before);
        assert_eq!(host.json(0, "plan")["changes"], json!([]));
        let history = host.json(0, "history");
        let words = if own { "a guard owns the table" } else { "a guard does not own the table" };
        assert_eq!(history.as_array().unwrap().last().unwrap()["changes"], json!([words]));
    }
    host.netns.load("flush ruleset");
    guard.await_event("repaired");
    assert_eq!(without_mark(&dump(&host)), before);
}

/// Also when no guard runs any more.
#[test]
fn an_apply_that_wants_no_owner_makes_a_table_that_every_nft_can_list() {
    let host = owned();
    let guard = Guard::start(&host);
    await_owner(&host, &guard);
    drop(guard);
    await_that("its owner is gone", || is_held(&host, "without-owner"));
    host.configure("mode = \"enforce\"\nguard.own = false");
    host.expect(0, "apply");
    assert!(is_held(&host, "not-to-be-owned"));
    assert!(host.netns.list().starts_with("table inet dockwall {\n\tcomment"), "{}", host.netns.list());
    host.expect(0, "status");
}

/// The socket's address has room for 107 bytes.
#[test]
fn a_state_directory_with_a_long_path_is_reached_as_well() {
    let host = owned();
    let long = (0..20).fold(host.directory.path().to_owned(), |path, _| path.join("a-rather-long-name"));
    std::fs::create_dir_all(&long).unwrap();
    std::fs::rename(host.state(), long.join("state")).unwrap();
    std::os::unix::fs::symlink(long.join("state"), host.state()).unwrap();
    let state = long.join("state");
    let guard = Guard::spawn_with(&host, &["--json", "-v", "guard"], |_| {}).started();
    await_owner(&host, &guard);
    let reached = host.run("apply --mode audit");
    assert_eq!(reached.status, 0, "{}", reached.stderr);
    assert!(ask_owner(&state).is_some() && state.as_os_str().len() > 108);
}

/// The same without the chain that says which generation it is.
fn without_mark(dump: &[String]) -> Vec<String> {
    dump.iter().filter(|block| !block.starts_with("\tchain generation")).cloned().collect()
}
