//! What a `[[grant]]` means.

use dockwall::config::*;

use crate::{accept, summary};

/// The only grant of a configuration with these lines in it.
#[track_caller]
fn grant(lines: &str) -> Grant {
    accept(&format!("[[grant]]\nname = 'x'\n{lines}")).config.grants.remove(0)
}

#[test]
fn destinations() {
    assert_eq!(grant("to = 'host'").to, Destination::Host);
    assert_eq!(grant("to = 'host:published'").to, Destination::Published);
    assert_eq!(grant("to = 'fd00::/8'").to, Destination::Addresses("fd00::/8".parse().unwrap()));
}

#[test]
fn what_is_not_written_is_not_narrowed() {
    let Grant { ports, protocol, from, until, required, comment, .. } = grant("to = 'host'");
    assert_eq!((ports, protocol, from, until, required, comment), (Vec::new(), None, None, None, false, None));
}

#[test]
fn ports_are_merged_and_printed_as_written() {
    let written = "to = '10.0.0.1'\nports = ['8000-8100/tcp', '53/udp', '8050-9000/tcp', '1-65535/sctp', '53/udp']";
    let ports: Vec<String> = grant(written).ports.iter().map(Ports::to_string).collect();
    assert_eq!(ports, ["8000-9000/tcp", "53/udp", "1-65535/sctp"]);
}

#[test]
fn protocols_have_names_and_numbers() {
    let cases = [
        ("'icmp'", Protocol::Icmp),
        ("'tcp'", Protocol::Tcp),
        ("'gre'", Protocol::Gre),
        ("'47'", Protocol::Gre),
        ("47", Protocol::Gre),
        ("89", Protocol::Other(89)),
        ("'0'", Protocol::Other(0)),
        ("255", Protocol::Other(255)),
    ];
    for (written, expected) in cases {
        assert_eq!(grant(&format!("to = '10.0.0.1'\nprotocol = {written}")).protocol, Some(expected), "{written}");
    }
}

#[test]
fn sources() {
    let addresses = |text: &str| Source::Addresses(text.parse().unwrap());
    let label = |key: &str, value: &str| Source::Label { key: key.into(), value: value.into() };
    let cases = [
        ("172.18.0.0/16", addresses("172.18.0.0/16")),
        ("172.18.0.2-172.18.0.9", addresses("172.18.0.2-172.18.0.9")),
        ("network:my net", Source::Network("my net".into())),
        ("network:a:b", Source::Network("a:b".into())),
        ("container:web_1.x-2", Source::Container("web_1.x-2".into())),
        ("label:com.docker.compose.project=shop", label("com.docker.compose.project", "shop")),
        ("label:a=b=c", label("a", "b=c")),
        ("label:flag=", label("flag", "")),
    ];
    for (written, expected) in cases {
        let read = grant(&format!("to = '10.0.0.1'\nfrom = '{written}'")).from;
        assert_eq!(read.as_ref(), Some(&expected), "{written}");
        assert_eq!(expected.to_string(), written);
    }
}

#[test]
fn names_and_the_host_have_both_families() {
    grant("to = 'fd00::1'\nfrom = 'network:backend'");
    grant("to = 'host'\nfrom = 'fd00::/64'");
    grant("to = 'host:published'\nports = ['443/tcp']\nfrom = '172.18.0.0/16'");
}

#[test]
fn a_time_may_stand_without_quotation_marks() {
    for written in ["2100-01-31T18:00:00+02:00", "2100-01-31 16:00:00Z", "'2100-01-31T16:00:00Z'"] {
        let until = grant(&format!("to = '10.0.0.1'\nuntil = {written}")).until;
        assert_eq!(until, Some("2100-01-31T16:00:00Z".parse().unwrap()), "{written}");
    }
}

#[test]
fn a_grant_that_has_run_out_is_kept_with_a_warning() {
    let loaded = accept("[[grant]]\nname = 'x'\nto = '10.0.0.1'\nuntil = 2001-02-03T04:05:06Z");
    assert_eq!(loaded.config.grants[0].until, Some("2001-02-03T04:05:06Z".parse().unwrap()));
    let [warning] = loaded.warnings.as_slice() else { panic!("{:?}", loaded.warnings) };
    assert_eq!((warning.severity, warning.kind), (Severity::Warning, Kind::NoEffect));
    let expected = "4 grant.until: the grant has run out at 2001-02-03T04:05:06Z";
    assert!(summary(warning).starts_with(expected), "{}", summary(warning));
}

#[test]
fn a_grant_outside_of_what_is_denied_is_a_warning() {
    let cases = [
        ("8.8.8.8", true),
        ("9.0.0.0-9.255.255.255", true),
        ("2001:db8::/32", true),
        ("9.255.255.255-10.0.0.0", false),
        ("0.0.0.0/0", false),
        ("fd00::1", false),
    ];
    for (to, warned) in cases {
        let grant = format!("[[grant]]\nname = 'x'\nto = '{to}'");
        let warnings = accept(&format!("deny = {{ on_link = false, host = false }}\n{grant}")).warnings;
        assert_eq!(warnings.len(), usize::from(warned), "{to}");
        assert!(warnings.iter().all(|w| w.severity == Severity::Warning && w.line == Some(4)), "{to}");
        // The host may be attached to that network.
        assert_eq!(accept(&grant).warnings, [], "{to}");
        // The address may be the host's own; a network that it is in grants nothing on the host.
        let warnings = accept(&format!("deny.on_link = false\n{grant}")).warnings;
        assert_eq!(warnings.len(), usize::from(warned && to != "8.8.8.8"), "{to}");
    }
}

#[test]
fn a_grant_to_the_host_has_no_effect_unless_the_host_is_denied() {
    for to in ["host", "host:published"] {
        let grant = format!("[[grant]]\nname = 'x'\nto = '{to}'");
        assert_eq!(accept(&format!("deny = {{ ranges = [], on_link = false }}\n{grant}")).warnings, [], "{to}");
        let warnings = accept(&format!("deny.host = false\n{grant}")).warnings;
        let problem = "4 grant.to: the host is not denied, so this grant has no effect";
        let expected = format!("{problem} => remove the grant, or write `deny.host = true`");
        assert_eq!(warnings.iter().map(summary).collect::<Vec<_>>(), [expected], "{to}");
    }
}

#[test]
fn where_nothing_is_denied_no_grant_has_an_effect() {
    let destinations = ["10.0.0.1", "0.0.0.0/0", "fd00::/8", "host", "host:published"];
    let grants = destinations.map(|to| format!("[[grant]]\nname = '{}'\nto = '{to}'\n", to.replace([':', '/'], "-")));
    let denied = "deny = { ranges = [], on_link = false, host = false }\n";
    assert_eq!(accept(&format!("{denied}{}", grants.concat())).warnings.len(), destinations.len());
}

#[test]
fn a_grant_is_written_as_it_is_read() {
    let grant = Grant {
        name: "postgres".into(),
        to: Destination::Addresses("10.57.17.6".parse().unwrap()),
        ports: vec!["5432/tcp".parse().unwrap(), "8000-8100/udp".parse().unwrap()],
        protocol: None,
        from: Some(Source::Label { key: "tier".into(), value: "a \"b\" \\".into() }),
        until: Some("2100-01-31T18:00:00.5Z".parse().unwrap()),
        required: true,
        comment: Some("it's the \"database\"".into()),
        origin: Origin::BuiltIn,
    };
    insta::assert_snapshot!(grant.to_toml(), @r#"
    [[grant]]
    name = "postgres"
    to = "10.57.17.6"
    ports = ["5432/tcp", "8000-8100/udp"]
    from = 'label:tier=a "b" \'
    until = "2100-01-31T18:00:00.5Z"
    required = true
    comment = """it's the "database""""
    "#);
    let short = Grant { ports: Vec::new(), from: None, until: None, required: false, comment: None, ..grant };
    let icmp = Grant { to: Destination::Host, protocol: Some(Protocol::Icmp), ..short };
    insta::assert_snapshot!(icmp.to_toml(), @r#"
    [[grant]]
    name = "postgres"
    to = "host"
    protocol = "icmp"
    "#);
}
