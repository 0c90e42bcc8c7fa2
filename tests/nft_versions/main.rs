//! Every `nft` from the oldest that is promised to the newest that there is, each with its own libraries, on this
//! kernel: it lists the table without loss and without a warning, takes its own listing again, and makes of what
//! `render` prints what `apply` makes. `scripts/unpack` fetches them.
#![allow(clippy::unwrap_used, missing_docs)]

#[path = "../support/mod.rs"]
mod support;

mod applied;
mod nft;
mod normal;

use std::path::Path;

use dockwall::netlink::Error;
use dockwall::ruleset::{TABLE_OWNER, TABLE_PERSIST, Table, diff};
use support::netns::text;
use support::policies::{plain, table};
use support::{Netns, raw};

use nft::{Nft, REFERENCE};

#[test]
fn from_1_0_2_on_every_nft_lists_the_table_without_loss_and_without_a_warning() {
    let netns = Netns::new();
    for (what, policy) in applied::policies() {
        netns.kernel().remove().unwrap();
        netns.replace(&table(&policy, 1));
        listed_alike(&netns, what);
    }
}

#[test]
fn what_was_denied_is_listed_by_every_nft_with_its_counts() {
    let netns = applied::with_denied_flows();
    let listed = listed_alike(&netns, "denied flows");
    for part in ["172.17.0.2 . 172.17.0.1 . udp . 9", "fd17::2 . fd17::1 . udp . 9"] {
        assert!(listed.contains(part), "{part} is not in\n{listed}");
    }
}

/// That all say the same as the one of the reference, as text and as JSON, and warn of nothing; gives what that one
/// says.
#[track_caller]
fn listed_alike(netns: &Netns, what: &str) -> String {
    let reference = Nft::of(REFERENCE);
    let (as_text, as_json) = (reference.list(netns), reference.list_json(netns));
    for part in ["unknown", "xt "] {
        assert!(!as_text.contains(part), "{what}: {part} in\n{as_text}");
    }
    for nft in Nft::all() {
        let what = format!("{what}, {nft}");
        normal::assert_same(&normal::of_text(&nft.list(netns)), &normal::of_text(&as_text), &what);
        let json = [nft.list_json(netns), as_json.clone()].map(|listed| normal::of_json(&listed));
        normal::assert_same(&json[0], &json[1], &what);
    }
    as_text
}

#[test]
fn what_each_nft_lists_it_takes_again() {
    let (applied, checked) = (Netns::new(), Netns::new());
    for (what, policy) in applied::policies() {
        applied.kernel().remove().unwrap();
        applied.replace(&table(&policy, 1));
        for nft in Nft::all() {
            let listed = nft.list(&applied);
            let taken = nft.check(&checked, &listed);
            nft.took(&checked, &taken, &format!("{what}\n{listed}"));
            assert_eq!(checked.nft("list tables"), "", "{what}, {nft}: it was only to be checked");
        }
    }
}

#[test]
fn what_each_nft_makes_of_the_rendered_text_is_what_is_applied() {
    let (loaded, applied) = (Netns::new(), Netns::new());
    for (what, policy) in applied::policies() {
        let want = table(&policy, 7);
        applied.kernel().remove().unwrap();
        applied.replace(&want);
        for nft in Nft::all() {
            loaded.nft("flush ruleset");
            let taken = nft.load(&loaded, &want.to_string());
            if nft.took(&loaded, &taken, &format!("{what}\n{want}")) {
                let read = loaded.table();
                assert_eq!(read.digest(), want.marker().unwrap().digest, "{what}, {nft}");
                assert_eq!(diff(Some(&read), &want), vec![], "{what}, {nft}");
                assert_eq!(raw::normal(raw::rules(&loaded)), raw::normal(raw::rules(&applied)), "{what}, {nft}");
                assert_eq!(raw::chains(&loaded), raw::chains(&applied), "{what}, {nft}");
                assert_eq!(raw::sets(&loaded), raw::sets(&applied), "{what}, {nft}");
                let listed = normal::of_text(&nft.list(&loaded));
                assert_eq!(listed, normal::of_text(&nft.list(&applied)), "{what}, {nft}");
            }
        }
    }
}

#[test]
fn what_each_nft_loads_of_render_is_no_change_to_plan() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("nft");
    for nft in Nft::all() {
        for example in ["default", "enforce", "recipe", "grants"] {
            let netns = Netns::new();
            let dockwall = |arguments: &str| {
                let mut command = netns.command(env!("CARGO_BIN_EXE_dockwall"));
                command.arg("--config").arg(examples.join(example).with_extension("toml"));
                command.args(["--state-dir", "/nonexistent"]).args(arguments.split(' ')).output().unwrap()
            };
            let rendered = dockwall("render");
            assert!(rendered.status.success(), "{}", text(&rendered.stderr));
            let rendered = text(&rendered.stdout);
            let taken = nft.load(&netns, &rendered);
            if nft.took(&netns, &taken, &rendered) {
                let planned = dockwall("--json plan");
                let plan: serde_json::Value = serde_json::from_slice(&planned.stdout).unwrap();
                assert_eq!(plan["changes"], serde_json::json!([]), "{example}, {nft}: {}", text(&planned.stderr));
            }
        }
    }
}

/// An owner is what a guard is where the kernel knows one that its table outlives; older `nft` show the flag in
/// their own way, and all else as ever.
#[test]
fn a_table_that_a_guard_owns_is_listed_by_every_nft() {
    let netns = Netns::new();
    let mut guard = netns.kernel();
    let flags = TABLE_OWNER | TABLE_PERSIST;
    if guard.knows_owners().unwrap() {
        guard.replace(|_| Ok::<_, Error>(Table { flags, ..table(&plain(), 1) })).unwrap();
        assert_eq!(netns.table().flags, flags);
    } else {
        netns.replace(&table(&plain(), 1));
    }
    let owned = netns.table().flags != 0;
    for nft in Nft::all() {
        let listed = nft.list(&netns);
        let (head, _) = listed.split_once("comment \"dockwall\"").unwrap();
        assert_eq!(head.contains("flags owner"), owned, "{nft}: {head}");
        assert_eq!(head.contains("persist"), owned && nft.knows_persist(), "{nft}: {head}");
    }
    listed_alike(&netns, "owned");
}

/// That is what a guard leaves when it ends. 1.0 has no word for the flag and lists `flags` without one, which it
/// does not take again; all else is listed as ever.
#[test]
fn what_a_guard_that_ended_leaves_is_listed_by_every_nft_and_taken_again_from_1_1_on() {
    let (netns, checked) = (Netns::new(), Netns::new());
    let waiting = Table { flags: TABLE_PERSIST, ..table(&plain(), 1) };
    if !netns.kernel().knows_owners().unwrap() {
        assert!(netns.try_replace(&waiting).is_err());
        return;
    }
    netns.replace(&waiting);
    for nft in Nft::all() {
        let listed = nft.list(&netns);
        let flags = if nft.knows_persist() { "\tflags persist\n" } else { "\tflags \n" };
        assert!(listed.contains(flags), "{nft}: {listed}");
        let taken = nft.check(&checked, &listed);
        assert_eq!(taken.status.success(), nft.knows_persist(), "{nft}: {}", text(&taken.stderr));
    }
    // As JSON 1.0.6 calls its flag "inet".
    let reference = normal::of_text(&Nft::of(REFERENCE).list(&netns));
    for nft in Nft::all() {
        normal::assert_same(&normal::of_text(&nft.list(&netns)), &reference, &nft.to_string());
    }
}
