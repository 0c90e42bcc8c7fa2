//! Values that are refused: on which line, for which key, why, and with which cure.

use dockwall::config::Kind;

use crate::{refuse, summary};

/// One refusal: the error stands on the line, names the key and contains both texts.
struct Case {
    input: &'static str,
    line: u32,
    key: &'static str,
    problem: &'static str,
    cure: &'static str,
}

const fn case(input: &'static str, line: u32, key: &'static str, problem: &'static str, cure: &'static str) -> Case {
    Case { input, line, key, problem, cure }
}

#[track_caller]
fn check(cases: &[Case]) {
    for Case { input, line, key, problem, cure } in cases {
        let errors = refuse(input).errors;
        let [error] = errors.as_slice() else {
            panic!("{input}: {} errors: {:?}", errors.len(), errors.iter().map(summary).collect::<Vec<_>>());
        };
        assert_eq!((error.line, error.key.as_deref()), (Some(*line), Some(*key)), "{input}");
        assert!(error.problem.contains(problem), "{input}: {}", summary(error));
        assert!(error.cure.contains(cure), "{input}: {}", summary(error));
    }
}

#[test]
fn words() {
    check(&[
        case("\nmode = 'enfroce'", 2, "mode", "`enfroce` is not \"audit\" or \"enforce\"", "did you mean \"enforce\"?"),
        case("mode = 'Audit'", 1, "mode", "`Audit`", "did you mean \"audit\"?"),
        case("mode = 'block'", 1, "mode", "`block`", "write \"audit\" or \"enforce\""),
        case("mode = ''", 1, "mode", "``", "write \"audit\""),
        case("mode = true", 1, "mode", "`true` is a boolean", "such as \"audit\""),
        case("[deny]\naction = 'deny'", 2, "deny.action", "`deny`", "write \"drop\" or \"reject\""),
        case("deny.action = ['drop']", 1, "deny.action", "is an array", "such as \"drop\""),
    ]);
}

#[test]
fn interfaces() {
    let key = "containers.interfaces";
    check(&[
        case("[containers]\ninterfaces = []", 2, key, "nothing would be policed", "`dockwall remove`"),
        case("containers.interfaces = 'docker0'", 1, key, "not \"auto\", \"bridges\" or a list", "[\"docker0\"]"),
        case("containers.interfaces = 'bridge'", 1, key, "`bridge`", "did you mean \"bridges\"?"),
        case("containers.interfaces = ''", 1, key, "``", "[\"docker0\"]"),
        case("containers.interfaces = ['bridges']", 1, key, "in a list", "\"bridges\" alone"),
        case("containers.interfaces = 7", 1, key, "`7` is an integer", "[\"docker0\"]"),
        case("containers.interfaces = [\n'a',\n7]", 3, key, "`7` is an integer", "quotation marks"),
        case("containers.interfaces = ['auto']", 1, key, "in a list", "\"auto\" alone"),
        case("containers.interfaces = ['abcdefghijklmnop']", 1, key, "has 16 bytes", "at most 15"),
        case("containers.interfaces = ['abcdefghijklmno*']", 1, key, "has 15 bytes", "at most 14"),
        case("containers.interfaces = ['br-*x']", 1, key, "asterisk before its end", "write `br-*`"),
        case("containers.interfaces = ['br-**']", 1, key, "asterisk before its end", "write `br-*`"),
        case("containers.interfaces = ['*0']", 1, key, "asterisk before its end", "one asterisk"),
        case("containers.interfaces = ['eth+']", 1, key, "iptables' wildcard", "write `eth*`"),
        case("containers.interfaces = ['eth0:1']", 1, key, "has `:`", "ip link"),
        case("containers.interfaces = ['a b']", 1, key, "has ` `", "ip link"),
        case("containers.interfaces = ['a/b*']", 1, key, "has `/`", "ip link"),
        case("containers.interfaces = [\"a\\u001bb\"]", 1, key, "`\\u{1b}`", "ip link"),
        case("containers.interfaces = ['..']", 1, key, "no name of an interface", "ip link"),
        case("containers.exclude = 'br-lan'", 1, "containers.exclude", "a string", "[\"br-lan\"]"),
        case("containers.exclude = ['']", 1, "containers.exclude", "", "br-"),
        case("containers.exclude = ['*']", 1, "containers.exclude", "would match every interface", "\"br-*\""),
        case("deny.on_link = 'no'", 1, "deny.on_link", "a string", "false"),
        case("guard.own = 'yes'", 1, "guard.own", "a string", "false"),
        case("guard = true", 1, "guard", "a boolean", "[guard]"),
        case("deny.uplinks = []", 1, "deny.uplinks", "nothing would be policed", "\"any\""),
        case("deny.uplinks = 'auto'", 1, "deny.uplinks", "not \"any\" or a list", "[\"auto\"]"),
        case("deny.uplinks = ['any']", 1, "deny.uplinks", "in a list", "\"any\" alone"),
        case("deny.host = 'no'", 1, "deny.host", "a string", "false"),
    ]);
}

#[test]
fn c6_escaped_asterisk_is_rejected() {
    let key = "containers.interfaces";
    check(&[case("containers.interfaces = ['br-\\*']", 1, key, "escapes its asterisk", "write `br-*`")]);
}

#[test]
fn c8_pattern_without_characters_is_an_error() {
    let key = "containers.interfaces";
    check(&[
        case("containers.interfaces = ['']", 1, key, "would match every interface", "br-*"),
        case("containers.interfaces = ['*']", 1, key, "would match every interface", "br-*"),
        case("deny.uplinks = ['*']", 1, "deny.uplinks", "would match every interface", "docker0"),
    ]);
}

#[test]
fn ranges() {
    let key = "deny.ranges";
    check(&[
        case(
            "[deny]\nranges = [\n'10.0.0.0/8',\n'10.1.2.3/8'\n]",
            4,
            key,
            "bits set",
            "`10.0.0.0/8` for the network or `10.1.2.3`",
        ),
        case("deny.ranges = ['fd00::1/8']", 1, key, "bits set", "`fd00::/8`"),
        case("deny.ranges = ['10.0.0.9-10.0.0.1']", 1, key, "ends before", "`10.0.0.1-10.0.0.9`"),
        case("deny.ranges = ['10.0.0.1-fd00::1']", 1, key, "mixes", "each family"),
        case("deny.ranges = ['10.0.0.1-9']", 1, key, "`9` leaves out", "all four numbers"),
        case("deny.ranges = ['10.0.0.0/33']", 1, key, "longer than an IPv4", "0 to 32"),
        case("deny.ranges = ['10.0.0.0/999999999999']", 1, key, "longer than an IPv4", "0 to 32"),
        case("deny.ranges = ['fd00::/129']", 1, key, "longer than an IPv6", "0 to 128"),
        case("deny.ranges = ['10.0.0.0/']", 1, key, "no number behind", "0 to 32"),
        case("deny.ranges = ['10.0.0.0/+8']", 1, key, "no number behind", "0 to 32"),
        case("deny.ranges = ['10.0.0.0/255.0.0.0']", 1, key, "netmask", "`10.0.0.0/8`"),
        case("deny.ranges = ['10.1/16']", 1, key, "leaves out", "`10.1.0.0/16`"),
        case("deny.ranges = ['10.1']", 1, key, "leaves out", "`10.1.0.0/16`"),
        case("deny.ranges = ['010.1.2.3']", 1, key, "leading zero", "`10.1.2.3`"),
        case("deny.ranges = ['10.1.2.300']", 1, key, "no IPv4 address", "0 to 255"),
        case("deny.ranges = ['10.1.2.3.4']", 1, key, "no IPv4 address", "four numbers"),
        case("deny.ranges = ['db.example.com']", 1, key, "names are not looked up", "write the address"),
        case("deny.ranges = ['my-db.example.com']", 1, key, "names are not looked up", "write the address"),
        case("deny.ranges = ['fe80::1%eth0']", 1, key, "zone", "`fe80::1`"),
        case("deny.ranges = ['']", 1, key, "empty", "10.0.0.0/8"),
        case("deny.ranges = ['10.0.0.0/8 ']", 1, key, "space", "`10.0.0.0/8`"),
        case("deny.ranges = ['10.0.0.1 - 10.0.0.9']", 1, key, "space", "`10.0.0.1-10.0.0.9`"),
        case("deny.ranges = ['::ffff:10.0.0.1']", 1, key, "IPv4-mapped", "write `10.0.0.1`"),
        case("deny.ranges = ['::ffff:10.0.0.0/104']", 1, key, "IPv4-mapped", "write `10.0.0.0/8`"),
        case("deny.ranges = ['10.0.0.1:80']", 1, key, "port", "`10.0.0.1`"),
        case("deny.ranges = ['[fd00::1]']", 1, key, "brackets", "`fd00::1`"),
        case("deny.ranges = ['fd00:::1']", 1, key, "no IPv6", "fd00::1"),
        case("deny.ranges = ['intrenal']", 1, key, "neither a preset nor", "did you mean \"internal\"?"),
        case("deny.ranges = ['localhost']", 1, key, "neither a preset nor", "\"recipe\" or \"special\", or a network"),
        case("deny.ranges = ['specail']", 1, key, "neither a preset nor", "did you mean \"special\"?"),
        case("deny.ranges = ['host']", 1, key, "neither a preset nor", "`deny.host = true`"),
        case("deny.ranges = ['host:published']", 1, key, "no address", "the host's address"),
        case("deny.ranges = 'internal'", 1, key, "is a string", "[\"internal\"]"),
        case("deny.ranges = [['internal']]", 1, key, "is an array", "quotation marks"),
        case("deny.ranges = [{}]", 1, key, "is a table", "quotation marks"),
    ]);
}

#[test]
fn log() {
    check(&[
        case("[log]\n\nenabled = 'yes'", 3, "log.enabled", "`yes` is a string", "`true` or `false`"),
        case("log.rate = '0/minute'", 1, "log.rate", "never log", "log.enabled"),
        case("log.rate = '6'", 1, "log.rate", "no rate", "6/minute"),
        case("log.rate = 6", 1, "log.rate", "an integer", "such as \"6/minute\""),
        case("log.rate = '6/minutes'", 1, "log.rate", "`6/minutes`", "did you mean \"minute\"?"),
        case("log.rate = '+6/minute'", 1, "log.rate", "`+6`", "6/minute"),
        case("log.rate = '1000001/second'", 1, "log.rate", "1 to 1000000", "6/minute"),
        case("log.limit = '/second'", 1, "log.limit", "``", "6/minute"),
        case("log.burst = 0", 1, "log.burst", "`0`", "1 to 1000000"),
        case("log.burst = -5", 1, "log.burst", "`-5`", "1 to 1000000"),
        case("log.burst = 0xffffffffffffffffffff", 1, "log.burst", "out of bounds", "1 to 1000000"),
        case("log.burst = 5.0", 1, "log.burst", "`5.0` is a float", "1 to 1000000"),
        case("log.rate = '1/week'\nlog.burst = 1_000_000", 2, "log.burst", "more than the kernel", "at most 30500"),
        case("log.prefix = ''", 1, "log.prefix", "without a visible", "DOCKER_NET_DROP"),
        case("log.prefix = 'a\"b'", 1, "log.prefix", "has `\"`", "printable ASCII"),
        case("log.prefix = 'a\\b'", 1, "log.prefix", "has `\\`", "printable ASCII"),
        case("log.prefix = 'a$b'", 1, "log.prefix", "has `$`", "printable ASCII"),
        case("log.prefix = \"a\\nb\"", 1, "log.prefix", "`\\u{a}`", "printable ASCII"),
        case("log.prefix = 'ä'", 1, "log.prefix", "has `ä`", "printable ASCII"),
        case("log.target = 'syslog'", 1, "log.target", "`syslog`", "nflog:1"),
        case("log.target = 'nflog:65536'", 1, "log.target", "`65536` is not a group", "0 to 65535"),
        case("log.target = 1979-05-27", 1, "log.target", "is a datetime", "such as \"kernel\""),
        case("log.remember = '10'", 1, "log.remember", "no time", "10m"),
        case("log.remember = '31d'", 1, "log.remember", "out of bounds", "30d"),
        case("log.remember = '0s'", 1, "log.remember", "out of bounds", "1s"),
        case("log.remember = '10m ago'", 1, "log.remember", "out of bounds", "1s"),
        case("log.remember = '1 month'", 1, "log.remember", "no time", "10m"),
        case("log.remember = '1.5s'", 1, "log.remember", "fraction", "\"1s\""),
        case("log = 'on'", 1, "log", "is a string", "`[log]`"),
        case("[[log]]\n", 1, "log", "is an array", "`[log]`"),
    ]);
}

#[test]
fn a_prefix_of_128_bytes_is_longer_than_the_kernel_keeps() {
    let errors = refuse(&format!("log.prefix = '{}'", "x".repeat(128))).errors;
    assert!(summary(&errors[0]).contains("128 bytes => shorten it: the kernel keeps 127"), "{}", summary(&errors[0]));
}

#[test]
fn k8_audited_and_dropped_packets_have_different_prefixes() {
    check(&[
        case("[log]\nprefix = 'X '\naudit_prefix = 'X'", 3, "log.audit_prefix", "look the same", "differ"),
        case("[log]\nprefix = 'DOCKER_NET_AUDIT '", 2, "log.prefix", "look the same", "differ"),
    ]);
}

#[test]
fn grants() {
    check(&[
        case("\n[[grant]]\nto = '10.0.0.1'", 2, "grant.name", "missing", "name = \"postgres\""),
        case("[[grant]]\nname = 'a'", 1, "grant.to", "missing", "to = \"10.1.2.3\""),
        case("grant = [{ name = 'a' }]", 1, "grant.to", "missing", "to = \"10.1.2.3\""),
        case("[[grant]]\nname = 'a b'\nto = '10.0.0.1'", 2, "grant.name", "`a b`", "write `a-b`"),
        case("[[grant]]\nname = ''\nto = '10.0.0.1'", 2, "grant.name", "empty", "postgres"),
        case("[[grant]]\nname = 'a'\nto = ['10.0.0.1']", 3, "grant.to", "is an array", "10.1.2.3"),
        case(
            "[[grant]]\nname = 'a'\nto = '10.0.0.1'\ncomment = \"\"\"a\nb\"\"\"",
            4,
            "grant.comment",
            "not printable",
            "one line",
        ),
        case("[grant]\nname = 'a'", 1, "grant", "is a table", "`[[grant]]`"),
        case("grant = ['a']", 1, "grant", "`a` is a string", "`[[grant]]`"),
        case("grant = 'a'", 1, "grant", "`a` is a string", "`[[grant]]`"),
        case(
            "[[grant]]\nname = 'a'\nto = '10.0.0.1'\n[[grant]]\nname = 'a'\nto = '10.0.0.2'",
            5,
            "grant.name",
            "already at dockwall.toml:1",
            "another name",
        ),
    ]);
}

#[test]
fn resolvers() {
    let key = "dns.allow";
    check(&[
        case("[dns]\nallow = []", 2, key, "allows no resolver", "\"none\""),
        case("dns.allow = 'off'", 1, key, "`off` is not \"auto\", \"none\" or a list", "[\"off\"]"),
        case("dns.allow = 'non'", 1, key, "`non`", "did you mean \"none\"?"),
        case("dns.allow = '10.0.0.53'", 1, key, "or a list", "[\"10.0.0.53\"]"),
        case("dns.allow = true", 1, key, "`true` is a boolean", "a list"),
        case("dns.allow = [53]", 1, key, "`53` is an integer", "\"10.0.0.53\""),
        case("dns.allow = ['auto']", 1, key, "in a list", "\"auto\" alone"),
        case("dns.allow = ['none', '10.0.0.53']", 1, key, "in a list", "\"none\" alone"),
        case("dns.allow = ['dns.example.com']", 1, key, "names are not looked up", "write the address"),
        case("dns.allow = ['host']", 1, key, "no address", "the host's address"),
        case("dns.allow = ['10.0.0.0/24']", 1, key, "more than one address", "each resolver"),
        case("dns.allow = ['10.0.0.1-10.0.0.2']", 1, key, "more than one address", "each resolver"),
        case("dns.allow = ['10.0.0.53:53']", 1, key, "port", "`10.0.0.53`"),
        case("dns.allow = ['127.0.0.53']", 1, key, "own loopback", "or \"auto\""),
        case("dns.allow = ['127.0.0.11']", 1, key, "own loopback", "or \"auto\""),
        case("dns.allow = ['::1']", 1, key, "own loopback", "containers reach"),
        case("dns.allow = ['0.0.0.0']", 1, key, "of nobody", "containers reach"),
        case("dns.allow = ['::']", 1, key, "of nobody", "containers reach"),
        case("dns.allow = ['224.0.0.251']", 1, key, "no single resolver", "containers reach"),
        case("dns.allow = ['255.255.255.255']", 1, key, "no single resolver", "containers reach"),
        case("dns.allow = ['ff02::fb']", 1, key, "no single resolver", "containers reach"),
        case("dns.allow = ['fe80::1%eth0']", 1, key, "zone", "`fe80::1`"),
        case("dns.allow = ['::ffff:10.0.0.53']", 1, key, "IPv4-mapped", "`10.0.0.53`"),
    ]);
}

#[test]
fn unknown_keys() {
    check(&[
        case("mood = 'audit'", 1, "mood", "no such key", "did you mean `mode`?"),
        case("[container]\ninterfaces = 'auto'", 1, "container", "no such key", "did you mean `containers`?"),
        case("[deny]\nrate = '6/minute'", 2, "deny.rate", "no such key", "did you mean `log.rate`?"),
        case("ranges = []", 1, "ranges", "no such key", "did you mean `deny.ranges`?"),
        case("log.audit-prefix = 'x'", 1, "log.audit-prefix", "no such key", "did you mean `log.audit_prefix`?"),
        case(
            "deny.all = true",
            1,
            "deny.all",
            "no such key",
            "the keys here are action, host, on_link, ranges, uplinks",
        ),
        case("[dns]\nresolvers = 'auto'", 2, "dns.resolvers", "no such key", "the keys here are allow"),
        case(
            "watch.own = true",
            1,
            "watch",
            "no such key",
            "the keys here are containers, deny, dns, grant, guard, log, mode",
        ),
        case("[guard]\nowns = true", 2, "guard.owns", "no such key", "did you mean `guard.own`?"),
        case("own = false", 1, "own", "no such key", "did you mean `guard.own`?"),
        case("'a b' = 1", 1, "\"a b\"", "no such key", "remove it"),
        case(
            "[[grant]]\nname = 'a'\nto = '10.0.0.1'\nport = '53/udp'",
            4,
            "grant.port",
            "no such key",
            "did you mean `grant.ports`?",
        ),
    ]);
}

#[test]
fn all_errors_come_at_once_in_the_order_of_the_lines() {
    let errors =
        refuse("log.burst = 0\nmode = 'x'\n[[grant]]\nname = 'a'\nname2 = 'b'\n[deny]\nranges = ['x', 'y']").errors;
    let places: Vec<_> = errors.iter().map(|error| (error.line.unwrap(), error.kind)).collect();
    let value = Kind::Value;
    assert_eq!(places, [(1, value), (2, value), (3, Kind::MissingKey), (5, Kind::UnknownKey), (7, value), (7, value)]);
}

#[test]
fn all_syntax_errors_come_at_once_with_the_values_that_are_certain() {
    let errors = refuse("mode = enforce\nlog.burst = 0\nlog.rate = \n[deny\nranges = ['10.0.0.1/8']").errors;
    let lines: Vec<_> = errors.iter().map(|error| (error.line.unwrap(), error.kind)).collect();
    assert_eq!(lines, [(1, Kind::Syntax), (2, Kind::Value), (3, Kind::Syntax), (4, Kind::Syntax)]);
    assert!(errors[0].problem.contains("`enforce` has no quotation marks"), "{}", errors[0].problem);
    assert!(errors[2].problem.contains("value is missing"), "{}", errors[2].problem);
}

#[test]
fn a_key_written_twice_is_an_error() {
    let errors = refuse("mode = 'audit'\nmode = 'enforce'").errors;
    assert_eq!(
        summary(&errors[0]),
        "2 : `mode` is written twice => keep one of the two, with everything that belongs under it"
    );
}
