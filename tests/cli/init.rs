//! The first configuration of a host.

use crate::host::{DOCKWALL, Ended, Host, ended};
use crate::support::Netns;

/// A host without a configuration.
fn bare() -> Host {
    let host = Host::new("");
    std::fs::remove_file(host.configuration()).unwrap();
    host
}

#[track_caller]
fn ip(netns: &Netns, words: &str) {
    let ended = ended(netns.command("ip").args(words.split(' ')).output().unwrap());
    assert_eq!(ended.status, 0, "ip {words}: {}", ended.stderr);
}

#[test]
fn what_is_written_can_be_applied_and_says_what_comes_next() {
    let host = bare();
    let said = host.expect(0, "init").stdout;
    let path = host.configuration();
    assert!(said.contains(&format!("written: {}", path.display())), "{said}");
    for next in ["dockwall check --config", "sudo dockwall apply --config", "sudo dockwall denied"] {
        assert!(said.contains(next), "{said}");
    }
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&path).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o644);
    assert_eq!(host.netns.list(), "", "init changed the kernel");
    let checked = host.json(0, "check");
    assert_eq!((&checked["policy"]["mode"], &checked["warnings"]), (&"audit".into(), &serde_json::json!([])));
    host.expect(0, "apply");
}

#[test]
fn nothing_is_written_over_what_is_there() {
    let host = Host::new("mode = \"enforce\"");
    let refused = host.expect(3, "init").stderr;
    assert!(refused.contains("is there already") && refused.contains("--stdout"), "{refused}");
    assert_eq!(std::fs::read_to_string(host.configuration()).unwrap(), "mode = \"enforce\"");
    assert_eq!(std::fs::read_dir(host.directory.path()).unwrap().count(), 1, "something was left behind");
    assert!(host.expect(0, "init --stdout").stdout.contains("\nmode = \"audit\"\n"));
    assert_eq!(host.json(0, "init --stdout")["file"], serde_json::Value::Null);
}

#[test]
fn the_directory_is_made_where_it_is_missing() {
    let host = bare();
    let path = host.directory.path().join("etc/dockwall/dockwall.toml");
    let mut init = host.netns.command(DOCKWALL);
    let Ended { status, stderr, .. } = ended(init.arg("--config").arg(&path).arg("init").output().unwrap());
    assert_eq!(status, 0, "{stderr}");
    assert!(path.exists());
}

#[test]
fn without_privilege_it_says_that_it_could_not_look_at_the_flows() {
    let host = bare();
    let nobody = ["setpriv", "--bounding-set", "-all", "--inh-caps", "-all"];
    let ended = host.run_under(&nobody, "init --stdout");
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    assert!(ended.stdout.contains("could not be looked at: that takes CAP_NET_ADMIN"), "{}", ended.stdout);
}

#[test]
fn a_flow_of_a_container_to_the_host_becomes_a_suggestion() {
    let (host, container) = (bare(), Netns::new());
    for words in [
        "link add docker0 type bridge",
        "address add 172.17.0.1/16 dev docker0",
        "link set docker0 up",
        "link set lo up",
        &format!("link add veth0 type veth peer name eth0 netns {}", container.name()),
        "link set veth0 master docker0 up",
    ] {
        ip(&host.netns, words);
    }
    ip(&container, "address add 172.17.0.2/16 dev eth0");
    ip(&container, "link set eth0 up");
    // The kernel follows flows in a namespace only when somebody asks for their state there.
    host.netns.load("table inet other { chain c { type filter hook input priority 0; ct state new counter; }; }");
    let send = "for _ in 1 2 3 4 5 6 7 8 9 10; do echo >/dev/udp/172.17.0.1/9100; sleep 0.2; done";
    assert!(container.command("bash").args(["-c", send]).status().unwrap().success());
    let proposed = host.json(0, "init");
    assert_eq!((&proposed["flows_seen"], &proposed["suggested"]), (&true.into(), &1.into()), "{proposed}");
    let text = std::fs::read_to_string(host.configuration()).unwrap();
    let grant =
        "#[[grant]]\n#name = \"172.17.0.2-host\"\n#to = \"host\"\n#ports = [\"9100/udp\"]\n#from = \"172.17.0.2\"\n";
    assert!(text.contains("of 172.17.0.2 on docker0 to host, 9100/udp\n") && text.contains(grant), "{text}");
    // With the # taken away it holds.
    host.configure(&text.replace(grant, &grant.replace('#', "")));
    assert_eq!(host.json(0, "check")["policy"]["grants"][0]["name"], "172.17.0.2-host");
}
