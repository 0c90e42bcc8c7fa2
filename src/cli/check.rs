//! `dockwall check`

use std::collections::BTreeMap;

use clap::Args;
use serde_json::json;

use super::context::Context;
use super::exit::Outcome;
use super::page::{self, Sheet, counted};
use super::progress::Progress;
use super::{paint, resolvers};
use crate::config::{Config, Grant, Interfaces, Mode, Uplinks};
use crate::netlink;
use crate::observe::{Shadow, shadows};
use crate::policy::{Networks, Policy, Resolved};

/// How many networks are spelled out, without `-v`, before the rest is only counted.
const SPELLED_OUT: usize = 24;

/// Read the configuration and print the policy that it means here.
///
/// Finds everything that is wrong with it at once. Needs no privilege and changes nothing; with CAP_NET_ADMIN it
/// looks as well whether other tables drop what is granted, and ends with status 4 if so.
///
/// With --json: {files, policy, on_link, not_policed, resolvers, notices, shadows, warnings}, the policy as a generation keeps it. Errors of this and
/// every command are {error: {status, message, diagnostics}}.
#[derive(Debug, Args)]
pub struct Check {
    /// In this mode, whatever the configuration says
    #[arg(long, value_name = "audit|enforce")]
    mode: Option<Mode>,
}

impl Check {
    /// Runs it.
    pub fn run(self, context: &Context) -> anyhow::Result<Outcome> {
        let loaded = context.load()?;
        let resolved = context.resolve(&loaded.config, self.mode)?;
        let shadows = find_shadows(context, &resolved.policy)?;
        if context.json {
            page::json(&json!({
                "files": loaded.config.files.paths(),
                "policy": resolved.policy,
                "on_link": resolved.on_link,
                "not_policed": evident(&resolved),
                "resolvers": resolvers::as_json(&resolved.resolvers),
                "notices": resolved.notices,
                "shadows": shadows,
                "warnings": loaded.warnings,
            }));
        } else {
            print(&loaded.config, &resolved, context.verbose);
            print_shadows(shadows.as_deref());
        }
        Ok(if shadows.is_none_or(|shadows| shadows.is_empty()) { Outcome::Done } else { Outcome::NotSo })
    }
}

/// Who else may drop what is granted; none where the kernel does not let us look.
fn find_shadows(context: &Context, policy: &Policy) -> anyhow::Result<Option<Vec<Shadow>>> {
    // A check is for everybody, so what only some may look at is no failure.
    let Ok(mut kernel) = context.kernel() else {
        return Ok(None);
    };
    let find = || kernel.foreign_base_chains().map(|chains| shadows(policy, &chains));
    match Progress::of("looking at other tables", find) {
        Ok(shadows) => Ok(Some(shadows)),
        Err(netlink::Error::NotPermitted | netlink::Error::NoNfTables) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn print_shadows(shadows: Option<&[Shadow]>) {
    let Some(shadows) = shadows else {
        anstream::println!(
            "{}",
            paint::faint("whether other tables drop what is granted: not looked at, needs CAP_NET_ADMIN")
        );
        return;
    };
    for shadow in shadows {
        anstream::println!(
            "{}: {shadow} drops what none of its own rules accepts, whatever is granted here",
            paint::bad("shadowed")
        );
    }
    if !shadows.is_empty() {
        anstream::println!("accept the granted packets there as well; a drop by anybody is final");
    }
}

/// What is left out without being told, as name and reason.
fn evident(resolved: &Resolved) -> BTreeMap<&str, String> {
    resolved.evident.iter().map(|excluded| (excluded.name.as_str(), excluded.reason.to_string())).collect()
}

fn print(config: &Config, resolved: &Resolved, verbose: bool) {
    let policy = &resolved.policy;
    let most = if verbose { usize::MAX } else { SPELLED_OUT };
    let mut sheet = Sheet::default();
    let files: Vec<String> = config.files.paths().iter().map(|path| path.display().to_string()).collect();
    let files = if files.is_empty() { "no file: the defaults".to_owned() } else { files.join(", ") };
    sheet.say("configuration", files);
    sheet.say("mode", mode(policy));
    let by = match config.interfaces {
        Interfaces::Auto => "  (containers.interfaces = \"auto\")",
        Interfaces::Bridges => {
            " · every other bridge, by its kind, in what is forwarded  (containers.interfaces = \"bridges\")"
        }
        Interfaces::List(_) => "",
    };
    sheet.say("policed", format!("{}{}", policy.containers, paint::faint(by)));
    let mut not_policed: Vec<String> = config.exclude.iter().map(ToString::to_string).collect();
    not_policed.extend(evident(resolved).iter().map(|(name, reason)| format!("{name}, which {reason}")));
    if !not_policed.is_empty() {
        sheet.say("not policed", not_policed.join(" · "));
    }
    sheet.say("denied", denied(config, policy, most));
    if !resolved.on_link.is_empty() {
        let on_link = spelled_out(&resolved.on_link, most);
        sheet.say("on link", format!("{on_link}{}", paint::faint("  (the host is attached to them; deny.on_link)")));
    }
    sheet.say("host", host(policy));
    if !resolved.resolvers.is_empty() {
        sheet.say("resolvers", resolvers::text(&resolved.resolvers));
    }
    if let (Uplinks::List(_), Some(uplinks)) = (&config.uplinks, &policy.uplinks) {
        sheet.say("uplinks", format!("only what leaves by {uplinks}"));
    }
    sheet.say("log", log(policy));
    let guard = if policy.own { "owns the table while it runs" } else { "puts the table back, and does not own it" };
    sheet.say("guard", format!("{guard}{}", paint::faint("  (guard.own)")));
    sheet.say(
        "grants",
        if config.grants.is_empty() { "none".to_owned() } else { counted(config.grants.len(), "grant", "grants") },
    );
    sheet.print();
    if !config.grants.is_empty() {
        anstream::println!();
        page::rows(
            &["grant", "to", "what", "from", "until", "where", "comment"],
            config.grants.iter().map(|grant| grant_row(config, grant)),
        );
    }
}

fn grant_row(config: &Config, grant: &Grant) -> Vec<String> {
    vec![
        grant.name.clone(),
        grant.to.to_string(),
        grant.services_text(),
        grant.from_text(),
        grant.until.map(|until| until.to_string()).unwrap_or_default(),
        config.files.place(grant.origin),
        grant.comment.clone().unwrap_or_default(),
    ]
}

fn mode(policy: &Policy) -> String {
    match policy.mode {
        Mode::Audit => format!("{}: denied packets are counted and logged, and pass", paint::notable("audit")),
        Mode::Enforce => format!(
            "{}: denied packets are counted, logged and turned away ({})",
            paint::good("enforce"),
            policy.action
        ),
    }
}

fn host(policy: &Policy) -> String {
    match policy.host {
        true => "every address of the host is denied as well; answers to its own flows pass".to_owned(),
        false => paint::notable("open: containers reach every service of the host  (deny.host = false)"),
    }
}

fn denied(config: &Config, policy: &Policy, most: usize) -> String {
    if policy.denied.is_empty() {
        return paint::notable("nothing: the fate of no packet changes");
    }
    let mut origins: Vec<String> = Vec::new();
    for range in config.ranges.iter().filter(|range| range.preset().is_some()) {
        origins.push(format!("{range} from {}", config.files.place(range.origin)));
    }
    let presets = if origins.is_empty() { String::new() } else { paint::faint(format!("  ({})", origins.join(", "))) };
    format!("{}{presets}", spelled_out(&policy.denied, most))
}

fn spelled_out(networks: &Networks, most: usize) -> String {
    let all = networks.ipv4.iter().map(ToString::to_string).chain(networks.ipv6.iter().map(ToString::to_string));
    let shown: Vec<String> = all.take(most).collect();
    match networks.len().saturating_sub(most) {
        0 => shown.join(" · "),
        more => format!("{} · and {} more, all with -v", shown.join(" · "), page::grouped(more as u64)),
    }
}

fn log(policy: &Policy) -> String {
    let log = &policy.log;
    if !log.enabled {
        return format!("off; denied flows are remembered for {} s", log.remember);
    }
    format!(
        "{} (burst {}) per source, destination, protocol and port; {} in all; to {} as \"{}\"; remembered for {} s",
        log.rate, log.burst, log.limit, log.target, log.prefix, log.remember
    )
}
