//! What it cannot put right it tries again, and never ends of it.

use std::time::Duration;

use super::{Guard, await_dump, dump, enforced};

#[test]
fn a_table_that_is_not_ours_is_left_alone_and_tried_again_in_ever_longer_times() {
    let host = enforced();
    let before = dump(&host);
    let guard = Guard::start(&host);
    host.netns.load("delete table inet dockwall\nadd table inet dockwall");
    let mut again_in = Vec::new();
    while again_in.len() < 4 {
        let failed = guard.await_event("failed");
        assert!(failed["problem"].as_str().unwrap().contains("dockwall"), "{failed}");
        again_in.push(failed["again_in"].as_f64().unwrap());
    }
    assert_eq!(again_in, [0.1, 0.2, 0.4, 0.8]);
    assert_eq!(host.netns.list(), "table inet dockwall {\n}\n");
    host.netns.load("delete table inet dockwall");
    guard.await_event("repaired");
    await_dump(&host, &before);
}

#[test]
fn damaged_state_does_not_keep_it_from_repairing_what_it_knows() {
    let host = enforced();
    let before = dump(&host);
    let guard = Guard::start(&host);
    for file in ["generation-1.json", "in-force"] {
        std::fs::write(host.state().join(file), "{ torn").unwrap();
        host.netns.load("delete table inet dockwall");
        assert_eq!(guard.await_event("repaired")["generation"], 1, "{file}");
        assert_eq!(dump(&host), before, "{file}");
    }
    drop(guard);

    // One that starts knows nothing else; it waits for who puts it right.
    std::fs::write(host.state().join("in-force"), "nonsense").unwrap();
    host.netns.load("delete table inet dockwall");
    let guard = Guard::spawn(&host, |_| {});
    let failed = guard.await_event("failed");
    assert!(failed["problem"].as_str().unwrap().contains("in-force is damaged"), "{failed}");
    host.expect(0, "apply");
    guard.await_event("guarding");
    let before = dump(&host);
    host.netns.load("delete table inet dockwall");
    guard.await_event("repaired");
    await_dump(&host, &before);
}

/// The directory may vanish altogether: what was in force is not forgotten for that.
#[test]
fn a_state_directory_that_vanishes_does_not_end_it() {
    let host = enforced();
    let mut guard = Guard::start(&host);
    std::fs::remove_dir_all(host.state()).unwrap();
    std::thread::sleep(Duration::from_millis(100));
    host.netns.load("insert rule inet dockwall DOCKER-USER accept");
    std::thread::sleep(Duration::from_millis(300));
    assert!(guard.child.try_wait().unwrap().is_none(), "it ended");
    host.expect(0, "apply");
    let before = dump(&host);
    host.netns.load("delete table inet dockwall");
    await_dump(&host, &before);
}
