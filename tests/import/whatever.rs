//! Whatever a text is, it is read or refused, and every line of what is read is accounted for.

use dockwall::config::Config;
use dockwall::import::{Kind, read, translate, write};
use proptest::prelude::*;

use crate::rules;

const KINDS: [Kind; 7] = [Kind::Direct, Kind::DirectXml, Kind::Script, Kind::Save, Kind::Ufw, Kind::Nft, Kind::NftJson];

/// Words that rules have, in any order.
fn words() -> impl Strategy<Value = String> {
    let words = prop::sample::select(vec![
        "iptables",
        "ip6tables",
        "firewall-cmd",
        "--direct",
        "--add-rule",
        "ipv4",
        "ipv6",
        "filter",
        "DOCKER-USER",
        "0",
        "-A",
        "-I",
        "-N",
        "-F",
        "-D",
        "-P",
        "-t",
        "nat",
        "-i",
        "-o",
        "docker0",
        "eth+",
        "!",
        "-s",
        "-d",
        "10.0.0.0/8",
        "fd00::/8",
        "10/8",
        "-p",
        "tcp",
        "udp",
        "--dport",
        "22",
        "1:2",
        "-m",
        "limit",
        "--limit",
        "3/m",
        "set",
        "--match-set",
        "-j",
        "-g",
        "DROP",
        "RETURN",
        "ACCEPT",
        "LOG",
        "--log-prefix",
        "'a b'",
        "\"",
        "'",
        "\\",
        "\n",
        "\n",
        ";",
        "&&",
        "for",
        "a",
        "in",
        "do",
        "done",
        "if",
        "then",
        "fi",
        "$a",
        "$(",
        ")",
        "#",
        "<<E",
        "E",
        "*filter",
        "COMMIT",
        ":DOCKER-USER",
        "table",
        "inet",
        "x",
        "{",
        "}",
        "chain",
        "type",
        "hook",
        "forward",
        "priority",
        "iifname",
        "oifname",
        "ip",
        "daddr",
        "ip6",
        "drop",
        "return",
        "jump",
        "counter",
        "log",
        "@s",
        "th",
        "ct",
        "state",
        "new",
        ",",
        "==",
        "elements",
        "=",
        "set",
    ]);
    prop::collection::vec(words, 0..60).prop_map(|words| words.join(" "))
}

#[track_caller]
fn hold(text: &str, kind: Option<Kind>) {
    let Ok(source) = read(text, kind, &|_| None) else { return };
    for literal in [false, true] {
        let translation = translate(&source, literal);
        let report = &translation.report;
        assert_eq!(report.lines.len(), source.text.lines().count(), "{text}");
        assert!(report.lines.iter().all(|line| !line.said.is_empty()), "{text}");
        let written = write(&translation.plan, text);
        assert!(Config::parse("imported", &written).is_ok(), "{written}\n{text}");
    }
}

proptest! {
    #[test]
    fn any_words_of_rules(text in words(), kind in prop::sample::select(KINDS.to_vec())) {
        hold(&text, Some(kind));
        hold(&text, None);
    }

    #[test]
    fn any_text(text in "\\PC{0,200}", kind in prop::sample::select(KINDS.to_vec())) {
        hold(&text, Some(kind));
    }

    #[test]
    fn a_recipe_with_something_amiss(
        name in prop::sample::select(vec!["recipe.direct", "recipe.xml", "recipe.sh", "audit.save", "after.rules", "hand.sh"]),
        at in any::<prop::sample::Index>(),
        length in 0usize..30,
        instead in "[ -~\\n]{0,8}",
    ) {
        let text = rules(name);
        let at = at.index(text.len());
        let end = (at + length).min(text.len());
        hold(&format!("{}{instead}{}", &text[..at], &text[end..]), None);
    }
}
