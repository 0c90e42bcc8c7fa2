//! `dockwall status`: what it says after others were at work, and while somebody watches.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::host::{DOCKWALL, Host};

/// A status that is watched, until Ctrl-C or the end of the test.
struct Watch(Child);

impl Watch {
    fn start(host: &Host, arguments: &[&str]) -> (Self, impl Iterator<Item = String>) {
        let mut command = host.netns.command(DOCKWALL);
        command.arg("--config").arg(host.configuration()).arg("--state-dir").arg(host.state());
        let mut child = command.args(arguments).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        (Self(child), lines)
    }

    /// Ctrl-C; returns the exit status.
    fn interrupt(mut self) -> i32 {
        kill_process(Pid::from_child(&self.0), Signal::INT).unwrap();
        self.0.wait().unwrap().code().unwrap_or(-1)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn enforced() -> Host {
    let host = Host::new("mode = \"enforce\"");
    host.expect(0, "apply");
    host
}

#[test]
fn a_watch_in_a_pipe_prints_a_page_for_each_reading_and_ends_on_ctrl_c() {
    let host = enforced();
    let (watch, mut lines) = Watch::start(&host, &["status", "--watch", "1"]);
    let pages = lines.by_ref().filter(|line| line.starts_with("● enforcing")).take(2).count();
    assert_eq!(pages, 2);
    host.netns.nft("flush ruleset");
    assert!(lines.by_ref().any(|line| line.starts_with("○ not enforced")));
    assert_eq!(watch.interrupt(), 4, "it ends as the last reading was");
    assert!(!lines.any(|line| line.contains('\x1b')));
}

#[test]
fn a_watch_with_json_is_an_object_in_each_line_with_rates_from_the_second_on() {
    let host = enforced();
    let (watch, lines) = Watch::start(&host, &["--json", "status", "--watch", "1"]);
    let read: Vec<Value> = lines.take(3).map(|line| serde_json::from_str(&line).unwrap()).collect();
    assert_eq!(watch.interrupt(), 0);
    assert_eq!(read.len(), 3);
    assert!(read.iter().all(|status| status["enforced"] == true && status["at"].is_string()));
    assert_eq!(read[0]["rates"], Value::Null, "one reading has no rate");
    assert_eq!(read[1]["rates"]["denied"], 0.0);
    assert!(read[2]["rates"]["seconds"].as_f64().unwrap() > read[1]["rates"]["seconds"].as_f64().unwrap());
}

#[test]
fn a_watch_that_nobody_reads_ends_by_itself() {
    let host = enforced();
    let (mut watch, mut lines) = Watch::start(&host, &["status", "--watch", "1"]);
    assert!(lines.next().is_some());
    drop(lines);
    assert_eq!(watch.0.wait().unwrap().code(), Some(0));
}

/// What comes of a command on a terminal of that width.
fn on_a_terminal(host: &Host, width: u16, arguments: &str) -> String {
    let mut script = Command::new("script");
    let command = format!(
        "stty cols {width} rows 30; exec ip netns exec {} timeout --foreground --signal INT 3 {DOCKWALL} --config {} \
         --state-dir {} {arguments}",
        host.netns.name(),
        host.configuration().display(),
        host.state().display(),
    );
    script.args(["--quiet", "--return", "--command", &command, "/dev/null"]).env("TERM", "xterm");
    let output = script.stdin(Stdio::null()).output().unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn on_a_terminal_a_watch_draws_over_the_other_screen_and_leaves_the_last_page() {
    let host = enforced();
    let seen = on_a_terminal(&host, 80, "status --watch 1");
    let (entered, left) = ("\x1b[?1049h", "\x1b[?1049l");
    let (before, rest) = seen.split_once(entered).unwrap();
    let (drawn, after) = rest.split_once(left).unwrap();
    assert_eq!(before, "");
    assert!(drawn.matches("enforcing").count() >= 2, "{drawn}");
    // What is cleared before it is written flickers.
    assert!(!drawn.contains("\x1b[2J"), "{drawn:?}");
    assert!(drawn.ends_with("\x1b[?25h\x1b[?7h"), "the cursor is back: {drawn:?}");
    assert_eq!(after.matches("enforcing").count(), 1, "{after}");
}

#[test]
fn no_line_is_wider_than_the_terminal_and_a_wide_one_has_fewer() {
    let host = enforced();
    let lines = |width| -> Vec<usize> {
        let seen = on_a_terminal(&host, width, "status");
        let plain = anstream::adapter::strip_str(&seen).to_string();
        assert!(plain.contains("enforcing") && plain.contains("podman*"), "{plain}");
        plain.lines().map(|line| line.trim_end_matches('\r').chars().count()).collect()
    };
    let (narrow, wide) = (lines(60), lines(160));
    assert!(narrow.len() > wide.len(), "{narrow:?} {wide:?}");
    assert!(narrow[1..].iter().all(|width| *width <= 60), "{narrow:?}");
}

/// A program that loads its own rules anew, as a service's reload does.
struct Manager {
    name: &'static str,
    program: &'static str,
    arguments: &'static [&'static str],
    input: &'static str,
    /// Whether it takes everybody's tables with it.
    flushes_all: bool,
}

const MANAGERS: [Manager; 5] = [
    Manager {
        name: "nftables.service",
        program: "nft",
        arguments: &["-f", "-"],
        input: "flush ruleset\ntable inet filter { chain input { type filter hook input priority 0; }; }\n",
        flushes_all: true,
    },
    Manager {
        name: "nftables.service, when it stops",
        program: "nft",
        arguments: &["flush", "ruleset"],
        input: "",
        flushes_all: true,
    },
    Manager {
        name: "nft -f of one table",
        program: "nft",
        arguments: &["-f", "-"],
        input: "table inet filter\ndelete table inet filter\ntable inet filter { chain input { type filter hook input priority 0; }; }\n",
        flushes_all: false,
    },
    Manager {
        name: "iptables-persistent and ferm",
        program: "iptables-restore",
        arguments: &[],
        input: "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n-A FORWARD -s 192.0.2.1 -j DROP\nCOMMIT\n",
        flushes_all: false,
    },
    Manager { name: "csf, which flushes", program: "iptables", arguments: &["-F"], input: "", flushes_all: false },
];

#[test]
fn a2_a12_status_is_right_after_each_firewall_manager_loaded_its_rules() {
    let host = enforced();
    for Manager { name, program, arguments, input, flushes_all } in MANAGERS {
        let mut command = host.netns.command(program);
        let mut manager = command.args(arguments).stdin(Stdio::piped()).spawn().unwrap();
        manager.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        assert!(manager.wait().unwrap().success(), "{name}");
        let said = host.run("status");
        match flushes_all {
            true => {
                assert_eq!(said.status, 4, "{name}: {}", said.stdout);
                assert!(said.stdout.starts_with("○ not enforced"), "{name}: {}", said.stdout);
                host.expect(0, "apply");
            }
            false => {
                assert_eq!(said.status, 0, "{name}: {}", said.stdout);
                assert!(said.stdout.starts_with("● enforcing"), "{name}: {}", said.stdout);
            }
        }
    }
}

#[test]
fn b1_a_chain_that_drops_what_is_granted_is_named() {
    let host = Host::new("mode = \"enforce\"\n[[grant]]\nname = \"ldap\"\nto = \"10.57.17.5\"");
    host.expect(0, "apply");
    assert!(host.expect(0, "status").stdout.contains("nothing shadows it"));
    host.netns.load("table inet mine { chain others { type filter hook forward priority 0; policy drop; }; }");
    let said = host.expect(0, "status").stdout;
    assert!(said.contains("shadowed: table inet mine, chain others (hook forward"), "{said}");
    assert_eq!(host.json(0, "status")["shadows"][0]["table"], "mine");
}

#[test]
fn k7_a_wall_without_a_log_says_so() {
    let host = Host::new("mode = \"enforce\"\n[log]\nenabled = false");
    host.expect(0, "apply");
    let said = host.expect(0, "status").stdout;
    assert!(said.starts_with("● enforcing, logging off"), "{said}");
    assert_eq!(host.json(0, "status")["wall"]["logs"], false);
}

#[test]
fn a_trial_counts_down_and_is_not_confirmed() {
    let host = enforced();
    assert!(host.expect(0, "status").stdout.contains(" · confirmed"));
    host.expect(0, "apply --mode audit --confirm 60s");
    let said = host.expect(4, "status").stdout;
    assert!(said.contains("on trial") && said.contains("goes back to generation 1 in"), "{said}");
    assert!(!said.contains(" · confirmed"), "{said}");
    host.expect(0, "confirm");
    assert!(host.expect(4, "status").stdout.contains(" · confirmed"));
}
