//! Each kind of bad input has its exit status, names the place and the cure, and changes nothing.

use crate::host::Host;

#[test]
fn a14_a_wrong_configuration_leaves_the_rules_as_they_are() {
    let host = Host::new("mode = \"enforce\"");
    host.expect(0, "apply");
    let before = host.netns.list();
    let table = [
        ("unknown key", "modes = \"audit\"", "did you mean `mode`?"),
        ("impossible value", "mode = \"off\"", "\"audit\" or \"enforce\""),
        ("syntax", "mode = ", ":1:"),
        ("reversed range", "[deny]\nranges = [\"10.0.0.9-10.0.0.1\"]", "write `10.0.0.1-10.0.0.9`"),
        ("over-long prefix", "[deny]\nranges = [\"10.0.0.0/33\"]", ":2:"),
        ("pattern without characters", "[containers]\ninterfaces = [\"*\"]", "would match every interface"),
        ("empty pattern", "[containers]\ninterfaces = [\"\"]", ":2:"),
        ("contradiction", "[[grant]]\nname=\"a\"\nto=\"10.0.0.1\"\n[[grant]]\nname=\"a\"\nto=\"10.0.0.2\"", ":5:"),
        ("nothing policed", "[containers]\ninterfaces = []", "nothing would be policed"),
    ];
    for (name, configuration, said) in table {
        host.configure(configuration);
        for command in ["check", "render", "plan", "apply"] {
            let ended = host.expect(3, command);
            assert!(ended.stderr.contains(said), "{name}: {command} says\n{}", ended.stderr);
        }
        let told = host.json(3, "apply");
        assert_eq!(told["error"]["status"], 3, "{name}");
        assert!(!told["error"]["diagnostics"].as_array().unwrap().is_empty(), "{name}");
    }
    assert_eq!(host.netns.list(), before);
    assert_eq!(host.json(0, "status")["wall"]["generation"], 1);
}

#[test]
fn all_errors_come_at_once_with_their_lines() {
    let host = Host::new("mode = \"off\"\n\n[log]\nrate = \"0/minute\"\nburst = -1\nperfix = \"x\"\n");
    let told = host.json(3, "check");
    let lines: Vec<_> =
        told["error"]["diagnostics"].as_array().unwrap().iter().map(|error| error["line"].clone()).collect();
    assert_eq!(lines, [1, 4, 5, 6]);
}

#[test]
fn an_empty_file_means_the_defaults() {
    let host = Host::new("");
    let policy = host.json(0, "check")["policy"].clone();
    assert_eq!(policy["mode"], "audit");
    assert_eq!(policy["denied"]["ipv4"][0], "10.0.0.0/8");
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let host = Host::new("");
    std::fs::remove_file(host.configuration()).unwrap();
    let missing = host.expect(3, "apply").stderr;
    assert!(missing.contains("dockwall.toml"), "{missing}");
    std::fs::create_dir(host.configuration()).unwrap();
    let directory = host.expect(3, "apply").stderr;
    assert!(directory.contains("dockwall.toml"), "{directory}");
    assert_eq!(host.netns.list(), "");
}

#[test]
fn a_huge_file_is_refused() {
    let host = Host::new("");
    let file = std::fs::File::create(host.configuration()).unwrap();
    file.set_len(65 * 1024 * 1024).unwrap();
    let huge = host.expect(3, "apply").stderr;
    assert!(huge.contains("64 MiB"), "{huge}");
}

#[test]
fn a_wrong_command_line_ends_with_2() {
    let host = Host::new("");
    for arguments in ["", "aply", "apply --mode off", "rollback --to first", "apply now"] {
        host.expect(2, arguments);
    }
}

#[test]
fn there_is_nothing_before_the_first_and_no_generation_99() {
    let host = Host::new("");
    assert!(host.expect(1, "rollback").stderr.contains("nothing is in force"));
    host.expect(0, "apply");
    assert!(host.expect(1, "rollback").stderr.contains("generation 1 is the first"));
    assert!(host.expect(7, "rollback --to 99").stderr.contains("no generation 99"));
    assert_eq!(host.json(4, "status")["wall"]["generation"], 1);
}

#[test]
fn a_table_of_that_name_that_is_not_ours_is_left_alone() {
    let host = Host::new("");
    for comment in ["", "comment \"another program's\";"] {
        host.netns.load(&format!("table inet dockwall {{ {comment} chain c {{ counter drop; }}; }}"));
        let before = host.netns.list();
        for command in ["plan", "apply", "remove"] {
            let refused = host.expect(8, command).stderr;
            assert!(refused.contains("which dockwall did not make"), "{refused}");
        }
        host.expect(4, "status");
        assert_eq!(host.netns.list(), before);
        host.netns.nft("delete table inet dockwall");
    }
    assert_eq!(host.json(0, "history").as_array().unwrap().len(), 0);
}
