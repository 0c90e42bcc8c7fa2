//! What people and programs are shown of the errors.

use dockwall::config::Config;

use crate::{accept, refuse};

#[test]
fn every_error_shows_its_line_and_its_cure() {
    let text = "mode = \"enfroce\"\n\n[deny]\nranges = [\"internal\", \"10.1.2.3/8\"]\nrate = \"6/minute\"\n\n[[grant]]\nname = \"ldap\"\n";
    insta::assert_snapshot!(refuse(text).render(false), @r#"
    error: mode: `enfroce` is not "audit" or "enforce"
     --> dockwall.toml:1:8
      |
    1 | mode = "enfroce"
      |        ^^^^^^^^^
      |
      = help: did you mean "enforce"?

    error: deny.ranges: `10.1.2.3/8` has bits set behind its prefix
     --> dockwall.toml:4:23
      |
    4 | ranges = ["internal", "10.1.2.3/8"]
      |                       ^^^^^^^^^^^^
      |
      = help: write `10.0.0.0/8` for the network or `10.1.2.3` for the address

    error: deny.rate: there is no such key
     --> dockwall.toml:5:1
      |
    5 | rate = "6/minute"
      | ^^^^
      |
      = help: did you mean `log.rate`?

    error: grant.to: the key `to` is missing
     --> dockwall.toml:7:1
      |
    7 | [[grant]]
      | ^^^^^^^^^
      |
      = help: add `to = "10.1.2.3"`
    "#);
}

#[test]
fn a_warning_is_called_one() {
    let warnings = accept("deny = { on_link = false, host = false }\n[[grant]]\nname = 'dns'\nto = '8.8.8.8'").warnings;
    insta::assert_snapshot!(warnings[0].render(false), @r#"
    warning: grant.to: nothing in `8.8.8.8` is denied, so this grant has no effect
     --> dockwall.toml:4:6
      |
    4 | to = '8.8.8.8'
      |      ^^^^^^^^^
      |
      = help: remove the grant, or add the network to `deny.ranges`
    "#);
}

#[test]
fn colour_is_only_there_when_asked_for() {
    let error = refuse("mode = 1");
    assert!(error.render(true).contains('\u{1b}'));
    assert!(!error.render(false).contains('\u{1b}'));
}

#[test]
fn the_errors_beyond_fifty_are_counted() {
    let text = format!("deny.ranges = [{}]", "'x', ".repeat(2000));
    let error = refuse(&text);
    assert_eq!((error.errors.len(), error.omitted), (1000, 1000));
    let rendered = error.render(false);
    assert_eq!(rendered.matches("error: ").count(), 50);
    assert!(rendered.ends_with("\n\nand 1950 more"));
}

#[test]
fn a_line_of_megabytes_is_cut() {
    let text = format!("mode = '{}'", "x".repeat(5_000_000));
    assert!(refuse(&text).render(false).len() < 2000);
}

#[test]
fn a_value_cannot_write_to_the_terminal() {
    let rendered = refuse("mode = \"\\u001b[2J\u{202e}\" # \u{202e}\n[[grant]]\nname = \"\\u001b\"\nto = 'a\u{202e}'")
        .render(false);
    assert!(!rendered.contains(['\u{1b}', '\u{202e}']), "{rendered:?}");
}

#[test]
fn the_json_has_the_documented_fields() {
    let error = refuse("\ndeny.ranges = ['10.1.2.3/8']");
    insta::assert_snapshot!(serde_json::to_string(&error).unwrap(), @r#"
    {"errors":[{"severity":"error","kind":"value","file":"dockwall.toml","line":2,"column":16,"key":"deny.ranges","value":"10.1.2.3/8","problem":"`10.1.2.3/8` has bits set behind its prefix","cure":"write `10.0.0.0/8` for the network or `10.1.2.3` for the address"}],"omitted":0}
    "#);
}

#[test]
fn the_errors_are_printed_in_one_line_each_on_request() {
    let error = Config::parse("/etc/dockwall/dockwall.toml", "mode = 'x'").unwrap_err();
    insta::assert_snapshot!(error.errors[0], @r#"
    /etc/dockwall/dockwall.toml:1:8: mode: `x` is not "audit" or "enforce"; write "audit" or "enforce"
    "#);
}
