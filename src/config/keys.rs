//! Every key of the configuration, a line each.

use std::collections::HashMap;

use super::coverage::Coverage;
use super::denied_range::{DeniedRange, Written};
use super::diagnostic::Kind;
use super::grant::{self, Grant};
use super::interfaces::{Interfaces, Uplinks};
use super::invalid::{Invalid, quote};
use super::log::Log;
use super::origin::{Files, Origin};
use super::preset::Preset;
use super::section::Section;
use super::{Action, Config};

/// The `[deny]` section.
struct Deny {
    ranges: Vec<DeniedRange>,
    on_link: bool,
    uplinks: Uplinks,
    action: Action,
}

/// The names of the grants of all files read so far, each with the place of its table.
pub(super) type GrantNames = HashMap<String, String>;

/// `dockwall.toml`.
pub(super) fn read_config(top: &mut Section<'_>, names: &mut GrantNames) -> Config {
    let default = Config::default();
    let mode = top.text("mode", default.mode);
    let (interfaces, exclude) = top.section("containers", |containers| {
        let interfaces = containers.field("interfaces").and_then(Interfaces::read).unwrap_or_default();
        (interfaces, containers.list("exclude", "br-lan", |text, _| text.parse()).unwrap_or_default())
    });
    let Deny { ranges, on_link, uplinks, action } = top.section("deny", read_deny);
    let log = top.section("log", read_log);
    let grants = read_grants(top, names, &Coverage::of(&ranges, on_link));
    Config { mode, interfaces, exclude, ranges, on_link, uplinks, action, log, grants, files: Files::default() }
}

fn read_deny(deny: &mut Section<'_>) -> Deny {
    Deny {
        ranges: deny.list("ranges", "internal", DeniedRange::read).unwrap_or_else(default_ranges),
        on_link: deny.flag("on_link", true),
        uplinks: deny.field("uplinks").and_then(Uplinks::read).unwrap_or_default(),
        action: deny.text("action", Action::default()),
    }
}

/// What is denied when nobody says what.
pub(super) fn default_ranges() -> Vec<DeniedRange> {
    vec![DeniedRange { written: Written::Preset(Preset::Internal), origin: Origin::BuiltIn }]
}

fn read_log(section: &mut Section<'_>) -> Log {
    let default = Log::default();
    let log = Log {
        enabled: section.flag("enabled", default.enabled),
        rate: section.text("rate", default.rate),
        burst: section.number("burst", default.burst, Log::BURST),
        limit: section.text("limit", default.limit),
        prefix: section.text("prefix", default.prefix),
        audit_prefix: section.text("audit_prefix", default.audit_prefix),
        target: section.text("target", default.target),
        remember: section.text("remember", default.remember),
    };
    refuse_contradictions(section, &log);
    log
}

/// What is possible key by key, but not together.
fn refuse_contradictions(section: &mut Section<'_>, log: &Log) {
    let prefix = section.field("audit_prefix").or_else(|| section.field("prefix"));
    if let Some(field) = prefix.filter(|_| log.prefix.looks_like(&log.audit_prefix)) {
        field.report(
            Kind::Value,
            Invalid::new(
                "`log.prefix` and `log.audit_prefix` look the same, nobody could tell a dropped packet from an audited one",
                "write two prefixes that differ by more than spaces",
            ),
        );
    }
    let largest = log.rate.largest_burst();
    let burst = section.field("burst").or_else(|| section.field("rate"));
    if let Some(field) = burst.filter(|_| u64::from(log.burst) > largest) {
        field.report(
            Kind::Value,
            Invalid::new(
                format!("a burst of {} at {} is more than the kernel can count", log.burst, log.rate),
                format!("write a burst of at most {largest}"),
            ),
        );
    }
}

/// The `[[grant]]` tables of any file: the only thing that a file of `grants.d` holds.
pub(super) fn read_grants(top: &mut Section<'_>, names: &mut GrantNames, denied: &Coverage) -> Vec<Grant> {
    top.sections("grant", |grant| read_grant(grant, names, denied))
}

fn read_grant(section: &mut Section<'_>, names: &mut GrantNames, denied: &Coverage) -> Option<Grant> {
    let name = section.required("name", "postgres", grant::read_name);
    let to = section.required("to", "10.1.2.3", str::parse);
    let comment = section.parsed("comment", "the database", grant::read_comment);
    if let (Some(name), Some(field)) = (&name, section.field("name")) {
        field.accept(claim_name(names, name, section.place()));
    }
    if let (Some(to), Some(field)) = (to, section.field("to"))
        && !denied.touches(to)
    {
        let problem = format!("nothing in {} is denied, so this grant has no effect", quote(to));
        field.report(Kind::NoEffect, Invalid::new(problem, "remove the grant, or add the network to `deny.ranges`"));
    }
    Some(Grant { name: name?, to: to?, comment, origin: section.origin() })
}

fn claim_name(names: &mut GrantNames, name: &str, place: String) -> Result<(), Invalid> {
    match names.get(name) {
        Some(first) => Err(Invalid::new(
            format!("the grant {} is already at {first}", quote(name)),
            "give one of the two another name",
        )),
        None => {
            names.insert(name.to_owned(), place);
            Ok(())
        }
    }
}
