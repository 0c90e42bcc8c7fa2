//! `denied --follow`, with real packets.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::support::lab::{Lab, addresses};

/// Nothing takes longer than this.
const PATIENCE: Duration = Duration::from_secs(60);

/// One that runs, with the lines that it has printed.
struct Following {
    child: Child,
    lines: Receiver<String>,
}

impl Following {
    /// Starts one, and waits until it tells a flow that was denied before.
    fn start(lab: &Lab, options: &str) -> Self {
        lab.probes("db-1", &["udp 10.57.17.6 7001"]);
        let mut child = lab
            .dockwall_beside(&format!("{options}denied --follow --since 1h"))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (sender, lines) = channel();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || stdout.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
        let following = Self { child, lines };
        following.next(|line| line.contains("db-1"));
        following
    }

    /// The lines up to one of that kind.
    #[track_caller]
    fn next(&self, is_meant: impl Fn(&str) -> bool) -> Vec<String> {
        let deadline = Instant::now() + PATIENCE;
        let mut lines = Vec::new();
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let line = self.lines.recv_timeout(left).unwrap_or_else(|error| panic!("{error} after {lines:?}"));
            let last = is_meant(&line);
            lines.push(line);
            if last {
                return lines;
            }
        }
    }

    /// Ends it as Ctrl-C does, and gives what it told since.
    #[track_caller]
    fn end(mut self) -> Vec<String> {
        kill_process(Pid::from_child(&self.child), Signal::INT).unwrap();
        assert!(self.child.wait().unwrap().success());
        self.lines.iter().collect()
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn json(line: &str) -> Value {
    serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))
}

/// How many ports a line tells, whether it names them or counts them.
fn ports(line: &Value) -> u64 {
    line["ports"].as_array().unwrap().len() as u64 + line["more_ports"].as_u64().unwrap()
}

#[test]
fn k2_under_a_scan_each_flow_is_told_once_in_a_line_each_look() {
    let lab = Lab::up(&[]);
    lab.apply("mode = \"enforce\"");
    let (programs, people) = (Following::start(&lab, "--json "), Following::start(&lab, ""));
    let begun = Instant::now();
    let scans = ["10.57.17.6", "fd57:17::6"]
        .map(|address| lab.start("app", &format!("traffic scan {address} --from 5536 --pps 20000")));
    for scan in scans {
        scan.finish();
    }
    // What was denied after the scan is told after it.
    sleep(Duration::from_millis(50));
    lab.probes("web-1", &["udp 10.57.17.5 7001"]);
    let mut told = programs.next(|line| line.contains("10.57.17.5"));
    // A look's lines are in the order of their addresses, and one while a meter grows may miss some.
    for (family, (destination, set)) in [("10.57.17.6", "denied4"), ("fd57:17::6", "denied6")].into_iter().enumerate() {
        let from = format!("{} ", addresses("app")[family]);
        let remembered = lab.meter(set).keys().filter(|flow| flow.starts_with(&from)).count() as u64;
        let lines = loop {
            let is_of = |line: &Value| line["destination"] == destination && line["source_is"]["container"] == "app";
            let lines: Vec<Value> = told.iter().map(|line| json(line)).filter(is_of).collect();
            if lines.iter().map(ports).sum::<u64>() >= remembered {
                break lines;
            }
            told.extend(programs.next(|_| true));
        };
        assert_eq!(lines.iter().map(ports).sum::<u64>(), remembered, "{destination}: {} lines", lines.len());
        let looks = begun.elapsed().as_millis() / 500 + 2;
        assert!(lines.len() as u128 <= looks, "{destination}: {} lines in {looks} looks", lines.len());
        let who = [&lines[0]["source_is"]["container"], &lines[0]["protocol"], &lines[0]["verdict"]];
        assert_eq!(who, ["app", "udp", "dropped"]);
    }
    let shown = people.next(|line| line.contains("10.57.17.5")).join("\n");
    assert!(shown.contains("app (bridge) → 10.57.17.6 udp ") && shown.contains(" more ports"), "{shown}");
    people.end();
    assert_eq!(programs.end(), Vec::<String>::new(), "told again");
}

#[test]
fn a_flow_is_told_again_when_it_was_forgotten_and_not_while_it_goes_on() {
    let lab = Lab::up(&[]);
    lab.apply("mode = \"enforce\"\nlog.remember = \"5s\"");
    let following = Following::start(&lab, "--json ");
    for _ in 0..3 {
        lab.probes("web-1", &["udp fd57:17::6 7001"]);
    }
    lab.probes("web-1", &["udp 10.57.17.6 9"]);
    let told = following.next(|line| line.contains("[9]"));
    assert_eq!(told.iter().filter(|line| line.contains("fd57:17::6")).count(), 1, "{told:?}");
    let deadline = Instant::now() + PATIENCE;
    while !lab.meter("denied6").is_empty() {
        assert!(Instant::now() < deadline, "the kernel does not forget");
        sleep(Duration::from_millis(200));
    }
    // A look in between, which finds it gone.
    lab.probes("web-1", &["udp 10.57.17.6 10"]);
    following.next(|line| line.contains("[10]"));
    lab.probes("web-1", &["udp fd57:17::6 7001"]);
    following.next(|line| line.contains("fd57:17::6"));
    following.end();
}

/// The kernel lets one program listen to a group: with and without another one.
#[test]
fn k4_with_nflog_flows_are_told_as_they_are_logged_and_once() {
    const GROUP: u16 = 9;
    let lab = Lab::up(&[]);
    lab.apply(&format!("mode = \"enforce\"\nlog.target = \"nflog:{GROUP}\""));
    for is_taken in [false, true] {
        let other = is_taken.then(|| lab.listen_to_log(GROUP));
        let following = Following::start(&lab, "--json ");
        let port = if is_taken { 8 } else { 9 };
        lab.probes("web-1", &[&format!("udp 10.57.17.6 {port}"), &format!("udp fd57:17::6 {port}")]);
        // To a port that Docker sends on: by what was asked for, also where the packet is told.
        lab.probes("app", &["udp 10.57.17.2 8053"]);
        lab.probes("web-2", &[&format!("udp 10.57.17.6 1{port}")]);
        let told = following.next(|line| line.contains(&format!("[1{port}]")));
        sleep(Duration::from_millis(1500));
        let told = [told, following.end()].concat();
        for flow in
            [format!("\"destination\":\"10.57.17.6\",.*[{port}]"), format!("\"destination\":\"fd57:17::6\",.*[{port}]")]
        {
            let [destination, ports] = [flow.split(",.*").next().unwrap(), flow.split(",.*").nth(1).unwrap()];
            let count = told.iter().filter(|line| line.contains(destination) && line.contains(ports)).count();
            assert_eq!(count, 1, "{flow}: {told:?}");
        }
        assert!(told.iter().all(|line| !line.contains("\"ports\":[7001]") || line.contains("db-1")), "{told:?}");
        if !is_taken {
            assert_eq!(told.iter().filter(|line| line.contains("[8053]")).count(), 1, "{told:?}");
        }
        drop(other);
    }
}
