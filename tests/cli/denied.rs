//! `denied`: what the meters hold, and what logs say.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::host::{DOCKWALL, Ended, Host, ended};

/// What a meter holds (`DYNAMIC_SIZE`).
const SIZE: u64 = 65_535;

/// Elements as packets would have made them: the port says how many packets there were.
fn fill(host: &Host, set: &str, key: impl Fn(u64) -> String, ports: std::ops::RangeInclusive<u64>) {
    let element = |port: u64| {
        let bytes = port * 60;
        format!("{} counter packets {port} bytes {bytes} limit rate 6/minute burst 5 packets,\n", key(port))
    };
    let elements: String = ports.map(element).collect();
    host.netns.load(&format!("add element inet dockwall {set} {{\n{elements}}}\n"));
}

/// What it prints for this standard input.
fn with_input(host: &Host, arguments: &str, input: &str) -> Ended {
    ended(host.command(&[], arguments).write_stdin(input).output().unwrap())
}

#[test]
fn without_a_wall_nothing_is_denied_and_the_status_is_4() {
    let host = Host::new("");
    for command in ["denied", "denied --follow", "suggest"] {
        assert!(host.expect(4, command).stdout.contains("no wall stands"), "{command}");
    }
    assert_eq!(host.json(4, "denied")["flows"], serde_json::json!([]));
    host.expect(0, "apply");
    let nothing = host.expect(0, "denied");
    assert_eq!(nothing.stdout, "nothing was denied lately\n");
    assert!(nothing.stderr.contains("0 packets met the rules in force"), "{}", nothing.stderr);
}

#[test]
fn a_full_meter_is_listed_whole_and_said_to_be_full() {
    let host = Host::new("mode = \"enforce\"");
    host.expect(0, "apply");
    fill(&host, "denied4", |port| format!("172.21.0.{} . 10.57.17.6 . tcp . {port}", port % 250 + 1), 1..=SIZE);
    fill(&host, "denied6", |port| format!("fd21::{port:x} . fd57::6 . udp . {port}"), 1..=3);
    fill(&host, "denied4-other", |_| "172.21.0.2 . 10.57.17.6 . icmp".to_owned(), 9..=9);
    fill(&host, "denied6-other", |_| "fd21::2 . fd57::6 . ipv6-icmp".to_owned(), 4..=4);

    let found = host.json(0, "denied");
    let flows = found["flows"].as_array().unwrap();
    assert_eq!(flows.len() as u64, SIZE + 5);
    let packets = |flow: &Value| flow["packets"].as_u64().unwrap();
    assert!(flows.iter().filter(|flow| flow["port"].is_u64()).all(|flow| flow["port"] == flow["packets"]));
    assert!(flows.iter().all(|flow| flow["bytes"] == packets(flow) * 60 && flow["verdict"] == "dropped"));
    assert!(flows.windows(2).all(|pair| packets(&pair[0]) >= packets(&pair[1])), "most packets first");
    let full: Vec<bool> = found["meters"].as_array().unwrap().iter().map(|meter| meter["full"] == true).collect();
    assert_eq!((full, &found["meters"][0]["name"]), (vec![true, false, false, false], &"denied4".into()));

    let shown = host.expect(0, "denied --limit 3");
    assert_eq!(shown.stdout.lines().count(), 4, "{}", shown.stdout);
    for said in ["the meter denied4 is full with 65,535 flows", "and 252 more lines"] {
        assert!(shown.stderr.contains(said), "{}", shown.stderr);
    }
    let groups = host.json(0, "denied --by destination");
    assert_eq!(groups["groups"][0]["name"], "10.57.17.6");
    assert_eq!(groups["groups"][0]["flows"], SIZE + 1);
    assert_eq!(host.json(0, "denied --to fd57::/64 --port 2-3/udp")["flows"].as_array().unwrap().len(), 2);
    // Nobody is in that network who could be asked for a name.
    assert_eq!(host.json(0, "denied --container web")["flows"].as_array().unwrap().len(), 0);
}

#[test]
fn since_leaves_out_what_has_been_quiet_longer() {
    let host = Host::new("");
    host.expect(0, "apply");
    let elements = "172.21.0.2 . 10.57.17.6 . tcp . 1 expires 9m, 172.21.0.2 . 10.57.17.6 . tcp . 2 expires 2m";
    host.netns.load(&format!("add element inet dockwall denied4 {{ {elements} }}"));
    let ports = |arguments: &str| {
        let found = host.json(0, arguments);
        found["flows"].as_array().unwrap().iter().map(|flow| flow["port"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(ports("denied --since 5m"), [1]);
    assert_eq!(ports("denied --sort last"), [1, 2]);
    let flow = &host.json(0, "denied --since 5m")["flows"][0];
    assert_eq!(
        (&flow["packets"], &flow["first_seen"], &flow["verdict"]),
        (&Value::Null, &Value::Null, &"audited".into())
    );
    let last: jiff::Timestamp = flow["last_seen"].as_str().unwrap().parse().unwrap();
    let ago = jiff::Timestamp::now().duration_since(last).as_secs();
    assert!((60..=90).contains(&ago), "{ago} s ago");
}

const LOG: &str = "\
Jan  1 10:00:00 host systemd[1]: Started Docker.
[    1.000000] DOCKER_NET_DROP IN=br-1 OUT=eth0 MAC=02 SRC=172.21.0.3 DST=10.57.17.6 LEN=60 PROTO=TCP SPT=4 DPT=5432 SYN URGP=0 
[    2.000000] DOCKER_NET_DROP: IN=br-1 OUT=eth0 MAC=02 SRC=172.21.0.3 DST=10.57.17.6 LEN=60 PROTO=TCP SPT=5 DPT=5432 SYN URGP=0 
[    2.100000] DOCKER_NET_AUDIT IN=docker0 OUT= MAC=02 SRC=fd17:0000:0000:0000:0000:0000:0000:0002 DST=fd57:0017:0000:0000:0000:0000:0000:0002 LEN=80 PROTO=UDP SPT=4 DPT=53 LEN=40 
[    2.200000] mine IN=docker0 OUT= MAC=02 SRC=172.17.0.2 DST=10.57.17.6 LEN=84 PROTO=ICMP TYPE=8 CODE=0 ID=1 SEQ=1 
[    2.300000] other IN=docker0 OUT= MAC=02 SRC=172.17.0.9 DST=10.57.17.6 LEN=84 PROTO=ICMP TYPE=8 CODE=0 ID=1 SEQ=1 
[    2.400000] DOCKER_NET_DROP IN=br-1 OUT=eth0 MAC=02 SRC=172.21.0.3 DST=10.57.17.6 LEN=60 PROTO=TCP SPT=4 DPT=54";

#[test]
fn k8_lines_of_a_log_are_flows_with_what_became_of_them() {
    let host = Host::new("log = { prefix = \"mine \", audit_prefix = \"mine-audit \" }");
    let ended = with_input(&host, "--json denied -", LOG);
    let found: Value = serde_json::from_str(&ended.stdout).unwrap();
    let text = |flow: &Value| {
        let [source, destination, protocol, port, verdict, packets] =
            ["source", "destination", "protocol", "port", "verdict", "packets"]
                .map(|key| flow[key].to_string().replace('"', ""));
        format!("{source} {destination} {port}/{protocol} {verdict} {packets}")
    };
    let flows: Vec<String> = found["flows"].as_array().unwrap().iter().map(text).collect();
    assert_eq!(
        flows,
        [
            "172.21.0.3 10.57.17.6 5432/tcp dropped 2",
            "172.17.0.2 10.57.17.6 null/icmp dropped 1",
            "fd17::2 fd57:17::2 53/udp audited 1",
        ]
    );
    assert_eq!((&found["from"], &found["lines"], &found["not_understood"]), (&"log".into(), &7.into(), &1.into()));
    let first = |at: &str| found["flows"][0][at].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    assert_eq!(first("last_seen").duration_since(first("first_seen")).as_secs(), 1);

    let quiet = with_input(&host, "denied -", LOG);
    assert!(!quiet.stderr.contains("not understood") && quiet.stderr.contains("4 of 7 lines"), "{}", quiet.stderr);
    let told = with_input(&host, "-v denied -", LOG);
    assert!(told.stderr.contains("1 not understood"), "{}", told.stderr);
    let other = with_input(&host, "--json denied - --prefix other", LOG);
    assert!(other.stdout.contains("172.17.0.9"), "{}", other.stdout);
    let usage = host.expect(2, "denied --prefix other");
    assert!(usage.stderr.contains("write `-` or a file"), "{}", usage.stderr);
    assert_eq!(host.expect(1, "denied /nowhere").stderr.lines().count(), 1);
}

#[test]
fn a_reader_that_has_enough_is_no_failure() {
    let host = Host::new("");
    host.expect(0, "apply");
    fill(&host, "denied4", |port| format!("172.21.0.2 . 10.57.17.6 . tcp . {port}"), 1..=5000);
    for arguments in ["-v denied --limit all", "--json denied"] {
        let mut child = beside(&host, arguments);
        let mut reader = BufReader::new(child.stdout.take().unwrap());
        let mut some = [0; 8];
        std::io::Read::read_exact(&mut reader, &mut some).unwrap();
        drop(reader);
        assert_eq!(end(&mut child), Some(0), "{arguments}");
    }
}

#[test]
fn following_ends_well_with_a_signal_and_with_its_reader() {
    let host = Host::new("");
    host.expect(0, "apply");
    fill(&host, "denied4", |port| format!("172.21.0.2 . 10.57.17.6 . tcp . {port}"), 1..=2000);
    for json in ["", "--json "] {
        for signal in [Some(Signal::INT), Some(Signal::TERM), None] {
            let mut child = beside(&host, &format!("{json}denied --follow --since 1h"));
            let mut reader = BufReader::new(child.stdout.take().unwrap());
            let mut first = String::new();
            reader.read_line(&mut first).unwrap();
            let said = if json.is_empty() { "and 1,992 more ports" } else { "\"more_ports\":1900" };
            assert!(first.contains(said), "{first}");
            match signal {
                Some(signal) => kill_process(Pid::from_child(&child), signal).unwrap(),
                None => drop(reader),
            }
            assert_eq!(end(&mut child), Some(0), "{json}{signal:?}");
        }
    }
}

/// One that runs beside the test.
fn beside(host: &Host, arguments: &str) -> Child {
    let mut command: Command = host.netns.command(DOCKWALL);
    command.arg("--config").arg(host.configuration()).arg("--state-dir").arg(host.state());
    command.args(arguments.split(' ')).stdout(Stdio::piped()).spawn().unwrap()
}

/// How it ends, within some seconds.
#[track_caller]
fn end(child: &mut Child) -> Option<i32> {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code();
        }
        if Instant::now() > deadline {
            child.kill().unwrap();
            panic!("it does not end");
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}
