//! `dockwall metrics`: what Prometheus is told, and how it comes to a file.

use std::io::Write;
use std::os::unix::fs::{PermissionsExt, chown};
use std::process::{Command, Stdio};

use openmetrics_parser::prometheus::parse_prometheus;

use crate::host::Host;

/// The value of a series, as it is written.
fn value<'t>(text: &'t str, series: &str) -> Option<&'t str> {
    text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '))
}

/// Fails unless a strict parser takes it, and Prometheus' own tool where there is one.
#[track_caller]
fn check(text: &str) {
    parse_prometheus(text).unwrap_or_else(|error| panic!("{error}:\n{text}"));
    let mut promtool = Command::new("promtool");
    promtool.args(["check", "metrics"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let Ok(mut promtool) = promtool.spawn() else {
        return;
    };
    promtool.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = promtool.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success() && said.is_empty(), "{}\n{text}", String::from_utf8_lossy(&said));
}

#[test]
fn the_state_of_the_wall_is_told_as_it_changes() {
    let host = Host::new("mode = \"enforce\"\n[[grant]]\nname = \"ldap\"\nto = \"10.57.17.5\"");
    let read = || {
        let text = host.expect(0, "metrics").stdout;
        check(&text);
        text
    };
    let none = read();
    assert_eq!((value(&none, "dockwall_up"), value(&none, "dockwall_enforced")), (Some("1"), Some("0")));
    assert_eq!((value(&none, "dockwall_present"), value(&none, "dockwall_hooked")), (Some("0"), None));

    host.expect(0, "apply --confirm 60s");
    let enforced = read();
    for (series, expected) in [
        ("dockwall_enforced", "1"),
        ("dockwall_mode{mode=\"enforce\"}", "1"),
        ("dockwall_mode{mode=\"audit\"}", "0"),
        ("dockwall_hooked", "1"),
        ("dockwall_drifted", "0"),
        ("dockwall_generation", "1"),
        ("dockwall_unconfirmed", "1"),
        ("dockwall_shadowing_chains", "0"),
        ("dockwall_guard_running", "0"),
        ("dockwall_logged_packets_total", "0"),
        ("dockwall_denied_packets_total{chain=\"DOCKER-USER-DROP\",family=\"ipv4\"}", "0"),
        ("dockwall_denied_bytes_total{chain=\"DOCKER-USER-PUBLISHED\",family=\"ipv6\"}", "0"),
        ("dockwall_denied_to_host_packets_total{chain=\"DOCKER-USER-HOST\",family=\"ipv6\"}", "0"),
        ("dockwall_granted_packets_total{chain=\"DOCKER-USER-DENY-INTERNAL\",family=\"ipv4\"}", "0"),
    ] {
        assert_eq!(value(&enforced, series), Some(expected), "{series} in\n{enforced}");
    }
    let applied: f64 = value(&enforced, "dockwall_last_apply_timestamp_seconds").unwrap().parse().unwrap();
    let now = jiff::Timestamp::now().as_second() as f64;
    assert!((now - 120.0..=now + 1.0).contains(&applied), "{applied}");

    host.expect(0, "confirm");
    host.netns.nft("insert rule inet dockwall DOCKER-USER accept");
    let drifted = read();
    assert_eq!(value(&drifted, "dockwall_unconfirmed"), Some("0"));
    assert_eq!((value(&drifted, "dockwall_drifted"), value(&drifted, "dockwall_enforced")), (Some("1"), Some("0")));
}

#[test]
fn for_programs_there_is_the_same_as_json() {
    let host = Host::new("mode = \"enforce\"");
    host.expect(0, "apply");
    let families = host.json(0, "metrics");
    let enforced = families.as_array().unwrap().iter().find(|family| family["name"] == "dockwall_enforced").unwrap();
    assert_eq!((&enforced["type"], &enforced["samples"][0]["value"]), (&"gauge".into(), &1.0.into()));
    assert_eq!(families.as_array().unwrap().len(), host.expect(0, "metrics").stdout.matches("# TYPE ").count());
}

#[test]
fn l10_who_may_not_look_is_told_so_and_prometheus_that_nothing_is_known() {
    let host = Host::new("mode = \"enforce\"");
    host.expect(0, "apply");
    let nobody = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"];
    let refused = host.run_under(&nobody, "metrics");
    assert_eq!(refused.status, 5, "{}", refused.stderr);
    assert!(refused.stderr.contains("CAP_NET_ADMIN is missing"), "{}", refused.stderr);
    assert_eq!(value(&refused.stdout, "dockwall_up"), Some("0"));
    assert_eq!(value(&refused.stdout, "dockwall_enforced"), None, "nobody knows");
    check(&refused.stdout);
}

#[test]
fn the_file_is_for_everybody_whole_and_alone_in_a_directory_of_another_user() {
    let host = Host::new("mode = \"enforce\"");
    host.expect(0, "apply");
    let collected = host.directory.path().join("collected");
    std::fs::create_dir(&collected).unwrap();
    chown(&collected, Some(65534), Some(65534)).unwrap();
    std::fs::set_permissions(&collected, PermissionsExt::from_mode(0o755)).unwrap();
    let file = collected.join("dockwall.prom");
    let command = format!("metrics --textfile {}", file.display());
    for _ in 0..2 {
        let written = host.run_under(&["sh", "-c", "umask 077; exec \"$@\"", "sh"], &command);
        assert_eq!((written.status, written.stdout.as_str()), (0, ""), "{}", written.stderr);
        let text = std::fs::read_to_string(&file).unwrap();
        check(&text);
        assert_eq!(value(&text, "dockwall_enforced"), Some("1"));
        assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o7777, 0o644);
        assert_eq!(std::fs::read_dir(&collected).unwrap().count(), 1);
    }
    // A kernel that does not answer takes the place of what was known of it.
    let without =
        "strace --quiet=all --output=/dev/null --trace=socket -f -e inject=socket:error=EPROTONOSUPPORT:when=1";
    let refused = host.run_under(&without.split(' ').collect::<Vec<_>>(), &command);
    assert_eq!(refused.status, 6, "{}", refused.stderr);
    let text = std::fs::read_to_string(&file).unwrap();
    assert_eq!((value(&text, "dockwall_up"), value(&text, "dockwall_enforced")), (Some("0"), None), "{text}");

    let nowhere = host.run(&format!("metrics --textfile {}/nowhere/dockwall.prom", collected.display()));
    assert_eq!(nowhere.status, 1);
    assert!(nowhere.stderr.contains("make its directory"), "{}", nowhere.stderr);
}
