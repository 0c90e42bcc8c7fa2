//! Every key of the configuration, a line each.

use super::coverage::Coverage;
use super::denied_range::{DeniedRange, Written};
use super::denied_ranges::DeniedRanges;
use super::diagnostic::Kind;
use super::dns::DnsAllow;
use super::grant::{GrantNames, read_grants};
use super::interfaces::{Interfaces, Uplinks};
use super::invalid::Invalid;
use super::log::Log;
use super::origin::{Files, Origin};
use super::preset::Preset;
use super::section::Section;
use super::{Action, Config};

/// The `[deny]` section.
struct Deny {
    ranges: DeniedRanges,
    on_link: bool,
    host: bool,
    uplinks: Uplinks,
    action: Action,
}

/// `dockwall.toml`.
pub(super) fn read_config(top: &mut Section<'_>, names: &mut GrantNames) -> Config {
    let default = Config::default();
    let mode = top.text("mode", default.mode);
    let (interfaces, exclude) = top.section("containers", |containers| {
        let interfaces = containers.field("interfaces").and_then(Interfaces::read).unwrap_or_default();
        (interfaces, containers.list("exclude", "br-lan", |text, _| text.parse()).unwrap_or_default())
    });
    let Deny { ranges, on_link, host, uplinks, action } = top.section("deny", read_deny);
    let dns = top.section("dns", |dns| dns.field("allow").and_then(DnsAllow::read).unwrap_or_default());
    let log = top.section("log", read_log);
    let own = top.section("guard", |guard| guard.flag("own", default.own));
    let grants = read_grants(top, names, &Coverage::of(&ranges, on_link, host));
    Config {
        mode,
        interfaces,
        exclude,
        ranges,
        on_link,
        host,
        uplinks,
        action,
        dns,
        log,
        own,
        grants,
        files: Files::default(),
    }
}

fn read_deny(deny: &mut Section<'_>) -> Deny {
    Deny {
        ranges: deny.list("ranges", "internal", DeniedRange::read).unwrap_or_else(default_ranges),
        on_link: deny.flag("on_link", true),
        host: deny.flag("host", true),
        uplinks: deny.field("uplinks").and_then(Uplinks::read).unwrap_or_default(),
        action: deny.text("action", Action::default()),
    }
}

/// What is denied when nobody says what.
pub(super) fn default_ranges() -> DeniedRanges {
    DeniedRanges::from_iter([DeniedRange { written: Written::Preset(Preset::Internal), origin: Origin::BuiltIn }])
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
