//! `dockwall suggest`

use std::path::{Path, PathBuf};

use clap::Args;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::context::{Context, read_host};
use super::denied::selection::Selection;
use super::denied::source::{self, Found, Seen};
use super::exit::{Outcome, Usage};
use super::page::{counted, grouped};
use super::progress::Progress;
use super::{page, paint};
use crate::config::{self, Config, Invalid};
use crate::host::Host;
use crate::observe::{Evidence, Names, Suggestion, Suggestions, Wish};
use crate::policy::Policy;
use crate::printable::printable;

const EXAMPLES: &str = "\
Examples:
  dockwall suggest                                         what would allow all that was denied lately
  dockwall suggest --container web-1 --since 1h            what web-1 asked for in the last hour
  dockwall suggest --merge /28                             neighbours that were asked for the same, together
  dockwall suggest --to 10.57.17.0/24 --apply-to /etc/dockwall/dockwall.toml
  journalctl -k --since yesterday | dockwall suggest -     from the kernel's log
  dockwall apply --confirm 60s                             what was written takes effect with this

With --json: {from, grants, left_out, granted, written_to}. A grant is {name, to, ports, protocol, from, packets, bytes, first_seen,
last_seen, sources, whose, warning, remark, written, toml}; `written` says whether --apply-to takes it: what carries a warning
only with --risky. `granted` counts the denied flows that the configuration grants by now.";

/// Suggest grants that would allow what was denied.
///
/// The fewest and narrowest: by the container's name, or its network's where every container of it asked the same; by
/// exactly the ports that were asked for. Read them before you take them: a break-in asks as well. What opens a cloud's
/// metadata or the host's own SSH, Docker, Kubernetes or kubelet ports stands as a comment with a warning, unless
/// --risky is given. What was asked of the host at any of its addresses becomes `to = "host"`. Scans are told, and left out.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Suggest {
    /// A log to read in place of the kernel's memory, `-` for standard input
    #[arg(value_name = "-|FILE")]
    log: Option<PathBuf>,
    #[command(flatten)]
    selection: Selection,
    /// Put destinations together that are neighbours and were asked for the same: in networks of that length, of IPv6 in
    /// those with as many addresses
    #[arg(long, value_name = "/LENGTH", value_parser = read_length)]
    merge: Option<u8>,
    /// Suggest what scans asked for as well
    #[arg(long)]
    scans: bool,
    /// Suggest also what opens the way to the host itself, or to a cloud's metadata
    #[arg(long)]
    risky: bool,
    /// Append the grants to this file: a configuration, or one of its grants.d. Its text stays as it is
    #[arg(long, value_name = "FILE")]
    apply_to: Option<PathBuf>,
}

impl Suggest {
    /// Runs it.
    pub fn run(self, context: &Context) -> anyhow::Result<Outcome> {
        let config = context.load()?.config;
        let found = match &self.log {
            Some(path) => source::read_log(context, path, &self.selection)?,
            None if !self.selection.prefixes.is_empty() => {
                let problem = "--prefix is about the lines of a log, and none is read";
                return Err(Usage(vec![Invalid::new(problem, "write `-` or a file, or leave it out")]).into());
            }
            None => match source::read_meters(context)? {
                Some(found) => found,
                None => return Ok(source::no_wall(context)),
            },
        };
        let host = read_host()?;
        let suggestions = Progress::of("looking for grants", || self.suggest(&config, &found, &host))?;
        if let Some(file) = &self.apply_to {
            self.write(&config, file, &suggestions)?;
        }
        match context.json {
            true => page::json(&self.as_json(&found, &suggestions)),
            false => self.print(context, &found, &suggestions),
        }
        Ok(Outcome::Done)
    }

    fn suggest(&self, config: &Config, found: &Found, host: &Host) -> anyhow::Result<Suggestions> {
        // What is granted in the configuration and not applied yet is not to be suggested again.
        let policy = Policy::resolve(config, host, None, Timestamp::now())?.policy;
        let (names, filter) = (Names::of(host), self.selection.filter());
        let meant: Vec<_> = found.flows.iter().copied().filter(|denied| filter.takes(denied, &names)).collect();
        let others = match self.apply_to.as_deref().and_then(|file| std::fs::read_to_string(file).ok()) {
            Some(text) => Config::parse("", &text).map(|loaded| loaded.config.grants).unwrap_or_default(),
            None => Vec::new(),
        };
        let is_taken = |name: &str| {
            config.grants.iter().chain(&others).any(|grant| grant.name == name) || config.drop_in(name).exists()
        };
        let wish = Wish { merge: self.merge, scans: self.scans };
        Ok(Suggestions::for_denied(&meant, &policy, host, wish, is_taken))
    }

    fn is_taken(&self, suggestion: &Suggestion) -> bool {
        self.risky || suggestion.risk.is_none()
    }

    /// Appends what is to be taken, where the whole then reads as a configuration.
    fn write(&self, config: &Config, file: &Path, suggestions: &Suggestions) -> anyhow::Result<()> {
        let taken: Vec<String> =
            suggestions.grants.iter().filter(|suggestion| self.is_taken(suggestion)).map(|it| self.text(it)).collect();
        if taken.is_empty() {
            return Ok(());
        }
        config::append_to_file(file, |text| -> anyhow::Result<String> {
            let addition = taken.join("\n");
            Config::parse(&file.display().to_string(), &format!("{text}\n{addition}"))?;
            Ok(addition)
        })?;
        let is_read = |path: &PathBuf| path.canonicalize().ok() == file.canonicalize().ok();
        let in_drop_ins =
            file.parent() == Some(config.grants_dir().as_path()) && file.extension().is_some_and(|it| it == "toml");
        if !in_drop_ins && !config.files.paths().iter().any(is_read) {
            anstream::eprintln!(
                "{}: {} is no file of the configuration that is read here, so `dockwall apply` takes it only with --config",
                paint::notable("note"),
                file.display()
            );
        }
        Ok(())
    }

    /// A grant with what speaks for it, to stand in a file. With a warning all of it is a comment, unless it is wanted.
    fn text(&self, suggestion: &Suggestion) -> String {
        let mut lines = Vec::new();
        if let Some(risk) = &suggestion.risk {
            let how = if self.risky { "" } else { " Left out as a comment; --risky suggests it." };
            lines.push(format!("# WARNING: this opens {risk}.{how}"));
        }
        lines.push(format!("# {}", evidence(&suggestion.evidence)));
        lines.push(format!("# from {}", suggestion.whose));
        lines.extend(suggestion.remark.iter().map(|remark| format!("# {remark}")));
        let comment = if self.is_taken(suggestion) { "" } else { "#" };
        lines.extend(suggestion.grant.to_toml().lines().map(|line| format!("{comment}{line}")));
        // Names of other people's making stand in the comments, and must not end them.
        lines.into_iter().map(|line| printable(line) + "\n").collect()
    }

    fn print(&self, context: &Context, found: &Found, suggestions: &Suggestions) {
        let Suggestions { grants, left_out, granted } = suggestions;
        let taken = grants.iter().filter(|suggestion| self.is_taken(suggestion)).count();
        match &self.apply_to {
            Some(file) if taken > 0 => {
                let many = counted(taken, "grant", "grants");
                anstream::println!("{}: {many} appended to {}", paint::good("written"), file.display());
                let option = context.configuration_option();
                anstream::println!("next: sudo dockwall apply{option} --confirm 60s");
            }
            Some(file) => anstream::println!("nothing to append to {}", file.display()),
            None => {
                let texts: Vec<String> = grants.iter().map(|suggestion| self.text(suggestion)).collect();
                anstream::print!("{}", texts.join("\n"));
            }
        }
        if grants.is_empty() && self.apply_to.is_none() {
            anstream::eprintln!("nothing that was denied is left to be granted");
        }
        let note = |text: String| anstream::eprintln!("{}: {text}", paint::notable("note"));
        if self.apply_to.is_some() && taken < grants.len() {
            for risky in grants.iter().filter(|suggestion| !self.is_taken(suggestion)) {
                let risk = risky.risk.as_deref().unwrap_or_default();
                note(format!(
                    "not written: {} to {}, which opens {risk}; --risky writes it",
                    risky.whose, risky.grant.to
                ));
            }
        }
        left_out.iter().for_each(|what| note(format!("left out: {what}")));
        if left_out.iter().any(|what| what.starts_with("a scan")) && !self.scans {
            anstream::eprintln!("{}", paint::faint("--scans suggests what scans asked for as well"));
        }
        if *granted > 0 {
            let flows = counted(*granted, "denied flow is", "denied flows are");
            anstream::eprintln!(
                "{}",
                paint::faint(format!(
                    "{flows} granted by the configuration already: `dockwall plan` shows what is not applied yet"
                ))
            );
        }
        if let Seen::Meters { meters, .. } = &found.seen {
            meters.iter().filter(|meter| meter.is_full()).for_each(source::say_full);
        }
    }

    fn as_json(&self, found: &Found, suggestions: &Suggestions) -> Value {
        let grant = |suggestion: &Suggestion| {
            let Suggestion { grant, whose, evidence, risk, remark, .. } = suggestion;
            json!({
                "name": grant.name,
                "to": grant.to.to_string(),
                "ports": grant.ports.iter().map(ToString::to_string).collect::<Vec<_>>(),
                "protocol": grant.protocol.map(|protocol| protocol.to_string()),
                "from": grant.from.as_ref().map(ToString::to_string),
                "packets": evidence.packets,
                "bytes": evidence.bytes,
                "first_seen": evidence.first,
                "last_seen": evidence.last,
                "sources": evidence.sources,
                "whose": whose,
                "warning": risk,
                "remark": remark,
                "written": self.is_taken(suggestion),
                "toml": grant.to_toml(),
            })
        };
        json!({
            "from": if matches!(found.seen, Seen::Log { .. }) { "log" } else { "meters" },
            "grants": suggestions.grants.iter().map(grant).collect::<Vec<_>>(),
            "left_out": suggestions.left_out,
            "granted": suggestions.granted,
            "written_to": self.apply_to,
        })
    }
}

/// What was seen, in words.
fn evidence(evidence: &Evidence) -> String {
    let packets = evidence.packets.map_or_else(
        || counted(evidence.flows, "flow", "flows"),
        |packets| format!("{} in {}", counted(packets, "packet", "packets"), counted(evidence.flows, "flow", "flows")),
    );
    let bytes = evidence.bytes.map(|bytes| format!(", {} bytes", grouped(bytes))).unwrap_or_default();
    let second = |at: Timestamp| Timestamp::from_second(at.as_second()).unwrap_or(at);
    let when = match (evidence.first.map(second), evidence.last.map(second)) {
        (Some(first), Some(last)) if first != last => format!(", from {first} to {last}"),
        (_, Some(last)) => format!(", last seen {last}"),
        _ => String::new(),
    };
    format!("{packets}{bytes}{when}")
}

fn read_length(text: &str) -> Result<u8, Invalid> {
    let no_length = || Invalid::new(format!("`{text}` is no length of a network"), "write /8 to /31, such as /28");
    let length: u8 = text.strip_prefix('/').unwrap_or(text).parse().map_err(|_| no_length())?;
    (8..=31).contains(&length).then_some(length).ok_or_else(no_length)
}
