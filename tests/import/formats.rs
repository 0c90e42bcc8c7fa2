//! The recipe and its audit variant, in every format that they are found in.

use dockwall::config::Mode;
use dockwall::import::{ANSWERS, Fate, Kind, Status};

use crate::{import, rules};

const FORMATS: [(&str, Kind); 4] =
    [("direct", Kind::Direct), ("xml", Kind::DirectXml), ("sh", Kind::Script), ("save", Kind::Save)];

/// The keys without the lines that they come from.
fn keys(text: &str) -> Vec<&str> {
    text.lines().map(|line| line.split('#').next().unwrap().trim()).filter(|line| !line.is_empty()).collect()
}

#[test]
fn the_recipe_makes_the_same_configuration_from_every_format_and_every_line_is_carried() {
    for name in ["recipe", "audit"] {
        let expected = import(&rules(&format!("{name}.direct")), None, false);
        assert_eq!(expected.config.mode, if name == "audit" { Mode::Audit } else { Mode::Enforce });
        let uplinks: Vec<&str> = keys(&expected.text).into_iter().filter(|line| line.starts_with("uplinks")).collect();
        assert_eq!(uplinks, ["uplinks = [\"lo\", \"eth*\"]"]);
        for (suffix, kind) in FORMATS {
            let imported = import(&rules(&format!("{name}.{suffix}")), None, false);
            assert_eq!(imported.source.kind, kind);
            assert_eq!(keys(&imported.text), keys(&expected.text), "{name}.{suffix}");
            assert_eq!(imported.translation.report.count(Status::NotCarried), 0, "{name}.{suffix}");
        }
    }
}

#[test]
fn of_the_recipe_s_packets_only_answers_and_what_is_for_the_host_fare_otherwise() {
    for (suffix, _) in FORMATS {
        let compared = import(&rules(&format!("recipe.{suffix}")), None, true).compare();
        let reasons: Vec<(Option<&str>, Fate, Fate)> =
            compared.groups.iter().map(|group| (group.reason.as_deref(), group.theirs, group.ours)).collect();
        assert_eq!(reasons, [(Some(ANSWERS), Fate::Dropped, Fate::Passes)], "recipe.{suffix}, to the letter");

        let compared = import(&rules(&format!("recipe.{suffix}")), None, false).compare();
        assert_eq!((compared.groups.len(), compared.unexplained()), (2, 0), "recipe.{suffix}");
        assert!(compared.packets > 5_000, "{}", compared.packets);
    }
}

#[test]
fn a_hand_written_table_of_nft_is_the_same_by_its_text_and_by_its_json() {
    let text = import(&rules("hand.nft"), None, false);
    let json = import(&rules("hand.nft.json"), None, false);
    assert_eq!((text.source.kind, json.source.kind), (Kind::Nft, Kind::NftJson));
    // nft puts elements in order.
    let sorted = |text: &str| {
        let mut keys: Vec<String> = keys(text).into_iter().map(str::to_owned).collect();
        keys.sort_unstable();
        keys
    };
    assert_eq!(sorted(&text.text), sorted(&json.text));
    for imported in [text, json] {
        assert_eq!(
            imported.translation.report.count(Status::NotCarried),
            0,
            "{:#?}",
            imported.translation.report.lines
        );
        assert_eq!(imported.compare().unexplained(), 0);
    }
}

#[test]
fn ufw_docker_s_block_is_told_for_what_it_is() {
    let imported = import(&rules("after.rules"), None, false);
    assert_eq!(imported.source.kind, Kind::Ufw);
    let statuses = [6, 8, 12, 14, 15, 17, 19].map(|line| imported.line(line).0);
    let expected = [
        Status::LeftAlone,
        Status::Changed,
        Status::Implied,
        Status::NotCarried,
        Status::NotCarried,
        Status::Implied,
        Status::NotCarried,
    ];
    assert_eq!(statuses, expected, "{:#?}", imported.translation.report.lines);
    assert_eq!(imported.config.mode, Mode::Audit, "what it closes is another matter");
}

#[test]
fn what_is_no_format_is_refused_with_its_line() {
    let named = |_: &str| None;
    for (text, kind, said) in [
        ("", None, "there is nothing in it"),
        ("\n# nothing\nhello world\n", None, "line 3: `hello world` is none of the formats"),
        ("<direct>\n<rule>\n</direct>", None, "line 3: it is no XML"),
        ("<zone>\n</zone>", Some(Kind::DirectXml), "line 1: its root is `zone` and not `direct`"),
        ("ipv4\0", None, "line 1: it is no text"),
    ] {
        let refused = dockwall::import::read(text, kind, &named).unwrap_err().to_string();
        assert!(refused.starts_with(said), "{text:?}: {refused}");
    }
}
