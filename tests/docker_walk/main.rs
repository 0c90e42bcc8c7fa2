//! The walk-through of `docs/walk-through.md`: from a fresh host to an enforced wall, with the very commands and what
//! they print. What the document shows is what came out here.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

#[path = "../support/mod.rs"]
mod support;

mod document;
mod stage;
mod transcript;

use crate::stage::{ALLOWED_PORTS, Stage};
use crate::transcript::Transcript;

/// The file that `suggest` is told to write.
const GRANTS: &str = "/etc/dockwall/grants.d/shop.toml";

/// Whether each of these stands in the text.
#[track_caller]
fn has(text: &str, all: &[&str]) {
    for expected in all {
        assert!(text.contains(expected), "`{expected}` is not in\n{text}");
    }
}

/// What looks at the wall fits a terminal of each width, and is JSON where that is asked for.
#[track_caller]
fn every_page_fits(walk: &Transcript, stage: &Stage) {
    for command in ["check", "status", "denied", "denied --by container", "doctor", "history"] {
        for columns in [80, 160] {
            let shown = walk.shown_at(columns, &format!("dockwall {command}"));
            let widest = shown.lines().map(|line| line.chars().count()).max().unwrap_or_default();
            assert!((1..=usize::from(columns)).contains(&widest), "{command}: {widest}\n{shown}");
        }
        // Whatever its exit status: `doctor` has findings here.
        let json = stage.lab.try_exec("host", &format!("{} --json {command}", env!("CARGO_BIN_EXE_dockwall"))).stdout;
        let json = String::from_utf8(json).unwrap();
        serde_json::from_str::<serde_json::Value>(&json).unwrap_or_else(|error| panic!("{command}: {error}\n{json}"));
    }
    let narrow = walk.shown_at(80, "dockwall denied");
    assert!(narrow.lines().all(|line| !line.contains("shop_default")), "a flow is one line\n{narrow}");
}

#[test]
fn from_audit_to_enforce_the_application_works_and_the_scan_sees_nothing() {
    let stage = Stage::set();
    let mut walk = Transcript::new(&stage.lab);

    has(&walk.run(0, "dockwall init"), &["written", "/etc/dockwall/dockwall.toml", "in audit mode"]);
    has(&walk.run(0, "dockwall check"), &["audit", "10.57.17.0/24", "fd57:17::/64", "fd57:17::5 (/etc/resolv.conf)"]);
    has(&walk.run(0, "dockwall apply"), &["generation 1, mode audit"]);

    walk.tell("The application asks for what it needs:", &stage.application());
    walk.tell("Another container was broken into, and looks around:", &stage.scan(true));
    has(&walk.run(4, "dockwall status"), &["auditing, not enforced", "would be denied: audit mode drops nothing"]);

    let denied = walk.run(0, "dockwall denied");
    for needed in ["10.57.17.6 ", "10.57.17.5 ", "fd57:17::6 ", "fd57:17::5 "] {
        let lines = denied.lines().filter(|line| line.contains("shop-api-1") && line.contains(needed)).count();
        assert_eq!(lines, 1, "{needed}\n{denied}");
    }
    let scan: Vec<&str> = denied.lines().filter(|line| line.contains("blog-web-1")).collect();
    assert_eq!(scan.len(), 13, "one line for each address and protocol\n{denied}");
    assert!(scan.iter().all(|line| line.contains(" ports, ")), "{denied}");
    assert!(!denied.contains("53/"), "names are open to all\n{denied}");

    let suggested = walk.run(0, "dockwall suggest");
    has(&suggested, &["left out: a scan"]);
    let ports: Vec<&str> = suggested.lines().filter(|line| line.starts_with("ports = ")).collect();
    assert_eq!(ports.len(), 4, "{suggested}");
    assert!(ports.iter().all(|line| ALLOWED_PORTS.contains(line)), "{suggested}");
    let appended = walk.run(0, &format!("dockwall suggest --container shop-api-1 --apply-to {GRANTS}"));
    has(&appended, &["4 grants appended"]);
    let explained = walk.run(0, "dockwall explain shop-api-1 10.57.17.6:5432/tcp");
    has(&explained, &["shop.toml"]);
    has(&walk.run(0, "dockwall plan --mode enforce"), &["+ element grant4", "would make generation 2", "accepts it"]);
    let applied = walk.run(0, "dockwall apply --mode enforce --confirm 60s");
    has(&applied, &["generation 2, mode enforce", "on trial", "goes back to generation 1"]);
    has(&walk.run(0, "dockwall confirm"), &["generation 2 stays"]);

    let set_mode = "sed -i 's/^mode = \"audit\"/mode = \"enforce\"/' /etc/dockwall/dockwall.toml";
    assert_eq!(walk.run(0, set_mode), "");
    has(&walk.run(0, "dockwall plan"), &["nothing to change"]);

    stage.forget_flows();
    walk.tell("The application works:", &stage.application());
    walk.tell("The scan sees nothing:", &stage.scan(false));
    let seen = walk.run(0, "dockwall denied --by container");
    has(&seen, &["blog-web-1"]);
    has(&walk.run(0, "dockwall status"), &["enforcing", "generation 2"]);
    walk.run(4, "dockwall doctor");
    has(&walk.run(0, "dockwall metrics | grep -v '^#' | head -n 12"), &["dockwall_denied_packets_total"]);

    every_page_fits(&walk, &stage);
    has(&walk.run(0, "dockwall rollback"), &["generation 1"]);
    has(&walk.run(0, "dockwall history"), &["mode audit → enforce"]);
    walk.judge();
}
