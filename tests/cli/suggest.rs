//! `suggest`: what would allow it, and where it is written.

use std::fs;

use serde_json::Value;

use crate::host::Host;

const LOG: &str = "\
DOCKER_NET_DROP IN=br-1 OUT=eth0 MAC=02 SRC=172.21.0.3 DST=10.57.17.6 LEN=60 PROTO=TCP SPT=4 DPT=5432 SYN URGP=0 
DOCKER_NET_DROP IN=br-1 OUT=eth0 MAC=02 SRC=172.21.0.3 DST=10.57.17.7 LEN=60 PROTO=TCP SPT=4 DPT=5432 SYN URGP=0 
DOCKER_NET_DROP IN=br-1 OUT=eth0 MAC=02 SRC=172.21.0.3 DST=169.254.169.254 LEN=60 PROTO=TCP SPT=4 DPT=80 SYN URGP=0 
";

/// A configuration of which not a byte may change.
const WRITTEN: &str =
    "# ours\r\nmode = 'enforce'\t# ä\n\n[[grant]]\nname = \"172.21.0.3-10.57.17.6\"\nto = \"10.1.2.3\"";

/// A host with a log to read.
fn with_log(configuration: &str) -> Host {
    let host = Host::new(configuration);
    fs::write(host.directory.path().join("log"), LOG).unwrap();
    host
}

fn suggest(host: &Host, options: &str) -> String {
    format!("suggest {}/log {options}", host.directory.path().display()).trim_end().to_owned()
}

#[test]
fn what_is_printed_reads_as_a_configuration_and_grants_it() {
    let host = with_log("");
    let printed = host.expect(0, &suggest(&host, ""));
    assert!(printed.stdout.contains("# 1 packet in 1 flow, 60 bytes\n# from 172.21.0.3\n"), "{}", printed.stdout);
    host.configure(&printed.stdout);
    let policy = host.json(0, "check")["policy"].clone();
    assert_eq!(policy["grants"].as_array().unwrap().len(), 2, "the one with a warning is a comment");
    assert_eq!(host.json(0, &suggest(&host, ""))["granted"], 2);
}

#[test]
fn a_file_keeps_its_text_and_gets_what_is_new_once() {
    let host = with_log(WRITTEN);
    let file = host.configuration();
    let command = suggest(&host, &format!("--apply-to {}", file.display()));
    let written = host.expect(0, &command);
    assert!(written.stdout.contains("2 grants appended"), "{}", written.stdout);
    assert!(written.stderr.contains("not written") && written.stderr.contains("metadata"), "{}", written.stderr);
    let text = fs::read_to_string(&file).unwrap();
    let added = text.strip_prefix(WRITTEN).unwrap_or_else(|| panic!("{text}"));
    assert!(added.contains("name = \"172.21.0.3-10.57.17.6-2\"") && !added.contains("169.254"), "{added}");
    host.expect(0, "check");
    // Nothing is left of it.
    let again = host.expect(0, &command);
    assert!(again.stdout.contains("nothing to append"), "{}", again.stdout);
    assert_eq!(fs::read_to_string(&file).unwrap(), text);
    host.expect(0, &format!("{command} --risky"));
    assert!(fs::read_to_string(&file).unwrap().contains("to = \"169.254.169.254\""));
    host.expect(0, "check");
}

#[test]
fn a_drop_in_is_made_and_another_file_is_not_taken_for_read() {
    let host = with_log("");
    let drop_in = host.directory.path().join("grants.d/seen.toml");
    let made = host.expect(0, &suggest(&host, &format!("--merge /28 --apply-to {}", drop_in.display())));
    assert!(!made.stderr.contains("no file of the configuration"), "{}", made.stderr);
    assert!(fs::read_to_string(&drop_in).unwrap().contains("to = \"10.57.17.0/28\""));
    assert_eq!(host.json(0, "check")["policy"]["grants"].as_array().unwrap().len(), 1);
    fs::remove_file(&drop_in).unwrap();
    let elsewhere = host.directory.path().join("elsewhere.toml");
    let made = host.expect(0, &suggest(&host, &format!("--apply-to {}", elsewhere.display())));
    assert!(made.stderr.contains("no file of the configuration"), "{}", made.stderr);
}

#[test]
fn a_file_that_is_wrong_already_is_left_as_it_is() {
    let host = with_log("");
    for wrong in ["mode = \"off\"", "grant = [{ name = \"a\", to = \"10.0.0.1\" }]", "mode = "] {
        let file = host.directory.path().join("wrong.toml");
        fs::write(&file, wrong).unwrap();
        let refused = host.expect(3, &suggest(&host, &format!("--apply-to {}", file.display())));
        assert!(refused.stderr.contains("wrong.toml"), "{}", refused.stderr);
        assert_eq!(fs::read_to_string(&file).unwrap(), wrong);
    }
    host.expect(2, &suggest(&host, "--merge /40"));
}

#[test]
fn programs_get_each_grant_with_what_speaks_for_it() {
    let host = with_log("");
    let found = host.json(0, &suggest(&host, ""));
    let grants = found["grants"].as_array().unwrap();
    let texts = |key: &str| grants.iter().map(|grant| grant[key].to_string()).collect::<Vec<_>>();
    assert_eq!(texts("to"), ["\"10.57.17.6\"", "\"10.57.17.7\"", "\"169.254.169.254\""]);
    assert_eq!(texts("written"), ["true", "true", "false"]);
    assert_eq!((&grants[0]["packets"], &grants[0]["last_seen"]), (&Value::from(1), &Value::Null));
    assert!(grants[0]["toml"].as_str().unwrap().starts_with("[[grant]]"));
    assert!(grants[2]["warning"].as_str().unwrap().contains("metadata"));
}
