//! Grants that are refused: for which key, why, and with which cure.

use crate::{refuse, summary};

/// What is wrong in `input`, which must be one thing on the line and about the key.
#[track_caller]
fn check_line(input: &str, line: u32, key: &str, problem: &str, cure: &str) {
    let errors = refuse(input).errors;
    let [error] = errors.as_slice() else {
        panic!("{input}: {} errors: {:?}", errors.len(), errors.iter().map(summary).collect::<Vec<_>>());
    };
    assert_eq!((error.line, error.key.as_deref()), (Some(line), Some(key)), "{input}");
    assert!(error.problem.contains(problem), "{input}: {}", summary(error));
    assert!(error.cure.contains(cure), "{input}: {}", summary(error));
}

/// The same for a key whose line follows those that must be there.
#[track_caller]
fn check(key: &str, cases: &[(&str, &str, &str)]) {
    for (line, problem, cure) in cases {
        check_line(&format!("[[grant]]\nname = 'a'\nto = '10.0.0.1'\n{line}"), 4, key, problem, cure);
    }
}

#[test]
fn destinations() {
    let cases = [
        ("Host", "neither an address nor \"host\"", "did you mean \"host\"?"),
        ("host:publish", "neither an address nor \"host\"", "did you mean \"host:published\"?"),
        ("localhost", "neither an address nor \"host\"", "write \"host\""),
        ("host:5432", "carries a port", "\"host\" here, and `ports = [\"5432/tcp\"]`"),
        ("10.0.0.1:5432", "carries a port", "\"10.0.0.1\" here, and `ports = [\"5432/tcp\"]`"),
        ("10.0.0.1:53/udp", "carries a port", "\"10.0.0.1\" here, and `ports = [\"53/udp\"]`"),
        ("container:web", "which only `from` does", "the address"),
        ("web", "names are not looked up", "write the address"),
        ("", "empty", "10.0.0.0/8"),
    ];
    for (to, problem, cure) in cases {
        check_line(&format!("[[grant]]\nname = 'a'\nto = '{to}'"), 3, "grant.to", problem, cure);
    }
}

#[test]
fn ports() {
    check(
        "grant.ports",
        &[
            ("ports = []", "would grant nothing", "remove the key"),
            ("ports = '5432/tcp'", "is a string", "[\"5432/tcp\"]"),
            ("ports = 5432", "is an integer", "[\"5432/tcp\"]"),
            ("ports = [5432]", "`5432` is an integer", "\"5432/tcp\""),
            ("ports = ['5432']", "no protocol", "`5432/tcp`"),
            ("ports = ['8000-8100']", "no protocol", "`8000-8100/tcp`"),
            ("ports = ['5432/']", "`` is not \"tcp\"", "\"tcp\", \"udp\""),
            ("ports = ['5432/foobar']", "`foobar` is not \"tcp\"", "\"sctp\""),
            ("ports = ['53/17']", "`17` is not \"tcp\"", "\"udp\""),
            ("ports = ['5432/TCP']", "`TCP`", "did you mean \"tcp\"?"),
            ("ports = ['8/icmp']", "icmp has no ports", "`protocol = \"icmp\"`"),
            ("ports = ['icmp']", "icmp has no ports", "`protocol = \"icmp\"`"),
            ("ports = ['1/47']", "gre has no ports", "`protocol = \"gre\"`"),
            ("ports = ['1/icmpv6']", "`icmpv6` is not \"tcp\"", "\"tcp\", \"udp\""),
            ("ports = ['tcp']", "has no port", "`protocol = \"tcp\"` for all"),
            ("ports = ['/tcp']", "lacks a port", "1 to 65535"),
            ("ports = ['']", "lacks a port", "1 to 65535"),
            ("ports = ['0/tcp']", "there is no port `0`", "1 to 65535"),
            ("ports = ['0']", "there is no port `0`", "1 to 65535"),
            ("ports = ['0-80/tcp']", "there is no port `0`", "1 to 65535"),
            ("ports = ['65536/tcp']", "there is no port `65536`", "1 to 65535"),
            ("ports = ['1-65536/tcp']", "there is no port `65536`", "1 to 65535"),
            ("ports = ['99999999999999999999/tcp']", "there is no port", "1 to 65535"),
            ("ports = ['-80/tcp']", "lacks a port", "1 to 65535"),
            ("ports = ['80-/tcp']", "lacks a port", "1 to 65535"),
            ("ports = ['+80/tcp']", "`+80` is no number", "`5432/tcp`"),
            ("ports = ['8100-8000/tcp']", "ends before", "`8000-8100/tcp`"),
            ("ports = ['8000:8100/tcp']", "no single port", "`8000-8100/tcp`"),
            ("ports = ['80,443/tcp']", "no single port", "text of its own"),
            ("ports = ['tcp/5432']", "before the port", "`5432/tcp`"),
            ("ports = ['postgresql/tcp']", "`postgresql` is no number", "`5432/tcp`"),
            ("ports = ['postgresql']", "`postgresql` is no number", "`5432/tcp`"),
            ("ports = ['5432 / tcp']", "space", "`5432/tcp`"),
            ("ports = ['5432/tcp', '0/udp']", "`0/udp`", "1 to 65535"),
        ],
    );
}

#[test]
fn protocols() {
    check(
        "grant.protocol",
        &[
            ("protocol = 'icmpv6'", "`icmpv6`", "\"icmp\""),
            ("protocol = 'ipv6-icmp'", "`ipv6-icmp`", "\"icmp\""),
            ("protocol = '58'", "`58`", "\"icmp\""),
            ("protocol = 58", "`58`", "\"icmp\""),
            ("protocol = 'ICMP'", "`ICMP`", "did you mean \"icmp\"?"),
            ("protocol = 'ospf'", "`ospf`", "goes by its number"),
            ("protocol = ''", "``", "goes by its number"),
            ("protocol = 'any'", "no single protocol", "remove the key"),
            ("protocol = '256'", "no number of a protocol", "0 to 255"),
            ("protocol = 256", "out of bounds", "0 to 255"),
            ("protocol = -1", "out of bounds", "0 to 255"),
            ("protocol = '-1'", "`-1`", "goes by its number"),
            ("protocol = ['icmp']", "is an array", "\"icmp\""),
            ("protocol = 'tcp'\nports = ['80/tcp']", "exclude each other", "keep `ports`"),
        ],
    );
    let published = "[[grant]]\nname = 'a'\nto = 'host:published'\nprotocol = 'tcp'";
    check_line(published, 4, "grant.protocol", "have their protocols already", "`ports`");
}

#[test]
fn sources() {
    let kinds = "\"network:NAME\", \"container:NAME\", \"label:KEY=VALUE\"";
    check(
        "grant.from",
        &[
            ("from = 'container:'", "names no container", "`docker ps`"),
            ("from = 'container:a b'", "has ` `", "`docker ps`"),
            ("from = 'container:a/b'", "has `/`", "`docker ps`"),
            ("from = 'container:/web'", "slash", "`container:web`"),
            ("from = 'container:bäcker'", "has `ä`", "`docker ps`"),
            ("from = 'container:-web'", "begins like that", "`docker ps`"),
            ("from = 'container:web*'", "has `*`", "`docker ps`"),
            ("from = \"container:\\u001b\"", "`\\u{1b}`", "`docker ps`"),
            ("from = 'network:'", "names no network", "`docker network ls`"),
            ("from = 'network: '", "names no network", "`docker network ls`"),
            ("from = \"network:a\\nb\"", "not printable", "`docker network ls`"),
            ("from = 'label:tier'", "no equals sign", "`label:tier=VALUE`"),
            ("from = 'label:'", "no equals sign", "`label:KEY=VALUE`"),
            ("from = 'label:=x'", "`` is no key", "`label:KEY=VALUE`"),
            ("from = 'label:a b=x'", "`a b` is no key", "`label:KEY=VALUE`"),
            ("from = \"label:a=\\u202e\"", "not printable", "printable"),
            ("from = 'net:backend'", "neither an address nor", "did you mean \"network:NAME\"?"),
            ("from = 'contianer:web'", "neither an address nor", "did you mean \"container:NAME\"?"),
            ("from = 'Label:a=b'", "neither an address nor", "did you mean \"label:KEY=VALUE\"?"),
            ("from = 'image:nginx'", "neither an address nor", kinds),
            ("from = 'web'", "neither an address nor", "`container:web` or `network:web`"),
            ("from = 'host'", "is no container", "\"network:backend\""),
            ("from = 'localhost'", "is no container", "\"network:backend\""),
            ("from = '*'", "not a container", "remove the key"),
            ("from = 'any'", "not a container", "remove the key"),
            ("from = ''", "not a container", "remove the key"),
            ("from = 'web.example.com'", "names are not looked up", "write the address"),
            ("from = '172.18.0.1/16'", "bits set", "`172.18.0.0/16`"),
            ("from = '172.18.0.2:80'", "port", "`172.18.0.2`"),
            ("from = '[fd00::1]'", "brackets", "`fd00::1`"),
            ("from = 'fd00:::1'", "no IPv6", "fd00::1"),
            ("from = '127.0.0.1'", "no packet of a container", "own addresses"),
            ("from = '224.0.0.0/4'", "no packet of a container", "own addresses"),
            ("from = '::'", "no packet of a container", "own addresses"),
            ("from = 'fd00::/64'", "different families", "write IPv4 addresses"),
            ("from = 7", "is an integer", "\"container:web\""),
            ("from = ['network:a']", "is an array", "\"container:web\""),
        ],
    );
}

#[test]
fn times() {
    let example = "\"2030-01-31T18:00:00Z\"";
    check(
        "grant.until",
        &[
            ("until = '2030-01-31'", "without a time of day", "\"2030-01-31T00:00:00Z\""),
            ("until = 2030-01-31", "without a time of day", "\"2030-01-31T00:00:00Z\""),
            ("until = '2030-01-31T18:00:00'", "no offset", example),
            ("until = 2030-01-31T18:00:00", "no offset", "\"2030-01-31T18:00:00+02:00\""),
            ("until = 18:00:00", "no point in time", example),
            ("until = '2h'", "no point in time", example),
            ("until = 'tomorrow'", "no point in time", example),
            ("until = ''", "no point in time", example),
            ("until = '2030-02-30T18:00:00Z'", "no point in time", example),
            ("until = 1900000000", "is an integer", example),
        ],
    );
}

#[test]
fn flags() {
    check("grant.required", &[("required = 'yes'", "is a string", "`true` or `false`")]);
}
