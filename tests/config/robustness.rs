//! Whatever the file holds, it is judged and never ends the program.

use std::net::{Ipv4Addr, Ipv6Addr};

use dockwall::config::*;
use jiff::Timestamp;
use proptest::prelude::*;

const VALID: &str = r#"
mode = "enforce"
containers.interfaces = ["docker0", "br-*"]
log = { enabled = true, rate = "6/minute", burst = 5 }

[deny]
ranges = ["internal", "special", "10.0.0.0/8", "fd00::1-fd00::9"]
host = true
action = "reject"

[dns]
allow = ["10.57.17.5", "fd00::53"]

[[grant]]
name = "ldap"
ports = ["389/tcp", "8000-8100/udp"]
from = "label:tier=backend"
until = 2030-01-31T18:00:00Z
required = true
to = "10.57.17.5"
comment = "für alle"

[[grant]]
name = "db"
to = "10.57.17.0/24"
protocol = "icmp"
from = "172.18.0.0/16"

[[grant]]
name = "published"
to = "host:published"
until = "2030-01-31T18:00:00+02:00"
from = "container:web"
"#;

/// Reads `text` and renders what is wrong with it.
fn judge(text: &str) {
    match Config::parse("dockwall.toml", text) {
        Ok(loaded) => loaded.warnings.iter().for_each(|warning| assert!(!warning.render(true).is_empty())),
        Err(error) => {
            assert!(!error.errors.is_empty());
            assert!(!error.render(true).is_empty());
            assert!(serde_json::to_string(&error).is_ok());
        }
    }
}

/// Pieces that mean something in TOML or in a configuration.
fn piece() -> impl Strategy<Value = String> {
    let words = [
        "mode",
        "containers",
        "interfaces",
        "deny",
        "ranges",
        "host",
        "dns",
        "allow",
        "ports",
        "protocol",
        "from",
        "until",
        "required",
        "log",
        "grant",
        "name",
        "to",
        "burst",
        "=",
        ".",
        ",",
        "[",
        "]",
        "[[",
        "]]",
        "{",
        "}",
        "\"",
        "'",
        "\"\"\"",
        "\n",
        "\r\n",
        "#",
        " ",
        "\t",
        "\0",
        "ä",
        "\u{202e}",
        "\u{feff}",
        "1979-05-27",
        "07:32:00",
        "0x10",
        "1e9",
        "nan",
        "true",
        "\\",
        "\\u0000",
        "*",
        "10.0.0.0/8",
        "fd00::/8",
        "-",
        "'auto'",
        "'10.0.0.1'",
        "'bridges'",
        "'none'",
        "'special'",
        "'host:published'",
        "'8000-8100/tcp'",
        "'icmp'",
        "'network:a'",
        "'container:a'",
        "'label:a=b'",
        "2030-01-31T18:00:00Z",
    ];
    prop_oneof![4 => prop::sample::select(words.to_vec()).prop_map(str::to_owned), 1 => "\\PC{0,8}"]
}

/// Addresses that containers may have: no loopback and no multicast ones.
fn any_ipv4() -> impl Strategy<Value = Target> {
    (0x0b00_0000..0x7eff_0000_u32, 0..1000_u32).prop_map(|(first, more)| {
        format!("{}-{}", Ipv4Addr::from(first), Ipv4Addr::from(first + more)).parse().unwrap()
    })
}

fn any_ipv6() -> impl Strategy<Value = Target> {
    (any::<u64>(), 0..64_u8).prop_map(|(low, bits)| {
        let first = Ipv6Addr::from((0xfd00 << 112) | u128::from(low >> bits << bits));
        format!("{first}/{}", 128 - bits).parse().unwrap()
    })
}

fn any_destination_and_source() -> impl Strategy<Value = (Destination, Option<Source>)> {
    let addresses = |(to, from): (Target, Target)| (to.into(), Some(from.into()));
    let name = "[^\\pC\\pZ]{1,20}";
    let text = "[^\\pC\u{2028}\u{2029}]{0,20}";
    let named = prop_oneof![
        Just(None),
        name.prop_map(|name| Some(Source::Network(name))),
        "[a-zA-Z0-9][a-zA-Z0-9_.-]{1,20}".prop_map(|name| Some(Source::Container(name))),
        ("[^\\pC\\pZ=]{1,20}", text).prop_map(|(key, value)| Some(Source::Label { key, value })),
    ];
    let host = prop_oneof![Just(Destination::Host), Just(Destination::Published)];
    let to = prop_oneof![host, any_ipv4().prop_map(Destination::from), any_ipv6().prop_map(Destination::from)];
    prop_oneof![(to, named), (any_ipv4(), any_ipv4()).prop_map(addresses), (any_ipv6(), any_ipv6()).prop_map(addresses),]
}

fn any_ports() -> impl Strategy<Value = Vec<Ports>> {
    let protocols = [Protocol::Tcp, Protocol::Udp, Protocol::UdpLite, Protocol::Dccp, Protocol::Sctp];
    let ports = (prop::sample::select(protocols.to_vec()), 1..=u16::MAX, 0..100_u16);
    let ports = ports.prop_map(|(protocol, first, more)| Ports { protocol, first, last: first.saturating_add(more) });
    prop::collection::vec(ports, 0..5).prop_map(Ports::merge)
}

fn any_grant() -> impl Strategy<Value = Grant> {
    let protocol = (0..=255_u8).prop_filter_map("ICMPv6", |number| Protocol::from_number(number).ok());
    let until = (0..250_000_000_000_i64, 0..1_000_000_000_i32);
    let until = until.prop_map(|(seconds, nanoseconds)| Timestamp::new(seconds, nanoseconds).unwrap());
    let comment = "[^\\pC\u{2028}\u{2029}]{0,40}";
    let parts = (
        "[a-zA-Z0-9._-]{1,64}",
        any_destination_and_source(),
        any_ports(),
        prop::option::of(protocol),
        prop::option::of(until),
        any::<bool>(),
        prop::option::of(comment),
    );
    parts.prop_map(|(name, (to, from), ports, protocol, until, required, comment)| Grant {
        name,
        to,
        protocol: protocol.filter(|_| ports.is_empty() && to != Destination::Published),
        ports,
        from,
        until,
        required,
        comment,
        origin: Origin::BuiltIn,
    })
}

#[test]
fn nesting_without_end_is_refused() {
    for text in [
        format!("{} = 1", vec!["a"; 100_000].join(".")),
        format!("[{}]\nx = 1", vec!["log"; 100_000].join(".")),
        format!("a = {}{}", "[".repeat(100_000), "]".repeat(100_000)),
        format!("a = {}1{}", "{a=".repeat(100_000), "}".repeat(100_000)),
    ] {
        assert!(Config::parse("dockwall.toml", &text).is_err());
    }
}

proptest! {
    #[test]
    fn any_text_is_judged(text in any::<String>()) {
        judge(&text);
    }

    #[test]
    fn any_pieces_of_configuration_are_judged(pieces in prop::collection::vec(piece(), 0..60)) {
        judge(&pieces.concat());
    }

    #[test]
    fn any_damage_to_a_valid_file_is_judged(
        cuts in prop::collection::vec((any::<prop::sample::Index>(), 0usize..12, piece()), 1..6)
    ) {
        let mut characters: Vec<char> = VALID.chars().collect();
        for (at, removed, inserted) in cuts {
            let start = at.index(characters.len() + 1);
            let end = (start + removed).min(characters.len());
            characters.splice(start..end, inserted.chars());
        }
        judge(&characters.into_iter().collect::<String>());
    }

    #[test]
    fn any_value_is_judged(text in "\\PC{0,40}|[0-9a-f:./%*+ -]{0,40}") {
        for key in ["mode", "containers.interfaces", "dns.allow", "deny.action", "log.rate", "log.prefix", "log.target", "log.remember"] {
            judge(&format!("{key} = '''{}'''", text.replace('\'', "")));
        }
        let _ = (text.parse::<Mode>(), text.parse::<Action>(), text.parse::<Rate>(), text.parse::<LogPrefix>());
        for key in ["ports", "protocol", "from", "until", "required"] {
            judge(&format!("[[grant]]\nname = 'a'\nto = 'host'\n{key} = \'\'\'{}\'\'\'", text.replace('\'', "")));
        }
        let _ = (text.parse::<LogTarget>(), text.parse::<Remember>(), text.parse::<InterfacePattern>());
    }

    #[test]
    fn a_grant_reads_back_as_it_is_written(mut grants in prop::collection::vec(any_grant(), 1..4)) {
        for (index, grant) in grants.iter_mut().enumerate() {
            grant.name.truncate(60);
            grant.name.push_str(&index.to_string());
        }
        let text: String = grants.iter().map(Grant::to_toml).collect();
        let read = Config::parse("a.toml", &text).map(|loaded| loaded.config.grants);
        let read = read.map(|read| read.into_iter().map(|grant| Grant { origin: Origin::BuiltIn, ..grant }).collect());
        prop_assert_eq!(read, Ok(grants), "{}", text);
    }

    #[test]
    fn a_word_is_printed_as_it_is_read(
        text in "[0-9]{1,5}(-[0-9]{1,5})?/(tcp|udp|sctp)|(network|container|label):[a-z=./ -]{1,9}|[0-9]{1,3}|host(:published)?"
    ) {
        if let Ok(ports) = text.parse::<Ports>() {
            prop_assert_eq!(ports.to_string().parse(), Ok(ports));
        }
        if let Ok(protocol) = text.parse::<Protocol>() {
            prop_assert_eq!(protocol.to_string().parse(), Ok(protocol));
        }
        if let Ok(source) = text.parse::<Source>() {
            prop_assert_eq!(source.to_string(), text.clone());
        }
        if let Ok(destination) = text.parse::<Destination>() {
            prop_assert_eq!(destination.to_string(), text);
        }
    }

    #[test]
    fn a_target_is_printed_as_it_is_read(text in "[0-9]{1,3}(\\.[0-9]{1,3}){3}(/[0-9]{1,2})?|[0-9a-f]{1,4}::[0-9a-f]{1,4}(/[0-9]{1,3})?") {
        if let Ok(target) = text.parse::<Target>() {
            prop_assert_eq!(target.to_string().parse(), Ok(target));
        }
    }
}
