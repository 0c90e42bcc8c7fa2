//! From the first apply to the removal, and back.

use crate::host::Host;

#[test]
fn audit_enforce_rollback_and_remove() {
    let host = Host::new("");
    assert_eq!(host.json(4, "status")["enforced"], false);
    assert_eq!(host.json(0, "apply")["generation"], 1);
    let audited = host.json(4, "status");
    assert_eq!(audited["wall"]["mode"], "audit");
    assert_eq!(audited["wall"]["hooked"], true);
    let hooked = serde_json::json!([
        { "chain": "forward", "hook": "forward", "priority": -20 },
        { "chain": "input", "hook": "input", "priority": -20 },
    ]);
    assert_eq!(audited["wall"]["hooks"], hooked);

    assert_eq!(host.json(0, "apply --mode enforce")["generation"], 2);
    let enforced = host.json(0, "status");
    assert_eq!(enforced["enforced"], true);
    assert_eq!(enforced["wall"]["generation"], 2);

    assert_eq!(host.json(0, "rollback")["generation"], 1);
    assert_eq!(host.json(4, "status")["wall"]["mode"], "audit");
    assert_eq!(host.json(0, "rollback --to 2")["generation"], 2);
    assert_eq!(host.json(0, "remove")["removed"], true);
    assert_eq!(host.netns.list(), "");
    assert_eq!(host.json(0, "remove")["removed"], false);
    let history = host.json(0, "history");
    assert_eq!(history.as_array().unwrap().len(), 2);
    assert_eq!(history[1]["changes"][0], "mode audit → enforce");
    assert_eq!(history[1]["parent"], 1);
}

#[test]
fn a18_fifty_applies_are_as_one() {
    let host = Host::new("");
    host.expect(0, "apply");
    let first = host.netns.list();
    for _ in 0..49 {
        let again = host.json(0, "apply");
        assert_eq!((&again["batches"], &again["generation"]), (&0.into(), &1.into()));
    }
    assert_eq!(host.netns.list(), first);
    assert_eq!(host.json(0, "history").as_array().unwrap().len(), 1);
}

#[test]
fn b14_plan_says_what_apply_does_and_changes_nothing() {
    let host = Host::new("");
    let planned = host.json(0, "plan");
    assert_eq!(planned["accepted"], true);
    assert_eq!(host.netns.list(), "", "a plan on an empty kernel changed it");
    host.expect(0, "apply");

    // With an earlier version of our table in force: deleting what is in use, or adding what is
    // there, would make a check fail that the apply passes.
    host.configure(
        "mode = \"enforce\"\n[containers]\ninterfaces = [\"docker0\"]\n[deny]\nranges = [\"recipe\", \"10.9.0.0/16\"]",
    );
    let before = host.netns.list();
    let planned = host.json(0, "plan");
    assert_eq!(host.netns.list(), before, "a plan changed the kernel");
    assert_eq!(host.json(0, "history").as_array().unwrap().len(), 1);
    let applied = host.json(0, "apply");
    assert_eq!(planned["changes"].as_array().unwrap().len() as u64, applied["changes"]);
    assert_eq!(planned["generation"], applied["generation"]);
    assert_eq!(host.json(0, "plan")["changes"].as_array().unwrap().len(), 0);
}

#[test]
fn m4_after_a_reboot_the_same_policy_comes_back_from_the_history_alone() {
    let before = Host::new("mode = \"enforce\"\n[[grant]]\nname = \"ldap\"\nto = \"10.57.17.5\"");
    before.expect(0, "apply");
    let wall = before.json(0, "status")["wall"].clone();
    // A reboot: the kernel has forgotten all, the disk nothing; and the configuration is broken.
    let mut after = Host::new("mode = ");
    after.directory = before.directory;
    after.configure("mode = ");
    assert_eq!(after.json(4, "status")["wall"], serde_json::Value::Null);
    after.expect(0, "rollback --to 1");
    let again = after.json(0, "status");
    assert_eq!(again["wall"]["found"], wall["found"]);
    assert_eq!(again["wall"]["generation"], 1);
}

#[test]
fn m6_rollback_restores_sets_grants_and_mode() {
    let host = Host::new("[deny]\nranges = [\"10.0.0.0/8\"]\n[[grant]]\nname = \"a\"\nto = \"10.1.2.3\"");
    host.expect(0, "apply");
    let first = host.netns.list();
    host.configure("mode = \"enforce\"\n[containers]\ninterfaces = [\"eth7\"]\n[deny]\nranges = [\"fd00::/8\"]\nuplinks = [\"wan*\"]");
    host.expect(0, "apply");
    assert_ne!(host.netns.list(), first);
    host.expect(0, "rollback");
    assert_eq!(sorted(&host.netns.list()), sorted(&first));
}

/// Chains and sets that were made anew stand in another place of the list.
fn sorted(listing: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = listing.lines().collect();
    lines.sort_unstable();
    lines
}

#[test]
fn b12_a_rule_put_in_by_hand_is_drift_and_apply_repairs_it() {
    let host = Host::new("mode = \"enforce\"");
    host.expect(0, "apply");
    host.netns.nft("insert rule inet dockwall DOCKER-USER accept");
    let drifted = host.json(4, "status");
    assert_eq!(drifted["wall"]["drifted"], true);
    assert_eq!(drifted["repairs"][0]["object"], "rule DOCKER-USER accept");
    assert_eq!(drifted["repairs"][0]["sign"], "-");
    let said = host.expect(4, "status").stdout;
    assert!(said.contains("changed by somebody else") && said.contains("- rule DOCKER-USER accept"), "{said}");
    assert_eq!(host.json(0, "apply")["generation"], 1);
    assert_eq!(host.json(0, "status")["wall"]["drifted"], false);
}

#[test]
fn a16_the_kernel_is_believed_and_not_the_history() {
    let host = Host::new("mode = \"enforce\"");
    host.expect(0, "apply");
    host.netns.nft("delete table inet dockwall");
    let gone = host.expect(4, "status").stdout;
    assert!(gone.contains("not enforced"), "{gone}");
    assert_eq!(host.json(0, "history")[0]["in_force"], serde_json::Value::Null);
    assert_eq!(host.json(0, "apply")["generation"], 2);
    host.expect(0, "status");
}

#[test]
fn c16_a_table_that_sleeps_or_lost_its_hook_is_not_enforced() {
    let host = Host::new("mode = \"enforce\"");
    host.expect(0, "apply");
    host.netns.nft("add table inet dockwall { flags dormant; }");
    let asleep = host.json(4, "status");
    assert_eq!(asleep["wall"]["hooked"], false);
    host.expect(0, "apply");
    host.expect(0, "status");
    // Each of the two is needed.
    for gone in [&["forward"][..], &["input"], &["forward", "input"]] {
        for chain in gone {
            host.netns.nft(&format!("flush chain inet dockwall {chain}"));
            host.netns.nft(&format!("delete chain inet dockwall {chain}"));
        }
        let unhooked = host.json(4, "status");
        assert_eq!(unhooked["wall"]["hooked"], false);
        assert_eq!(unhooked["wall"]["hooks"].as_array().unwrap().len(), 2 - gone.len());
        let said = host.expect(4, "status").stdout;
        assert!(said.contains("not enforced") && said.contains("not hooked"), "{said}");
        assert_eq!(said.contains("no base chain"), gone.len() == 2, "{said}");
        host.expect(0, "apply");
        host.expect(0, "status");
    }
}

#[test]
fn a_ruleset_loaded_by_nft_is_recognised_and_adopted() {
    let grants = include_str!("../../nft/grants.toml");
    let timed = "[[grant]]\nname = \"brief\"\nto = \"10.57.17.7\"\nuntil = 2999-12-31T00:00:00.5Z";
    for configuration in ["mode = \"enforce\"".to_owned(), format!("{grants}\n{timed}")] {
        let host = Host::new(&configuration);
        let rendered = host.expect(0, "render").stdout;
        if !host.netns.loads(&rendered) {
            continue;
        }
        let status = host.json(0, "status");
        assert_eq!((&status["wall"]["generation"], &status["wall"]["drifted"]), (&1.into(), &false.into()));
        assert_eq!(host.json(0, "plan")["changes"].as_array().unwrap().len(), 0);
        let applied = host.json(0, "apply");
        assert_eq!((&applied["batches"], &applied["generation"]), (&0.into(), &1.into()));
        assert_eq!(host.json(0, "history")[0]["in_force"], true);
    }
}

#[test]
fn render_as_json_names_every_object() {
    let host = Host::new("");
    let rendered = host.json(0, "render");
    assert_eq!(rendered["table"]["name"], "dockwall");
    let sets: Vec<_> = rendered["sets"].as_array().unwrap().iter().map(|set| set["name"].as_str().unwrap()).collect();
    assert!(sets.contains(&"deny4") && sets.contains(&"denied6-other"), "{sets:?}");
    assert_eq!(rendered, host.json(0, "render --format json"));
}

#[test]
fn what_people_read_has_no_escape_in_a_pipe_and_colour_when_asked() {
    let host = Host::new("");
    host.expect(0, "apply");
    for command in ["check", "plan", "history", "status", "render"] {
        assert!(!host.run(command).stdout.contains('\x1b'), "{command}");
    }
    for command in ["history", "status", "check"] {
        assert!(host.run(&format!("--color always {command}")).stdout.contains('\x1b'), "{command}");
    }
}
