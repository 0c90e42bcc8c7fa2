//! What hand-written rules say, and what becomes of each.

use dockwall::import::Status;

use crate::{import, rules};

/// A rule of DOCKER-USER before a drop of 10.0.0.0/8 for docker0, and what is said of it.
#[track_caller]
fn exception(words: &str, status: Status, said: &str) {
    let text = format!("iptables -A DOCKER-USER {words}\niptables -A DOCKER-USER -i docker0 -d 10.0.0.0/8 -j DROP\n");
    let imported = import(&text, None, true);
    let (found, text) = imported.line(1);
    assert!(found == status && text.contains(said), "{words}: {found}: {text}");
    assert_eq!(imported.compare().unexplained(), 0, "{words}");
}

#[test]
fn exceptions_before_the_drop_are_grants_as_far_as_grants_have_words_for_them() {
    for (words, grant) in [
        ("-d 10.1.2.3 -j RETURN", "grant 10.1.2.3"),
        ("-d 10.1.2.3 -j ACCEPT", "grant 10.1.2.3"),
        ("-i docker0 -d 10.1.2.3/32 -p tcp --dport ssh -j RETURN", "grant 10.1.2.3-22-tcp"),
        ("-d 10.1.2.3 -p tcp -m multiport --dports 80,8000:8100 -j RETURN", "grant 10.1.2.3-80-tcp-8000-8100-tcp"),
        ("-m iprange --dst-range 10.1.2.3-10.1.2.9 -j RETURN", "grant 10.1.2.3-10.1.2.9"),
        ("-s 172.17.0.9 -d 10.1.2.3 -j RETURN", "grant 172.17.0.9-10.1.2.3"),
        ("-d 10.1.2.3 -p icmp -j RETURN", "grant 10.1.2.3-icmp"),
        ("-d 10.1.2.3 -p tcp ! --dport 22 -j RETURN", "grant 10.1.2.3-1-21-tcp-23-65535-tcp"),
        ("! -d 10.0.0.0/9 -j RETURN", "grant 0.0.0.0-9.255.255.255, grant 10.128.0.0-255.255.255.255"),
    ] {
        exception(words, Status::Carried, grant);
    }
    exception("-m conntrack --ctstate ESTABLISHED,RELATED -j RETURN", Status::Changed, "packet by packet");
    exception("-m conntrack --ctdir REPLY -j RETURN", Status::Implied, "answers");
    exception("-i eth0 -j RETURN", Status::Implied, "nothing behind it denies");
    exception("-o docker0 -j RETURN", Status::Implied, "isolation");
    exception("-o br-+ -j RETURN", Status::NotCarried, "none of containers.interfaces");
    exception("-d 11.0.0.0/8 -j RETURN", Status::Implied, "nothing behind it denies");
    for (words, said) in [
        ("-d 10.1.2.3 ! -p tcp -j RETURN", "not for all but some"),
        ("-d 10.1.2.3 -m set --match-set printers dst -j RETURN", "--match-set printers dst"),
        ("-d 10.1.2.3 -m limit --limit 5/second -j RETURN", "a rate"),
        ("-d 10.1.2.3 -p tcp --sport 1024:65535 -j RETURN", "source ports"),
        ("-d 10.1.2.3 -m mark --mark 7 -j RETURN", "--mark 7"),
        ("-d 10.1.2.3 -j MARK --set-mark 7", "nothing that dockwall does"),
        ("-d db.example.org -j RETURN", "is no IPv4 address"),
        ("-d 10.1.2.3 -j ELSEWHERE", "the chain ELSEWHERE is not in the text"),
        ("-d 10.1.2.3 -j", "has nothing behind it"),
    ] {
        exception(words, Status::NotCarried, said);
    }
}

#[test]
fn an_exception_behind_the_drop_has_no_effect_and_is_said_to_have_none() {
    let text = "\
ipv4 filter DOCKER-USER 5 -i docker0 -d 10.0.0.0/8 -j DROP
ipv4 filter DOCKER-USER 9 -d 10.1.2.3 -j RETURN
ipv4 filter DOCKER-USER 1 -d 10.1.2.4 -j RETURN
";
    let imported = import(text, None, true);
    assert_eq!(imported.config.grants.len(), 1, "by firewalld's priority, not by the line");
    let (status, said) = imported.line(2);
    assert!(status == Status::NotCarried && said.contains("no effect there either: line 1"), "{said}");
    assert_eq!(imported.line(3), (Status::Carried, "grant 10.1.2.4".to_owned()));
    assert_eq!(imported.compare().unexplained(), 0);
}

#[test]
fn an_exception_for_one_bridge_is_no_grant_for_all() {
    let text = "\
-A DOCKER-USER -i docker0 -d 10.1.2.3 -j RETURN
-A DOCKER-USER -i docker0 -d 10.0.0.0/8 -j DROP
-A DOCKER-USER -i br-+ -d 10.0.0.0/8 -j DROP
";
    let imported = import(text, None, true);
    let (status, said) = imported.line(1);
    assert!(status == Status::NotCarried && said.contains("docker0 alone"), "{said}");
    assert!(imported.config.grants.is_empty());
    assert_eq!(imported.compare().unexplained(), 0);
}

#[test]
fn what_is_denied_from_some_sources_only_stays_granted_from_the_others() {
    let text = "iptables -I DOCKER-USER -s 172.17.0.0/16 -d 10.0.0.0/8 -j REJECT\n";
    let imported = import(text, None, true);
    let froms: Vec<String> =
        imported.config.grants.iter().map(|grant| grant.from.as_ref().unwrap().to_string()).collect();
    assert_eq!(froms, ["0.0.0.0-172.16.255.255", "172.18.0.0-255.255.255.255"]);
    assert!(imported.text.contains("action = \"reject\""));
    assert_eq!(imported.compare().unexplained(), 0);
}

#[test]
fn what_is_denied_otherwise_than_dockwall_denies_is_said() {
    for (words, status, said) in [
        ("-i eth0 -d 172.17.0.0/16 -j DROP", Status::NotCarried, "from outside"),
        ("-i docker0 -d 10.0.0.0/8 -p tcp --dport 22 -j DROP", Status::NotCarried, "destination whole"),
        ("-i docker0 -d 10.0.0.0/8 -m limit --limit 1/second -j DROP", Status::NotCarried, "a rate"),
        ("-i docker0 -o br-+ -j DROP", Status::Changed, "isolation"),
        ("-i docker0 -m conntrack --ctstate INVALID -j DROP", Status::Changed, "no new flow"),
        (
            "-i docker0 -m conntrack --ctstate NEW -d 10.0.0.0/8 -j DROP",
            Status::Changed,
            "every packet of a denied flow",
        ),
        ("-d 10.0.0.0/8 -j DROP", Status::Changed, "mode = \"enforce\""),
    ] {
        let imported = import(&format!("iptables -A DOCKER-USER {words}"), None, true);
        let (found, text) = imported.line(1);
        assert!(found == status && text.contains(said), "{words}: {found}: {text}");
        assert_eq!(imported.compare().unexplained(), 0, "{words}");
    }
}

#[test]
fn a_script_of_somebody_s_own_is_carried_over_line_by_line() {
    let imported = import(&rules("hand.sh"), None, false);
    let found: Vec<(usize, Status)> = (1..=25).map(|line| (line, imported.line(line).0)).collect();
    let not_carried: Vec<usize> =
        found.iter().filter(|(_, status)| *status == Status::NotCarried).map(|(line, _)| *line).collect();
    // ipset, an exception behind, a port, nat, a variable, ipset itself, another program.
    assert_eq!(not_carried, [11, 15, 16, 22, 23, 24, 25], "{:#?}", imported.translation.report.lines);
    assert_eq!(imported.line(21).0, Status::LeftAlone, "the host's own SSH");
    assert_eq!(imported.line(20), (Status::Implied, "deny.host = true denies all of the host".to_owned()));
    let grants: Vec<String> = imported.config.grants.iter().map(|grant| grant.to_text()).collect();
    assert_eq!(grants, ["10.1.2.3, 5432/tcp 8000-8100/tcp", "10.9.0.10-10.9.0.20, everything", "host, 53/udp"]);
    assert_eq!(imported.config.grants[0].comment.as_deref(), Some("databases"));
    assert_eq!(imported.compare().unexplained(), 0);
}

#[test]
fn logs_keep_their_rate_burst_prefix_and_target() {
    let drop = "iptables -A DOCKER-USER -i docker0 -d 10.0.0.0/8 -j DROP";
    for (words, keys, status) in [
        (
            "-m hashlimit --hashlimit-upto 3/hour --hashlimit-burst 7 --hashlimit-mode dstport,srcip,dstip --hashlimit-name a -j LOG --log-prefix 'A: '",
            "rate = \"3/hour\"\nburst = 7\nprefix = \"A: \"\n",
            Status::Carried,
        ),
        (
            "-m hashlimit --hashlimit 3/hour --hashlimit-mode srcip --hashlimit-name a -j NFLOG --nflog-group 5",
            "rate = \"3/hour\"\nburst = 5\ntarget = \"nflog:5\"\n",
            Status::Changed,
        ),
        ("-m limit --limit 10/second -j LOG --log-level 4", "limit = \"10/second\"\n", Status::Changed),
    ] {
        let imported =
            import(&format!("iptables -A DOCKER-USER -i docker0 -d 10.0.0.0/8 {words}\n{drop}\n"), None, true);
        assert!(imported.text.contains(&format!("[log]\n{keys}")), "{words}: {}", imported.text);
        assert_eq!(imported.line(1).0, status, "{words}");
    }
}
