//! Whatever the file holds, it is judged and never ends the program.

use dockwall::config::{Action, Config, InterfacePattern, LogPrefix, LogTarget, Mode, Rate, Remember, Target};
use proptest::prelude::*;

const VALID: &str = r#"
mode = "enforce"
containers.interfaces = ["docker0", "br-*"]
log = { enabled = true, rate = "6/minute", burst = 5 }

[deny]
ranges = ["internal", "10.0.0.0/8", "fd00::1-fd00::9"]
action = "reject"

[[grant]]
name = "ldap"
to = "10.57.17.5"
comment = "für alle"

[[grant]]
name = "db"
to = "10.57.17.0/24"
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
    ];
    prop_oneof![4 => prop::sample::select(words.to_vec()).prop_map(str::to_owned), 1 => "\\PC{0,8}"]
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
        for key in ["mode", "deny.action", "log.rate", "log.prefix", "log.target", "log.remember"] {
            judge(&format!("{key} = '''{}'''", text.replace('\'', "")));
        }
        let _ = (text.parse::<Mode>(), text.parse::<Action>(), text.parse::<Rate>(), text.parse::<LogPrefix>());
        let _ = (text.parse::<LogTarget>(), text.parse::<Remember>(), text.parse::<InterfacePattern>());
    }

    #[test]
    fn a_target_is_printed_as_it_is_read(text in "[0-9]{1,3}(\\.[0-9]{1,3}){3}(/[0-9]{1,2})?|[0-9a-f]{1,4}::[0-9a-f]{1,4}(/[0-9]{1,3})?") {
        if let Ok(target) = text.parse::<Target>() {
            prop_assert_eq!(target.to_string().parse(), Ok(target));
        }
    }
}
